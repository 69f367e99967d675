/* lattice.h -- lattices from free parameters and back, for the host; what kernels share is kernels/cell.h. */
#ifndef SH_CRYSTAL_LATTICE_H
#define SH_CRYSTAL_LATTICE_H

#include "base/status.h"
#include "cell.h"

enum { SH_MAX_CELL_LENGTH = 10000 }; /* Å, of what is read */

sh_status sh_cell_bounds_check(const sh_cell_bounds *bounds); /* SH_EINPUT, names lattice.length or lattice.angle */

/* The inverse of sh_lattice_from_u; u of constrained parameters comes out 0. */
void sh_lattice_to_u(sh_family family, const sh_cell_bounds *bounds, const double parameters[6], double u[6]);

/* Rows of the inverse: frac = cart * inverse. False for a cell without volume or with a number that is not finite. */
bool sh_lattice_invert(const double lattice[9], double inverse[9]);
/* Fails for a cell that sh_lattice_invert refuses: it is too small, or `flat`, which says it for vectors that span no volume. SH_EINPUT. */
sh_status sh_lattice_fail(const char *path, int64_t line, const double lattice[9], const char *flat);
/* No vector is longer than SH_MAX_CELL_LENGTH. */
bool sh_lattice_short(const double lattice[9]);

#endif
