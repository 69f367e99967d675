#include "potential/megnet_model.h"

#include <stdio.h>
#include <string.h>

#include "activation.h"
#include "backend/backend.h"
#include "base/memory.h"
#include "potential/carve.h"
#include "potential/megnet_batch.h"
#include "potential/megnet_params.h"
#include "rows_product.h"

enum { TILE = 24 };

/* ---- layers ---- */

static sh_status fetch_dense(const sh_weights *w, const char *stem, int i, int64_t in, int64_t out, dense *d)
{
    char name[160];
    *d = (dense){.in = in, .out = out};
    sh_mirror_create(in * out, &d->matrix);
    sh_mirror_create(out, &d->bias);
    snprintf(name, sizeof name, "%s.layers.%d.weight", stem, 2 * i); /* torch counts activations as layers */
    SH_TRY(sh_weights_copy(w, name, in, out, true, d->matrix.host));
    snprintf(name, sizeof name, "%s.layers.%d.bias", stem, 2 * i);
    return sh_weights_copy(w, name, 1, out, false, d->bias.host);
}

static sh_status fetch_perceptron(const sh_weights *w, const char *stem, int64_t in, int n, perceptron *p)
{
    for (p->n = 0; p->n < n; p->n++)
        SH_TRY(fetch_dense(w, stem, p->n, p->n == 0 ? in : HIDDEN, p->n == n - 1 ? W : HIDDEN, &p->layer[p->n]));
    return SH_OK;
}

static void release_dense(dense *d)
{
    sh_mirror_release(&d->matrix);
    sh_mirror_release(&d->bias);
}

static void release_perceptron(perceptron *p)
{
    for (int i = 0; i < MAX_LAYER; i++)
        release_dense(&p->layer[i]);
}

static void start_rows(const dense *d, int64_t n, sh_real *y)
{
    for (int64_t i = 0; i < n; i++)
        memcpy(y + i * d->out, d->bias.host, (size_t)d->out * sizeof(sh_real));
}

/* y (n,out) += x (n,cols) times rows first .. first + cols - 1 of the matrix. */
static void add_product(const dense *d, int64_t first, int64_t cols, const sh_real *x, int64_t n, sh_real *y)
{
    sh_rows_product(n, cols, d->out, x, cols, d->matrix.host + first * d->out, d->out, y, d->out);
}

static void softplus(sh_real *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        x[i] = sh_activate(x[i], SH_SOFTPLUS2);
}

/* Layers first .. of a perceptron on x (n,.): y (n,W). h1, h2 (n,HIDDEN) are scratch; x may be h1. */
static void run_layers(const perceptron *p, int first, const sh_real *x, int64_t n, sh_real *h1, sh_real *h2, sh_real *y)
{
    for (int i = first; i < p->n; i++) {
        sh_real *to = i == p->n - 1 ? y : x == h1 ? h2 : h1;
        start_rows(&p->layer[i], n, to);
        add_product(&p->layer[i], 0, p->layer[i].in, x, n, to);
        softplus(to, n * p->layer[i].out);
        x = to;
    }
}

/* ---- from the weights ---- */

static sh_status fetch_block(const sh_weights *w, int b, block *k)
{
    char stem[96];
#define STEM(format) (snprintf(stem, sizeof stem, format, b), stem)
    if (b > 0) {
        SH_TRY(fetch_perceptron(w, STEM("blocks.%d.edge_func"), W, 2, &k->edge));
        SH_TRY(fetch_perceptron(w, STEM("blocks.%d.node_func"), W, 2, &k->node));
        SH_TRY(fetch_perceptron(w, STEM("blocks.%d.state_func"), W, 2, &k->state));
    }
    SH_TRY(fetch_perceptron(w, STEM("blocks.%d.conv.edge_func"), 4 * W, 3, &k->on_edge));
    SH_TRY(fetch_perceptron(w, STEM("blocks.%d.conv.node_func"), 3 * W, 3, &k->on_node));
    return fetch_perceptron(w, STEM("blocks.%d.conv.state_func"), 3 * W, 3, &k->on_state);
#undef STEM
}

