#include "potential/m3gnet_tape.h"

#include "base/status.h"
#include "potential/m3gnet_batch.h"
#include "potential/m3gnet_params.h"
#include "potential/pool_tape.h"
#include "tensor/ops.h"

/* Features of sites and edges are one tensor each from the first block to the last: what a block adds is added in place, and its
 * gradient with it, which is what is left to go further back. Nothing on the way back reads the features themselves: weights are
 * constants. */
typedef struct {
    const sh_m3gnet *m;
    const struct sh_m3gnet *there; /* its weights, where kernels read them */
    sh_tape *tape;
    const sh_backend *be;
    sh_workspace *ws;
    int64_t n_site;
    sh_edges edges;
    sh_edge_index index;
    sh_elements elements;
    const double *mult;             /* (S) */
    sh_tensor *v, *e;               /* (S,W), (E,W) */
    sh_tensor *radial;              /* (E,3) or (E,9) */
    sh_tensor *fade, *bessel, *unit; /* (E,1), (E,9), (E,3), or NULL */
    sh_real *weight;                /* (E) */
} network;

static sh_tensor *constant(const network *b, const sh_real *data, int64_t rows, int64_t cols)
{
    return sh_tape_constant(b->tape, data, rows, cols);
}

/* grad_radial += what came to the product of radial functions and matrix. */
static void radial_grad(const network *b, const sh_real *grad, const sh_real *matrix)
{
    b->be->m3gnet_radial_grad(&(sh_m3gnet_radial_grad_args){.grad = grad,
                                                            .matrix = matrix,
                                                            .grad_radial = b->radial->grad,
                                                            .n = b->m->n_radial,
                                                            .cols = W},
                              b->edges.n);
}

/* ---- the first features ---- */

static void first_backward(sh_tape *t, const void *saved)
{
    const network *b = saved;
    sh_workspace_mark mark = sh_workspace_get_mark(t->ws);
    sh_real *grad = SH_ROOM(t->ws, sh_real, b->edges.n * W);
    b->be->m3gnet_first_grad(&(sh_m3gnet_first_grad_args){.radial = b->radial->data,
                                                          .matrix = b->there->first,
                                                          .bias = b->there->first_bias,
                                                          .grad_e = b->e->grad,
                                                          .grad_x = grad,
                                                          .n = b->m->n_radial,
                                                          .cols = W},
                             b->edges.n);
    radial_grad(b, grad, b->there->first);
    sh_workspace_release(t->ws, mark);
}

static void start(network *b)
{
    const sh_m3gnet *m = b->m;
    sh_tape *t = b->tape;
    int64_t n = b->edges.n;
    bool three = m->three != THREE_NONE;
    b->v = sh_tape_new(t, b->n_site, W, true);
    b->e = sh_tape_new(t, n, W, true);
    b->radial = sh_tape_new(t, n, m->n_radial, true);
    b->fade = three ? sh_tape_new(t, n, 1, true) : NULL;
    b->bessel = three ? sh_tape_new(t, n, N_BESSEL, true) : NULL;
    b->unit = three ? sh_tape_new(t, n, 3, true) : NULL;
    b->weight = SH_ROOM(b->ws, sh_real, n);
    b->be->element_rows(&(sh_element_rows_args){b->elements, b->there->table, b->v->data, W}, b->n_site);
    b->be->m3gnet_edges(&(sh_m3gnet_edges_args){.edges = b->edges,
                                                .mult = b->mult,
                                                .cutoff = m->cutoff,
                                                .cutoff3 = m->cutoff3,
                                                .n_radial = m->n_radial,
                                                .to_target = m->to_target,
                                                .radial = b->radial->data,
                                                .weight = b->weight,
                                                .fade = three ? b->fade->data : NULL,
                                                .bessel = three ? b->bessel->data : NULL,
                                                .unit = three ? b->unit->data : NULL},
                        n);
    b->be->m3gnet_first(
        &(sh_m3gnet_first_args){b->radial->data, b->there->first, b->there->first_bias, b->e->data, m->n_radial, W}, n);
    sh_tape_push(t, b->e, first_backward, b, sizeof *b);
}

/* ---- three-body terms ---- */

typedef struct {
    const network *b;
    const block *k;
    const sh_real *gate, *sum, *three; /* (S,9), (S,9,7), (E,9) */
} three_saved;

