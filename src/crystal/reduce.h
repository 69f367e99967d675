/* reduce.h -- cells with all their atoms, as files give them, to sites with orbits and site groups, without moving an
 * atom. */
#ifndef SH_CRYSTAL_REDUCE_H
#define SH_CRYSTAL_REDUCE_H

#include <stdbool.h>

#include "base/memory.h"
#include "crystal/crystal.h"
#include "crystal/dataset.h"

/* Operations are those spglib finds at `symprec` (1e-3 Å) in the cell as it is, lattice translations of cells that are
 * not primitive included. An orbit becomes a site: its atoms in the order of the input, the first the representative;
 * sites in the order of these. Where spglib finds nothing, or where what it finds does not map the atoms onto each other
 * as a group would, and with `p1`, every atom is a site of its own. sg_number is 0: the cell is in no standard setting.
 * position_tolerance is twice the largest distance between an image and the atom it stands for. */
void sh_crystals_reduce(const sh_cell *cells, int64_t n_cell, double symprec, bool p1, sh_arena *arena,
                        sh_crystals *out);

/* The operations that spglib finds at `symprec` in a cell as it is, x -> W x + w, and where they take its atoms: those behind
 * sh_crystals_reduce, with the same conditions. */
typedef struct {
    int64_t n_op;
    int8_t *rot;    /* (n_op,9) W */
    double *trans;  /* (n_op,3) w */
    int32_t *image; /* (n_op,n_atom): the atom that the operation takes an atom to, of the same element; a permutation */
} sh_operations;

/* False where there is no group, and with `p1`: then the identity alone. Release in either case. */
bool sh_operations_find(const sh_cell *cell, double symprec, bool p1, sh_operations *out);
void sh_operations_release(sh_operations *operations);

#endif
