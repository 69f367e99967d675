#include "potential/megnet_tape.h"

#include "base/status.h"
#include "potential/megnet_params.h"
#include "potential/pool_tape.h"
#include "tensor/ops.h"

/* What the graph means for sums and means; there. */
typedef struct {
    const sh_megnet_model *m;
    sh_tape *tape;
    sh_edges edges;
    sh_edge_index index;
    sh_graph_shares shares;
    const sh_real *end_share; /* (E) of an edge among those that end where it does */
    const int64_t *site_start;
    const int32_t *site_crystal;
} network;

static void prepare(network *b, const sh_graph *g)
{
    sh_workspace *ws = b->tape->ws;
    int64_t n = b->edges.n;
    int32_t *edge_crystal = SH_ROOM(ws, int32_t, n);
    int64_t *crystal_start = SH_ROOM(ws, int64_t, g->n_crystal + 1);
    sh_real *end_share = SH_ROOM(ws, sh_real, n);
    b->index = (sh_edge_index){.n_edge = n,
                               .n_site = g->n_site,
                               .n_crystal = g->n_crystal,
                               .src = b->edges.src,
                               .dst = b->edges.dst,
                               .crystal = edge_crystal,
                               .src_start = b->edges.start,
                               .dst_start = b->edges.in_start,
                               .dst_list = b->edges.in_edge,
                               .crystal_start = crystal_start};
    b->shares = (sh_graph_shares){.edge_of_site = SH_ROOM(ws, sh_real, n),
                                  .edge_of_crystal = SH_ROOM(ws, sh_real, n),
                                  .site_of_crystal = SH_ROOM(ws, sh_real, g->n_site),
                                  .edge_mult = SH_ROOM(ws, sh_real, n),
                                  .site_mult = SH_ROOM(ws, sh_real, g->n_site)};
    ws->be->graph_shares(&(sh_graph_shares_args){.site_start = g->site_start,
                                                 .edge_start = b->edges.start,
                                                 .edge_count = b->edges.count,
                                                 .mult = g->site_mult,
                                                 .n_crystal = g->n_crystal,
                                                 .edge_crystal = edge_crystal,
                                                 .crystal_start = crystal_start,
                                                 .shares = b->shares},
                         g->n_crystal + 1);
    ws->be->end_shares(&(sh_end_shares_args){b->edges, b->shares.edge_mult, end_share}, g->n_site);
    b->end_share = end_share;
    b->site_start = g->site_start;
    b->site_crystal = g->site_crystal;
}

static sh_tensor *matrix(const network *b, const dense *d, int64_t first, int64_t rows)
{
    return sh_tape_constant(b->tape, d->matrix.there + first * d->out, rows, d->out);
}

static sh_tensor *bias(const network *b, const dense *d)
{
    return sh_tape_constant(b->tape, d->bias.there, 1, d->out);
}

/* Layers first .. of a perceptron. */
static sh_tensor *layers(const network *b, const perceptron *p, int first, sh_tensor *x)
{
    for (int i = first; i < p->n; i++)
        x = sh_dense(b->tape, x, matrix(b, &p->layer[i], 0, p->layer[i].in), bias(b, &p->layer[i]), SH_SOFTPLUS2);
    return x;
}

/* ---- means over the edges that end at a site ---- */

typedef struct {
    const network *b;
    const sh_tensor *x, *y;
} mean_saved;

static void mean_backward(sh_tape *t, const void *saved)
{
    const mean_saved *s = saved;
    const sh_gather_args args = {.x = s->y->grad,
                                 .index = s->b->edges.dst,
                                 .weight = s->b->end_share,
                                 .y = s->x->grad,
                                 .cols = s->x->cols,
                                 .keep = 1};
    t->ws->be->gather(&args, s->x->rows);
}

static sh_tensor *mean_at_ends(const network *b, const sh_tensor *x)
{
    sh_tensor *y = sh_tape_new(b->tape, b->index.n_site, x->cols, x->grad);
    b->tape->ws->be->list_sum(&(sh_list_sum_args){.x = x->data,
                                                  .start = b->edges.in_start,
                                                  .list = b->edges.in_edge,
                                                  .weight = b->end_share,
                                                  .y = y->data,
                                                  .cols = x->cols},
                              y->rows);
    sh_tape_push(b->tape, y, mean_backward, &(mean_saved){b, x, y}, sizeof(mean_saved));
    return y;
}

/* A first layer on rows of several tensors side by side, which are never put there: its matrix has rows for each. Products of few
 * columns have a fixed order on the CPU. */
static sh_tensor *first_layer(const network *b, const dense *d, const sh_tensor *const *parts, int n)
{
    sh_tensor *sum = NULL;
    int64_t first = 0;
    for (int i = 0; i < n; i++) {
        sh_tensor *y = sh_linear(b->tape, parts[i], matrix(b, d, first, parts[i]->cols), i == 0 ? bias(b, d) : NULL);
        sum = sum ? sh_sum(b->tape, sum, y) : y;
        first += parts[i]->cols;
    }
    return sh_activation_op(b->tape, sum, SH_SOFTPLUS2);
}

