#include "potential/m3gnet_batch.h"

#include <string.h>

#include "base/status.h"
#include "potential/edges.h"
#include "potential/m3gnet_params.h"

/* First layers have both branches side by side here, (W,2W) matrices: one product for both. */
typedef struct {
    sh_real source[2 * W * W], target[2 * W * W], edge[2 * W * W];
} first_layer;

/* One piece of the back-end's memory. The host knows the addresses in it and never looks. */
struct sh_m3gnet_there {
    struct sh_m3gnet model;
    first_layer edge[SH_M3GNET_BLOCKS], node[SH_M3GNET_BLOCKS];
    sh_real out[2 * W * W];
};

static void side_by_side(const pair *from, sh_real *to)
{
    for (int64_t k = 0; k < W; k++) {
        memcpy(to + k * 2 * W, from->value + k * W, W * sizeof(sh_real));
        memcpy(to + k * 2 * W + W, from->gate + k * W, W * sizeof(sh_real));
    }
}

static void join_branches(const gated *from, first_layer *to)
{
    side_by_side(&from->source, to->source);
    side_by_side(&from->target, to->target);
    side_by_side(&from->edge, to->edge);
}

void sh_m3gnet_use(sh_m3gnet *m, const sh_backend *be)
{
    if (m->there) m->be->memory->give(m->there);
    m->there = NULL;
    m->be = be;
    if (m->pooled) sh_pool_use(&m->pool, be);
    if (!be->room) return;
    sh_m3gnet_there *here = SH_NEW(sh_m3gnet_there, 1);
    here->model = *m;
    for (int b = 0; b < SH_M3GNET_BLOCKS; b++) {
        join_branches(&m->blocks[b].edge, &here->edge[b]);
        join_branches(&m->blocks[b].node, &here->node[b]);
    }
    side_by_side(&m->out[0], here->out);
    m->there = be->memory->take(sizeof *here);
    be->copy_in(m->there, here, sizeof *here);
    sh_free(here);
}

const struct sh_m3gnet *sh_m3gnet_there_of(const sh_m3gnet *m)
{
    return m->there ? &m->there->model : m;
}

typedef struct {
    const sh_m3gnet *m;
    const sh_m3gnet_there *there;
    const sh_backend *be;
    sh_workspace *ws;
    int64_t n_site;
    sh_elements elements;
    sh_edges edges;
    sh_real *v, *e;                 /* (S,W), (E,W) */
    sh_real *radial, *weight;       /* (E,3) or (E,9), (E) */
    sh_real *fade, *bessel, *unit;  /* (E), (E,9), (E,3) with three-body terms */
    sh_real *three, *sum;           /* (E,9), (S,9,7) */
    sh_real *atom_gate;             /* (S,9) */
    sh_real *p_src, *p_dst;         /* (S,2W) first layers on the sites */
    sh_real *h[2];                  /* (R,2W) of the larger of sites and edges: one product, or value (R,W) and then gate */
    sh_m3gnet_trace trace;
    void *context;
} batch;

static void show(const batch *b, const char *what, int which, const sh_real *rows, int64_t n, int64_t width)
{
    if (b->trace) b->trace(b->context, what, which, SH_BRING(b->ws, rows, n * width), n, width);
}

static void read_graph(batch *b, const sh_graph *g)
{
    const sh_m3gnet *m = b->m;
    int64_t n = b->edges.n, n_site = b->n_site, n_row = n > n_site ? n : n_site;
    b->v = SH_ROOM(b->ws, sh_real, n_site * W);
    b->e = SH_ROOM(b->ws, sh_real, n * W);
    b->radial = SH_ROOM(b->ws, sh_real, n * m->n_radial);
    b->weight = SH_ROOM(b->ws, sh_real, n);
    b->p_src = SH_ROOM(b->ws, sh_real, n_site * 2 * W);
    b->p_dst = SH_ROOM(b->ws, sh_real, n_site * 2 * W);
    for (int i = 0; i < 2; i++)
        b->h[i] = SH_ROOM(b->ws, sh_real, n_row * 2 * W);
    if (m->three != THREE_NONE) {
        b->fade = SH_ROOM(b->ws, sh_real, n);
        b->bessel = SH_ROOM(b->ws, sh_real, n * N_BESSEL);
        b->unit = SH_ROOM(b->ws, sh_real, n * 3);
        b->three = m->three == THREE_SELF ? b->bessel : SH_ROOM(b->ws, sh_real, n * N_BESSEL);
        b->sum = SH_ROOM(b->ws, sh_real, n_site * N_BESSEL * 7);
        b->atom_gate = SH_ROOM(b->ws, sh_real, n_site * N_BESSEL);
    }
    b->be->element_rows(&(sh_element_rows_args){b->elements, b->there->model.table, b->v, W}, n_site);
    b->be->m3gnet_edges(&(sh_m3gnet_edges_args){.edges = b->edges,
                                                .mult = g->site_mult,
                                                .cutoff = m->cutoff,
                                                .cutoff3 = m->cutoff3,
                                                .n_radial = m->n_radial,
                                                .to_target = m->to_target,
                                                .radial = b->radial,
                                                .weight = b->weight,
                                                .fade = b->fade,
                                                .bessel = b->bessel,
                                                .unit = b->unit},
                        n);
    b->be->m3gnet_first(
        &(sh_m3gnet_first_args){b->radial, b->there->model.first, b->there->model.first_bias, b->e, m->n_radial, W}, n);
}