static void three_backward(sh_tape *t, const void *saved)
{
    const three_saved *s = saved;
    const network *b = s->b;
    int64_t n = b->edges.n;
    sh_workspace_mark mark = sh_workspace_get_mark(t->ws);
    sh_real *grad_three = SH_ROOM(t->ws, sh_real, n * N_BESSEL), *by_edge = SH_ROOM(t->ws, sh_real, n * N_BESSEL),
            *grad_gate = SH_ROOM(t->ws, sh_real, b->n_site * N_BESSEL);
    b->be->m3gnet_three_body_grad(&(sh_m3gnet_three_body_grad_args){.three = s->three,
                                                                    .fade = b->fade->data,
                                                                    .value_matrix = s->k->three_value,
                                                                    .gate_matrix = s->k->three_gate,
                                                                    .grad_e = b->e->grad,
                                                                    .grad_three = grad_three,
                                                                    .cols = W},
                                  n);
    const sh_m3gnet_angles_grad_args args = {.edges = b->edges,
                                             .bessel = b->bessel->data,
                                             .fade = b->fade->data,
                                             .unit = b->unit->data,
                                             .gate = s->gate,
                                             .sum = s->sum,
                                             .grad_three = grad_three,
                                             .grad_sum = SH_ROOM(t->ws, sh_real, b->n_site * N_BESSEL * 7),
                                             .grad_bessel = b->bessel->grad,
                                             .grad_fade = b->fade->grad,
                                             .grad_unit = b->unit->grad,
                                             .grad_gate = by_edge,
                                             .cols = N_BESSEL,
                                             .self = b->m->three == THREE_SELF};
    b->be->m3gnet_angle_sums_grad(&args, b->n_site);
    b->be->m3gnet_angles_grad(&args, n);
    b->be->list_sum(&(sh_list_sum_args){.x = by_edge,
                                        .start = b->edges.in_start,
                                        .list = b->edges.in_edge,
                                        .y = grad_gate,
                                        .cols = N_BESSEL},
                    b->n_site);
    b->be->m3gnet_atom_gate_grad(&(sh_m3gnet_atom_gate_grad_args){.gate = s->gate,
                                                                  .grad_gate = grad_gate,
                                                                  .matrix = s->k->atom,
                                                                  .grad_v = b->v->grad,
                                                                  .n = N_BESSEL,
                                                                  .cols = W},
                                 b->n_site);
    sh_workspace_release(t->ws, mark);
}

static void add_three_body(const network *b, const block *k)
{
    int64_t n = b->edges.n;
    sh_real *gate = SH_ROOM(b->ws, sh_real, b->n_site * N_BESSEL), *sum = SH_ROOM(b->ws, sh_real, b->n_site * N_BESSEL * 7),
            *three = SH_ROOM(b->ws, sh_real, n * N_BESSEL);
    b->be->m3gnet_atom_gate(&(sh_m3gnet_atom_gate_args){b->v->data, k->atom, k->atom_bias, gate, W, N_BESSEL}, b->n_site);
    const sh_m3gnet_angles_args args = {.edges = b->edges,
                                        .bessel = b->bessel->data,
                                        .fade = b->fade->data,
                                        .unit = b->unit->data,
                                        .gate = gate,
                                        .sum = sum,
                                        .three = three,
                                        .cols = N_BESSEL,
                                        .self = b->m->three == THREE_SELF};
    b->be->m3gnet_angle_sums(&args, b->n_site);
    b->be->m3gnet_angles(&args, n);
    b->be->m3gnet_three_body(&(sh_m3gnet_three_body_args){.three = three,
                                                          .fade = b->fade->data,
                                                          .value_matrix = k->three_value,
                                                          .gate_matrix = k->three_gate,
                                                          .e = b->e->data,
                                                          .cols = W},
                             n);
    sh_tape_push(b->tape, b->e, three_backward, &(three_saved){b, k, gate, sum, three}, sizeof(three_saved));
}

/* ---- gated perceptrons ---- */

