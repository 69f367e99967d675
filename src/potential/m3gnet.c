#include "potential/m3gnet.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "potential/basis.h"
#include "rows_product.h"

enum {
    W = SH_M3GNET_WIDTH,
    N_RADIAL = 3, /* smooth functions on an edge */
    N_ANGLE = 9,  /* columns of the three-body sums, 3 l + k */
    MAX_ROW = 95, /* embedding rows: atomic number, row 0 unused */
    TILE = 24     /* edges worked on together: four register tiles, 36 kB of rows */
};

/* One W x W layer of both branches of a gated perceptron. Each matrix stands by itself: half of a (W,2W) matrix, rows 512
 * bytes apart, would use half of the sets of the first-level cache and throw itself out of it. */
typedef struct {
    sh_real value[W * W], gate[W * W];
} pair;

/* A gated perceptron 3W -> W -> W, its first layer split by what it is applied to: source, target, edge. Biases and rows of
 * both branches are side by side: value | gate. */
typedef struct {
    pair source, target, edge, second;
    sh_real bias[2 * W], second_bias[2 * W];
    sh_real radial[N_RADIAL * W]; /* factor of the output: R_e times this */
} gated;

typedef struct {
    sh_real atom[W * N_ANGLE], atom_bias[N_ANGLE];        /* gate of each atom */
    sh_real three_value[N_ANGLE * W], three_gate[N_ANGLE * W];
    gated edge, node;
} block;

struct sh_m3gnet {
    double cutoff, cutoff3, mean, std;
    double reference[MAX_ROW];
    bool known[MAX_ROW];
    sh_real table[MAX_ROW * W];
    sh_real first[N_RADIAL * W];
    block blocks[SH_M3GNET_BLOCKS];
    /* readout: W-W-W-1, value open, gate with a sigmoid at the end */
    pair out_first, out_second;
    sh_real out_first_bias[2 * W], out_second_bias[2 * W];
    sh_real out_last[2 * W], out_end[2];
};

static sh_status fetch(const sh_weights *w, const char *name, int64_t rows, int64_t cols, sh_real *to)
{
    const float *data;
    SH_TRY(sh_weights_get(w, name, rows, cols, &data));
    for (int64_t i = 0; i < rows * cols; i++)
        to[i] = (sh_real)data[i];
    return SH_OK;
}

static sh_status fetch_gated(const sh_weights *w, const char *stem, const char *radial, gated *g)
{
    char name[160];
    for (int gate = 0; gate < 2; gate++) {
        const char *branch = gate ? "gate" : "pipe";
        pair *const parts[3] = {&g->source, &g->target, &g->edge};
        sh_real first[3 * W * W];
        snprintf(name, sizeof name, "%s/%s/layers/0/kernel", stem, branch);
        SH_TRY(fetch(w, name, 3 * W, W, first));
        for (int part = 0; part < 3; part++)
            memcpy(gate ? parts[part]->gate : parts[part]->value, first + part * W * W, W * W * sizeof(sh_real));
        snprintf(name, sizeof name, "%s/%s/layers/0/bias", stem, branch);
        SH_TRY(fetch(w, name, 1, W, g->bias + gate * W));
        snprintf(name, sizeof name, "%s/%s/layers/1/kernel", stem, branch);
        SH_TRY(fetch(w, name, W, W, gate ? g->second.gate : g->second.value));
        snprintf(name, sizeof name, "%s/%s/layers/1/bias", stem, branch);
        SH_TRY(fetch(w, name, 1, W, g->second_bias + gate * W));
    }
    return fetch(w, radial, N_RADIAL, W, g->radial);
}

