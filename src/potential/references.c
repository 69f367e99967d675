#include "potential/references.h"

#include <math.h>

#include "base/csv.h"

enum { MAX_Z = 118, OXYGEN = 8, FLUORINE = 9, SULPHUR = 16 };

/* Materials Project, 2018 scheme: eV an atom, Å. */
static const double SHIFT_OXIDE = -0.70229, SHIFT_PEROXIDE = -0.46622, SHIFT_SUPEROXIDE = -0.14598, SHIFT_OZONIDE = 0,
                    SHIFT_SULFIDE = -0.66346, LIMIT_SUPEROXIDE = 1.4175, LIMIT_PEROXIDE = 1.5645, SULPHUR_SHELL = 0.4;

struct sh_references {
    double energy[MAX_Z + 1], fitted[MAX_Z + 1], plus_u[MAX_Z + 1], electronegativity[MAX_Z + 1];
};

static sh_status read_rows(sh_csv *csv, sh_references *r)
{
    bool more;
    int z;
    for (;;) {
        SH_TRY(sh_csv_next(csv, &more));
        if (!more) return SH_OK;
        SH_TRY(sh_csv_integer(csv, 0, 1, MAX_Z, &z));
        SH_TRY(sh_csv_number(csv, 2, NAN, &r->energy[z]));
        SH_TRY(sh_csv_number(csv, 3, r->energy[z], &r->fitted[z]));
        SH_TRY(sh_csv_number(csv, 4, 0, &r->plus_u[z]));
        SH_TRY(sh_csv_number(csv, 5, 0, &r->electronegativity[z]));
    }
}

sh_status sh_references_create(const char *path, sh_references **out)
{
    sh_csv csv;
    *out = NULL;
    SH_TRY(sh_csv_open(&csv, path, "z,symbol,energy,fitted,plus_u,electronegativity"));
    sh_references *r = SH_NEW(sh_references, 1);
    for (int z = 0; z <= MAX_Z; z++)
        r->energy[z] = r->fitted[z] = NAN;
    sh_status status = read_rows(&csv, r);
    sh_csv_close(&csv);
    if (status != SH_OK) {
        sh_free(r);
        return status;
    }
    *out = r;
    return SH_OK;
}

void sh_references_destroy(sh_references **references)
{
    sh_free(*references);
    *references = NULL;
}

bool sh_references_knows(const sh_references *r, int z)
{
    return z >= 1 && z <= MAX_Z && !isnan(r->energy[z]);
}

static double oxygen_shift(const sh_crystals *c, const sh_graph *g, int64_t site)
{
    double n_short = 0, n_near = 0;
    for (int64_t e = g->edge_start[site]; e < g->edge_start[site + 1] && g->edge_dist[e] < LIMIT_PEROXIDE; e++) {
        if (c->site_z[g->edge_dst[e]] != OXYGEN) continue;
        n_near += g->edge_count[e];
        if (g->edge_dist[e] < LIMIT_SUPEROXIDE) n_short += g->edge_count[e];
    }
    return n_short > 1.5 ? SHIFT_OZONIDE : n_short > 0 ? SHIFT_SUPEROXIDE : n_near > 0 ? SHIFT_PEROXIDE : SHIFT_OXIDE;
}

static double sulphur_shift(const sh_references *r, const sh_crystals *c, const sh_graph *g, int64_t site)
{
    double sum = 0, n = 0;
    int64_t first = g->edge_start[site];
    for (int64_t e = first; e < g->edge_start[site + 1] && g->edge_dist[e] <= g->edge_dist[first] + SULPHUR_SHELL; e++) {
        sum += g->edge_count[e] * r->electronegativity[c->site_z[g->edge_dst[e]]];
        n += g->edge_count[e];
    }
    return sum / n > r->electronegativity[SULPHUR] ? 0 : SHIFT_SULFIDE;
}

/* The nearest shell of the site lies inside the graph. */
static bool shell_is_whole(const sh_graph *g, int64_t site)
{
    int64_t first = g->edge_start[site];
    return first < g->edge_start[site + 1] && g->edge_dist[first] + SULPHUR_SHELL <= g->cutoff;
}

double sh_references_formation(const sh_references *r, const sh_crystals *c, const sh_graph *g, int64_t crystal,
                               double e_total, sh_arena *arena)
{
    int64_t first = c->site_start[crystal], last = c->site_start[crystal + 1];
    double n_atom = 0, e = e_total, metals = 0;
    bool compound = false, sparse = false;
    int strongest = c->site_z[first];
    for (int64_t s = first; s < last; s++) {
        int z = c->site_z[s];
        n_atom += (double)sh_site_mult(c, s);
        compound = compound || z != c->site_z[first];
        sparse = sparse || (z == SULPHUR && !shell_is_whole(g, s));
        if (r->electronegativity[z] > r->electronegativity[strongest]) strongest = z;
    }
    if (!compound) return e_total / n_atom - r->energy[c->site_z[first]];

    /* A sulphur atom farther than the cut-off from everything: rare, and searched for alone. */
    sh_arena_mark mark = sh_arena_get_mark(arena);
    sh_crystals alone;
    sh_graph wide = *g;
    int64_t shift = 0;
    for (double cutoff = 2 * g->cutoff; sparse; cutoff *= 2) {
        sh_crystals_select(c, &crystal, 1, arena, &alone);
        sh_graph_build(&alone, &(sh_graph_opts){.cutoff = cutoff}, arena, &wide);
        shift = first;
        sparse = false;
        for (int64_t s = first; s < last; s++)
            sparse = sparse || (c->site_z[s] == SULPHUR && !shell_is_whole(&wide, s - shift));
    }
    const sh_crystals *seen = wide.edge_start == g->edge_start ? c : &alone;
    for (int64_t s = first; s < last; s++) {
        int z = c->site_z[s];
        double m = (double)sh_site_mult(c, s);
        e -= m * r->fitted[z];
        if (z == OXYGEN) e += m * oxygen_shift(seen, &wide, s - shift);
        if (z == SULPHUR) e += m * sulphur_shift(r, seen, &wide, s - shift);
        metals += m * r->plus_u[z];
    }
    sh_arena_release(arena, mark);
    if (strongest == OXYGEN || strongest == FLUORINE) e += metals;
    return e / n_atom;
}