/* Rows (n,in) through an encoder that is not needed afterwards: y (n,W). */
static sh_status encode(const sh_weights *w, const char *stem, const sh_real *x, int64_t n, int64_t in, sh_real *y)
{
    perceptron p = {0};
    sh_status status = fetch_perceptron(w, stem, in, 2, &p);
    if (status == SH_OK) {
        sh_real *h = SH_NEW(sh_real, n * HIDDEN);
        run_layers(&p, 0, x, n, h, NULL, y);
        sh_free(h);
    }
    release_perceptron(&p);
    return status;
}

static sh_status encode_elements(const sh_weights *w, sh_megnet_model *m)
{
    sh_real table[MAX_ROW * NODE_IN];
    if (w->n_row > MAX_ROW) return SH_FAIL(SH_EINPUT, "the element table has %lld rows", (long long)w->n_row);
    SH_TRY(sh_weights_rows(w, m->tables.row));
    SH_TRY(sh_weights_copy(w, "embedding.layer_node_embedding.weight", w->n_row, NODE_IN, false, table));
    return encode(w, "node_encoder", table, w->n_row, NODE_IN, m->tables.element);
}

static sh_status encode_state(const sh_weights *w, sh_megnet_model *m)
{
    enum { MAX_FIDELITY = 16, NO_STATE = 2 };
    sh_real table[MAX_FIDELITY * STATE_IN] = {0};
    if (w->n_fidelity == 0) return encode(w, "state_encoder", table, 1, NO_STATE, m->tables.state); /* (0, 0) */
    if (w->n_fidelity > MAX_FIDELITY || w->fidelity < 0 || w->fidelity >= w->n_fidelity)
        return SH_FAIL(SH_EINPUT, "fidelity %lld of %lld", (long long)w->fidelity, (long long)w->n_fidelity);
    SH_TRY(sh_weights_copy(w, "embedding.layer_state_embedding.weight", w->n_fidelity, STATE_IN, false, table));
    return encode(w, "state_encoder", table + w->fidelity * STATE_IN, 1, STATE_IN, m->tables.state);
}

static sh_status fill(const sh_weights *w, sh_megnet_model *m)
{
    if (strcmp(w->model, "matgl.MEGNet") || strcmp(w->basis, "gaussian") || strcmp(w->target, "intensive"))
        return SH_FAIL(SH_EINPUT, "model '%s' (basis '%s', target '%s') is no MEGNet of matgl", w->model, w->basis, w->target);
    m->cutoff = w->cutoff;
    m->width = w->gauss_width;
    m->mean = w->mean;
    m->std = w->std;
    SH_TRY(encode_elements(w, m));
    SH_TRY(encode_state(w, m));
    SH_TRY(sh_weights_copy(w, "bond_expansion.rbf.centers", 1, N_GAUSSIAN, false, m->tables.centre));
    SH_TRY(fetch_perceptron(w, "edge_encoder", N_GAUSSIAN, 2, &m->encoder));
    for (int b = 0; b < N_BLOCK; b++)
        SH_TRY(fetch_block(w, b, &m->blocks[b]));
    SH_TRY(sh_pool_create(w, "node_s2s.lstm", W, &m->pool_sites));
    SH_TRY(sh_pool_create(w, "edge_s2s.lstm", W, &m->pool_edges));
    SH_TRY(fetch_dense(w, "output_proj", 0, N_POOLED, OUT_FIRST, &m->out[0]));
    SH_TRY(fetch_dense(w, "output_proj", 1, OUT_FIRST, OUT_SECOND, &m->out[1]));
    return fetch_dense(w, "output_proj", 2, OUT_SECOND, 1, &m->out[2]);
}

sh_status sh_megnet_model_create(const sh_weights *weights, sh_megnet_model **out)
{
    sh_megnet_model *m = SH_NEW(sh_megnet_model, 1);
    *out = NULL;
    sh_status status = fill(weights, m);
    if (status != SH_OK) {
        sh_megnet_model_destroy(&m);
        return status;
    }
    *out = m;
    return SH_OK;
}