static sh_status fetch_block(const sh_weights *w, int b, block *k)
{
    char stem[96], radial[96], name[160];
    snprintf(name, sizeof name, "three_interactions/%d/update_network/pipe/layers/0/kernel", b);
    SH_TRY(fetch(w, name, W, N_ANGLE, k->atom));
    snprintf(name, sizeof name, "three_interactions/%d/update_network/pipe/layers/0/bias", b);
    SH_TRY(fetch(w, name, 1, N_ANGLE, k->atom_bias));
    snprintf(name, sizeof name, "three_interactions/%d/update_network2/pipe/layers/0/kernel", b);
    SH_TRY(fetch(w, name, N_ANGLE, W, k->three_value));
    snprintf(name, sizeof name, "three_interactions/%d/update_network2/gate/layers/0/kernel", b);
    SH_TRY(fetch(w, name, N_ANGLE, W, k->three_gate));
    snprintf(stem, sizeof stem, "graph_layers/%d/bond_network/update_func", b);
    snprintf(radial, sizeof radial, "graph_layers/%d/bond_network/weight_func/kernel", b);
    SH_TRY(fetch_gated(w, stem, radial, &k->edge));
    snprintf(stem, sizeof stem, "graph_layers/%d/atom_network/bond_dense", b);
    snprintf(radial, sizeof radial, "graph_layers/%d/atom_network/weight_update/kernel", b);
    return fetch_gated(w, stem, radial, &k->node);
}

static sh_status fetch_readout(const sh_weights *w, sh_m3gnet *m)
{
    char name[160];
    for (int gate = 0; gate < 2; gate++) {
        const char *branch = gate ? "gate" : "pipe";
#define NAMED(part)                                                                                \
    (snprintf(name, sizeof name, "final/layers/0/atom_network/update_func/%s/layers/" part, branch), name)
        SH_TRY(fetch(w, NAMED("0/kernel"), W, W, gate ? m->out_first.gate : m->out_first.value));
        SH_TRY(fetch(w, NAMED("0/bias"), 1, W, m->out_first_bias + gate * W));
        SH_TRY(fetch(w, NAMED("1/kernel"), W, W, gate ? m->out_second.gate : m->out_second.value));
        SH_TRY(fetch(w, NAMED("1/bias"), 1, W, m->out_second_bias + gate * W));
        SH_TRY(fetch(w, NAMED("2/kernel"), W, 1, m->out_last + gate * W));
        SH_TRY(fetch(w, NAMED("2/bias"), 1, 1, m->out_end + gate));
#undef NAMED
    }
    return SH_OK;
}

static sh_status fill(const sh_weights *w, sh_m3gnet *m)
{
    if (strcmp(w->model, "m3gnet.M3GNet") || strcmp(w->basis, "smooth3") || strcmp(w->aggregate, "source") ||
        strcmp(w->threebody_from, "other") || w->n_row != MAX_ROW)
        return SH_FAIL(SH_EINPUT, "model '%s' (basis '%s', messages to the %s) is not an M3GNet potential of the original form",
                       w->model, w->basis, w->aggregate);
    m->cutoff = w->cutoff;
    m->cutoff3 = w->threebody_cutoff;
    m->mean = w->mean;
    m->std = w->std;
    for (int64_t row = 1; row < MAX_ROW; row++) {
        if (w->element_number[row] != row)
            return SH_FAIL(SH_EINPUT, "row %lld of the element table is element %d", (long long)row, w->element_number[row]);
        m->reference[row] = w->element_ref[row];
        m->known[row] = !(row >= 84 && row <= 88); /* Po At Rn Fr Ra: rows without training data */
    }
    SH_TRY(fetch(w, "featurizer/atom_network/embedding/embeddings", MAX_ROW, W, m->table));
    SH_TRY(fetch(w, "feature_adjust/update_func/pipe/layers/0/kernel", N_RADIAL, W, m->first));
    for (int b = 0; b < SH_M3GNET_BLOCKS; b++)
        SH_TRY(fetch_block(w, b, &m->blocks[b]));
    return fetch_readout(w, m);
}

