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

static const double least_volume = 0.01; /* Å^3; holds no atom */
static const double flat = 1e-6;         /* of the volume by the lengths: three vectors in a plane to six digits span no cell */

/* Product of the lengths. */
static double lengths(const double l[9])
{
    return sqrt(sh_dot3(l, l) * sh_dot3(l + 3, l + 3) * sh_dot3(l + 6, l + 6));
}

bool sh_lattice_invert(const double l[9], double inverse[9])
{
    double det = sh_adjugate3(l, inverse);
    if (!isfinite(det) || !(fabs(det) > least_volume) || !(fabs(det) > flat * lengths(l))) return false;
    for (int i = 0; i < 9; i++)
        inverse[i] /= det;
    return true;
}

sh_status sh_lattice_fail(const char *path, int64_t line, const double lattice[9], const char *text)
{
    double volume = fabs(sh_lattice_volume(lattice));
    if (!(volume > flat * lengths(lattice)) || volume > least_volume) return SH_FAIL(SH_EINPUT, "%s:%lld: %s", path, (long long)line, text);
    SH_FAIL(SH_EINPUT, "%s:%lld: the cell has %.3g Å^3, too small for an atom", path, (long long)line, volume);
    return sh_error_hint(SH_EINPUT, "lengths are in Å");
}

bool sh_lattice_short(const double l[9])
{
    for (int i = 0; i < 3; i++)
        if (!(sqrt(sh_dot3(l + 3 * i, l + 3 * i)) <= SH_MAX_CELL_LENGTH)) return false;
    return true;
}
