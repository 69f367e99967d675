#include "potential/m3gnet.h"

#include <math.h>
#include <string.h>

#include "basis.h"
#include "m3gnet_math.h"
#include "potential/carve.h"
#include "potential/m3gnet_batch.h"
#include "potential/m3gnet_params.h"
#include "rows_product.h"

enum { TILE = 24 /* edges worked on together: four register tiles, 36 kB of rows */ };

sh_status sh_m3gnet_create(const sh_weights *weights, sh_m3gnet **out)
{
    sh_m3gnet *m = SH_NEW(sh_m3gnet, 1);
    *out = NULL;
    sh_status status = sh_m3gnet_read(weights, m);
    if (status != SH_OK) {
        sh_m3gnet_destroy(&m);
        return status;
    }
    *out = m;
    return SH_OK;
}

void sh_m3gnet_destroy(sh_m3gnet **model)
{
    if (!*model) return;
    sh_m3gnet_use(*model, sh_backend_cpu());
    sh_pool_release(&(*model)->pool);
    sh_free(*model);
    *model = NULL;
}

double sh_m3gnet_cutoff(const sh_m3gnet *m)
{
    return m->cutoff;
}

bool sh_m3gnet_knows(const sh_m3gnet *m, int z)
{
    return z >= 1 && z <= SH_WEIGHTS_MAX_Z && m->known[z];
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
    sh_real *radial;        /* (E,3) or (E,9) */
    sh_real *weight;        /* (E) of the edge's message to its target; `count` where messages go to the source */
    sh_real *v, *e;         /* (S,W), (E,W) */
    sh_real *p_src, *p_dst; /* (S,2W) first layers of a perceptron on the sites */
    sh_real *h1, *h2;       /* (TILE,2W) */
    sh_real *message;       /* (TILE,W) */
    /* three-body, by short edge */
    sh_real *bessel;        /* (E3,9) B(r) P(r), times the sum over the other edges where those count nothing but angles */
    sh_real *fade;          /* (E3) P(r) */
    sh_real *unit;          /* (E3,3) direction of the class's first member */
    sh_real *sum1, *sum2;   /* (E3,3), (E3,6) sums over the class of u and u u^T */
    sh_real *three;         /* (E3,9) */
    sh_real *atom_gate;     /* (S,9) */
    double *raw;            /* (S) readout summed over atoms */
    /* readout of crystals */
    sh_real *mult;          /* (S) */
    sh_real *pooled;        /* (C,2W) */
    sh_real *c1, *c2;       /* (C,W) */
    void *pool;
} rows;

static size_t lay_out(const sh_m3gnet *m, rows *r, char *memory, int64_t n_crystal, int64_t n_site, int64_t n_edge)
{
    sh_carver carver = {.memory = memory}, *c = &carver;
    int64_t n_short = m->three == THREE_NONE ? 0 : n_edge, n_pooled = m->pooled ? n_crystal : 0;
    r->crystal_start = SH_CARVE(c, int64_t, n_crystal + 1);
    r->edge_start = SH_CARVE(c, int64_t, n_site + 1);
    r->short_start = SH_CARVE(c, int64_t, n_site + 1);
    r->src = SH_CARVE(c, int32_t, n_edge);
    r->dst = SH_CARVE(c, int32_t, n_edge);
    r->count = SH_CARVE(c, sh_real, n_edge);
    r->weight = m->to_target ? SH_CARVE(c, sh_real, n_edge) : r->count;
    r->radial = SH_CARVE(c, sh_real, n_edge * m->n_radial);
    r->v = SH_CARVE(c, sh_real, n_site * W);
    r->e = SH_CARVE(c, sh_real, n_edge * W);
    r->p_src = SH_CARVE(c, sh_real, n_site * 2 * W);
    r->p_dst = SH_CARVE(c, sh_real, n_site * 2 * W);
    r->h1 = SH_CARVE(c, sh_real, TILE * 2 * W);
    r->h2 = SH_CARVE(c, sh_real, TILE * 2 * W);
    r->message = SH_CARVE(c, sh_real, TILE * W);
    r->bessel = SH_CARVE(c, sh_real, n_short * N_BESSEL);
    r->fade = SH_CARVE(c, sh_real, n_short);
    r->unit = SH_CARVE(c, sh_real, n_short * 3);
    r->sum1 = SH_CARVE(c, sh_real, n_short * 3);
    r->sum2 = SH_CARVE(c, sh_real, n_short * 6);
    r->three = SH_CARVE(c, sh_real, n_short * N_BESSEL);
    r->atom_gate = SH_CARVE(c, sh_real, n_site * N_BESSEL);
    r->raw = SH_CARVE(c, double, n_site);
    r->mult = SH_CARVE(c, sh_real, n_site);
    r->pooled = SH_CARVE(c, sh_real, n_pooled * 2 * W);
    r->c1 = SH_CARVE(c, sh_real, n_pooled * W);
    r->c2 = SH_CARVE(c, sh_real, n_pooled * W);
    r->pool = sh_carve(c, m->pooled ? sh_pool_scratch(&m->pool, n_crystal, n_site) : 0);
    return carver.used;
}

