/* cells.h -- many crystals in a few arrays, that ranks can hand on, and which of them a rank looks at. */
#ifndef SH_EVALUATE_CELLS_H
#define SH_EVALUATE_CELLS_H

#include "comm/comm.h"
#include "crystal/dataset.h"
#include "io/structure.h"

typedef struct {
    int64_t n, n_atom;
    int64_t *start;  /* (n+1) */
    double *lattice; /* (n,9) rows, Å */
    int32_t *z;      /* (n_atom) */
    double *frac;    /* (n_atom,3) */
} sh_cell_list; /* all zero: empty */

/* Copies; what could not be read is a cell without atoms. */
void sh_cell_list_create(const sh_structures *structures, sh_cell_list *out);
void sh_cell_list_destroy(sh_cell_list *list); /* leaves it empty */
sh_cell sh_cell_list_at(const sh_cell_list *list, int64_t i);
/* Those of index (n), in that order. */
void sh_cell_list_keep(sh_cell_list *list, const int64_t *index, int64_t n);

/* What rank 0 has, to all. Collective. */
sh_status sh_cell_list_share(sh_comm *comm, sh_cell_list *list);

/* Neighbours in the list with about as many atoms as every other rank has: [*first, *first + *n). */
void sh_cell_list_slice(const sh_cell_list *list, int rank, int size, int64_t *first, int64_t *n);

/* Hash of the reduced composition; 0 for a cell without atoms or with elements outside 1..118. */
uint64_t sh_cell_formula(const sh_cell *cell);
/* Likewise of its elements alone. */
uint64_t sh_cell_elements(const sh_cell *cell);

#endif