/* Sums over the other edges of each site into b->three. */
static void sum_angles(batch *b, const sh_real *gate)
{
    const sh_m3gnet_angles_args args = {.edges = b->edges,
                                        .bessel = b->bessel,
                                        .fade = b->fade,
                                        .unit = b->unit,
                                        .gate = gate,
                                        .sum = b->sum,
                                        .three = b->three,
                                        .cols = N_BESSEL};
    b->be->m3gnet_angle_sums(&args, b->n_site);
    b->be->m3gnet_angles(&args, b->edges.n);
}

/* With length and end atom from the edge itself, its sum over the others is the same in all blocks but for its end's gate. */
static void add_three_body(batch *b, int which)
{
    const block *k = &b->there->model.blocks[which];
    bool self = b->m->three == THREE_SELF;
    b->be->m3gnet_atom_gate(&(sh_m3gnet_atom_gate_args){b->v, k->atom, k->atom_bias, b->atom_gate, W, N_BESSEL}, b->n_site);
    if (!self) {
        sum_angles(b, b->atom_gate);
        show(b, "s", which, b->three, b->edges.n, N_BESSEL);
    }
    b->be->m3gnet_three_body(&(sh_m3gnet_three_body_args){.three = b->three,
                                                          .fade = b->fade,
                                                          .atom_gate = self ? b->atom_gate : NULL,
                                                          .dst = b->edges.dst,
                                                          .value_matrix = k->three_value,
                                                          .gate_matrix = k->three_gate,
                                                          .e = b->e,
                                                          .cols = W},
                             b->edges.n);
}

/* y (n,cols) of x (n,k): swish(x w + bias), or without a bias the product alone. */
static void dense(const batch *b, const sh_real *x, int64_t k, int64_t n, const sh_real *w, int64_t cols, const sh_real *bias,
                  sh_real *y)
{
    const sh_combine_args out = {.bias = bias, .pre = y, .y = y, .cols = cols, .kind = bias ? SH_SWISH : -1};
    b->be->dense(&(sh_dense_args){.input = x, .w = w, .k = k, .out = out}, n);
}

/* Both branches (n,W) of *rows, value and then gate, through one W x W layer; bias (2W), or NULL for the product alone. */
static void later_layer(const batch *b, const pair *layer, const sh_real *bias, int64_t n, sh_real **rows)
{
    sh_real *to = *rows == b->h[0] ? b->h[1] : b->h[0];
    dense(b, *rows, W, n, layer->value, W, bias, to);
    dense(b, *rows + n * W, W, n, layer->gate, W, bias ? bias + W : NULL, to + n * W);
    *rows = to;
}

/* The gated perceptron of all edges, but for the bias and the activation at its end: rows of value and then of gate. */
static const sh_real *gated_edges(const batch *b, const first_layer *first, const gated *g)
{
    int64_t n = b->edges.n;
    sh_real *rows = b->h[1];
    dense(b, b->v, W, b->n_site, first->source, 2 * W, NULL, b->p_src);
    dense(b, b->v, W, b->n_site, first->target, 2 * W, NULL, b->p_dst);
    dense(b, b->e, W, n, first->edge, 2 * W, NULL, b->h[0]);
    b->be->gated_first(&(sh_gated_first_args){.x = b->h[0],
                                              .bias = g->bias,
                                              .p_src = b->p_src,
                                              .p_dst = b->p_dst,
                                              .src = b->edges.src,
                                              .dst = b->edges.dst,
                                              .value = rows,
                                              .gate = rows + n * W,
                                              .cols = W},
                       n);
    for (int i = 0; i < b->m->n_later; i++)
        later_layer(b, &g->later[i], i < b->m->n_later - 1 ? g->later_bias[i] : NULL, n, &rows);
    return rows;
}

static void run_block(batch *b, int which)
{
    const sh_m3gnet *m = b->m;
    const block *k = &b->there->model.blocks[which];
    int64_t n = b->edges.n;
    sh_m3gnet_to_edges_args args = {.edges = b->edges, .radial = b->radial, .weight = b->weight, .n = m->n_radial, .cols = W};
    if (m->three != THREE_NONE) add_three_body(b, which);
    show(b, "e-three", which, b->e, n, W);

    args.value = gated_edges(b, &b->there->edge[which], &k->edge);
    args.gate = args.value + n * W;
    args.bias = k->edge.later_bias[m->n_later - 1];
    args.matrix = k->edge.radial;
    args.y = b->e;
    b->be->m3gnet_to_edges(&args, n);
    show(b, "e", which, b->e, n, W);

    args.value = gated_edges(b, &b->there->node[which], &k->node);
    args.gate = args.value + n * W;
    args.bias = k->node.later_bias[m->n_later - 1];
    args.matrix = k->node.radial;
    args.swish_radial = m->swish_radial;
    args.to_target = m->to_target;
    args.y = b->v;
    b->be->m3gnet_to_sites(&args, b->n_site);
    show(b, "v", which, b->v, b->n_site, W);
}