sh_status sh_m3gnet_create(const sh_weights *weights, sh_m3gnet **out)
{
    sh_m3gnet *m = SH_NEW(sh_m3gnet, 1);
    *out = NULL;
    sh_status status = fill(weights, m);
    if (status != SH_OK) {
        sh_free(m);
        return status;
    }
    *out = m;
    return SH_OK;
}

void sh_m3gnet_destroy(sh_m3gnet **model)
{
    sh_free(*model);
    *model = NULL;
}

double sh_m3gnet_cutoff(const sh_m3gnet *m)
{
    return m->cutoff;
}

bool sh_m3gnet_knows(const sh_m3gnet *m, int z)
{
    return z >= 1 && z < MAX_ROW && m->known[z];
}

/* 1 / sigmoid(x) = 1 + exp(-x), kept so small that a product of three is finite: the activations below divide once by a product
 * instead of once each, division being the slowest step. What that leaves of a closed gate is below 1e-12. */
static inline sh_real inverse_sigmoid(sh_real x)
{
    const sh_real most = sizeof(sh_real) == 4 ? 28 : 230;
    x = -most > x ? -most : x; /* in this order NaN stays NaN */
    x = 80 < x ? 80 : x;
    return 1 + sh_exp_inside(-x);
}

/* ---- a group of crystals ---- */

/* Rows of the crystals of a group, one after the other; sites and edges are counted from the first of the group. */
typedef struct {
    int64_t n_crystal, n_site, n_edge, n_short;
    int64_t *crystal_start; /* (C+1) sites */
    int64_t *edge_start;    /* (S+1) edges within the cut-off */
    int64_t *short_start;   /* (S+1) of the edges within the three-body cut-off, a prefix of each site's */
    int32_t *src, *dst;     /* (E) */
    sh_real *count;         /* (E) members of the edge's class */
    sh_real *radial;        /* (E,3) */
    sh_real *v, *e;         /* (S,W), (E,W) */
    sh_real *p_src, *p_dst; /* (S,2W) first layers of a perceptron on the sites */
    sh_real *h1, *h2;       /* (TILE,2W) */
    sh_real *message;       /* (TILE,W) */
    /* three-body, by short edge */
    sh_real *bessel;        /* (E3,9) B(r) P(r) */
    sh_real *fade;          /* (E3) P(r) */
    sh_real *unit;          /* (E3,3) direction of the class's first member */
    sh_real *sum1, *sum2;   /* (E3,3), (E3,6) sums over the class of u and u u^T */
    sh_real *three;         /* (E3,9) */
    sh_real *atom_gate;     /* (S,9) */
    double *raw;            /* (S) readout */
} rows;

static size_t take(char **memory, size_t bytes)
{
    size_t room = (bytes + 63) & ~(size_t)63;
    if (*memory) *memory += room;
    return room;
}

/* Sizes for counting, pointers for carving: one list serves both. */
static size_t lay_out(rows *r, char *memory, int64_t n_crystal, int64_t n_site, int64_t n_edge)
{
    size_t total = 0, s = (size_t)n_site, e = (size_t)n_edge;
#define TAKE(field, type, n)                                                                       \
    do {                                                                                           \
        r->field = (type *)(void *)memory;                                                         \
        total += take(&memory, (n) * sizeof(type));                                                \
    } while (0)
    TAKE(crystal_start, int64_t, (size_t)n_crystal + 1);
    TAKE(edge_start, int64_t, s + 1);
    TAKE(short_start, int64_t, s + 1);
    TAKE(src, int32_t, e);
    TAKE(dst, int32_t, e);
    TAKE(count, sh_real, e);
    TAKE(radial, sh_real, e * N_RADIAL);
    TAKE(v, sh_real, s * W);
    TAKE(e, sh_real, e * W);
    TAKE(p_src, sh_real, s * 2 * W);
    TAKE(p_dst, sh_real, s * 2 * W);
    TAKE(h1, sh_real, TILE * 2 * W);
    TAKE(h2, sh_real, TILE * 2 * W);
    TAKE(message, sh_real, TILE * W);
    TAKE(bessel, sh_real, e * N_ANGLE);
    TAKE(fade, sh_real, e);
    TAKE(unit, sh_real, e * 3);
    TAKE(sum1, sh_real, e * 3);
    TAKE(sum2, sh_real, e * 6);
    TAKE(three, sh_real, e * N_ANGLE);
    TAKE(atom_gate, sh_real, s * N_ANGLE);
    TAKE(raw, double, s);
#undef TAKE
    return total;
}

