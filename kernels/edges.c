/* edges.c -- the edges of a graph that a model sees: those within its cut-off, of the crystals that are wanted;
 * and what they count. */
#include "args.h"
#include "kernel.h"

SH_BODY void mark_body(int64_t k, const sh_mark_args *a)
{
    if (a->list[k] >= 0) a->mark[a->list[k]] = 1;
}
SH_KERNEL_ROWS(mark, sh_mark_args)

SH_BODY void to_real_body(int64_t i, const sh_to_real_args *a)
{
    a->y[i] = (sh_real)a->x[i];
}
SH_KERNEL(to_real, sh_to_real_args)

SH_BODY void edges_count_body(int64_t s, const sh_edges_count_args *a)
{
    int64_t first = a->start[s], last = a->start[s + 1], n = 0;
    if (!a->wanted || a->wanted[a->site_crystal[s]])
        while (first + n < last && a->length[first + n] * a->length[first + n] < a->limit2)
            n++;
    a->count[s] = n;
}
SH_KERNEL_ROWS(edges_count, sh_edges_count_args)

SH_BODY void edges_copy_body(int64_t from, const sh_edges_copy_args *a)
{
    int32_t s = a->from.src[from];
    int64_t to = a->to.start[s] + from - a->from.start[s];
    if (to >= a->to.start[s + 1]) return;
    a->to.src[to] = s;
    a->to.dst[to] = a->from.dst[from];
    a->to.atom[to] = a->from.atom[from];
    a->to.count[to] = a->from.count[from];
    a->to.length[to] = a->from.length[from];
    for (int i = 0; i < 3; i++) {
        a->to.vec[3 * to + i] = a->from.vec[3 * from + i];
        a->to.u[3 * to + i] = a->from.u[3 * from + i];
    }
    for (int i = 0; i < 6; i++)
        a->to.uu[6 * to + i] = a->from.uu[6 * from + i];
}
SH_KERNEL_ROWS(edges_copy, sh_edges_copy_args)

SH_BODY void end_shares_body(int64_t s, const sh_end_shares_args *a)
{
    const sh_edges *g = &a->edges;
    sh_real all = 0;
    for (int64_t k = g->in_start[s]; k < g->in_start[s + 1]; k++)
        all += a->mult[g->in_edge[k]];
    for (int64_t k = g->in_start[s]; k < g->in_start[s + 1]; k++)
        a->share[g->in_edge[k]] = a->mult[g->in_edge[k]] / all;
}
SH_KERNEL_ROWS(end_shares, sh_end_shares_args)
