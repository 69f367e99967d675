/* graph_shares.c -- what an edge or a site of a quotient graph counts in means over the cell. */
#include "args.h"
#include "kernel.h"

SH_BODY void graph_shares_body(int64_t c, const sh_graph_shares_args *a)
{
    int64_t first = a->site_start[c];
    double n_atom = 0, n_edge = 0;
    a->crystal_start[c] = a->edge_start[first];
    if (c == a->n_crystal) return;
    int64_t last = a->site_start[c + 1];
    for (int64_t s = first; s < last; s++) {
        double at_site = 0;
        for (int64_t e = a->edge_start[s]; e < a->edge_start[s + 1]; e++)
            at_site += a->edge_count[e];
        for (int64_t e = a->edge_start[s]; e < a->edge_start[s + 1]; e++) {
            a->shares.edge_of_site[e] = (sh_real)(a->edge_count[e] / at_site);
            a->shares.edge_mult[e] = (sh_real)(a->edge_count[e] * a->mult[s]);
            a->edge_crystal[e] = (int32_t)c;
        }
        a->shares.site_mult[s] = (sh_real)a->mult[s];
        n_atom += a->mult[s];
        n_edge += a->mult[s] * at_site;
    }
    for (int64_t s = first; s < last; s++) {
        a->shares.site_of_crystal[s] = (sh_real)(a->mult[s] / n_atom);
        for (int64_t e = a->edge_start[s]; e < a->edge_start[s + 1]; e++)
            a->shares.edge_of_crystal[e] = (sh_real)(a->edge_count[e] * a->mult[s] / n_edge);
    }
}
SH_KERNEL_ROWS(graph_shares, sh_graph_shares_args)