static void count(const sh_graph *g, const int64_t *crystals, int64_t n, int64_t *n_site, int64_t *n_edge)
{
    *n_site = *n_edge = 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t first = g->site_start[crystals[i]], last = g->site_start[crystals[i] + 1];
        *n_site += last - first;
        *n_edge += g->edge_start[last] - g->edge_start[first];
    }
}

size_t sh_m3gnet_scratch(const sh_graph *g, const int64_t *crystals, int64_t n)
{
    rows r;
    int64_t n_site, n_edge;
    count(g, crystals, n, &n_site, &n_edge);
    return lay_out(&r, NULL, n, n_site, n_edge) + 64;
}

static void read_edge(const sh_m3gnet *m, const sh_graph *g, int64_t k, bool is_short, rows *r)
{
    double d = g->edge_dist[k], radial[N_RADIAL], bessel[N_ANGLE];
    sh_basis_smooth(d, m->cutoff, radial);
    for (int i = 0; i < N_RADIAL; i++)
        r->radial[r->n_edge * N_RADIAL + i] = (sh_real)radial[i];
    r->count[r->n_edge++] = (sh_real)g->edge_count[k];
    if (!is_short) return;
    int64_t q = r->n_short++;
    double fade = sh_basis_fade(d, m->cutoff3);
    sh_basis_bessel(d, m->cutoff, bessel);
    r->fade[q] = (sh_real)fade;
    for (int i = 0; i < N_ANGLE; i++)
        r->bessel[q * N_ANGLE + i] = (sh_real)(bessel[i] * fade);
    for (int i = 0; i < 3; i++) {
        r->unit[q * 3 + i] = (sh_real)(g->edge_vec[3 * k + i] / d);
        r->sum1[q * 3 + i] = (sh_real)g->edge_u[3 * k + i];
    }
    for (int i = 0; i < 6; i++)
        r->sum2[q * 6 + i] = (sh_real)g->edge_uu[6 * k + i];
}

static void read_crystal(const sh_m3gnet *m, const sh_graph *g, const int32_t *site_z, int64_t crystal, rows *r)
{
    int64_t shift = r->n_site - g->site_start[crystal]; /* from a site of the graph to one of the group */
    double limit2 = m->cutoff * m->cutoff + 1e-8;
    for (int64_t site = g->site_start[crystal]; site < g->site_start[crystal + 1]; site++) {
        int64_t s = r->n_site++;
        bool is_short = true;
        memcpy(r->v + s * W, m->table + (int64_t)site_z[site] * W, W * sizeof(sh_real));
        r->edge_start[s] = r->n_edge;
        r->short_start[s] = r->n_short;
        for (int64_t k = g->edge_start[site]; k < g->edge_start[site + 1]; k++) {
            double d = g->edge_dist[k];
            if (d * d >= limit2) break; /* sorted by length */
            r->src[r->n_edge] = (int32_t)s;
            r->dst[r->n_edge] = (int32_t)(g->edge_dst[k] + shift);
            is_short = is_short && d <= m->cutoff3;
            read_edge(m, g, k, is_short, r);
        }
    }
    r->edge_start[r->n_site] = r->n_edge;
    r->short_start[r->n_site] = r->n_short;
}

/* y = sum_k x_k w_k for few inputs k: out (W), w (n,W). */
static inline void few_to_row(const sh_real *x, int n, const sh_real *w, sh_real *out)
{
    for (int c = 0; c < W; c++)
        out[c] = x[0] * w[c];
    for (int k = 1; k < n; k++)
        for (int c = 0; c < W; c++)
            out[c] += x[k] * w[k * W + c];
}

