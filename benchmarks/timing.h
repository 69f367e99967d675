/* timing.h -- the clock and the medians of the benchmarks. */
#ifndef SH_BENCHMARKS_TIMING_H
#define SH_BENCHMARKS_TIMING_H

#include <stdlib.h>

#include "base/clock.h"

static inline double now(void)
{
    return sh_clock_s();
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts x (n). Between two of them in proportion. */
static inline double quantile(double *x, int n, double q)
{
    qsort(x, (size_t)n, sizeof *x, ascending);
    int below = (int)(q * (n - 1));
    double part = q * (n - 1) - below;
    return part > 0 ? x[below] + part * (x[below + 1] - x[below]) : x[below];
}

#endif