void sh_megnet_model_destroy(sh_megnet_model **model)
{
    sh_megnet_model *m = *model;
    if (!m) return;
    sh_megnet_model_use(m, sh_backend_cpu());
    release_perceptron(&m->encoder);
    for (int b = 0; b < N_BLOCK; b++) {
        block *k = &m->blocks[b];
        perceptron *const all[] = {&k->edge, &k->node, &k->state, &k->on_edge, &k->on_node, &k->on_state};
        for (int i = 0; i < 6; i++)
            release_perceptron(all[i]);
    }
    sh_pool_release(&m->pool_sites);
    sh_pool_release(&m->pool_edges);
    for (int i = 0; i < 3; i++)
        release_dense(&m->out[i]);
    sh_free(m);
    *model = NULL;
}

double sh_megnet_model_cutoff(const sh_megnet_model *m)
{
    return m->cutoff;
}

bool sh_megnet_model_knows(const sh_megnet_model *m, int z)
{
    return z >= 1 && z <= SH_WEIGHTS_MAX_Z && m->tables.row[z] >= 0;
}

/* ---- a group of crystals ---- */

/* Rows of the crystals of a group, one after the other; sites and edges are counted from the first of the group. */
typedef struct {
    int64_t n_crystal, n_site, n_edge;
    int64_t *site_start, *edge_start; /* (C+1) */
    int32_t *src, *dst;               /* (E) */
    int32_t *site_crystal;            /* (S) */
    double *length;                   /* (E) */
    sh_real *mult, *copies;           /* (S) atoms, (E) edges of the crystal that the row stands for */
    sh_real *v, *e, *u;               /* (S,W), (E,W), (C,W) */
    sh_real *v_in, *u_in;             /* the same after the perceptrons before a convolution */
    sh_real *p_src, *p_dst, *p_state; /* (S,64), (S,64), (C,64) first layers on parts of the input */
    sh_real *site_mean, *site_copies; /* (S,W) mean of the new edges that end there; (S) their number */
    sh_real *edge_mean, *node_mean;   /* (C,W) */
    sh_real *gaussian;                /* (TILE,100) */
    sh_real *h1, *h2;                 /* (TILE,64) or (C,64) */
    sh_real *e_in, *fresh;            /* (TILE,W); fresh also (C,W) */
    sh_real *pooled_sites, *pooled_edges; /* (C,2W) */
    sh_real *pooled;                  /* (C,5W) */
    void *pool;
} rows;

static size_t lay_out(const sh_megnet_model *m, rows *r, char *memory, int64_t n_crystal, int64_t n_site, int64_t n_edge)
{
    sh_carver carver = {.memory = memory}, *c = &carver;
    int64_t most = n_crystal > TILE ? n_crystal : TILE;
    size_t sites = sh_pool_scratch(&m->pool_sites, n_crystal, n_site);
    size_t edges = sh_pool_scratch(&m->pool_edges, n_crystal, n_edge);
    r->site_start = SH_CARVE(c, int64_t, n_crystal + 1);
    r->edge_start = SH_CARVE(c, int64_t, n_crystal + 1);
    r->src = SH_CARVE(c, int32_t, n_edge);
    r->dst = SH_CARVE(c, int32_t, n_edge);
    r->site_crystal = SH_CARVE(c, int32_t, n_site);
    r->length = SH_CARVE(c, double, n_edge);
    r->mult = SH_CARVE(c, sh_real, n_site);
    r->copies = SH_CARVE(c, sh_real, n_edge);
    r->v = SH_CARVE(c, sh_real, n_site * W);
    r->e = SH_CARVE(c, sh_real, n_edge * W);
    r->u = SH_CARVE(c, sh_real, n_crystal * W);
    r->v_in = SH_CARVE(c, sh_real, n_site * W);
    r->u_in = SH_CARVE(c, sh_real, n_crystal * W);
    r->p_src = SH_CARVE(c, sh_real, n_site * HIDDEN);
    r->p_dst = SH_CARVE(c, sh_real, n_site * HIDDEN);
    r->p_state = SH_CARVE(c, sh_real, n_crystal * HIDDEN);
    r->site_mean = SH_CARVE(c, sh_real, n_site * W);
    r->site_copies = SH_CARVE(c, sh_real, n_site);
    r->edge_mean = SH_CARVE(c, sh_real, n_crystal * W);
    r->node_mean = SH_CARVE(c, sh_real, n_crystal * W);
    r->gaussian = SH_CARVE(c, sh_real, TILE * N_GAUSSIAN);
    r->h1 = SH_CARVE(c, sh_real, most * HIDDEN);
    r->h2 = SH_CARVE(c, sh_real, most * HIDDEN);
    r->e_in = SH_CARVE(c, sh_real, TILE * W);
    r->fresh = SH_CARVE(c, sh_real, most * W);
    r->pooled_sites = SH_CARVE(c, sh_real, n_crystal * 2 * W);
    r->pooled_edges = SH_CARVE(c, sh_real, n_crystal * 2 * W);
    r->pooled = SH_CARVE(c, sh_real, n_crystal * N_POOLED);
    r->pool = sh_carve(c, sites > edges ? sites : edges);
    return carver.used;
}

