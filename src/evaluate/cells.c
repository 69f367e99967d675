#include "evaluate/cells.h"

#include <string.h>

#include "composition.h"

void sh_cell_list_create(const sh_structures *s, sh_cell_list *out)
{
    *out = (sh_cell_list){.n = s->n, .start = SH_NEW(int64_t, s->n + 1), .lattice = SH_NEW(double, 9 * s->n)};
    for (int64_t i = 0; i < s->n; i++)
        out->start[i + 1] = out->start[i] + (s->item[i].error ? 0 : s->item[i].n_atom);
    out->n_atom = out->start[s->n];
    out->z = SH_NEW(int32_t, out->n_atom);
    out->frac = SH_NEW(double, 3 * out->n_atom);
    for (int64_t i = 0; i < s->n; i++) {
        int64_t n = out->start[i + 1] - out->start[i];
        if (!n) continue;
        memcpy(out->lattice + 9 * i, s->item[i].lattice, sizeof s->item[i].lattice);
        memcpy(out->z + out->start[i], s->item[i].z, (size_t)n * sizeof *out->z);
        memcpy(out->frac + 3 * out->start[i], s->item[i].frac, (size_t)(3 * n) * sizeof *out->frac);
    }
}

void sh_cell_list_destroy(sh_cell_list *list)
{
    sh_free(list->start);
    sh_free(list->lattice);
    sh_free(list->z);
    sh_free(list->frac);
    *list = (sh_cell_list){0};
}

sh_cell sh_cell_list_at(const sh_cell_list *list, int64_t i)
{
    int64_t first = list->start[i];
    return (sh_cell){.lattice = list->lattice + 9 * i,
                     .n_atom = list->start[i + 1] - first,
                     .z = list->z + first,
                     .frac = list->frac + 3 * first};
}

void sh_cell_list_keep(sh_cell_list *list, const int64_t *index, int64_t n)
{
    sh_cell_list kept = {.n = n, .start = SH_NEW(int64_t, n + 1), .lattice = SH_NEW(double, 9 * n)};
    for (int64_t i = 0; i < n; i++)
        kept.start[i + 1] = kept.start[i] + list->start[index[i] + 1] - list->start[index[i]];
    kept.n_atom = kept.start[n];
    kept.z = SH_NEW(int32_t, kept.n_atom);
    kept.frac = SH_NEW(double, 3 * kept.n_atom);
    for (int64_t i = 0; i < n; i++) {
        sh_cell cell = sh_cell_list_at(list, index[i]);
        memcpy(kept.lattice + 9 * i, cell.lattice, 9 * sizeof *kept.lattice);
        memcpy(kept.z + kept.start[i], cell.z, (size_t)cell.n_atom * sizeof *kept.z);
        memcpy(kept.frac + 3 * kept.start[i], cell.frac, (size_t)(3 * cell.n_atom) * sizeof *kept.frac);
    }
    sh_cell_list_destroy(list);
    *list = kept;
}

sh_status sh_cell_list_share(sh_comm *comm, sh_cell_list *list)
{
    int64_t size[2] = {list->n, list->n_atom};
    SH_TRY(sh_comm_bcast(comm, size, sizeof size, 0));
    if (comm->rank)
        *list = (sh_cell_list){.n = size[0],
                               .n_atom = size[1],
                               .start = SH_NEW(int64_t, size[0] + 1),
                               .lattice = SH_NEW(double, 9 * size[0]),
                               .z = SH_NEW(int32_t, size[1]),
                               .frac = SH_NEW(double, 3 * size[1])};
    SH_TRY(sh_comm_bcast(comm, list->start, (size[0] + 1) * (int64_t)sizeof *list->start, 0));
    SH_TRY(sh_comm_bcast(comm, list->lattice, 9 * size[0] * (int64_t)sizeof *list->lattice, 0));
    SH_TRY(sh_comm_bcast(comm, list->z, size[1] * (int64_t)sizeof *list->z, 0));
    return sh_comm_bcast(comm, list->frac, 3 * size[1] * (int64_t)sizeof *list->frac, 0);
}

/* The first crystal before which at least part / parts of the work is; a crystal counts as its atoms and one. */
static int64_t cut(const sh_cell_list *list, int part, int parts)
{
    int64_t low = 0, high = list->n;
    double wanted = (double)(list->n_atom + list->n) * part / parts;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if ((double)(list->start[middle] + middle) < wanted)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

void sh_cell_list_slice(const sh_cell_list *list, int rank, int size, int64_t *first, int64_t *n)
{
    *first = cut(list, rank, size);
    *n = cut(list, rank + 1, size) - *first;
}

static uint64_t key_of(const sh_cell *cell, bool counts)
{
    int32_t z[SH_MAX_Z];
    int64_t count[SH_MAX_Z];
    sh_composition c = {.z = z, .count = count};
    if (!sh_composition_of_atoms(cell->n_atom, cell->z, &c) || !c.n_kind) return 0;
    for (int32_t k = 0; k < c.n_kind && !counts; k++)
        count[k] = 1;
    sh_composition_reduce(&c);
    return sh_composition_key(&c);
}

uint64_t sh_cell_formula(const sh_cell *cell)
{
    return key_of(cell, true);
}

uint64_t sh_cell_elements(const sh_cell *cell)
{
    return key_of(cell, false);
}