/* One branch of a gated perceptron on [v_s, v_t, e], but for bias and activation at its end. */
static sh_tensor *branch(const network *b, const gated *g, bool gate)
{
    sh_tape *t = b->tape;
    const pair *const first[3] = {&g->source, &g->target, &g->edge};
    const sh_tensor *w[3];
    for (int i = 0; i < 3; i++)
        w[i] = constant(b, gate ? first[i]->gate : first[i]->value, W, W);
    const sh_tensor *p_src = sh_linear(t, b->v, w[0], constant(b, g->bias + (gate ? W : 0), 1, W));
    const sh_tensor *p_dst = sh_linear(t, b->v, w[1], NULL);
    sh_tensor *h = sh_edge_dense(t, b->e, w[2], p_src, p_dst, NULL, &b->index, SH_SWISH);
    for (int i = 0; i < b->m->n_later; i++) {
        const sh_tensor *later = constant(b, gate ? g->later[i].gate : g->later[i].value, W, W);
        const sh_tensor *bias = constant(b, g->later_bias[i] + (gate ? W : 0), 1, W);
        h = i < b->m->n_later - 1 ? sh_dense(t, h, later, bias, SH_SWISH) : sh_linear(t, h, later, NULL);
    }
    return h;
}

typedef struct {
    const network *b;
    const gated *g;
    const sh_tensor *value, *gate;
    bool to_sites;
} message_saved;

static void message_backward(sh_tape *t, const void *saved)
{
    const message_saved *s = saved;
    const network *b = s->b;
    sh_workspace_mark mark = sh_workspace_get_mark(t->ws);
    sh_real *grad_factor = SH_ROOM(t->ws, sh_real, b->edges.n * W);
    b->be->m3gnet_message_grad(
        &(sh_m3gnet_message_grad_args){.edges = b->edges,
                                       .value = s->value->data,
                                       .gate = s->gate->data,
                                       .bias = s->g->later_bias[b->m->n_later - 1],
                                       .radial = b->radial->data,
                                       .matrix = s->g->radial,
                                       .weight = b->weight,
                                       .grad_y = s->to_sites ? b->v->grad : b->e->grad,
                                       .grad_value = s->value->grad,
                                       .grad_gate = s->gate->grad,
                                       .grad_factor = grad_factor,
                                       .n = b->m->n_radial,
                                       .cols = W,
                                       .swish_radial = s->to_sites && b->m->swish_radial,
                                       .to_target = b->m->to_target,
                                       .to_sites = s->to_sites},
        b->edges.n);
    radial_grad(b, grad_factor, s->g->radial);
    sh_workspace_release(t->ws, mark);
}

/* Messages of all edges, to themselves or to sites. */
static void send(const network *b, const gated *g, bool to_sites)
{
    const message_saved s = {.b = b, .g = g, .value = branch(b, g, false), .gate = branch(b, g, true), .to_sites = to_sites};
    const sh_m3gnet_to_edges_args args = {.edges = b->edges,
                                          .value = s.value->data,
                                          .gate = s.gate->data,
                                          .bias = g->later_bias[b->m->n_later - 1],
                                          .radial = b->radial->data,
                                          .matrix = g->radial,
                                          .weight = b->weight,
                                          .y = to_sites ? b->v->data : b->e->data,
                                          .n = b->m->n_radial,
                                          .cols = W,
                                          .swish_radial = to_sites && b->m->swish_radial,
                                          .to_target = b->m->to_target};
    if (to_sites)
        b->be->m3gnet_to_sites(&args, b->n_site);
    else
        b->be->m3gnet_to_edges(&args, b->edges.n);
    sh_tape_push(b->tape, to_sites ? b->v : b->e, message_backward, &s, sizeof s);
}

/* ---- readout ---- */

typedef struct {
    const network *b;
    const sh_tensor *value, *gate;
} readout_saved;

static void readout_backward(sh_tape *t, const void *saved)
{
    const readout_saved *s = saved;
    const network *b = s->b;
    (void)t;
    b->be->m3gnet_readout_grad(&(sh_m3gnet_readout_grad_args){.value = s->value->data,
                                                              .gate = s->gate->data,
                                                              .last = b->there->out_last,
                                                              .end = b->there->out_end,
                                                              .mult = b->mult,
                                                              .std = b->m->std,
                                                              .grad_value = s->value->grad,
                                                              .grad_gate = s->gate->grad,
                                                              .n = W},
                               b->n_site);
}

static const sh_tensor *readout_branch(const network *b, bool gate)
{
    const sh_tensor *h = b->v;
    for (int i = 0; i < b->m->n_out; i++)
        h = sh_dense(b->tape, h, constant(b, gate ? b->there->out[i].gate : b->there->out[i].value, W, W),
                     constant(b, b->there->out_bias[i] + (gate ? W : 0), 1, W), SH_SWISH);
    return h;
}