size_t sh_megnet_model_scratch(const sh_megnet_model *m, const sh_graph *g, const int64_t *crystals, int64_t n)
{
    rows r;
    int64_t n_site, n_edge;
    sh_graph_count(g, crystals, n, &n_site, &n_edge);
    return lay_out(m, &r, NULL, n, n_site, n_edge) + 64;
}

static void read_crystal(const sh_megnet_model *m, const sh_graph *g, const int32_t *site_z, int64_t crystal, rows *r)
{
    int64_t shift = r->n_site - g->site_start[crystal]; /* from a site of the graph to one of the group */
    double limit2 = m->cutoff * m->cutoff + 1e-8;
    for (int64_t site = g->site_start[crystal]; site < g->site_start[crystal + 1]; site++) {
        int64_t s = r->n_site++;
        memcpy(r->v + s * W, m->tables.element + (int64_t)m->tables.row[site_z[site]] * W, W * sizeof(sh_real));
        r->site_crystal[s] = (int32_t)r->n_crystal;
        r->mult[s] = (sh_real)g->site_mult[site];
        for (int64_t k = g->edge_start[site]; k < g->edge_start[site + 1]; k++) {
            double d = g->edge_dist[k];
            if (d * d >= limit2) break; /* sorted by length */
            r->src[r->n_edge] = (int32_t)s;
            r->dst[r->n_edge] = (int32_t)(g->edge_dst[k] + shift);
            r->length[r->n_edge] = d;
            r->copies[r->n_edge++] = (sh_real)(g->edge_count[k] * g->site_mult[site]);
        }
    }
    memcpy(r->u + r->n_crystal * W, m->tables.state, sizeof m->tables.state);
    r->n_crystal++;
}

static void encode_edges(const sh_megnet_model *m, rows *r)
{
    for (int64_t first = 0; first < r->n_edge; first += TILE) {
        int64_t n = r->n_edge - first < TILE ? r->n_edge - first : TILE;
        sh_backend_cpu()->gaussians(&(sh_gaussians_args){.x = r->length + first,
                                                         .centre = m->tables.centre,
                                                         .y = r->gaussian,
                                                         .cols = N_GAUSSIAN,
                                                         .width = m->width}, n);
        run_layers(&m->encoder, 0, r->gaussian, n, r->h1, r->h2, r->e + first * W);
    }
}

/* A perceptron without layers hands rows on as they are. y (n,W) of x (n,W). */
static void prepare(const perceptron *p, const sh_real *x, int64_t n, rows *r, sh_real *y)
{
    if (p->n == 0) memcpy(y, x, (size_t)n * W * sizeof(sh_real));
    for (int64_t first = 0; first < n && p->n; first += TILE)
        run_layers(p, 0, x + first * W, n - first < TILE ? n - first : TILE, r->h1, r->h2, y + first * W);
}

/* y (n,W) /= copies (n), 0 where there are none. */
static void divide(const sh_real *copies, int64_t n, sh_real *y)
{
    for (int64_t i = 0; i < n; i++)
        for (int c = 0; c < W && copies[i] > 0; c++)
            y[i * W + c] /= copies[i];
}

