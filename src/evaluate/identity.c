/* identity.c -- which crystals are the same, and which are known. */
#include <string.h>

#include "evaluate/together.h"

/* Crystals of the compositions that are this rank's. */
typedef struct {
    int64_t n;
    int64_t *index; /* (n) in the whole list, ascending */
    sh_crystal_store *store;
} part;

static bool is_mine(const sh_comm *comm, const sh_cell *cell)
{
    uint64_t formula = sh_cell_formula(cell);
    return formula && (formula >> 7) % (uint64_t)comm->size == (uint64_t)comm->rank;
}

static void take_part(const sh_comm *comm, const sh_cell *cells, int64_t n, bool reduced, part *out)
{
    *out = (part){.index = SH_NEW(int64_t, n)};
    sh_cell *mine = SH_NEW(sh_cell, n);
    for (int64_t i = 0; i < n; i++)
        if (is_mine(comm, &cells[i])) {
            mine[out->n] = cells[i];
            out->index[out->n++] = i;
        }
    sh_crystal_store_create(mine, out->n, reduced, &out->store);
    sh_free(mine);
}

static void release_part(part *p)
{
    sh_crystal_store_destroy(&p->store);
    sh_free(p->index);
}

static void tick(void *user, int64_t done)
{
    sh_progress_update(user, done, NULL);
}

/* Results of the parts into one list: what is of no rank is -1. */
static int64_t *merge(const sh_comm *comm, const part *p, const int64_t *found, const int64_t *meaning, int64_t n)
{
    int64_t *all = SH_NEW(int64_t, n);
    for (int64_t i = 0; i < n; i++)
        all[i] = -3;
    for (int64_t k = 0; k < p->n; k++)
        all[p->index[k]] = found[k] >= 0 ? meaning[found[k]] : found[k];
    MPI_Allreduce(MPI_IN_PLACE, all, (int)n, MPI_INT64_T, MPI_MAX, comm->all);
    return all;
}

static void find_unique(const sh_comm *comm, const part *p, sh_progress *progress, int64_t n, sh_evaluation_row *rows)
{
    int64_t *same_as = SH_NEW(int64_t, p->n);
    sh_sets_unique(sh_crystal_store_set(p->store), &sh_match_default, tick, progress, same_as);
    int64_t *all = merge(comm, p, same_as, p->index, n);
    for (int64_t i = 0; i < n; i++) {
        rows[i].same_as = all[i] < 0 ? SH_UNKNOWN : all[i];
        rows[i].unique = all[i] < 0 ? SH_UNKNOWN : all[i] == i;
    }
    sh_free(all);
    sh_free(same_as);
}

static void find_novel(const sh_comm *comm, const part *p, const sh_reference *reference, int64_t n, sh_evaluation_row *rows)
{
    part known;
    sh_cell *cells = sh_reference_cells(reference);
    int64_t *known_as = SH_NEW(int64_t, p->n);
    take_part(comm, cells, reference->n_structure, true, &known);
    sh_sets_novel(sh_crystal_store_set(p->store), sh_crystal_store_set(known.store), &sh_match_default, NULL, NULL, NULL, known_as);
    int64_t *all = merge(comm, p, known_as, known.index, n);
    for (int64_t i = 0; i < n; i++) {
        rows[i].known_as = all[i] < 0 ? SH_UNKNOWN : all[i];
        rows[i].novel = all[i] < -1 ? SH_UNKNOWN : all[i] == -1;
    }
    sh_free(all);
    sh_free(known_as);
    release_part(&known);
    sh_free(cells);
}

void sh_evaluate_identity(const sh_comm *comm, const sh_evaluation_inputs *in, const sh_reference *reference, sh_progress *progress,
                          sh_evaluation_row *rows)
{
    part p;
    const sh_cell_list *list = in->has_relaxed ? &in->relaxed : &in->raw;
    sh_cell *cells = SH_NEW(sh_cell, in->n);
    for (int64_t i = 0; i < in->n; i++)
        cells[i] = sh_cell_list_at(list, i);
    take_part(comm, cells, in->n, false, &p);
    find_unique(comm, &p, progress, in->n, rows);
    if (reference && reference->n_structure) find_novel(comm, &p, reference, in->n, rows);
    release_part(&p);
    sh_free(cells);
}
