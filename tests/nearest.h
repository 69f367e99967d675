/* nearest.h -- the distance to the nearest image, for tests of what finds neighbours. */
#ifndef SH_TEST_NEAREST_H
#define SH_TEST_NEAREST_H

#include "cell.h"

/* Nearest-image distance between two points, any cell: exact (Å); 0 where the lattice is flat. The image of a point with itself
 * (shortest lattice vector) where `frac_a` and `frac_b` are equal and `self` is set. */
static inline double nearest_image(const double lattice[9], const double frac_a[3], const double frac_b[3], bool self)
{
    double l[9], to_basis[9], inverse[3], d[3], f[3], best = INFINITY, bound = 0;
    bool same = self;
    if (!(sh_inverse_heights(lattice, inverse) > 0)) return 0;
    sh_shortest_basis(lattice, l, to_basis);
    sh_inverse_heights(l, inverse);
    for (int i = 0; i < 3; i++) {
        d[i] = frac_b[i] - frac_a[i];
        d[i] -= floor(d[i] + 0.5);
        same = same && d[i] == 0;
    }
    for (int i = 0; i < 3; i++) {
        f[i] = d[0] * to_basis[i] + d[1] * to_basis[3 + i] + d[2] * to_basis[6 + i];
        f[i] -= floor(f[i] + 0.5);
    }
    /* Any one image bounds the search: the rounded one, or a lattice vector. */
    for (int k = 0; k < 3; k++) {
        double v = same ? l[k] : f[0] * l[k] + f[1] * l[3 + k] + f[2] * l[6 + k];
        bound += v * v;
    }
    bound = sqrt(bound);
    double reach[3];
    for (int i = 0; i < 3; i++)
        reach[i] = bound * inverse[i] + SH_FRAC_ROUNDING;
    for (double n0 = ceil(-reach[0] - f[0]); n0 <= reach[0] - f[0]; n0++)
        for (double n1 = ceil(-reach[1] - f[1]); n1 <= reach[1] - f[1]; n1++)
            for (double n2 = ceil(-reach[2] - f[2]); n2 <= reach[2] - f[2]; n2++) {
                const double g[3] = {f[0] + n0, f[1] + n1, f[2] + n2};
                if (same && n0 == 0 && n1 == 0 && n2 == 0) continue;
                double square = 0;
                for (int k = 0; k < 3; k++) {
                    double v = g[0] * l[k] + g[1] * l[3 + k] + g[2] * l[6 + k];
                    square += v * v;
                }
                best = fmin(best, square);
            }
    return sqrt(best);
}

#endif