static void first_edges(const sh_m3gnet *m, rows *r)
{
    for (int64_t e = 0; e < r->n_edge; e++) {
        sh_real *row = r->e + e * W;
        few_to_row(r->radial + e * N_RADIAL, N_RADIAL, m->first, row);
        for (int c = 0; c < W; c++)
            row[c] *= sh_sigmoid(row[c]);
    }
}

/* s_e of every short edge: the sums around each site, then each edge's share with itself taken out. */
static void three_body_sums(const block *k, rows *r)
{
    for (int64_t s = 0; s < r->n_site; s++)
        for (int q = 0; q < N_ANGLE; q++) {
            sh_real sum = k->atom_bias[q];
            for (int c = 0; c < W; c++)
                sum += r->v[s * W + c] * k->atom[c * N_ANGLE + q];
            r->atom_gate[s * N_ANGLE + q] = sh_sigmoid(sum);
        }
    const sh_real y0 = (sh_real)sqrt(1 / (4 * SH_PI)), y1 = (sh_real)sqrt(3 / (4 * SH_PI)),
                  y2 = (sh_real)sqrt(5 / (16 * SH_PI));
    for (int64_t s = 0; s < r->n_site; s++) {
        sh_real sum0[N_ANGLE] = {0}, sum1[3][3] = {{0}}, sum2[3][6] = {{0}};
        int64_t offset = r->edge_start[s] - r->short_start[s]; /* from a short edge to its edge */
        for (int64_t q = r->short_start[s]; q < r->short_start[s + 1]; q++) {
            const sh_real *gate = r->atom_gate + r->dst[q + offset] * N_ANGLE, *bessel = r->bessel + q * N_ANGLE;
            sh_real *w = r->three + q * N_ANGLE, n = r->count[q + offset];
            for (int i = 0; i < N_ANGLE; i++)
                w[i] = bessel[i] * gate[i];
            for (int i = 0; i < 3; i++) {
                sum0[i] += n * w[i];
                sum0[6 + i] += n * w[6 + i];
                for (int a = 0; a < 3; a++)
                    sum1[i][a] += w[3 + i] * r->sum1[q * 3 + a];
                for (int a = 0; a < 6; a++)
                    sum2[i][a] += w[6 + i] * r->sum2[q * 6 + a];
            }
        }
        for (int64_t q = r->short_start[s]; q < r->short_start[s + 1]; q++) {
            const sh_real *u = r->unit + q * 3, fade = r->fade[q];
            sh_real *w = r->three + q * N_ANGLE;
            for (int i = 0; i < 3; i++) {
                const sh_real *t = sum2[i]; /* xx yy zz yz xz xy */
                sh_real along = u[0] * sum1[i][0] + u[1] * sum1[i][1] + u[2] * sum1[i][2];
                sh_real twice = u[0] * u[0] * t[0] + u[1] * u[1] * t[1] + u[2] * u[2] * t[2] +
                                2 * (u[1] * u[2] * t[3] + u[0] * u[2] * t[4] + u[0] * u[1] * t[5]);
                w[i] = fade * y0 * (sum0[i] - w[i]);
                w[3 + i] = fade * y1 * (along - w[3 + i]);
                w[6 + i] = fade * y2 * (3 * twice - sum0[6 + i] - 2 * w[6 + i]);
            }
        }
    }
}

static void add_three_body(const block *k, rows *r)
{
    for (int64_t s = 0; s < r->n_site; s++)
        for (int64_t q = r->short_start[s]; q < r->short_start[s + 1]; q++) {
            sh_real value[W], gate[W], *e = r->e + (q - r->short_start[s] + r->edge_start[s]) * W;
            few_to_row(r->three + q * N_ANGLE, N_ANGLE, k->three_value, value);
            few_to_row(r->three + q * N_ANGLE, N_ANGLE, k->three_gate, gate);
            for (int c = 0; c < W; c++)
                e[c] += value[c] / (inverse_sigmoid(value[c]) * inverse_sigmoid(gate[c]));
        }
}

