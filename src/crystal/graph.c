#include "crystal/graph.h"

#include <math.h>

#include "backend/workspace.h"

static const double SHELL = 1e-6;      /* Å: lengths closer than this are one shell */
static const double EDGE_SLACK = 1e-8; /* Å^2: an atom at the cut-off is inside, whatever its rounding */

void sh_graph_build(sh_workspace *ws, const sh_crystals *c, const sh_graph_opts *opts, sh_graph *out)
{
    const sh_backend *be = ws->be;
    int64_t n_crystal = c->n_crystal, n_site = c->n_site, *image_start = SH_ROOM(ws, int64_t, n_site + 1);
    *out = (sh_graph){.cutoff = opts->cutoff,
                      .n_crystal = n_crystal,
                      .n_site = n_site,
                      .site_start = c->site_start,
                      .site_crystal = c->site_crystal,
                      .site_mult = SH_ROOM(ws, double, n_site),
                      .edge_start = SH_ROOM(ws, int64_t, n_site + 1),
                      .in_start = SH_ROOM(ws, int64_t, n_site + 2),
                      .min_dist = SH_ROOM(ws, double, n_crystal)};
    sh_graph_find_args args = {.crystals = *c,
                               .graph = *out,
                               .cutoff = opts->cutoff,
                               .limit2 = opts->cutoff * opts->cutoff + EDGE_SLACK,
                               .shell = fmax(SHELL, c->position_tolerance),
                               .class_tol = 10 * c->position_tolerance,
                               .max_neighbours = opts->max_neighbours,
                               .no_classes = opts->no_classes,
                               .rotation = SH_ROOM(ws, double, 9 * c->n_stab),
                               .cell = SH_ROOM(ws, sh_search_cell, n_crystal),
                               .n_bound = SH_ROOM(ws, int64_t, n_site),
                               .image_start = image_start,
                               .n_kept = SH_ROOM(ws, int64_t, n_site),
                               .n_edge = SH_ROOM(ws, int64_t, n_site),
                               .site_min = SH_ROOM(ws, double, n_site)};
    be->graph_prepare(&args, n_crystal);
    be->graph_bound(&args, n_site);
    int64_t n_image = sh_workspace_size(ws, args.n_bound, n_site, image_start, n_site);
    args.image = SH_ROOM(ws, sh_search_image, n_image);
    args.key = SH_ROOM(ws, sh_search_key, n_image);
    args.class_of = SH_ROOM(ws, sh_search_class, n_image);
    be->graph_find(&args, n_site);
    be->graph_min_dist(&args, n_crystal);
    int64_t n_edge = out->n_edge = sh_workspace_size(ws, args.n_edge, n_site, out->edge_start, n_site);
    out->edge_src = SH_ROOM_BLANK(ws, int32_t, n_edge);
    out->edge_dst = SH_ROOM_BLANK(ws, int32_t, n_edge);
    out->edge_atom = SH_ROOM(ws, int32_t, n_edge);
    out->edge_count = SH_ROOM(ws, double, n_edge);
    out->edge_dist = SH_ROOM_BLANK(ws, double, n_edge);
    out->edge_vec = SH_ROOM(ws, double, 3 * n_edge);
    out->edge_u = SH_ROOM(ws, double, 3 * n_edge);
    out->edge_uu = SH_ROOM(ws, double, 6 * n_edge);
    out->in_edge = SH_ROOM(ws, int64_t, n_edge);
    args.graph = *out;
    be->graph_write(&args, n_site);
    sh_workspace_sort(ws, out->edge_dst, n_edge, out->edge_start + n_site, n_site, out->in_start, out->in_edge);
}

void sh_graph_count(const sh_graph *g, const int64_t *crystals, int64_t n, int64_t *n_site, int64_t *n_edge)
{
    *n_site = *n_edge = 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t first = g->site_start[crystals[i]], last = g->site_start[crystals[i] + 1];
        *n_site += last - first;
        *n_edge += g->edge_start[last] - g->edge_start[first];
    }
}
