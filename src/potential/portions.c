#include "potential/portions.h"

#ifdef _OPENMP
#include <omp.h>
#endif

int sh_thread_count(void)
{
#ifdef _OPENMP
    return omp_get_max_threads();
#else
    return 1;
#endif
}

int sh_this_thread(void)
{
#ifdef _OPENMP
    return omp_get_thread_num();
#else
    return 0;
#endif
}

static int64_t edges_of(const sh_graph *g, int64_t crystal)
{
    return g->edge_start[g->site_start[crystal + 1]] - g->edge_start[g->site_start[crystal]];
}

int64_t sh_portions_cut(const sh_graph *g, const int64_t *crystals, int64_t n, int64_t *start)
{
    int64_t n_portion = 0, total = 0, filled = 0;
    for (int64_t k = 0; k < n; k++)
        total += edges_of(g, crystals[k]);
    int64_t share = total / (4 * sh_thread_count()), limit = share < 24 ? 24 : share > 192 ? 192 : share;
    for (int64_t k = 0; k < n; k++) {
        if (k == 0 || filled >= limit) {
            start[n_portion++] = k;
            filled = 0;
        }
        filled += edges_of(g, crystals[k]);
    }
    start[n_portion] = n;
    return n_portion;
}