static void show_raw(const batch *b, const double *raw)
{
    if (!b->trace) return;
    const double *here = SH_BRING(b->ws, raw, b->n_site);
    sh_real *rows = SH_PUSH(b->ws->arena, sh_real, b->n_site);
    for (int64_t s = 0; s < b->n_site; s++)
        rows[s] = (sh_real)here[s];
    b->trace(b->context, "raw", 0, rows, b->n_site, 1);
}

static void read_out_sites(const batch *b, const sh_graph *g, const int64_t *wanted, int64_t n, double *value)
{
    const struct sh_m3gnet *there = &b->there->model;
    int64_t n_site = b->n_site;
    double *raw = SH_ROOM(b->ws, double, n_site);
    sh_real *rows = b->h[1];
    dense(b, b->v, W, n_site, b->there->out, 2 * W, NULL, b->h[0]);
    b->be->gated_first(&(sh_gated_first_args){.x = b->h[0],
                                              .bias = there->out_bias[0],
                                              .value = rows,
                                              .gate = rows + n_site * W,
                                              .cols = W},
                       n_site);
    for (int i = 1; i < b->m->n_out; i++)
        later_layer(b, &there->out[i], there->out_bias[i], n_site, &rows);
    b->be->m3gnet_readout(&(sh_m3gnet_readout_args){rows, rows + n_site * W, there->out_last, there->out_end, raw, W}, n_site);
    show_raw(b, raw);
    b->be->sum_sites(&(sh_sum_sites_args){.wanted = wanted,
                                          .elements = b->elements,
                                          .mult = g->site_mult,
                                          .raw = raw,
                                          .reference = there->reference,
                                          .std = b->m->std,
                                          .mean = b->m->mean,
                                          .value = value},
                     n);
}

static void read_out_crystals(const batch *b, const sh_graph *g, const int64_t *wanted, int64_t n, double *value)
{
    const struct sh_m3gnet *there = &b->there->model;
    sh_workspace *ws = b->ws;
    int64_t n_crystal = g->n_crystal;
    sh_real *mult = SH_ROOM(ws, sh_real, b->n_site), *pooled = SH_ROOM(ws, sh_real, n_crystal * 2 * W),
            *c1 = SH_ROOM(ws, sh_real, n_crystal * W), *c2 = SH_ROOM(ws, sh_real, n_crystal * W);
    b->be->to_real(&(sh_to_real_args){g->site_mult, mult}, b->n_site);
    sh_pool_batch(&b->m->pool, ws, b->v, mult, g->site_start, n_crystal, b->n_site, pooled, 0, 2 * W);
    dense(b, pooled, 2 * W, n_crystal, there->pool_first, W, there->pool_first_bias, c1);
    dense(b, c1, W, n_crystal, there->pool_second, W, there->pool_second_bias, c2);
    b->be->crystal_value(&(sh_crystal_value_args){.wanted = wanted,
                                                  .elements = b->elements,
                                                  .x = c2,
                                                  .last = there->pool_last,
                                                  .end = &there->pool_end,
                                                  .std = b->m->std,
                                                  .mean = b->m->mean,
                                                  .value = value,
                                                  .n = W},
                         n);
}

void sh_m3gnet_batch(const sh_m3gnet *m, sh_workspace *ws, const sh_graph *g, const int32_t *site_z, const int64_t *wanted,
                     int64_t n_wanted, double *value, sh_m3gnet_trace trace, void *context)
{
    SH_ASSERT(m->be == ws->be);
    batch b = {.m = m,
               .there = m->there,
               .be = ws->be,
               .ws = ws,
               .n_site = g->n_site,
               .elements = {g->site_start, site_z, m->there->model.row},
               .trace = trace,
               .context = context};
    sh_edges_within(ws, g, m->cutoff, wanted, n_wanted, m->to_target, &b.edges);
    read_graph(&b, g);
    if (m->three == THREE_SELF) sum_angles(&b, NULL);
    show(&b, "e-first", 0, b.e, b.edges.n, W);
    for (int which = 0; which < SH_M3GNET_BLOCKS; which++)
        run_block(&b, which);
    int64_t n = wanted ? n_wanted : g->n_crystal;
    if (m->pooled)
        read_out_crystals(&b, g, wanted, n, value);
    else
        read_out_sites(&b, g, wanted, n, value);
}
