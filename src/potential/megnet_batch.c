#include "potential/megnet_batch.h"

#include "base/status.h"
#include "potential/edges.h"
#include "potential/megnet_params.h"

static void use_dense(dense *d, const sh_backend *be)
{
    sh_mirror_use(&d->matrix, be);
    sh_mirror_use(&d->bias, be);
}

static void use_perceptron(perceptron *p, const sh_backend *be)
{
    for (int i = 0; i < p->n; i++)
        use_dense(&p->layer[i], be);
}

void sh_megnet_model_use(sh_megnet_model *m, const sh_backend *be)
{
    if (m->there) m->be->memory->give(m->there);
    m->there = NULL;
    m->be = be;
    use_perceptron(&m->encoder, be);
    for (int b = 0; b < N_BLOCK; b++) {
        block *k = &m->blocks[b];
        perceptron *const all[] = {&k->edge, &k->node, &k->state, &k->on_edge, &k->on_node, &k->on_state};
        for (int i = 0; i < 6; i++)
            use_perceptron(all[i], be);
    }
    sh_pool_use(&m->pool_sites, be);
    sh_pool_use(&m->pool_edges, be);
    for (int i = 0; i < 3; i++)
        use_dense(&m->out[i], be);
    if (!be->room) return;
    m->there = be->memory->take(sizeof *m->there);
    be->copy_in(m->there, &m->tables, sizeof *m->there);
}

typedef struct {
    const sh_megnet_model *m;
    const sh_backend *be;
    sh_workspace *ws;
    int64_t n_crystal, n_site;
    sh_elements elements;
    sh_edges edges;
    const int32_t *site_crystal;
    int64_t *crystal_start; /* (C+1) edges */
    int32_t *edge_crystal;  /* (E) */
    sh_graph_shares shares;
    sh_real *end_share;     /* (E) of an edge among those that end where it does */
    sh_real *v, *e, *u;     /* (S,W), (E,W), (C,W) */
} batch;

static sh_real *new_rows(const batch *b, int64_t n, int64_t width)
{
    return SH_ROOM(b->ws, sh_real, n * width);
}

static void shares(batch *b, const sh_graph *g)
{
    int64_t n = b->edges.n;
    b->crystal_start = SH_ROOM(b->ws, int64_t, b->n_crystal + 1);
    b->edge_crystal = SH_ROOM_BLANK(b->ws, int32_t, n);
    b->shares = (sh_graph_shares){.edge_of_site = new_rows(b, n, 1),
                                  .edge_of_crystal = new_rows(b, n, 1),
                                  .site_of_crystal = new_rows(b, b->n_site, 1),
                                  .edge_mult = new_rows(b, n, 1),
                                  .site_mult = new_rows(b, b->n_site, 1)};
    b->end_share = new_rows(b, n, 1);
    b->be->graph_shares(&(sh_graph_shares_args){.site_start = g->site_start,
                                                .edge_start = b->edges.start,
                                                .edge_count = b->edges.count,
                                                .mult = g->site_mult,
                                                .n_crystal = b->n_crystal,
                                                .edge_crystal = b->edge_crystal,
                                                .crystal_start = b->crystal_start,
                                                .shares = b->shares},
                        b->n_crystal + 1);
    b->be->end_shares(&(sh_end_shares_args){b->edges, b->shares.edge_mult, b->end_share}, b->n_site);
}

/* y = softplus2(x w + bias + parts of `out`), w rows first .. first + k - 1 of the layer's matrix; kind -1: without softplus2. */
static void dense_rows(const batch *b, const dense *d, int64_t first, int64_t k, const sh_real *x, int64_t n, sh_combine_args out)
{
    out.cols = d->out;
    out.y = out.pre;
    b->be->dense(&(sh_dense_args){.input = x, .w = d->matrix.there + first * d->out, .k = k, .out = out}, n);
}

