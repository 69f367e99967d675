/* basis.h -- the radial functions of M3GNet, in double; docs/equations.md. */
#ifndef SH_KERNEL_BASIS_H
#define SH_KERNEL_BASIS_H

#include <math.h>

#include "base/real.h"

/* j_l(x); the power series below 1.5, where the closed forms cancel. */
SH_BODY double basis_spherical_bessel(int l, double x)
{
    if (x < 1.5) {
        double term = l == 0 ? 1 : l == 1 ? x / 3 : x * x / 15, sum = 0;
        for (int n = 1; n < 16; n++) {
            sum += term;
            term *= -0.5 * x * x / (n * (2 * (l + n) + 1));
        }
        return sum + term;
    }
    double s = sin(x), c = cos(x), j0 = s / x;
    if (l == 0) return j0;
    double j1 = j0 / x - c / x;
    return l == 1 ? j1 : 3 * j1 / x - j0;
}

/* Nine spherical Bessel functions B_{3l+k}(r) = sqrt(2/c^3) j_l(z_lk r/c) / |j_{l+1}(z_lk)|. */
SH_BODY void sh_basis_bessel(double r, double cutoff, double out[9])
{
    /* The first three positive zeros of j_0, j_1, j_2, and 1 / |j_{l+1}| there. */
    const double root[3][3] = {{SH_PI, 2 * SH_PI, 3 * SH_PI},
                               {4.493409457909064, 7.725251836937707, 10.904121659428899},
                               {5.763459196894550, 9.095011330476355, 12.322940970566582}};
    const double norm[3][3] = {{3.141592653589793, 6.283185307179586, 9.42477796076938},
                               {4.6033388487517, 7.789705767492725, 10.949879869826264},
                               {6.040563197807522, 9.264342010446368, 12.446450951060552}};
    double scale = sqrt(2 / (cutoff * cutoff * cutoff));
    for (int l = 0; l < 3; l++)
        for (int k = 0; k < 3; k++)
            out[3 * l + k] = scale * norm[l][k] * basis_spherical_bessel(l, root[l][k] * r / cutoff);
}

/* Three combinations of sinc functions whose value and first two derivatives vanish at the cut-off. */
SH_BODY void sh_basis_smooth(double r, double cutoff, double out[3])
{
    double x = SH_PI * r / cutoff, s1 = sin(x), c1 = cos(x), s[5], f[3];
    s[0] = 0; /* sin(n x) by recurrence */
    s[1] = s1;
    for (int n = 2; n < 5; n++)
        s[n] = 2 * c1 * s[n - 1] - s[n - 2];
    for (int k = 0; k < 3; k++) {
        double a = k + 1, b = k + 2, sign = k % 2 ? -1 : 1;
        f[k] = sign * sqrt(2.0) * SH_PI * a * b / (pow(cutoff, 1.5) * sqrt(a * a + b * b)) *
               (s[k + 1] / (a * x) + s[k + 2] / (b * x));
    }
    out[0] = f[0];
    out[1] = (f[1] + sqrt(9.0 / 65) * out[0]) / sqrt(56.0 / 65);
    out[2] = (f[2] + sqrt(64.0 / 325 * 65 / 56) * out[1]) / sqrt(27.0 / 35);
}

/* 1 - 10 q^3 + 15 q^4 - 6 q^5, q = r / cutoff; 0 beyond it. */
SH_BODY double sh_basis_fade(double r, double cutoff)
{
    if (r > cutoff) return 0;
    double q = r / cutoff;
    return 1 - q * q * q * (10 - q * (15 - 6 * q));
}

#endif
