/* reduced.h -- the cell of a crystal that the structure matcher compares: Niggli-reduced, then primitive within a
 * tolerance, then Niggli-reduced again. docs/equations.md, "Structure matching". Unlike crystal/reduce.h this moves atoms
 * (copies of one are merged into their mean) and knows no symmetry but translations. */
#ifndef SH_METRICS_REDUCED_H
#define SH_METRICS_REDUCED_H

#include <stdbool.h>

#include "base/memory.h"
#include "crystal/dataset.h"

enum { SH_REDUCED_MAX_ATOM = 4000 }; /* as many as spglib is asked for; work grows with the square */

typedef struct {
    double lattice[9]; /* rows, Å; right-handed */
    double volume;     /* Å^3 */
    int64_t n_atom;
    int32_t *z;        /* (n_atom) */
    double *frac;      /* (n_atom,3) in [0,1) */
    int32_t *z_sorted; /* (n_atom) ascending: the composition */
    uint64_t key;      /* hash of z_sorted: crystals that match have the same */
} sh_reduced;

/* LLL-reduced basis, delta = 3/4 (A. K. Lenstra, H. W. Lenstra, L. Lovasz, Math. Ann. 261, 515 (1982)). */
void sh_lattice_lll(const double lattice[9], double basis[9]);

/* Niggli-reduced, right-handed basis of the same lattice (I. Krivy, B. Gruber, Acta Cryst. A32, 297 (1976); tolerance as in R. W.
 * Grosse-Kunstleve, N. K. Sauter, P. D. Adams, Acta Cryst. A60, 1 (2004)): equalities hold within 1e-5 V^(1/3), a number in
 * Å that is compared with Å^2, as pymatgen does. */
void sh_lattice_niggli(const double lattice[9], double basis[9]);

/* False for what is no crystal: no atoms, more than SH_REDUCED_MAX_ATOM, elements outside 1..118, numbers that are not finite, no
 * volume. The arrays live on `arena`, which also serves as scratch memory. */
bool sh_reduced_create(const sh_cell *cell, sh_arena *arena, sh_reduced *out);

/* Takes what is reduced already (from a file), without reducing it again; false as above. */
bool sh_reduced_restore(const sh_cell *cell, sh_arena *arena, sh_reduced *out);

/* The same atoms by element, as crystals need that may match: order by key, then atoms, then elements. */
int sh_reduced_compare(const sh_reduced *a, const sh_reduced *b);

#endif