static void broadcast(const sh_real *bias, int64_t n, sh_real *out)
{
    for (int64_t i = 0; i < n; i++)
        memcpy(out + i * 2 * W, bias, 2 * W * sizeof(sh_real));
}

/* x sigmoid(x) of rows (n,2W), two at a time. */
static void swish(sh_real *x, int64_t n)
{
    for (int64_t i = 0; i < n; i++, x += 2 * W)
        for (int c = 0; c < W; c++) {
            sh_real a = x[c], b = x[c + W], p = inverse_sigmoid(a), q = inverse_sigmoid(b), r = 1 / (p * q);
            x[c] = a * (q * r);
            x[c + W] = b * (p * r);
        }
}

/* out (n,2W) += x (n,W) times both matrices. */
static void both(const pair *p, int64_t n, const sh_real *x, sh_real *out)
{
    sh_rows_product(n, W, W, x, W, p->value, W, out, 2 * W);
    sh_rows_product(n, W, W, x, W, p->gate, W, out + W, 2 * W);
}

/* out (n,2W) += each half of x (n,2W) times the matrix of its branch. */
static void each(const pair *p, int64_t n, const sh_real *x, sh_real *out)
{
    sh_rows_product(n, W, W, x, 2 * W, p->value, W, out, 2 * W);
    sh_rows_product(n, W, W, x + W, 2 * W, p->gate, W, out + W, 2 * W);
}

static void site_parts(const gated *g, rows *r)
{
    broadcast(g->bias, r->n_site, r->p_src);
    memset(r->p_dst, 0, (size_t)r->n_site * 2 * W * sizeof(sh_real));
    both(&g->source, r->n_site, r->v, r->p_src);
    both(&g->target, r->n_site, r->v, r->p_dst);
}

/* The gated perceptron on edges first .. first + n - 1, times its radial factor (with swish where asked): message (n,W). */
static void gated_tile(const gated *g, rows *r, int64_t first, int64_t n, bool swish_radial)
{
    for (int64_t i = 0; i < n; i++) {
        const sh_real *p = r->p_src + (int64_t)r->src[first + i] * 2 * W, *q = r->p_dst + (int64_t)r->dst[first + i] * 2 * W;
        for (int c = 0; c < 2 * W; c++)
            r->h1[i * 2 * W + c] = p[c] + q[c];
    }
    both(&g->edge, n, r->e + first * W, r->h1);
    swish(r->h1, n);
    broadcast(g->second_bias, n, r->h2);
    each(&g->second, n, r->h1, r->h2);
    for (int64_t i = 0; i < n; i++) {
        const sh_real *value = r->h2 + i * 2 * W, *gate = value + W;
        sh_real radial[W], *out = r->message + i * W;
        few_to_row(r->radial + (first + i) * N_RADIAL, N_RADIAL, g->radial, radial);
        if (swish_radial)
            for (int c = 0; c < W; c++)
                out[c] = value[c] * radial[c] /
                         (inverse_sigmoid(value[c]) * inverse_sigmoid(gate[c]) * inverse_sigmoid(radial[c]));
        else
            for (int c = 0; c < W; c++)
                out[c] = value[c] * radial[c] / (inverse_sigmoid(value[c]) * inverse_sigmoid(gate[c]));
    }
}

static void update_edges(const gated *g, rows *r)
{
    site_parts(g, r);
    for (int64_t first = 0; first < r->n_edge; first += TILE) {
        int64_t n = r->n_edge - first < TILE ? r->n_edge - first : TILE;
        gated_tile(g, r, first, n, false);
        for (int64_t i = 0; i < n * W; i++)
            r->e[first * W + i] += r->message[i];
    }
}

