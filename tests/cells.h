/* cells.h -- full cells as a batch in which every atom is a site of its own. */
#ifndef SH_TEST_CELLS_H
#define SH_TEST_CELLS_H

#include "test.h"

#include "crystal/crystal.h"
#include "read_cells.h"

/* Every atom its own site, the identity its only operation: the full cell, with no symmetry used. */
static inline void cells_p1(const test_cell *cells, int n, sh_arena *arena, sh_crystals *out)
{
    static const int8_t identity[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
    int64_t atoms = 0;
    for (int i = 0; i < n; i++)
        atoms += cells[i].n;
    sh_crystals_create(arena, n, atoms, atoms, atoms, SH_SAME_ANG, out);
    int64_t site = 0;
    for (int i = 0; i < n; i++) {
        memcpy(out->lattice + 9 * i, cells[i].lattice, sizeof cells[i].lattice);
        for (int k = 0; k < cells[i].n; k++, site++) {
            out->site_crystal[site] = i;
            out->site_z[site] = cells[i].z[k];
            for (int j = 0; j < 3; j++)
                out->atom_frac[3 * site + j] = cells[i].frac[3 * k + j] - floor(cells[i].frac[3 * k + j]);
            out->atom_start[site + 1] = out->stab_start[site + 1] = site + 1;
            memcpy(out->stab_rot + 9 * site, identity, sizeof identity);
            memcpy(out->atom_rot + 9 * site, identity, sizeof identity);
        }
        out->site_start[i + 1] = site;
    }
}

/* The same crystals with every atom explicit. */
static inline void explode(const sh_crystals *c, sh_arena *arena, sh_crystals *out)
{
    test_cell *cells = SH_NEW(test_cell, c->n_crystal);
    for (int64_t i = 0; i < c->n_crystal; i++) {
        int64_t first = c->site_start[i], last = c->site_start[i + 1], start = c->atom_start[first];
        memcpy(cells[i].lattice, c->lattice + 9 * i, sizeof cells[i].lattice);
        cells[i].n = (int)(c->atom_start[last] - start);
        cells[i].z = SH_NEW(int32_t, cells[i].n);
        cells[i].frac = SH_NEW(double, 3 * cells[i].n);
        memcpy(cells[i].frac, c->atom_frac + 3 * start, (size_t)cells[i].n * 3 * sizeof(double));
        for (int64_t s = first; s < last; s++)
            for (int64_t a = c->atom_start[s]; a < c->atom_start[s + 1]; a++)
                cells[i].z[a - start] = c->site_z[s];
    }
    cells_p1(cells, (int)c->n_crystal, arena, out);
    free_cells(cells, (int)c->n_crystal);
}

#endif
