#include "potential/references.h"

#include <math.h>

#include "backend/workspace.h"
#include "base/csv.h"

enum { MAX_Z = SH_Z_ROWS - 1 };

struct sh_references {
    sh_reference_table table;
};

static sh_status read_rows(sh_csv *csv, void *table)
{
    sh_reference_table *t = table;
    bool more;
    int z;
    for (;;) {
        SH_TRY(sh_csv_next(csv, &more));
        if (!more) return SH_OK;
        SH_TRY(sh_csv_integer(csv, 0, 1, MAX_Z, &z));
        SH_TRY(sh_csv_number(csv, 2, NAN, &t->energy[z]));
        SH_TRY(sh_csv_number(csv, 3, t->energy[z], &t->fitted[z]));
        SH_TRY(sh_csv_number(csv, 4, 0, &t->plus_u[z]));
        SH_TRY(sh_csv_number(csv, 5, 0, &t->electronegativity[z]));
    }
}

sh_status sh_references_create(const char *path, sh_references **out)
{
    *out = NULL;
    sh_references *r = SH_NEW(sh_references, 1);
    for (int z = 0; z <= MAX_Z; z++)
        r->table.energy[z] = r->table.fitted[z] = NAN;
    sh_status status = sh_csv_read(path, "z,symbol,energy,fitted,plus_u,electronegativity", read_rows, &r->table);
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
    return z >= 1 && z <= MAX_Z && !isnan(r->table.energy[z]);
}

const sh_reference_table *sh_references_table(const sh_references *r)
{
    return &r->table;
}

void sh_references_formation(const sh_reference_table *table, sh_workspace *ws, const sh_crystals *c, const sh_graph *g,
                             const int64_t *wanted, int64_t n, bool given, double *e_total, double *e_form)
{
    const sh_formation_args args = {.table = table,
                                    .wanted = wanted,
                                    .given = given,
                                    .lattice = c->lattice,
                                    .atom_frac = c->atom_frac,
                                    .site_start = c->site_start,
                                    .atom_start = c->atom_start,
                                    .site_z = c->site_z,
                                    .cutoff = g->cutoff,
                                    .edge_start = g->edge_start,
                                    .edge_dst = g->edge_dst,
                                    .edge_count = g->edge_count,
                                    .edge_dist = g->edge_dist,
                                    .e_total = e_total,
                                    .e_form = e_form};
    ws->be->formation(&args, n);
}
