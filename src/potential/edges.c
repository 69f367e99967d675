#include "potential/edges.h"

#include "base/status.h"

void sh_edges_within(sh_workspace *ws, const sh_graph *g, double cutoff, const int64_t *wanted, int64_t n_wanted, bool by_end,
                     sh_edges *out)
{
    const sh_backend *be = ws->be;
    const sh_edges all = {.n = g->n_edge,
                          .start = g->edge_start,
                          .src = g->edge_src,
                          .dst = g->edge_dst,
                          .atom = g->edge_atom,
                          .count = g->edge_count,
                          .length = g->edge_dist,
                          .vec = g->edge_vec,
                          .u = g->edge_u,
                          .uu = g->edge_uu,
                          .in_start = g->in_start,
                          .in_edge = g->in_edge};
    uint8_t *mark = NULL;
    SH_ASSERT(cutoff <= g->cutoff);
    *out = all;
    if (cutoff == g->cutoff && (!wanted || (n_wanted == g->n_crystal && !ws->sizes))) return;
    if (wanted) {
        mark = SH_ROOM_ZERO(ws, uint8_t, g->n_crystal);
        be->mark(&(sh_mark_args){wanted, mark}, n_wanted);
    }
    int64_t *count = SH_ROOM(ws, int64_t, g->n_site);
    out->start = SH_ROOM(ws, int64_t, g->n_site + 1);
    be->edges_count(&(sh_edges_count_args){.start = g->edge_start,
                                           .length = g->edge_dist,
                                           .site_crystal = g->site_crystal,
                                           .wanted = mark,
                                           .limit2 = cutoff * cutoff + 1e-8,
                                           .count = count},
                    g->n_site);
    int64_t n = out->n = sh_workspace_size(ws, count, g->n_site, out->start, g->n_site);
    out->src = SH_ROOM_BLANK(ws, int32_t, n);
    out->dst = SH_ROOM_BLANK(ws, int32_t, n);
    out->atom = SH_ROOM(ws, int32_t, n);
    out->count = SH_ROOM(ws, double, n);
    out->length = SH_ROOM(ws, double, n);
    out->vec = SH_ROOM(ws, double, 3 * n);
    out->u = SH_ROOM(ws, double, 3 * n);
    out->uu = SH_ROOM(ws, double, 6 * n);
    be->edges_copy(&(sh_edges_copy_args){all, *out}, all.n);
    if (!by_end) return;
    out->in_start = SH_ROOM(ws, int64_t, g->n_site + 2);
    out->in_edge = SH_ROOM(ws, int64_t, n);
    sh_workspace_sort(ws, out->dst, n, out->start + g->n_site, g->n_site, out->in_start, out->in_edge);
}
