/* cell.h -- lattices: the free parameters of a family, matrices, heights, shortest bases. Shared by kernels and the
 * host (crystal/lattice.h).
 *
 * The six parameters a, b, c (Å), alpha, beta, gamma (degree) are numbered 0..5. A family leaves some of them free; a
 * free one is u = (value - lo) / (hi - lo) in (0,1). In triclinic groups gamma lies in [lo, min(hi, 355 - alpha - beta)]
 * and its u is scaled by that interval, so that every u is a cell; this asks 2 hi + lo < 355 and hi < 2 lo. Matrices have the
 * vectors a, b, c as rows, Å. */
#ifndef SH_KERNEL_CELL_H
#define SH_KERNEL_CELL_H

#include <stdbool.h>

#include "crystal/group.h"
#include "kernel.h"

#define SH_FRAC_ROUNDING 1e-9 /* of fractional coordinates, generously */
#define SH_COINCIDENT2 1e-16  /* Å^2: nearer points have no direction, and are no neighbours */
#define SH_LONGEST 1e6        /* Å, of a cell: not a number that somebody meant */

/* x - floor(x), never 1. */
SH_BODY double sh_wrap01(double x)
{
    x -= floor(x);
    return x < 1 ? x : 0; /* -1e-20 - floor(-1e-20) is 1 */
}

typedef struct {
    double length[2]; /* Å, lo and hi */
    double angle[2];  /* degree */
} sh_cell_bounds;

/* Bit i set: parameter i is free. All of a triclinic cell, a b c beta, a b c, a c twice, a of a cubic one. */
SH_BODY unsigned sh_family_free(sh_family family)
{
    const unsigned free_of[SH_N_FAMILY] = {0x3f, 0x17, 0x07, 0x05, 0x05, 0x01};
    return free_of[family];
}

/* The interval of parameter d; gamma's upper end leaves the three angles a cell. */
SH_BODY void sh_cell_interval(sh_family family, const sh_cell_bounds *bounds, const double parameters[6], int d, double *lo,
                              double *hi)
{
    const double *both = d < 3 ? bounds->length : bounds->angle;
    *lo = both[0];
    *hi = both[1];
    if (family == SH_TRICLINIC && d == 5) *hi = fmin(*hi, 355 - parameters[3] - parameters[4]);
}

/* u[i] is read for the free i only; the six parameters of the cell come out. */
SH_BODY void sh_lattice_from_u(sh_family family, const sh_cell_bounds *bounds, const double u[6], double parameters[6])
{
    unsigned is_free = sh_family_free(family);
    double *p = parameters;
    for (int d = 0; d < 6; d++) {
        double lo, hi;
        p[d] = 90;
        if (!(is_free >> d & 1)) continue;
        sh_cell_interval(family, bounds, p, d, &lo, &hi);
        p[d] = lo + u[d] * (hi - lo);
    }
    if (family >= SH_TETRAGONAL) p[1] = p[0];
    if (family == SH_CUBIC) p[2] = p[0];
    if (family == SH_HEXAGONAL) p[5] = 120;
}

/* Exact at the right angle and at 120 degrees. */
SH_BODY double sh_cos_degree(double angle)
{
    return angle == 90 ? 0 : angle == 120 ? -0.5 : cos(angle * (SH_PI / 180));
}

/* a along x, b in the xy plane. */
SH_BODY void sh_lattice_matrix(const double parameters[6], double lattice[9])
{
    const double *p = parameters;
    double ca = sh_cos_degree(p[3]), cb = sh_cos_degree(p[4]), cg = sh_cos_degree(p[5]), sg = sqrt(1 - cg * cg);
    double y = (ca - cb * cg) / sg;
    const double rows[9] = {p[0], 0, 0, p[1] * cg, p[1] * sg, 0, p[2] * cb, p[2] * y,
                            p[2] * sqrt(fmax(0.0, 1 - cb * cb - y * y))};
    for (int i = 0; i < 9; i++)
        lattice[i] = rows[i];
}

/* |frac l|^2 of a row of fractional coordinates, Å^2. */
SH_BODY double sh_square_length(const double *l, const double frac[3])
{
    double sum = 0;
    for (int k = 0; k < 3; k++) {
        double c = frac[0] * l[k] + frac[1] * l[3 + k] + frac[2] * l[6 + k];
        sum += c * c;
    }
    return sum;
}

/* frac - x in the basis that to_basis (sh_shortest_basis) leads to. */
SH_BODY void sh_difference(const double to_basis[9], const double *frac, const double *x, double f[3])
{
    const double d[3] = {frac[0] - x[0], frac[1] - x[1], frac[2] - x[2]};
    for (int i = 0; i < 3; i++)
        f[i] = d[0] * to_basis[i] + d[1] * to_basis[3 + i] + d[2] * to_basis[6 + i];
}

