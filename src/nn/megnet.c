#include "nn/megnet.h"

#include <stdio.h>

#include "nn/mlp.h"
#include "nn/set2set.h"

enum { N_BLOCK = 3, WIDTH = 32, HIDDEN = 64, N_GAUSSIAN = 100, N_STATE = 2, SET2SET_STEPS = 2 };

typedef struct {
    sh_mlp *edge_in, *node_in, *state_in; /* 32-64-32 perceptrons before the convolution, not in the first block */
    sh_mlp *edge, *node, *state;          /* 128-64-64-32, 96-64-64-32, 96-64-64-32 */
} block;

struct sh_megnet {
    sh_mlp *edge, *node, *state, *out;
    block blocks[N_BLOCK];
    sh_set2set edge_set, node_set;
    sh_real centre[N_GAUSSIAN];
};

static sh_mlp *create(sh_params *params, const char *name, const char *part, int n, const int64_t *sizes)
{
    char full[128];
    snprintf(full, sizeof full, "%s.%s", name, part);
    return sh_mlp_create(params, full, sizes, n);
}

sh_megnet *sh_megnet_create(sh_params *params, const char *name, int64_t node_in)
{
    sh_megnet *m = SH_NEW(sh_megnet, 1);
    m->edge = create(params, name, "edge", 3, (const int64_t[]){N_GAUSSIAN, HIDDEN, WIDTH});
    m->node = create(params, name, "node", 3, (const int64_t[]){node_in, HIDDEN, WIDTH});
    m->state = create(params, name, "state", 3, (const int64_t[]){N_STATE, HIDDEN, WIDTH});
    char inner[96];
    for (int b = 0; b < N_BLOCK; b++) {
        block *k = &m->blocks[b];
        snprintf(inner, sizeof inner, "%s.block%d", name, b);
        if (b > 0) {
            const int64_t sizes[] = {WIDTH, HIDDEN, WIDTH};
            k->edge_in = create(params, inner, "edge_in", 3, sizes);
            k->node_in = create(params, inner, "node_in", 3, sizes);
            k->state_in = create(params, inner, "state_in", 3, sizes);
        }
        k->edge = create(params, inner, "edge", 4, (const int64_t[]){4 * WIDTH, HIDDEN, HIDDEN, WIDTH});
        k->node = create(params, inner, "node", 4, (const int64_t[]){3 * WIDTH, HIDDEN, HIDDEN, WIDTH});
        k->state = create(params, inner, "state", 4, (const int64_t[]){3 * WIDTH, HIDDEN, HIDDEN, WIDTH});
    }
    snprintf(inner, sizeof inner, "%s.node_set", name);
    sh_set2set_create(params, inner, WIDTH, &m->node_set);
    snprintf(inner, sizeof inner, "%s.edge_set", name);
    sh_set2set_create(params, inner, WIDTH, &m->edge_set);
    m->out = create(params, name, "out", 4, (const int64_t[]){5 * WIDTH, WIDTH, WIDTH / 2, SH_MEGNET_OUT});
    for (int k = 0; k < N_GAUSSIAN; k++)
        m->centre[k] = (sh_real)(5.0 * k / (N_GAUSSIAN - 1));
    return m;
}

void sh_megnet_destroy(sh_megnet **megnet)
{
    sh_megnet *m = *megnet;
    if (!m) return;
    sh_mlp_destroy(&m->edge);
    sh_mlp_destroy(&m->node);
    sh_mlp_destroy(&m->state);
    sh_mlp_destroy(&m->out);
    for (int b = 0; b < N_BLOCK; b++) {
        block *k = &m->blocks[b];
        sh_mlp_destroy(&k->edge_in);
        sh_mlp_destroy(&k->node_in);
        sh_mlp_destroy(&k->state_in);
        sh_mlp_destroy(&k->edge);
        sh_mlp_destroy(&k->node);
        sh_mlp_destroy(&k->state);
    }
    sh_free(m);
    *megnet = NULL;
}

/* What the graph means for sums and means; there, and read again on the way back. */
typedef struct {
    sh_edge_index index;
    sh_graph_shares shares;
} weights;

static weights *prepare(sh_workspace *ws, const sh_graph *g)
{
    int32_t *edge_crystal = SH_ROOM_BLANK(ws, int32_t, g->n_edge);
    int64_t *crystal_start = SH_ROOM(ws, int64_t, g->n_crystal + 1);
    weights *w = SH_PUSH(ws->arena, weights, 1);
    *w = (weights){.index = {.n_edge = g->n_edge,
                             .n_site = g->n_site,
                             .n_crystal = g->n_crystal,
                             .src = g->edge_src,
                             .dst = g->edge_dst,
                             .crystal = edge_crystal,
                             .src_start = g->edge_start,
                             .dst_start = g->in_start,
                             .dst_list = g->in_edge,
                             .crystal_start = crystal_start},
                   .shares = {.edge_of_site = SH_ROOM_BLANK(ws, sh_real, g->n_edge),
                              .edge_of_crystal = SH_ROOM_BLANK(ws, sh_real, g->n_edge),
                              .site_of_crystal = SH_ROOM(ws, sh_real, g->n_site),
                              .edge_mult = SH_ROOM(ws, sh_real, g->n_edge),
                              .site_mult = SH_ROOM(ws, sh_real, g->n_site)}};
    const sh_graph_shares_args args = {.site_start = g->site_start,
                                       .edge_start = g->edge_start,
                                       .edge_count = g->edge_count,
                                       .mult = g->site_mult,
                                       .n_crystal = g->n_crystal,
                                       .edge_crystal = edge_crystal,
                                       .crystal_start = crystal_start,
                                       .shares = w->shares};
    ws->be->graph_shares(&args, g->n_crystal + 1);
    return w;
}