static void update_sites(const gated *g, rows *r)
{
    site_parts(g, r); /* from the sites as they were: the sums below change them */
    for (int64_t first = 0; first < r->n_edge; first += TILE) {
        int64_t n = r->n_edge - first < TILE ? r->n_edge - first : TILE;
        gated_tile(g, r, first, n, true);
        for (int64_t i = 0; i < n; i++) {
            sh_real *v = r->v + (int64_t)r->src[first + i] * W, count = r->count[first + i];
            for (int c = 0; c < W; c++)
                v[c] += count * r->message[i * W + c];
        }
    }
}

static void read_out(const sh_m3gnet *m, rows *r)
{
    for (int64_t first = 0; first < r->n_site; first += TILE) {
        int64_t n = r->n_site - first < TILE ? r->n_site - first : TILE;
        broadcast(m->out_first_bias, n, r->h1);
        both(&m->out_first, n, r->v + first * W, r->h1);
        swish(r->h1, n);
        broadcast(m->out_second_bias, n, r->h2);
        each(&m->out_second, n, r->h1, r->h2);
        swish(r->h2, n);
        for (int64_t i = 0; i < n; i++) {
            const sh_real *h = r->h2 + i * 2 * W;
            double value = (double)m->out_end[0], gate = (double)m->out_end[1];
            for (int c = 0; c < W; c++) {
                value += (double)h[c] * (double)m->out_last[c];
                gate += (double)h[W + c] * (double)m->out_last[W + c];
            }
            r->raw[first + i] = value / (1 + exp(-gate));
        }
    }
}

void sh_m3gnet_energies(const sh_m3gnet *m, const sh_graph *g, const int32_t *site_z, const int64_t *crystals, int64_t n,
                        void *scratch, double *energy, sh_m3gnet_trace trace, void *context)
{
    rows r;
    int64_t n_site, n_edge;
    count(g, crystals, n, &n_site, &n_edge);
    lay_out(&r, (char *)(((uintptr_t)scratch + 63) & ~(uintptr_t)63), n, n_site, n_edge);
    r.n_crystal = n;
    r.n_site = r.n_edge = r.n_short = 0;
    for (int64_t i = 0; i < n; i++) {
        r.crystal_start[i] = r.n_site;
        read_crystal(m, g, site_z, crystals[i], &r);
    }
    r.crystal_start[n] = r.n_site;
    first_edges(m, &r);
#define TRACE(what, b, data, n_row, width)                                                         \
    do {                                                                                           \
        if (trace) trace(context, what, b, data, n_row, width);                                    \
    } while (0)
    TRACE("count", 0, r.count, r.n_edge, 1);
    TRACE("e-first", 0, r.e, r.n_edge, W);
    for (int b = 0; b < SH_M3GNET_BLOCKS; b++) {
        const block *k = &m->blocks[b];
        three_body_sums(k, &r);
        TRACE("s", b, r.three, r.n_short, N_ANGLE);
        add_three_body(k, &r);
        TRACE("e-three", b, r.e, r.n_edge, W);
        update_edges(&k->edge, &r);
        TRACE("e", b, r.e, r.n_edge, W);
        update_sites(&k->node, &r);
        TRACE("v", b, r.v, r.n_site, W);
    }
    read_out(m, &r);
    for (int64_t i = 0; trace && i < r.n_site; i++)
        r.v[i] = (sh_real)r.raw[i]; /* the features are not needed any more */
    TRACE("raw", 0, r.v, r.n_site, 1);
#undef TRACE
    for (int64_t i = 0; i < n; i++) {
        const double *mult = g->site_mult + g->site_start[crystals[i]];
        const int32_t *z = site_z + g->site_start[crystals[i]];
        double raw = 0, references = 0;
        for (int64_t s = r.crystal_start[i]; s < r.crystal_start[i + 1]; s++, mult++, z++) {
            raw += *mult * r.raw[s];
            references += *mult * m->reference[*z];
        }
        energy[i] = m->std * raw + m->mean + references;
    }
}