/* e += e'', and the means of e'' over the edges that end at a site and over the crystal. */
static void update_edges(const block *k, rows *r)
{
    const dense *d = &k->on_edge.layer[0];
    memset(r->p_src, 0, (size_t)r->n_site * HIDDEN * sizeof(sh_real));
    memset(r->p_dst, 0, (size_t)r->n_site * HIDDEN * sizeof(sh_real));
    start_rows(d, r->n_crystal, r->p_state);
    add_product(d, 0, W, r->v_in, r->n_site, r->p_src);
    add_product(d, W, W, r->v_in, r->n_site, r->p_dst);
    add_product(d, 3 * W, W, r->u_in, r->n_crystal, r->p_state);
    memset(r->site_mean, 0, (size_t)r->n_site * W * sizeof(sh_real));
    memset(r->site_copies, 0, (size_t)r->n_site * sizeof(sh_real));
    for (int64_t first = 0; first < r->n_edge; first += TILE) {
        int64_t n = r->n_edge - first < TILE ? r->n_edge - first : TILE;
        prepare(&k->edge, r->e + first * W, n, r, r->e_in);
        for (int64_t i = 0; i < n; i++) {
            int64_t src = r->src[first + i], dst = r->dst[first + i];
            const sh_real *a = r->p_src + src * HIDDEN, *b = r->p_dst + dst * HIDDEN,
                          *s = r->p_state + (int64_t)r->site_crystal[src] * HIDDEN;
            for (int c = 0; c < HIDDEN; c++)
                r->h1[i * HIDDEN + c] = a[c] + b[c] + s[c];
        }
        add_product(d, 2 * W, W, r->e_in, n, r->h1);
        softplus(r->h1, n * HIDDEN);
        run_layers(&k->on_edge, 1, r->h1, n, r->h1, r->h2, r->fresh);
        for (int64_t i = 0; i < n; i++) {
            sh_real *to = r->site_mean + (int64_t)r->dst[first + i] * W, copies = r->copies[first + i];
            for (int c = 0; c < W; c++) {
                r->e[(first + i) * W + c] += r->fresh[i * W + c];
                to[c] += copies * r->fresh[i * W + c];
            }
            r->site_copies[r->dst[first + i]] += copies;
        }
    }
    memset(r->edge_mean, 0, (size_t)r->n_crystal * W * sizeof(sh_real));
    for (int64_t i = 0; i < r->n_crystal; i++) {
        sh_real all = 0;
        for (int64_t s = r->site_start[i]; s < r->site_start[i + 1]; s++) {
            all += r->site_copies[s];
            for (int c = 0; c < W; c++)
                r->edge_mean[i * W + c] += r->site_mean[s * W + c];
        }
        divide(&all, 1, r->edge_mean + i * W);
    }
    divide(r->site_copies, r->n_site, r->site_mean);
}

/* v += v'', and its mean over the crystal. */
static void update_sites(const block *k, rows *r)
{
    const dense *d = &k->on_node.layer[0];
    start_rows(d, r->n_crystal, r->p_state);
    add_product(d, 2 * W, W, r->u_in, r->n_crystal, r->p_state);
    memset(r->node_mean, 0, (size_t)r->n_crystal * W * sizeof(sh_real));
    for (int64_t first = 0; first < r->n_site; first += TILE) {
        int64_t n = r->n_site - first < TILE ? r->n_site - first : TILE;
        for (int64_t i = 0; i < n; i++)
            memcpy(r->h1 + i * HIDDEN, r->p_state + (int64_t)r->site_crystal[first + i] * HIDDEN, HIDDEN * sizeof(sh_real));
        add_product(d, 0, W, r->v_in + first * W, n, r->h1);
        add_product(d, W, W, r->site_mean + first * W, n, r->h1);
        softplus(r->h1, n * HIDDEN);
        run_layers(&k->on_node, 1, r->h1, n, r->h1, r->h2, r->fresh);
        for (int64_t i = 0; i < n; i++) {
            sh_real *mean = r->node_mean + (int64_t)r->site_crystal[first + i] * W, mult = r->mult[first + i];
            for (int c = 0; c < W; c++) {
                r->v[(first + i) * W + c] += r->fresh[i * W + c];
                mean[c] += mult * r->fresh[i * W + c];
            }
        }
    }
    for (int64_t i = 0; i < r->n_crystal; i++) {
        sh_real all = 0;
        for (int64_t s = r->site_start[i]; s < r->site_start[i + 1]; s++)
            all += r->mult[s];
        divide(&all, 1, r->node_mean + i * W);
    }
}