static void run_block(const network *b, const block *k, sh_tensor **v, sh_tensor **e, sh_tensor **u)
{
    sh_tape *t = b->tape;
    const dense *on_edge = &k->on_edge.layer[0];
    sh_tensor *e_in = layers(b, &k->edge, 0, *e), *v_in = layers(b, &k->node, 0, *v), *u_in = layers(b, &k->state, 0, *u);

    /* e += e'' of [v_s, v_t, e, u] */
    const sh_tensor *p_src = sh_linear(t, v_in, matrix(b, on_edge, 0, W), NULL);
    const sh_tensor *p_dst = sh_linear(t, v_in, matrix(b, on_edge, W, W), NULL);
    const sh_tensor *p_state = sh_linear(t, u_in, matrix(b, on_edge, 3 * W, W), bias(b, on_edge));
    sh_tensor *fresh = sh_edge_dense(t, e_in, matrix(b, on_edge, 2 * W, W), p_src, p_dst, p_state, &b->index, SH_SOFTPLUS2);
    fresh = layers(b, &k->on_edge, 1, fresh);
    *e = sh_sum(t, *e, fresh);

    /* v += v'' of [v, mean of e'', u] */
    sh_tensor *at_ends = mean_at_ends(b, fresh);
    sh_tensor *of_edges = sh_segment_sum(t, fresh, b->index.crystal_start, b->index.crystal, b->index.n_crystal, b->shares.edge_of_crystal);
    sh_tensor *of_site = sh_gather_rows(t, u_in, b->site_crystal, b->index.n_site);
    fresh = first_layer(b, &k->on_node.layer[0], (const sh_tensor *const[]){v_in, at_ends, of_site}, 3);
    fresh = layers(b, &k->on_node, 1, fresh);
    *v = sh_sum(t, *v, fresh);

    /* u += u'' of [u, mean of e'', mean of v''] */
    sh_tensor *of_sites = sh_segment_sum(t, fresh, b->site_start, b->site_crystal, b->index.n_crystal, b->shares.site_of_crystal);
    fresh = first_layer(b, &k->on_state.layer[0], (const sh_tensor *const[]){u_in, of_edges, of_sites}, 3);
    *u = sh_sum(t, *u, layers(b, &k->on_state, 1, fresh));
}

void sh_megnet_model_differentiate(const sh_megnet_model *m, sh_workspace *ws, const sh_graph *g, const sh_edges *edges,
                                   const int32_t *site_z, const int64_t *wanted, int64_t n_wanted, double *value, double *slope)
{
    sh_tape tape;
    const tables *there = m->there ? m->there : &m->tables;
    const sh_elements elements = {g->site_start, site_z, there->row};
    SH_ASSERT(m->be == ws->be || !ws->be->room);
    sh_tape_begin(&tape, ws, true);
    network b = {.m = m, .tape = &tape, .edges = *edges};
    prepare(&b, g);

    sh_tensor *v = sh_tape_new(&tape, g->n_site, W, false), *u = sh_tape_new(&tape, g->n_crystal, W, false);
    sh_tensor *gaussian = sh_tape_new(&tape, edges->n, N_GAUSSIAN, true);
    const int32_t *first_row = SH_ROOM_ZERO(ws, int32_t, g->n_crystal);
    ws->be->element_rows(&(sh_element_rows_args){elements, there->element, v->data, W}, g->n_site);
    ws->be->gather(&(sh_gather_args){.x = there->state, .index = first_row, .y = u->data, .cols = W}, g->n_crystal);
    ws->be->gaussians(&(sh_gaussians_args){edges->length, there->centre, gaussian->data, N_GAUSSIAN, m->width}, edges->n);

    sh_tensor *e = layers(&b, &m->encoder, 0, gaussian);
    for (int i = 0; i < N_BLOCK; i++)
        run_block(&b, &m->blocks[i], &v, &e, &u);
    const sh_tensor *pooled[3] = {
        sh_pool_forward(&tape, &m->pool_sites, v, b.shares.site_mult, g->site_start, g->n_crystal),
        sh_pool_forward(&tape, &m->pool_edges, e, b.shares.edge_mult, b.index.crystal_start, g->n_crystal), u};
    const perceptron out = {.n = 2, .layer = {m->out[0], m->out[1]}};
    const sh_tensor *last = layers(&b, &out, 1, first_layer(&b, &m->out[0], pooled, 3));
    sh_read_crystals(&tape, last, &(sh_crystal_value_args){.wanted = wanted,
                                                           .elements = elements,
                                                           .last = m->out[2].matrix.there,
                                                           .end = m->out[2].bias.there,
                                                           .std = m->std,
                                                           .mean = m->mean,
                                                           .value = value},
                     g->site_mult, wanted ? n_wanted : g->n_crystal);
    sh_tape_play(&tape);
    ws->be->gaussians_grad(&(sh_gaussians_grad_args){.x = edges->length,
                                                     .centre = there->centre,
                                                     .y = gaussian->data,
                                                     .grad_y = gaussian->grad,
                                                     .slope = slope,
                                                     .cols = N_GAUSSIAN,
                                                     .width = m->width},
                           edges->n);
}
