#include "nn/gcn.h"

#include <stdio.h>

#include "base/memory.h"
#include "tensor/ops.h"

enum { WIDTH = 128 };

struct sh_gcn {
    sh_tensor *first, *second, *inner; /* (node_in, WIDTH), (WIDTH, WIDTH) twice */
    sh_tensor *out_w, *out_b;          /* (WIDTH, SH_GCN_OUT) */
};

static sh_tensor *matrix(sh_params *params, const char *name, const char *part, int64_t rows, int64_t cols)
{
    char full[160];
    snprintf(full, sizeof full, "%s.%s", name, part);
    return sh_params_add(params, full, rows, cols, SH_INIT_UNIFORM_FAN_IN, 0);
}

sh_gcn *sh_gcn_create(sh_params *params, const char *name, int64_t node_in)
{
    char bias[160];
    sh_gcn *g = SH_NEW(sh_gcn, 1);
    g->first = matrix(params, name, "first", node_in, WIDTH);
    g->second = matrix(params, name, "second", WIDTH, WIDTH);
    g->inner = matrix(params, name, "inner", WIDTH, WIDTH);
    g->out_w = matrix(params, name, "out.w", WIDTH, SH_GCN_OUT);
    snprintf(bias, sizeof bias, "%s.out.b", name);
    g->out_b = sh_params_add(params, bias, 1, SH_GCN_OUT, SH_INIT_CONSTANT, 0);
    return g;
}

void sh_gcn_destroy(sh_gcn **gcn)
{
    sh_free(*gcn);
    *gcn = NULL;
}

/* The normalised adjacency with its diagonal as a list: each site's edges, then the site itself. */
typedef struct {
    int64_t n, *start; /* (S+1) */
    int32_t *site, *far_end; /* (n = E + S) */
    sh_real *weight;   /* (n) */
    sh_real *share;    /* (S) of a site in its crystal */
} adjacency;

static adjacency normalise(sh_workspace *ws, const sh_graph *g)
{
    int64_t n = g->n_edge + g->n_site;
    adjacency a = {.n = n,
                   .start = SH_ROOM(ws, int64_t, g->n_site + 1),
                   .site = SH_ROOM_BLANK(ws, int32_t, n),
                   .far_end = SH_ROOM_BLANK(ws, int32_t, n),
                   .weight = SH_ROOM_BLANK(ws, sh_real, n),
                   .share = SH_ROOM(ws, sh_real, g->n_site)};
    const sh_adjacency_args args = {.edge_start = g->edge_start,
                                    .edge_dst = g->edge_dst,
                                    .edge_count = g->edge_count,
                                    .site_start = g->site_start,
                                    .site_crystal = g->site_crystal,
                                    .mult = g->site_mult,
                                    .n_site = g->n_site,
                                    .degree = SH_ROOM(ws, double, g->n_site),
                                    .start = a.start,
                                    .site = a.site,
                                    .far_end = a.far_end,
                                    .weight = a.weight,
                                    .share = a.share};
    ws->be->adjacency_degree(&args, g->n_site);
    ws->be->adjacency(&args, g->n_site + 1);
    return a;
}

static sh_tensor *convolve(sh_tape *t, const adjacency *a, int64_t n_site, const sh_tensor *h, const sh_tensor *w)
{
    const sh_tensor *far = sh_gather_counted(t, sh_linear(t, h, w, NULL), a->far_end, a->n, a->start + n_site);
    return sh_activation_op(t, sh_segment_sum(t, far, a->start, a->site, n_site, a->weight), SH_RELU);
}

sh_tensor *sh_gcn_forward(sh_tape *t, const sh_gcn *m, const sh_graph *g, const sh_tensor *node)
{
    adjacency a = normalise(t->ws, g);
    sh_tensor *h = convolve(t, &a, g->n_site, node, m->first);
    sh_tensor *inner = sh_linear(t, convolve(t, &a, g->n_site, h, m->second), m->inner, NULL);
    h = sh_activation_op(t, sh_sum(t, h, inner), SH_RELU);
    return sh_linear(t, sh_segment_sum(t, h, g->site_start, g->site_crystal, g->n_crystal, a.share), m->out_w, m->out_b);
}