/* u += u''. */
static void update_state(const block *k, rows *r)
{
    const dense *d = &k->on_state.layer[0];
    start_rows(d, r->n_crystal, r->h1);
    add_product(d, 0, W, r->u_in, r->n_crystal, r->h1);
    add_product(d, W, W, r->edge_mean, r->n_crystal, r->h1);
    add_product(d, 2 * W, W, r->node_mean, r->n_crystal, r->h1);
    softplus(r->h1, r->n_crystal * HIDDEN);
    run_layers(&k->on_state, 1, r->h1, r->n_crystal, r->h1, r->h2, r->fresh);
    for (int64_t i = 0; i < r->n_crystal * W; i++)
        r->u[i] += r->fresh[i];
}

static void read_out(const sh_megnet_model *m, rows *r, double *value)
{
    int64_t n = r->n_crystal;
    sh_pool_apply(&m->pool_sites, r->v, r->mult, r->site_start, n, r->pool, r->pooled_sites);
    sh_pool_apply(&m->pool_edges, r->e, r->copies, r->edge_start, n, r->pool, r->pooled_edges);
    for (int64_t i = 0; i < n; i++) {
        sh_real *to = r->pooled + i * N_POOLED;
        memcpy(to, r->pooled_sites + i * 2 * W, 2 * W * sizeof(sh_real));
        memcpy(to + 2 * W, r->pooled_edges + i * 2 * W, 2 * W * sizeof(sh_real));
        memcpy(to + 4 * W, r->u + i * W, W * sizeof(sh_real));
    }
    start_rows(&m->out[0], n, r->h1);
    add_product(&m->out[0], 0, N_POOLED, r->pooled, n, r->h1);
    softplus(r->h1, n * OUT_FIRST);
    start_rows(&m->out[1], n, r->h2);
    add_product(&m->out[1], 0, OUT_FIRST, r->h1, n, r->h2);
    softplus(r->h2, n * OUT_SECOND);
    for (int64_t i = 0; i < n; i++) {
        double sum = (double)m->out[2].bias.host[0];
        for (int c = 0; c < OUT_SECOND; c++)
            sum += (double)r->h2[i * OUT_SECOND + c] * (double)m->out[2].matrix.host[c];
        value[i] = m->std * sum + m->mean;
    }
}

void sh_megnet_model_values(const sh_megnet_model *m, const sh_graph *g, const int32_t *site_z, const int64_t *crystals,
                            int64_t n, void *scratch, double *value)
{
    rows r;
    int64_t n_site, n_edge;
    sh_graph_count(g, crystals, n, &n_site, &n_edge);
    lay_out(m, &r, (char *)(((uintptr_t)scratch + 63) & ~(uintptr_t)63), n, n_site, n_edge);
    r.n_crystal = r.n_site = r.n_edge = 0;
    for (int64_t i = 0; i < n; i++) {
        r.site_start[i] = r.n_site;
        r.edge_start[i] = r.n_edge;
        read_crystal(m, g, site_z, crystals[i], &r);
    }
    r.site_start[n] = r.n_site;
    r.edge_start[n] = r.n_edge;
    encode_edges(m, &r);
    for (int b = 0; b < N_BLOCK; b++) {
        const block *k = &m->blocks[b];
        prepare(&k->node, r.v, r.n_site, &r, r.v_in);
        prepare(&k->state, r.u, r.n_crystal, &r, r.u_in);
        update_edges(k, &r);
        update_sites(k, &r);
        update_state(k, &r);
    }
    read_out(m, &r, value);
}
