#include "metrics/verdict.h"

#include <math.h>

#include "backend/workspace.h"
#include "bond.h"
#include "cell.h"
#include "composition.h"
#include "crystal/graph.h"
#include "crystal/reduce.h"
#include "validity.h"

const char *sh_metric_reason_text(sh_metric_reason reason)
{
    static const char *const text[] = {
        "nothing", "no cell", "an element that a table does not know", "two atoms closer than 0.5 A",
        "too many neighbours: the cell's lengths are too unequal"};
    return text[reason];
}

static bool is_finite(const double *x, int64_t n)
{
    double zero = 0;
    for (int64_t i = 0; i < n; i++)
        zero += 0 * x[i]; /* NaN where one is not finite */
    return zero == 0;
}

static void wrap(const double *frac, double out[3])
{
    for (int i = 0; i < 3; i++)
        out[i] = frac[i] - floor(frac[i]);
}

/* Nearest image of a point at f, fractional coordinates in a shortest basis: rounded, and its 26 neighbours, which suffices in such
 * a basis. Returns the square. */
static double nearest_image2(const double *basis, const double f[3])
{
    double wrapped[3], best = INFINITY;
    for (int i = 0; i < 3; i++)
        wrapped[i] = f[i] - floor(f[i] + 0.5);
    for (int n0 = -1; n0 <= 1; n0++)
        for (int n1 = -1; n1 <= 1; n1++)
            for (int n2 = -1; n2 <= 1; n2++) {
                const double g[3] = {wrapped[0] + n0, wrapped[1] + n1, wrapped[2] + n2};
                double square = sh_square_length(basis, g);
                best = square < best ? square : best;
            }
    return best;
}

bool sh_distances_of(const sh_cell *cell, sh_distances *out)
{
    const double *l = cell->lattice;
    double basis[9], to_basis[9], least = INFINITY, most = 0;
    if (cell->n_atom < 1 || !is_finite(l, 9) || !is_finite(cell->frac, 3 * cell->n_atom) ||
        sh_dot3(l, l) + sh_dot3(l + 3, l + 3) + sh_dot3(l + 6, l + 6) >= SH_LONGEST * SH_LONGEST)
        return false;
    out->volume = sh_lattice_volume(l);
    sh_shortest_basis(l, basis, to_basis);
    out->shortest = sqrt(fmin(sh_dot3(basis, basis), fmin(sh_dot3(basis + 3, basis + 3), sh_dot3(basis + 6, basis + 6))));
    for (int64_t i = 0; i < cell->n_atom; i++)
        for (int64_t j = 0; j < i; j++) {
            double x[3], y[3], f[3];
            wrap(cell->frac + 3 * i, x);
            wrap(cell->frac + 3 * j, y);
            sh_difference(to_basis, x, y, f);
            double square = nearest_image2(basis, f);
            least = fmin(least, square);
            most = fmax(most, square);
        }
    out->nearest = sqrt(least);
    out->farthest = sqrt(most);
    return true;
}

static void look_at_composition(const sh_tables *t, const sh_cell *cell, sh_arena *scratch, sh_verdict *v)
{
    sh_composition c = {.z = SH_PUSH(scratch, int32_t, cell->n_atom), .count = SH_PUSH(scratch, int64_t, cell->n_atom)};
    if (!sh_composition_of_atoms(cell->n_atom, cell->z, &c)) {
        v->reason = SH_METRIC_ELEMENT;
        return;
    }
    v->n_kind = c.n_kind;
    v->density = sh_density(t, &c, v->distances.volume);
    if (!isfinite(v->density)) v->density = NAN;
    if (isnan(v->density)) v->reason = SH_METRIC_ELEMENT;
    sh_composition_reduce(&c);
    v->formula = sh_composition_key(&c);
    v->composition = sh_validity(t, &c, SH_PUSH(scratch, uint64_t, sh_charges_room(cell->n_atom, 1)));
}

/* The mean over all edges of the graph, whose cut-off is that of bonds. */
static double mean_over_bonds(const sh_tables *t, const sh_crystals *c, const sh_graph *g)
{
    double sum = 0, n = 0;
    for (int64_t e = 0; e < g->n_edge; e++) {
        int32_t z1 = c->site_z[g->edge_src[e]], z2 = c->site_z[g->edge_dst[e]];
        double d = g->edge_dist[e];
        if (isnan(t->bond_avg[z1][z2])) continue;
        double below = exp(t->bond_min[z1][z2] - d);
        sum += g->edge_count[e] * (fabs(d - t->bond_avg[z1][z2]) + below * below);
        n += g->edge_count[e];
    }
    return n > 0 ? sum / n : NAN;
}

static void look_at_bonds(const sh_tables *t, const sh_cell *cell, sh_arena *scratch, sh_verdict *v)
{
    sh_workspace ws = sh_workspace_host(scratch);
    sh_crystals crystals;
    sh_graph graph;
    sh_crystals_reduce(cell, 1, 0, true, scratch, &crystals);
    sh_graph_build(&ws, &crystals, &(sh_graph_opts){.cutoff = SH_BOND_CUTOFF, .no_classes = true}, &graph);
    v->bond_score = sh_bond_score(t, &crystals, &graph, 0, SH_PUSH(scratch, int64_t, cell->n_atom), &v->bonds, &v->bond_missing);
    v->bond_score_text = mean_over_bonds(t, &crystals, &graph);
}

void sh_verdict_of(const sh_tables *tables, const sh_cell *cell, sh_arena *scratch, sh_verdict *out)
{
    sh_arena_mark mark = sh_arena_get_mark(scratch);
    *out = (sh_verdict){.density = NAN, .bond_score = NAN, .bond_score_text = NAN, .distances = {NAN, NAN, NAN, NAN}};
    const sh_distances *d = &out->distances;
    if (!sh_distances_of(cell, &out->distances)) {
        out->reason = SH_METRIC_CELL;
        return;
    }
    bool is_cell = d->volume >= SH_SMALLEST_CELL;
    out->structure = is_cell && d->nearest >= SH_SHORTEST_PAIR;
    out->near = is_cell && d->farthest <= SH_FARTHEST_PAIR;
    out->own_images = d->shortest >= SH_SHORTEST_PAIR;
    look_at_composition(tables, cell, scratch, out);
    if (is_cell && out->n_kind > 0) look_at_bonds(tables, cell, scratch, out);
    if (!is_cell)
        out->reason = SH_METRIC_CELL;
    else if (!out->structure && out->reason == SH_METRIC_OK)
        out->reason = SH_METRIC_CLOSE;
    sh_arena_release(scratch, mark);
}

bool sh_verdict_is_mode(const sh_verdict *v, double e_form, bool near)
{
    return v->structure && v->composition && v->bonds && (v->near || !near) && e_form < 0;
}
