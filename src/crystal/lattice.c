#include "crystal/lattice.h"

sh_status sh_cell_bounds_check(const sh_cell_bounds *b)
{
    if (!(b->length[0] > 0 && b->length[0] < b->length[1] && isfinite(b->length[1])))
        return SH_FAIL(SH_EINPUT, "lattice.length: [%g, %g] must be two positive lengths in Å, the smaller one first",
                       b->length[0], b->length[1]);
    double lo = b->angle[0], hi = b->angle[1];
    if (!(lo > 0 && lo < hi && hi < 180))
        return SH_FAIL(SH_EINPUT, "lattice.angle: [%g, %g] must be two angles between 0 and 180 degrees, the smaller one first",
                       lo, hi);
    if (!(lo < 90 && hi > 90))
        return SH_FAIL(SH_EINPUT, "lattice.angle: [%g, %g] must have 90 degrees between them", lo, hi);
    if (!(2 * hi + lo < 355 && hi < 2 * lo))
        return SH_FAIL(SH_EINPUT,
                       "lattice.angle: [%g, %g] allows angles that make no cell; 2 hi + lo must be below 355 and hi below 2 lo",
                       lo, hi);
    return SH_OK;
}

void sh_lattice_to_u(sh_family family, const sh_cell_bounds *bounds, const double parameters[6], double u[6])
{
    unsigned is_free = sh_family_free(family);
    for (int d = 0; d < 6; d++) {
        double lo, hi;
        u[d] = 0;
        if (!(is_free >> d & 1)) continue;
        sh_cell_interval(family, bounds, parameters, d, &lo, &hi);
        u[d] = (parameters[d] - lo) / (hi - lo);
    }
}
