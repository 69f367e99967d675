/* lattice.c -- cells and their free parameters, one from the other; exact at 90 and 120 degrees. */
#include "crystal/lattice.h"

#include <math.h>

#include "base/real.h"

enum { A, B, C, ALPHA, BETA, GAMMA };

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

unsigned sh_family_free(sh_family family)
{
    static const unsigned free_of[SH_N_FAMILY] = {
        0x3f,
        1u << A | 1u << B | 1u << C | 1u << BETA,
        1u << A | 1u << B | 1u << C,
        1u << A | 1u << C,
        1u << A | 1u << C,
        1u << A};
    return free_of[family];
}

/* The interval of parameter d; gamma's upper end leaves the three angles a cell. */
static void interval(sh_family family, const sh_cell_bounds *bounds, const double parameters[6], int d, double *lo,
                     double *hi)
{
    const double *both = d < 3 ? bounds->length : bounds->angle;
    *lo = both[0];
    *hi = both[1];
    if (family == SH_TRICLINIC && d == GAMMA) *hi = fmin(*hi, 355 - parameters[ALPHA] - parameters[BETA]);
}

static void constrain(sh_family family, double p[6])
{
    if (family >= SH_TETRAGONAL) p[B] = p[A];
    if (family == SH_CUBIC) p[C] = p[A];
    if (family == SH_TRICLINIC) return;
    p[ALPHA] = 90;
    if (family > SH_MONOCLINIC) p[BETA] = 90;
    p[GAMMA] = family == SH_HEXAGONAL ? 120 : 90;
}

void sh_lattice_from_u(sh_family family, const sh_cell_bounds *bounds, const double u[6], double parameters[6])
{
    unsigned is_free = sh_family_free(family);
    for (int d = 0; d < 6; d++) {
        double lo, hi;
        if (!(is_free >> d & 1)) continue;
        interval(family, bounds, parameters, d, &lo, &hi);
        parameters[d] = lo + u[d] * (hi - lo);
    }
    constrain(family, parameters);
}

void sh_lattice_to_u(sh_family family, const sh_cell_bounds *bounds, const double parameters[6], double u[6])
{
    unsigned is_free = sh_family_free(family);
    for (int d = 0; d < 6; d++) {
        double lo, hi;
        u[d] = 0;
        if (!(is_free >> d & 1)) continue;
        interval(family, bounds, parameters, d, &lo, &hi);
        u[d] = (parameters[d] - lo) / (hi - lo);
    }
}

/* Cosine, exact at the right angle and at 120 degrees. */
static double cos_degree(double angle)
{
    return angle == 90 ? 0 : angle == 120 ? -0.5 : cos(angle * (SH_PI / 180));
}

void sh_lattice_matrix(const double p[6], double lattice[9])
{
    double ca = cos_degree(p[ALPHA]), cb = cos_degree(p[BETA]), cg = cos_degree(p[GAMMA]), sg = sqrt(1 - cg * cg);
    double y = (ca - cb * cg) / sg;
    const double rows[9] = {p[A],         0,         0, p[B] * cg, p[B] * sg, 0, p[C] * cb, p[C] * y,
                            p[C] * sqrt(fmax(0, 1 - cb * cb - y * y))};
    for (int i = 0; i < 9; i++)
        lattice[i] = rows[i];
}

static double dot(const double *a, const double *b)
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

void sh_lattice_parameters(const double l[9], double p[6])
{
    for (int i = 0; i < 3; i++)
        p[i] = sqrt(dot(l + 3 * i, l + 3 * i));
    for (int i = 0; i < 3; i++) {
        int j = (i + 1) % 3, k = (i + 2) % 3;
        double cosine = dot(l + 3 * j, l + 3 * k) / (p[j] * p[k]);
        p[3 + i] = acos(fmax(-1, fmin(1, cosine))) * (180 / SH_PI);
    }
}

double sh_lattice_volume(const double l[9])
{
    return fabs(l[0] * (l[4] * l[8] - l[5] * l[7]) - l[1] * (l[3] * l[8] - l[5] * l[6]) +
                l[2] * (l[3] * l[7] - l[4] * l[6]));
}