/* A part of a first layer on its own: y (n,HIDDEN) of x (n,W), rows of the matrix from `first` on. */
static sh_real *part(const batch *b, const dense *d, int64_t first, const sh_real *x, int64_t n, const sh_real *bias)
{
    sh_real *y = new_rows(b, n, d->out);
    dense_rows(b, d, first, W, x, n, (sh_combine_args){.bias = bias, .pre = y, .kind = -1});
    return y;
}

/* Layers first .. of a perceptron on x (n,.). */
static const sh_real *layers(const batch *b, const perceptron *p, int first, const sh_real *x, int64_t n)
{
    for (int i = first; i < p->n; i++) {
        sh_real *y = new_rows(b, n, p->layer[i].out);
        dense_rows(b, &p->layer[i], 0, p->layer[i].in, x, n,
                   (sh_combine_args){.bias = p->layer[i].bias.there, .pre = y, .kind = SH_SOFTPLUS2});
        x = y;
    }
    return x;
}

/* Rows side by side: (n, n_part W). */
static sh_real *join(const batch *b, const sh_real *const *parts, int n_part, int64_t n)
{
    sh_put_cols_args args = {.whole = new_rows(b, n, n_part * W), .cols = n_part * W, .stride = n_part * W};
    for (int i = 0; i < n_part; i++) {
        args.part[i] = (sh_real *)(uintptr_t)parts[i];
        args.part_cols[i] = W;
    }
    b->be->put_cols(&args, n);
    return args.whole;
}

/* x += fresh (n,W); returns fresh. */
static const sh_real *take_in(const batch *b, const sh_real *fresh, int64_t n, sh_real *x)
{
    b->be->add(&(sh_add_args){x, fresh, x}, n * W);
    return fresh;
}

/* Means (n,W) of fresh over the edges or sites of each segment: sums of rows times their share. */
static const sh_real *mean(const batch *b, const sh_real *fresh, const int64_t *start, const int64_t *list,
                           const sh_real *share, int64_t n)
{
    sh_real *y = new_rows(b, n, W);
    b->be->list_sum(&(sh_list_sum_args){.x = fresh, .start = start, .list = list, .weight = share, .y = y, .cols = W}, n);
    return y;
}

static void run_block(const batch *b, const block *k)
{
    int64_t n = b->edges.n, n_site = b->n_site, n_crystal = b->n_crystal;
    const dense *on_edge = &k->on_edge.layer[0], *on_node = &k->on_node.layer[0], *on_state = &k->on_state.layer[0];
    const sh_real *v_in = layers(b, &k->node, 0, b->v, n_site), *u_in = layers(b, &k->state, 0, b->u, n_crystal),
                  *e_in = layers(b, &k->edge, 0, b->e, n);

    /* e += e'' of [v_s, v_t, e, u] */
    sh_real *h = new_rows(b, n, HIDDEN);
    dense_rows(b, on_edge, 2 * W, W, e_in, n,
               (sh_combine_args){.p_src = part(b, on_edge, 0, v_in, n_site, NULL),
                                 .p_dst = part(b, on_edge, W, v_in, n_site, NULL),
                                 .p_group = part(b, on_edge, 3 * W, u_in, n_crystal, on_edge->bias.there),
                                 .src = b->edges.src,
                                 .dst = b->edges.dst,
                                 .group = b->edge_crystal,
                                 .pre = h,
                                 .kind = SH_SOFTPLUS2});
    const sh_real *fresh = take_in(b, layers(b, &k->on_edge, 1, h, n), n, b->e);
    const sh_real *at_site = mean(b, fresh, b->edges.in_start, b->edges.in_edge, b->end_share, n_site),
                  *of_edges = mean(b, fresh, b->crystal_start, NULL, b->shares.edge_of_crystal, n_crystal);

    /* v += v'' of [v, mean of e'', u] */
    h = new_rows(b, n_site, HIDDEN);
    dense_rows(b, on_node, 0, 2 * W, join(b, (const sh_real *const[]){v_in, at_site}, 2, n_site), n_site,
               (sh_combine_args){.p_group = part(b, on_node, 2 * W, u_in, n_crystal, on_node->bias.there),
                                 .group = b->site_crystal,
                                 .pre = h,
                                 .kind = SH_SOFTPLUS2});
    fresh = take_in(b, layers(b, &k->on_node, 1, h, n_site), n_site, b->v);
    const sh_real *of_sites = mean(b, fresh, b->elements.site_start, NULL, b->shares.site_of_crystal, n_crystal);

    /* u += u'' of [u, mean of e'', mean of v''] */
    h = new_rows(b, n_crystal, HIDDEN);
    dense_rows(b, on_state, 0, 3 * W, join(b, (const sh_real *const[]){u_in, of_edges, of_sites}, 3, n_crystal), n_crystal,
               (sh_combine_args){.bias = on_state->bias.there, .pre = h, .kind = SH_SOFTPLUS2});
    take_in(b, layers(b, &k->on_state, 1, h, n_crystal), n_crystal, b->u);
}

