/* fit.h -- least squares of two terms that cannot be negative. */
#ifndef SH_BENCHMARKS_FIT_H
#define SH_BENCHMARKS_FIT_H

#include <stdbool.h>

/* y = p u + q v, p and q at least 0, with the least sum of ((y - p u - q v) / size)^2 over n points; size: what a deviation counts
 * relative to, above 0. Where u and v are in proportion, p = 0. */
static inline void fit_terms(const double *u, const double *v, const double *y, const double *size, int n, double *p, double *q)
{
    double uu = 0, uv = 0, vv = 0, uy = 0, vy = 0;
    for (int i = 0; i < n; i++) {
        double weight = 1 / (size[i] * size[i]);
        uu += weight * u[i] * u[i];
        uv += weight * u[i] * v[i];
        vv += weight * v[i] * v[i];
        uy += weight * u[i] * y[i];
        vy += weight * v[i] * y[i];
    }
    double det = uu * vv - uv * uv;
    bool independent = det > 1e-9 * uu * vv;
    *p = independent ? (vv * uy - uv * vy) / det : 0;
    *q = independent ? (uu * vy - uv * uy) / det : -1;
    if (*p > 0 && *q > 0) return;
    bool by_v = *p <= 0 && vv > 0; /* the least is on the edge where the term that would be negative is left out */
    *p = !by_v && uy > 0 ? uy / uu : 0;
    *q = by_v && vy > 0 ? vy / vv : 0;
}

#endif
