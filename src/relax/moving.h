/* moving.h -- a cell and how it may move: with its space group, or each atom for itself.
 *
 * One displacement a site moves all atoms of its orbit: in fractional coordinates that of an atom is W times that of the site's first
 * atom, W the rotation of the operation that takes one to the other. Site groups leave some displacements alone, the point group some
 * strains; forces and stress are projected on these. A strain of that kind commutes with all rotations, so that what is said in the
 * undeformed cell holds in every cell on the way. */
#ifndef SH_RELAX_MOVING_H
#define SH_RELAX_MOVING_H

#include <stdbool.h>
#include <stdint.h>

#include "crystal/dataset.h"

typedef struct {
    int64_t n_site, n_atom, n_stab;
    bool symmetric;          /* moves with its group; false: each atom is a site */
    double lattice[9];       /* undeformed, rows, Å */
    double inverse[9];       /* frac = cart * inverse */
    int32_t *site_z;         /* (S) */
    int64_t *atom_start;     /* (S+1) */
    int64_t *stab_start;     /* (S+1) */
    int8_t *stab_rot;        /* (n_stab,9) W of the site group */
    int32_t *atom;           /* (A) which atom of the given cell this is */
    double *frac;            /* (A,3) at the start, not wrapped: the nearest images of those given */
    int8_t *atom_rot;        /* (A,9) W from the site's first atom */
    double *site_project;    /* (S,9) Cartesian, f -> P f */
    double *strain_project;  /* (9,9) of a matrix as nine numbers; NULL: nothing to project */
} sh_moving;

/* Atoms go to the means of their images, and the lattice to the nearest that has the symmetry exactly; both move by less than
 * `symprec` (Å). Where no group is found, where the operations are no group to 1e-7 Å, and with `p1`, nothing moves and each atom is
 * a site. False for what is no cell: less than 0.01 Å^3, flat, not finite. Release in either case. */
bool sh_moving_create(const sh_cell *cell, double symprec, bool p1, sh_moving *out);
void sh_moving_release(sh_moving *moving);

/* Displaces each coordinate of each atom by a normal number times `amount` (Å), and with `cell` strains the cell by one over the cube
 * root of its volume: what begins on a saddle point of higher symmetry can leave it. Not for what moves with its group. */
void sh_moving_shake(sh_moving *moving, double amount, bool cell, uint64_t seed, uint64_t id);

#endif