SH_BODY double sh_dot3(const double *a, const double *b)
{
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/* m^-1 times the determinant, which is returned. */
SH_BODY double sh_adjugate3(const double *m, double *adjugate)
{
    double det = 0;
    for (int i = 0; i < 3; i++) {
        const double *p = m + 3 * ((i + 1) % 3), *q = m + 3 * ((i + 2) % 3);
        for (int k = 0; k < 3; k++)
            adjugate[3 * k + i] = p[(k + 1) % 3] * q[(k + 2) % 3] - p[(k + 2) % 3] * q[(k + 1) % 3];
    }
    for (int k = 0; k < 3; k++)
        det += m[k] * adjugate[3 * k];
    return det;
}

SH_BODY void sh_lattice_parameters(const double lattice[9], double parameters[6])
{
    const double *l = lattice;
    double *p = parameters;
    for (int i = 0; i < 3; i++)
        p[i] = sqrt(sh_dot3(l + 3 * i, l + 3 * i));
    for (int i = 0; i < 3; i++) {
        int j = (i + 1) % 3, k = (i + 2) % 3;
        double cosine = sh_dot3(l + 3 * j, l + 3 * k) / (p[j] * p[k]);
        p[3 + i] = acos(fmax(-1.0, fmin(1.0, cosine))) * (180 / SH_PI);
    }
}

/* |det|, Å^3. */
SH_BODY double sh_lattice_volume(const double lattice[9])
{
    const double *l = lattice;
    return fabs(l[0] * (l[4] * l[8] - l[5] * l[7]) - l[1] * (l[3] * l[8] - l[5] * l[6]) +
                l[2] * (l[3] * l[7] - l[4] * l[6]));
}

/* 1 / height of a cell along each reciprocal vector: |frac_i| <= r out[i] for every vector of length r. Returns the volume. */
SH_BODY double sh_inverse_heights(const double lattice[9], double out[3])
{
    const double *l = lattice;
    double cross[3][3];
    for (int i = 0; i < 3; i++) {
        const double *b = l + 3 * ((i + 1) % 3), *c = l + 3 * ((i + 2) % 3);
        cross[i][0] = b[1] * c[2] - b[2] * c[1];
        cross[i][1] = b[2] * c[0] - b[0] * c[2];
        cross[i][2] = b[0] * c[1] - b[1] * c[0];
    }
    double volume = fabs(sh_dot3(l, cross[0]));
    for (int i = 0; i < 3; i++)
        out[i] = sqrt(sh_dot3(cross[i], cross[i])) / volume;
    return volume;
}

/* basis_i -= k basis_j, and the fractional coordinates with it. */
SH_BODY void sh_subtract_row(double basis[9], double to_basis[9], int i, int j, double k)
{
    for (int c = 0; c < 3; c++) {
        basis[3 * i + c] -= k * basis[3 * j + c];
        to_basis[3 * c + j] += k * to_basis[3 * c + i];
    }
}

/* The shortest basis (Minkowski's) of a lattice: each vector shortened by the others and, what pairs do not see, by the
 * sum or difference of both (Semaev, Cryptography and Lattices 2001). Cells of everyday shape come out as they are. frac in the
 * given basis (row vector) times to_basis, whole numbers, is frac in the short one. */
SH_BODY void sh_shortest_basis(const double lattice[9], double basis[9], double to_basis[9])
{
    for (int i = 0; i < 9; i++) {
        basis[i] = lattice[i];
        to_basis[i] = i % 4 == 0;
    }
    for (int round = 0, changed = 1; changed && round < 200; round++) {
        changed = 0;
        for (int i = 0; i < 3; i++) {
            double *a = basis + 3 * i, length2 = sh_dot3(a, a);
            for (int j = 0; j < 3; j++) {
                const double *b = basis + 3 * j;
                double k = j == i ? 0 : sh_dot3(a, b) / sh_dot3(b, b);
                if (!(fabs(k) > 0.5 + 1e-9)) continue; /* half (hexagonal cells) with its rounding stays */
                k = floor(k + 0.5);
                sh_subtract_row(basis, to_basis, i, j, k);
                changed = 1;
                length2 = sh_dot3(a, a);
            }
            int j = (i + 1) % 3, h = (i + 2) % 3;
            for (int sign = 0; sign < 4; sign++) {
                double p = sign & 1 ? 1 : -1, q = sign & 2 ? 1 : -1, sum[3];
                for (int c = 0; c < 3; c++)
                    sum[c] = a[c] - p * basis[3 * j + c] - q * basis[3 * h + c];
                if (!(sh_dot3(sum, sum) < length2 * (1 - 1e-9))) continue;
                sh_subtract_row(basis, to_basis, i, j, p);
                sh_subtract_row(basis, to_basis, i, h, q);
                changed = 1;
                length2 = sh_dot3(a, a);
            }
        }
    }
}

#endif
