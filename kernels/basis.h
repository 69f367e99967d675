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

/* The first three positive zeros of j_0, j_1, j_2, and 1 / |j_{l+1}| there. */
SH_BODY double basis_root(int l, int k)
{
    const double root[3][3] = {{SH_PI, 2 * SH_PI, 3 * SH_PI},
                               {4.493409457909064, 7.725251836937707, 10.904121659428899},
                               {5.763459196894550, 9.095011330476355, 12.322940970566582}};
    return root[l][k];
}

SH_BODY double basis_norm(int l, int k)
{
    const double norm[3][3] = {{3.141592653589793, 6.283185307179586, 9.42477796076938},
                               {4.6033388487517, 7.789705767492725, 10.949879869826264},
                               {6.040563197807522, 9.264342010446368, 12.446450951060552}};
    return norm[l][k];
}

/* Nine spherical Bessel functions B_{3l+k}(r) = sqrt(2/c^3) j_l(z_lk r/c) / |j_{l+1}(z_lk)|. */
SH_BODY void sh_basis_bessel(double r, double cutoff, double out[9])
{
    double scale = sqrt(2 / (cutoff * cutoff * cutoff));
    for (int l = 0; l < 3; l++)
        for (int k = 0; k < 3; k++)
            out[3 * l + k] = scale * basis_norm(l, k) * basis_spherical_bessel(l, basis_root(l, k) * r / cutoff);
}

/* Their derivatives, j_0' = -j_1 and j_l' = j_{l-1} - (l+1)/x j_l. */
SH_BODY void sh_basis_bessel_slope(double r, double cutoff, double out[9])
{
    double scale = sqrt(2 / (cutoff * cutoff * cutoff));
    for (int l = 0; l < 3; l++)
        for (int k = 0; k < 3; k++) {
            double root = basis_root(l, k), x = root * r / cutoff;
            double slope = l == 0 ? -basis_spherical_bessel(1, x)
                                  : basis_spherical_bessel(l - 1, x) - (l + 1) / x * basis_spherical_bessel(l, x);
            out[3 * l + k] = scale * basis_norm(l, k) * slope * root / cutoff;
        }
}

SH_BODY void basis_combine(const double f[3], double out[3])
{
    out[0] = f[0];
    out[1] = (f[1] + sqrt(9.0 / 65) * out[0]) / sqrt(56.0 / 65);
    out[2] = (f[2] + sqrt(64.0 / 325 * 65 / 56) * out[1]) / sqrt(27.0 / 35);
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
    basis_combine(f, out);
}

/* Their derivatives: sinc(n x)' = cos(n x) / x - sin(n x) / (n x^2), by x. */
SH_BODY void sh_basis_smooth_slope(double r, double cutoff, double out[3])
{
    double scale = SH_PI / cutoff, x = scale * r, s[5], c[5], f[3];
    s[0] = 0;
    c[0] = 1;
    s[1] = sin(x);
    c[1] = cos(x);
    for (int n = 2; n < 5; n++) {
        s[n] = 2 * c[1] * s[n - 1] - s[n - 2];
        c[n] = 2 * c[1] * c[n - 1] - c[n - 2];
    }
    for (int k = 0; k < 3; k++) {
        double a = k + 1, b = k + 2, sign = k % 2 ? -1 : 1;
        double slope = (c[k + 1] - s[k + 1] / (a * x) + c[k + 2] - s[k + 2] / (b * x)) / x;
        f[k] = sign * sqrt(2.0) * SH_PI * a * b / (pow(cutoff, 1.5) * sqrt(a * a + b * b)) * slope * scale;
    }
    basis_combine(f, out);
}

/* 1 - 10 q^3 + 15 q^4 - 6 q^5, q = r / cutoff; 0 beyond it. */
SH_BODY double sh_basis_fade(double r, double cutoff)
{
    if (r > cutoff) return 0;
    double q = r / cutoff;
    return 1 - q * q * q * (10 - q * (15 - 6 * q));
}

SH_BODY double sh_basis_fade_slope(double r, double cutoff)
{
    if (r > cutoff) return 0;
    double q = r / cutoff;
    return -30 * q * q * (1 - q) * (1 - q) / cutoff;
}

#endif
