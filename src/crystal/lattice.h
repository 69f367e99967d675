/* lattice.h -- lattices from free parameters and back, for the host; what kernels share is kernels/cell.h. */
#ifndef SH_CRYSTAL_LATTICE_H
#define SH_CRYSTAL_LATTICE_H

#include "base/status.h"
#include "cell.h"

sh_status sh_cell_bounds_check(const sh_cell_bounds *bounds); /* SH_EINPUT, names lattice.length or lattice.angle */

/* The inverse of sh_lattice_from_u; u of constrained parameters comes out 0. */
void sh_lattice_to_u(sh_family family, const sh_cell_bounds *bounds, const double parameters[6], double u[6]);

#endif
