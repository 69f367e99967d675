/* lattice.h -- lattices from free parameters.
 *
 * The six parameters a, b, c (Å), alpha, beta, gamma (degree) are numbered 0..5. A family leaves some of them free; a
 * free one is u = (value - lo) / (hi - lo) in (0,1). In triclinic groups gamma lies in [lo, min(hi, 355 - alpha - beta)]
 * and its u is scaled by that interval, so that every u is a cell; this asks 2 hi + lo < 355 and hi < 2 lo. */
#ifndef SH_CRYSTAL_LATTICE_H
#define SH_CRYSTAL_LATTICE_H

#include <stdbool.h>

#include "crystal/group.h"

typedef struct {
    double length[2]; /* Å, lo and hi */
    double angle[2];  /* degree */
} sh_cell_bounds;

sh_status sh_cell_bounds_check(const sh_cell_bounds *bounds); /* SH_EINPUT, names lattice.length or lattice.angle */

/* Bit i set: parameter i is free. triclinic 0x3f, monoclinic a b c beta, ..., cubic a. */
unsigned sh_family_free(sh_family family);

/* u[i] is read for the free i only; the six parameters of the cell come out. */
void sh_lattice_from_u(sh_family family, const sh_cell_bounds *bounds, const double u[6], double parameters[6]);
/* The inverse; u of constrained parameters comes out 0. */
void sh_lattice_to_u(sh_family family, const sh_cell_bounds *bounds, const double parameters[6], double u[6]);

/* Rows a along x, b in the xy plane. */
void sh_lattice_matrix(const double parameters[6], double lattice[9]);
void sh_lattice_parameters(const double lattice[9], double parameters[6]);
double sh_lattice_volume(const double lattice[9]); /* |det|, Å^3 */

#endif