size_t sh_m3gnet_scratch(const sh_m3gnet *m, const sh_graph *g, const int64_t *crystals, int64_t n)
{
    rows r;
    int64_t n_site, n_edge;
    sh_graph_count(g, crystals, n, &n_site, &n_edge);
    return lay_out(m, &r, NULL, n, n_site, n_edge) + 64;
}

static void read_edge(const sh_m3gnet *m, const sh_graph *g, int64_t k, bool is_short, rows *r)
{
    double d = g->edge_dist[k], smooth[N_SMOOTH], bessel[N_BESSEL];
    const double *radial = m->n_radial == N_SMOOTH ? smooth : bessel;
    int64_t e = r->n_edge++;
    if (m->n_radial == N_SMOOTH) sh_basis_smooth(d, m->cutoff, smooth);
    if (m->n_radial == N_BESSEL || is_short) sh_basis_bessel(d, m->cutoff, bessel);
    for (int i = 0; i < m->n_radial; i++)
        r->radial[e * m->n_radial + i] = (sh_real)radial[i];
    r->count[e] = (sh_real)g->edge_count[k];
    /* the copies of the edge spread evenly over the atoms of the target's orbit */
    if (m->to_target)
        r->weight[e] = (sh_real)(g->edge_count[k] * g->site_mult[g->edge_src[k]] / g->site_mult[g->edge_dst[k]]);
    if (!is_short) return;
    int64_t q = r->n_short++;
    double fade = sh_basis_fade(d, m->cutoff3);
    r->fade[q] = (sh_real)fade;
    for (int i = 0; i < N_BESSEL; i++)
        r->bessel[q * N_BESSEL + i] = (sh_real)(bessel[i] * fade);
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
        bool is_short = m->three != THREE_NONE;
        memcpy(r->v + s * W, m->table + (int64_t)m->row[site_z[site]] * W, W * sizeof(sh_real));
        r->mult[s] = (sh_real)g->site_mult[site];
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

/* The radial functions of edge e times a matrix: out (W). */
static inline void radial_to_row(const sh_m3gnet *m, const rows *r, int64_t e, const sh_real *w, sh_real *out)
{
    if (m->n_radial == N_SMOOTH) /* a number the compiler knows */
        few_to_row(r->radial + e * N_SMOOTH, N_SMOOTH, w, out);
    else
        few_to_row(r->radial + e * N_BESSEL, N_BESSEL, w, out);
}

static void first_edges(const sh_m3gnet *m, rows *r)
{
    for (int64_t e = 0; e < r->n_edge; e++) {
        sh_real *row = r->e + e * W;
        radial_to_row(m, r, e, m->first, row);
        for (int c = 0; c < W; c++) {
            row[c] += m->first_bias[c];
            row[c] *= sh_sigmoid(row[c]);
        }
    }
}

/* Length and end atom from the receiving edge: the other edges count only by their angles, the same in all blocks, and what
 * they sum up to becomes a factor of the edge's own radial functions. */
static void sum_angles(rows *r)
{
    for (int64_t s = 0; s < r->n_site; s++) {
        sh_real sum0 = 0, sum1[3] = {0}, sum2[6] = {0};
        int64_t offset = r->edge_start[s] - r->short_start[s]; /* from a short edge to its edge */
        for (int64_t q = r->short_start[s]; q < r->short_start[s + 1]; q++) {
            sum0 += r->count[q + offset] * r->fade[q];
            for (int a = 0; a < 3; a++)
                sum1[a] += r->fade[q] * r->sum1[q * 3 + a];
            for (int a = 0; a < 6; a++)
                sum2[a] += r->fade[q] * r->sum2[q * 6 + a];
        }
        for (int64_t q = r->short_start[s]; q < r->short_start[s + 1]; q++) {
            const sh_real *u = r->unit + q * 3, fade = r->fade[q];
            sh_real *bessel = r->bessel + q * N_BESSEL;
            const sh_real angle[3] = {SH_Y0 * (sum0 - fade), SH_Y1 * (sh_along(u, sum1) - fade),
                                      SH_Y2 * (3 * sh_twice_along(u, sum2) - sum0 - 2 * fade)};
            for (int i = 0; i < N_BESSEL; i++)
                bessel[i] *= angle[i / 3];
        }
    }
}

static void gate_atoms(const block *k, rows *r)
{
    for (int64_t s = 0; s < r->n_site; s++)
        for (int q = 0; q < N_BESSEL; q++) {
            sh_real sum = k->atom_bias[q];
            for (int c = 0; c < W; c++)
                sum += r->v[s * W + c] * k->atom[c * N_BESSEL + q];
            r->atom_gate[s * N_BESSEL + q] = sh_sigmoid(sum);
        }
}

/* s_e of every short edge with length and end atom from itself. */
static void three_body_self(rows *r)
{
    for (int64_t s = 0; s < r->n_site; s++) {
        int64_t offset = r->edge_start[s] - r->short_start[s];
        for (int64_t q = r->short_start[s]; q < r->short_start[s + 1]; q++) {
            const sh_real *gate = r->atom_gate + r->dst[q + offset] * N_BESSEL;
            for (int i = 0; i < N_BESSEL; i++)
                r->three[q * N_BESSEL + i] = r->bessel[q * N_BESSEL + i] * gate[i];
        }
    }
}

/* s_e of every short edge: the sums around each site, then each edge's share with itself taken out. */
static void three_body_other(rows *r)
{
    for (int64_t s = 0; s < r->n_site; s++) {
        sh_real sum0[N_BESSEL] = {0}, sum1[3][3] = {{0}}, sum2[3][6] = {{0}};
        int64_t offset = r->edge_start[s] - r->short_start[s];
        for (int64_t q = r->short_start[s]; q < r->short_start[s + 1]; q++) {
            const sh_real *gate = r->atom_gate + r->dst[q + offset] * N_BESSEL, *bessel = r->bessel + q * N_BESSEL;
            sh_real *w = r->three + q * N_BESSEL, n = r->count[q + offset];
            for (int i = 0; i < N_BESSEL; i++)
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
            sh_real *w = r->three + q * N_BESSEL;
            for (int i = 0; i < 3; i++) {
                w[i] = fade * SH_Y0 * (sum0[i] - w[i]);
                w[3 + i] = fade * SH_Y1 * (sh_along(u, sum1[i]) - w[3 + i]);
                w[6 + i] = fade * SH_Y2 * (3 * sh_twice_along(u, sum2[i]) - sum0[6 + i] - 2 * w[6 + i]);
            }
        }
    }
}

static void add_three_body(const block *k, rows *r)
{
    for (int64_t s = 0; s < r->n_site; s++)
        for (int64_t q = r->short_start[s]; q < r->short_start[s + 1]; q++) {
            sh_real value[W], gate[W], *e = r->e + (q - r->short_start[s] + r->edge_start[s]) * W;
            few_to_row(r->three + q * N_BESSEL, N_BESSEL, k->three_value, value);
            few_to_row(r->three + q * N_BESSEL, N_BESSEL, k->three_gate, gate);
            for (int c = 0; c < W; c++)
                e[c] += sh_gated(value[c], gate[c], 1);
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
        for (int c = 0; c < W; c++)
            sh_two_swish(x + c, x + c + W);
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
static void gated_tile(const sh_m3gnet *m, const gated *g, rows *r, int64_t first, int64_t n, bool swish_radial)
{
    sh_real *h = r->h1, *next = r->h2;
    for (int64_t i = 0; i < n; i++) {
        const sh_real *p = r->p_src + (int64_t)r->src[first + i] * 2 * W, *q = r->p_dst + (int64_t)r->dst[first + i] * 2 * W;
        for (int c = 0; c < 2 * W; c++)
            h[i * 2 * W + c] = p[c] + q[c];
    }
    both(&g->edge, n, r->e + first * W, h);
    for (int i = 0; i < m->n_later; i++) {
        sh_real *done = h;
        swish(h, n);
        broadcast(g->later_bias[i], n, next);
        each(&g->later[i], n, h, next);
        h = next;
        next = done;
    }
    for (int64_t i = 0; i < n; i++) {
        const sh_real *value = h + i * 2 * W, *gate = value + W;
        sh_real radial[W], *out = r->message + i * W;
        radial_to_row(m, r, first + i, g->radial, radial);
        if (swish_radial)
            for (int c = 0; c < W; c++)
                out[c] = sh_gated_swish(value[c], gate[c], radial[c]);
        else
            for (int c = 0; c < W; c++)
                out[c] = sh_gated(value[c], gate[c], radial[c]);
    }
}

static void update_edges(const sh_m3gnet *m, const gated *g, rows *r)
{
    site_parts(g, r);
    for (int64_t first = 0; first < r->n_edge; first += TILE) {
        int64_t n = r->n_edge - first < TILE ? r->n_edge - first : TILE;
        gated_tile(m, g, r, first, n, false);
        for (int64_t i = 0; i < n * W; i++)
            r->e[first * W + i] += r->message[i];
    }
}

static void update_sites(const sh_m3gnet *m, const gated *g, rows *r)
{
    const int32_t *to = m->to_target ? r->dst : r->src;
    site_parts(g, r); /* from the sites as they were: the sums below change them */
    for (int64_t first = 0; first < r->n_edge; first += TILE) {
        int64_t n = r->n_edge - first < TILE ? r->n_edge - first : TILE;
        gated_tile(m, g, r, first, n, m->swish_radial);
        for (int64_t i = 0; i < n; i++) {
            sh_real *v = r->v + (int64_t)to[first + i] * W, weight = r->weight[first + i];
            for (int c = 0; c < W; c++)
                v[c] += weight * r->message[i * W + c];
        }
    }
}

static void read_out_sites(const sh_m3gnet *m, rows *r)
{
    for (int64_t first = 0; first < r->n_site; first += TILE) {
        int64_t n = r->n_site - first < TILE ? r->n_site - first : TILE;
        sh_real *h = r->h1, *next = r->h2;
        for (int i = 0; i < m->n_out; i++) {
            broadcast(m->out_bias[i], n, next);
            if (i == 0)
                both(&m->out[i], n, r->v + first * W, next);
            else
                each(&m->out[i], n, h, next);
            swish(next, n);
            sh_real *done = h;
            h = next;
            next = done;
        }
        for (int64_t i = 0; i < n; i++) {
            const sh_real *x = h + i * 2 * W;
            double value = (double)m->out_end[0], gate = (double)m->out_end[1];
            for (int c = 0; c < W; c++) {
                value += (double)x[c] * (double)m->out_last[c];
                gate += (double)x[W + c] * (double)m->out_last[W + c];
            }
            r->raw[first + i] = value / (1 + exp(-gate));
        }
    }
}

/* One plain layer with swish: y (n,W) of x (n,cols). */
static void dense_swish(const sh_real *x, int64_t n, int64_t cols, const sh_real *matrix, const sh_real *bias, sh_real *y)
{
    for (int64_t i = 0; i < n; i++)
        memcpy(y + i * W, bias, W * sizeof(sh_real));
    sh_rows_product(n, cols, W, x, cols, matrix, W, y, W);
    for (int64_t i = 0; i < n * W; i++)
        y[i] *= sh_sigmoid(y[i]);
}

/* value (C) of set2set over the sites of each crystal. */
static void read_out_crystals(const sh_m3gnet *m, rows *r, double *value)
{
    sh_pool_apply(&m->pool, r->v, r->mult, r->crystal_start, r->n_crystal, r->pool, r->pooled);
    dense_swish(r->pooled, r->n_crystal, 2 * W, m->pool_first, m->pool_first_bias, r->c1);
    dense_swish(r->c1, r->n_crystal, W, m->pool_second, m->pool_second_bias, r->c2);
    for (int64_t i = 0; i < r->n_crystal; i++) {
        double sum = (double)m->pool_end;
        for (int c = 0; c < W; c++)
            sum += (double)r->c2[i * W + c] * (double)m->pool_last[c];
        value[i] = m->std * sum + m->mean;
    }
}

static void run_block(const sh_m3gnet *m, int b, rows *r, sh_m3gnet_trace trace, void *context)
{
    const block *k = &m->blocks[b];
#define TRACE(what, data, n_row, width)                                                            \
    do {                                                                                           \
        if (trace) trace(context, what, b, data, n_row, width);                                    \
    } while (0)
    if (m->three != THREE_NONE) {
        gate_atoms(k, r);
        if (m->three == THREE_OTHER)
            three_body_other(r);
        else
            three_body_self(r);
        TRACE("s", r->three, r->n_short, N_BESSEL);
        add_three_body(k, r);
    }
    TRACE("e-three", r->e, r->n_edge, W);
    update_edges(m, &k->edge, r);
    TRACE("e", r->e, r->n_edge, W);
    update_sites(m, &k->node, r);
    TRACE("v", r->v, r->n_site, W);
#undef TRACE
}

void sh_m3gnet_energies(const sh_m3gnet *m, const sh_graph *g, const int32_t *site_z, const int64_t *crystals, int64_t n,
                        void *scratch, double *energy, sh_m3gnet_trace trace, void *context)
{
    rows r;
    int64_t n_site, n_edge;
    sh_graph_count(g, crystals, n, &n_site, &n_edge);
    lay_out(m, &r, (char *)(((uintptr_t)scratch + 63) & ~(uintptr_t)63), n, n_site, n_edge);
    r.n_crystal = n;
    r.n_site = r.n_edge = r.n_short = 0;
    for (int64_t i = 0; i < n; i++) {
        r.crystal_start[i] = r.n_site;
        read_crystal(m, g, site_z, crystals[i], &r);
    }
    r.crystal_start[n] = r.n_site;
    first_edges(m, &r);
    if (m->three == THREE_SELF) sum_angles(&r);
    if (trace) trace(context, "count", 0, r.count, r.n_edge, 1);
    if (trace) trace(context, "e-first", 0, r.e, r.n_edge, W);
    for (int b = 0; b < SH_M3GNET_BLOCKS; b++)
        run_block(m, b, &r, trace, context);
    if (m->pooled) {
        read_out_crystals(m, &r, energy);
        return;
    }
    read_out_sites(m, &r);
    for (int64_t i = 0; trace && i < r.n_site; i++)
        r.v[i] = (sh_real)r.raw[i]; /* the features are not needed any more */
    if (trace) trace(context, "raw", 0, r.v, r.n_site, 1);
    for (int64_t i = 0; i < n; i++) {
        const double *mult = g->site_mult + g->site_start[crystals[i]];
        const int32_t *z = site_z + g->site_start[crystals[i]];
        double raw = 0, references = 0;
        for (int64_t s = r.crystal_start[i]; s < r.crystal_start[i + 1]; s++, mult++, z++) {
            raw += *mult * r.raw[s];
            references += *mult * m->reference[m->row[*z]];
        }
        energy[i] = m->std * raw + m->mean + references;
    }
}