static void read_graph(batch *b)
{
    const tables *there = b->m->there;
    int64_t n = b->edges.n;
    int32_t *first_row = SH_ROOM_ZERO(b->ws, int32_t, b->n_crystal);
    sh_real *gaussian = new_rows(b, n, N_GAUSSIAN);
    b->v = new_rows(b, b->n_site, W);
    b->u = new_rows(b, b->n_crystal, W);
    b->be->element_rows(&(sh_element_rows_args){b->elements, there->element, b->v, W}, b->n_site);
    b->be->gather(&(sh_gather_args){.x = there->state, .index = first_row, .y = b->u, .cols = W}, b->n_crystal);
    b->be->gaussians(&(sh_gaussians_args){b->edges.length, there->centre, gaussian, N_GAUSSIAN, b->m->width}, n);
    b->e = (sh_real *)layers(b, &b->m->encoder, 0, gaussian, n);
}

void sh_megnet_model_batch(const sh_megnet_model *m, sh_workspace *ws, const sh_graph *g, const int32_t *site_z,
                           const int64_t *wanted, int64_t n_wanted, double *value)
{
    SH_ASSERT(m->be == ws->be);
    batch b = {.m = m,
               .be = ws->be,
               .ws = ws,
               .n_crystal = g->n_crystal,
               .n_site = g->n_site,
               .elements = {g->site_start, site_z, m->there->row},
               .site_crystal = g->site_crystal};
    sh_edges_within(ws, g, m->cutoff, wanted, n_wanted, true, &b.edges);
    shares(&b, g);
    read_graph(&b);
    for (int i = 0; i < N_BLOCK; i++) {
        sh_workspace_mark mark = sh_workspace_get_mark(ws);
        run_block(&b, &m->blocks[i]);
        sh_workspace_release(ws, mark);
    }
    int64_t n = b.n_crystal;
    sh_real *pooled = new_rows(&b, n, N_POOLED);
    sh_pool_batch(&m->pool_sites, ws, b.v, b.shares.site_mult, g->site_start, n, g->n_site, pooled, 0, N_POOLED);
    sh_pool_batch(&m->pool_edges, ws, b.e, b.shares.edge_mult, b.crystal_start, n, b.edges.n, pooled, 2 * W, N_POOLED);
    ws->be->put_cols(
        &(sh_put_cols_args){.part = {b.u}, .part_cols = {W}, .whole = pooled, .cols = W, .first = 4 * W, .stride = N_POOLED}, n);
    const perceptron out = {.n = 2, .layer = {m->out[0], m->out[1]}};
    ws->be->crystal_value(&(sh_crystal_value_args){.wanted = wanted,
                                                   .elements = b.elements,
                                                   .x = layers(&b, &out, 0, pooled, n),
                                                   .last = m->out[2].matrix.there,
                                                   .end = m->out[2].bias.there,
                                                   .std = m->std,
                                                   .mean = m->mean,
                                                   .value = value,
                                                   .n = OUT_SECOND},
                          wanted ? n_wanted : n);
}
