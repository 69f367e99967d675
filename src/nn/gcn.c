#include "nn/gcn.h"

#include <math.h>
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
    int64_t *start;   /* (S+1) */
    int32_t *far_end; /* (E+S) */
    sh_real *weight;  /* (E+S) */
} adjacency;

static adjacency normalise(sh_arena *arena, const sh_graph *g)
{
    int64_t n = 0, n_entry = g->n_edge + g->n_site;
    adjacency a = {SH_PUSH(arena, int64_t, g->n_site + 1), SH_PUSH(arena, int32_t, n_entry), SH_PUSH(arena, sh_real, n_entry)};
    double *degree = SH_PUSH(arena, double, g->n_site);
    for (int64_t s = 0; s < g->n_site; s++) {
        degree[s] = 1;
        for (int64_t e = g->edge_start[s]; e < g->edge_start[s + 1]; e++)
            degree[s] += g->edge_count[e];
    }
    for (int64_t s = 0; s < g->n_site; s++) {
        a.start[s] = n;
        for (int64_t e = g->edge_start[s]; e < g->edge_start[s + 1]; e++) {
            a.far_end[n] = g->edge_dst[e];
            a.weight[n++] = (sh_real)(g->edge_count[e] / sqrt(degree[s] * degree[g->edge_dst[e]]));
        }
        a.far_end[n] = (int32_t)s;
        a.weight[n++] = (sh_real)(1 / degree[s]);
    }
    a.start[g->n_site] = n;
    return a;
}

static sh_tensor *convolve(sh_tape *t, const adjacency *a, int64_t n_site, const sh_tensor *h, const sh_tensor *w)
{
    const sh_tensor *far = sh_gather_rows(t, sh_linear(t, h, w, NULL), a->far_end, a->start[n_site]);
    return sh_activation_op(t, sh_segment_sum(t, far, a->start, n_site, a->weight), SH_RELU);
}

sh_tensor *sh_gcn_forward(sh_tape *t, const sh_gcn *m, const sh_graph *g, const sh_tensor *node)
{
    adjacency a = normalise(t->arena, g);
    sh_real *share = SH_PUSH(t->arena, sh_real, g->n_site);
    for (int64_t c = 0; c < g->n_crystal; c++) {
        double atoms = 0;
        for (int64_t s = g->site_start[c]; s < g->site_start[c + 1]; s++)
            atoms += g->site_mult[s];
        for (int64_t s = g->site_start[c]; s < g->site_start[c + 1]; s++)
            share[s] = (sh_real)(g->site_mult[s] / atoms);
    }
    sh_tensor *h = convolve(t, &a, g->n_site, node, m->first);
    sh_tensor *inner = sh_linear(t, convolve(t, &a, g->n_site, h, m->second), m->inner, NULL);
    h = sh_activation_op(t, sh_sum(t, h, inner), SH_RELU);
    return sh_linear(t, sh_segment_sum(t, h, g->site_start, g->n_crystal, share), m->out_w, m->out_b);
}