/* The layers of a convolution after its first. */
static sh_tensor *rest(sh_tape *t, const sh_mlp *m, sh_tensor *x)
{
    for (int i = 1; i < m->n_layer; i++)
        x = sh_dense(t, x, m->w[i], m->b[i], SH_SOFTPLUS2);
    return x;
}

static sh_tensor *maybe(sh_tape *t, const sh_mlp *m, sh_tensor *x)
{
    return m ? sh_mlp_forward(t, m, x, SH_SOFTPLUS2, true) : x;
}

sh_tensor *sh_megnet_forward(sh_tape *t, const sh_megnet *m, const sh_graph *g, const sh_tensor *node)
{
    const weights *w = prepare(t->ws, g);
    const sh_edge_index *index = &w->index;
    int32_t *all_zero = SH_ROOM_ZERO(t->ws, int32_t, g->n_crystal);
    sh_real *no_state = SH_ROOM_ZERO(t->ws, sh_real, N_STATE);

    sh_tensor *distances = sh_gaussians(t, g->edge_dist, g->n_edge, m->centre, N_GAUSSIAN, 0.5);
    sh_tensor *e = sh_mlp_forward(t, m->edge, distances, SH_SOFTPLUS2, true);
    sh_tensor *v = sh_mlp_forward(t, m->node, node, SH_SOFTPLUS2, true);
    sh_tensor *u = sh_mlp_forward(t, m->state, sh_tape_constant(t, no_state, 1, N_STATE), SH_SOFTPLUS2, true);
    u = sh_gather_rows(t, u, all_zero, g->n_crystal); /* the same for all: computed once */

    for (int b = 0; b < N_BLOCK; b++) {
        const block *k = &m->blocks[b];
        sh_tensor *e1 = maybe(t, k->edge_in, e), *v1 = maybe(t, k->node_in, v), *u1 = maybe(t, k->state_in, u);
        const sh_tensor *first = k->edge->w[0]; /* its rows: v_s, v_t, e, u */
        sh_tensor *p_src = sh_linear(t, v1, sh_rows_view(t, first, 0, WIDTH), NULL);
        sh_tensor *p_dst = sh_linear(t, v1, sh_rows_view(t, first, WIDTH, WIDTH), NULL);
        sh_tensor *p_u = sh_linear(t, u1, sh_rows_view(t, first, 3 * WIDTH, WIDTH), k->edge->b[0]);
        sh_tensor *e2 = sh_edge_dense(t, e1, sh_rows_view(t, first, 2 * WIDTH, WIDTH), p_src, p_dst, p_u, index,
                                      SH_SOFTPLUS2);
        e2 = rest(t, k->edge, e2);
        sh_tensor *near = sh_segment_sum(t, e2, g->edge_start, g->edge_src, g->n_site, w->shares.edge_of_site);
        sh_tensor *u_of_site = sh_gather_rows(t, u1, g->site_crystal, g->n_site);
        sh_tensor *v2 = sh_concat_cols(t, (const sh_tensor *[]){v1, near, u_of_site}, 3);
        v2 = sh_mlp_forward(t, k->node, v2, SH_SOFTPLUS2, true);
        sh_tensor *e_mean = sh_segment_sum(t, e2, index->crystal_start, index->crystal, g->n_crystal, w->shares.edge_of_crystal);
        sh_tensor *v_mean = sh_segment_sum(t, v2, g->site_start, g->site_crystal, g->n_crystal, w->shares.site_of_crystal);
        sh_tensor *u2 = sh_concat_cols(t, (const sh_tensor *[]){u1, e_mean, v_mean}, 3);
        u2 = sh_mlp_forward(t, k->state, u2, SH_SOFTPLUS2, true);
        e = sh_sum(t, e, e2);
        v = sh_sum(t, v, v2);
        u = sh_sum(t, u, u2);
    }
    sh_tensor *sites = sh_set2set_forward(t, &m->node_set, v, w->shares.site_mult, g->site_start, g->n_crystal, SET2SET_STEPS);
    sh_tensor *edges =
        sh_set2set_forward(t, &m->edge_set, e, w->shares.edge_mult, index->crystal_start, g->n_crystal, SET2SET_STEPS);
    sh_tensor *pooled = sh_concat_cols(t, (const sh_tensor *[]){sites, edges, u}, 3);
    return sh_mlp_forward(t, m->out, pooled, SH_SOFTPLUS2, false);
}