static void read_out_sites(const network *b, const int64_t *wanted, int64_t n, double *value)
{
    const readout_saved s = {b, readout_branch(b, false), readout_branch(b, true)};
    double *raw = SH_ROOM(b->ws, double, b->n_site);
    b->be->m3gnet_readout(&(sh_m3gnet_readout_args){s.value->data, s.gate->data, b->there->out_last, b->there->out_end, raw, W},
                          b->n_site);
    b->be->sum_sites(&(sh_sum_sites_args){.wanted = wanted,
                                          .elements = b->elements,
                                          .mult = b->mult,
                                          .raw = raw,
                                          .reference = b->there->reference,
                                          .std = b->m->std,
                                          .mean = b->m->mean,
                                          .value = value},
                     n);
    sh_tape_push(b->tape, b->v, readout_backward, &s, sizeof s);
}

static void read_out_crystals(const network *b, const sh_graph *g, const int64_t *wanted, int64_t n, double *value)
{
    sh_real *mult = SH_ROOM(b->ws, sh_real, b->n_site);
    b->be->to_real(&(sh_to_real_args){b->mult, mult}, b->n_site);
    sh_tensor *c = sh_pool_forward(b->tape, &b->m->pool, b->v, mult, g->site_start, g->n_crystal);
    c = sh_dense(b->tape, c, constant(b, b->there->pool_first, 2 * W, W), constant(b, b->there->pool_first_bias, 1, W), SH_SWISH);
    c = sh_dense(b->tape, c, constant(b, b->there->pool_second, W, W), constant(b, b->there->pool_second_bias, 1, W), SH_SWISH);
    sh_read_crystals(b->tape, c, &(sh_crystal_value_args){.wanted = wanted,
                                                          .elements = b->elements,
                                                          .last = b->there->pool_last,
                                                          .end = &b->there->pool_end,
                                                          .std = b->m->std,
                                                          .mean = b->m->mean,
                                                          .value = value},
                     b->mult, n);
}

void sh_m3gnet_differentiate(const sh_m3gnet *m, sh_workspace *ws, const sh_graph *g, const sh_edges *edges, const int32_t *site_z,
                             const int64_t *wanted, int64_t n_wanted, double *value, double *slope, const sh_real **turn)
{
    sh_tape tape;
    const struct sh_m3gnet *there = sh_m3gnet_there_of(m);
    SH_ASSERT(m->be == ws->be || !ws->be->room);
    sh_tape_begin(&tape, ws, true);
    network b = {.m = m,
                 .there = there,
                 .tape = &tape,
                 .be = ws->be,
                 .ws = ws,
                 .n_site = g->n_site,
                 .edges = *edges,
                 .index = {.n_edge = edges->n,
                           .n_site = g->n_site,
                           .n_crystal = g->n_crystal,
                           .src = edges->src,
                           .dst = edges->dst,
                           .src_start = edges->start,
                           .dst_start = edges->in_start,
                           .dst_list = edges->in_edge},
                 .elements = {g->site_start, site_z, there->row},
                 .mult = g->site_mult};
    start(&b);
    for (int i = 0; i < SH_M3GNET_BLOCKS; i++) {
        if (m->three != THREE_NONE) add_three_body(&b, &there->blocks[i]);
        send(&b, &there->blocks[i].edge, false);
        send(&b, &there->blocks[i].node, true);
    }
    int64_t n = wanted ? n_wanted : g->n_crystal;
    if (m->pooled)
        read_out_crystals(&b, g, wanted, n, value);
    else
        read_out_sites(&b, wanted, n, value);
    sh_tape_play(&tape);
    b.be->m3gnet_edges_grad(&(sh_m3gnet_edges_grad_args){.length = edges->length,
                                                         .cutoff = m->cutoff,
                                                         .cutoff3 = m->cutoff3,
                                                         .n_radial = m->n_radial,
                                                         .grad_radial = b.radial->grad,
                                                         .grad_bessel = b.bessel ? b.bessel->grad : NULL,
                                                         .grad_fade = b.fade ? b.fade->grad : NULL,
                                                         .slope = slope},
                            edges->n);
    *turn = b.unit ? b.unit->grad : NULL;
}
