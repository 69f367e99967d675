/* dataset.h -- what spglib finds in a cell. The adapter: spglib wants lattice vectors in columns and a right-handed
 * cell, here they are rows of either hand. */
#ifndef SH_CRYSTAL_DATASET_H
#define SH_CRYSTAL_DATASET_H

#include <stdint.h>

#include <spglib.h>

/* A crystal as it is: lattice rows (9), z (n), frac (n,3). */
typedef struct {
    const double *lattice;
    int64_t n_atom;
    const int32_t *z;
    const double *frac;
} sh_cell;

/* NULL where spglib finds no group (coincident atoms, no valid cell), and for more than 4000 atoms, where its search takes
 * minutes. hall_number 0: spglib's choice of setting. Rotations, translations and the transformation are those of the cell
 * as given. Release with spg_free_dataset. */
SpglibDataset *sh_dataset_create(const sh_cell *cell, double symprec, int hall_number);

/* Number of the space group at `symprec` (Å), spglib's default angle tolerance; 0 where none is found. */
int32_t sh_space_group_number(const sh_cell *cell, double symprec);
/* With a tolerance of angles (degree) besides: 5 is what pymatgen reports. */
int32_t sh_space_group_number_within(const sh_cell *cell, double symprec, double angle_tolerance);

/* How much symmetry was found: the number, and the operations that the group's standard cell has for its atoms. Their quotient is the
 * order of the point group over the atoms of the primitive cell, whichever cell the crystal was given in. */
typedef struct {
    int32_t number; /* 0: no group was found, and the rest is 0 */
    int32_t n_operation;
    int64_t n_atom;
} sh_symmetry;

sh_symmetry sh_symmetry_of(const sh_cell *cell, double symprec);

/* What became of the symmetry of a crystal. A supergroup of its group, be it with a larger point group or with more translations, has more
 * operations an atom, a subgroup fewer; who has as many in another group is neither. */
typedef enum {
    SH_SYMMETRY_UNKNOWN, /* no group was found before or after */
    SH_SYMMETRY_KEPT,    /* the same number */
    SH_SYMMETRY_HIGHER,
    SH_SYMMETRY_LOWER,
    SH_SYMMETRY_OTHER,
    SH_N_SYMMETRY_CHANGE
} sh_symmetry_change;

sh_symmetry_change sh_symmetry_compare(const sh_symmetry *before, const sh_symmetry *after);
const char *sh_symmetry_change_key(sh_symmetry_change change); /* "unknown", "kept", "higher", "lower", "other" */

#endif
