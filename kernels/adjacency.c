/* adjacency.c -- the normalised adjacency of a quotient graph, for graph convolutions. */
#include "args.h"
#include "kernel.h"

SH_BODY void adjacency_degree_body(int64_t s, const sh_adjacency_degree_args *a)
{
    double sum = 1;
    for (int64_t e = a->edge_start[s]; e < a->edge_start[s + 1]; e++)
        sum += a->edge_count[e];
    a->degree[s] = sum;
}
SH_KERNEL_ROWS(adjacency_degree, sh_adjacency_degree_args)

SH_BODY void adjacency_body(int64_t s, const sh_adjacency_args *a)
{
    int64_t n = a->edge_start[s] + s;
    double n_atom = 0;
    a->start[s] = n;
    if (s == a->n_site) return;
    for (int64_t e = a->edge_start[s]; e < a->edge_start[s + 1]; e++, n++) {
        a->site[n] = (int32_t)s;
        a->far_end[n] = a->edge_dst[e];
        a->weight[n] = (sh_real)(a->edge_count[e] / sqrt(a->degree[s] * a->degree[a->edge_dst[e]]));
    }
    a->site[n] = a->far_end[n] = (int32_t)s;
    a->weight[n] = (sh_real)(1 / a->degree[s]);
    int32_t c = a->site_crystal[s];
    for (int64_t t = a->site_start[c]; t < a->site_start[c + 1]; t++)
        n_atom += a->mult[t];
    a->share[s] = (sh_real)(a->mult[s] / n_atom);
}
SH_KERNEL_ROWS(adjacency, sh_adjacency_args)
