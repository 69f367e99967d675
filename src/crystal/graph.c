/* graph.c -- per-site work in four passes, each a function of one site that writes only what is its own: count the
 * neighbours, write them, sort and merge them into classes, copy what is kept. No memory is asked for in between but the
 * arrays whose sizes the pass before gave. */
#include "crystal/graph.h"

#include <math.h>
#include <string.h>

static const double SHELL = 1e-6;     /* Å: lengths closer than this are one shell */
static const double EDGE_SLACK = 1e-8; /* Å^2, energy-models: r^2 < c^2 + 1e-8 */

typedef struct {
    double dist, frac[3], vec[3]; /* frac: x_t + n - x_s */
    int32_t dst;
    int32_t count; /* after merging: members of the class, 0 for members but the first */
    double u[3], uu[6];
} raw_edge;

/* The reciprocal heights of a cell: |frac_i| <= r inverse_height[i] for every vector of length r. */
static void inverse_heights(const double *l, double out[3])
{
    double cross[3][3], volume = 0;
    for (int i = 0; i < 3; i++) {
        const double *b = l + 3 * ((i + 1) % 3), *c = l + 3 * ((i + 2) % 3);
        cross[i][0] = b[1] * c[2] - b[2] * c[1];
        cross[i][1] = b[2] * c[0] - b[0] * c[2];
        cross[i][2] = b[0] * c[1] - b[1] * c[0];
    }
    for (int k = 0; k < 3; k++)
        volume += l[k] * cross[0][k];
    for (int i = 0; i < 3; i++)
        out[i] = sqrt(cross[i][0] * cross[i][0] + cross[i][1] * cross[i][1] + cross[i][2] * cross[i][2]) / fabs(volume);
}

/* Neighbours of the representative of site s; writes them where `out` is not NULL. Returns their number. */
static int64_t find(const sh_crystals *c, double cutoff, int64_t s, raw_edge *out, double *min_dist)
{
    int64_t crystal = c->site_crystal[s], n = 0;
    const double *l = c->lattice + 9 * crystal, *x = c->atom_frac + 3 * c->atom_start[s];
    double inverse[3], reach[3], limit2 = cutoff * cutoff + EDGE_SLACK, least2 = 1e300;
    inverse_heights(l, inverse);
    for (int i = 0; i < 3; i++)
        reach[i] = sqrt(limit2) * inverse[i] * (1 + 1e-12);
    for (int64_t t = c->site_start[crystal]; t < c->site_start[crystal + 1]; t++)
        for (int64_t a = c->atom_start[t]; a < c->atom_start[t + 1]; a++) {
            double f[3], lo[3], hi[3];
            for (int i = 0; i < 3; i++) {
                f[i] = c->atom_frac[3 * a + i] - x[i];
                lo[i] = ceil(-reach[i] - f[i]);
                hi[i] = floor(reach[i] - f[i]);
            }
            bool own = a == c->atom_start[s];
            for (double n0 = lo[0]; n0 <= hi[0]; n0++) {
                double g0 = f[0] + n0, p0[3] = {g0 * l[0], g0 * l[1], g0 * l[2]};
                for (double n1 = lo[1]; n1 <= hi[1]; n1++) {
                    double g1 = f[1] + n1, p1[3] = {p0[0] + g1 * l[3], p0[1] + g1 * l[4], p0[2] + g1 * l[5]};
                    for (double n2 = lo[2]; n2 <= hi[2]; n2++) {
                        double g2 = f[2] + n2, v[3] = {p1[0] + g2 * l[6], p1[1] + g2 * l[7], p1[2] + g2 * l[8]};
                        double r2 = v[0] * v[0] + v[1] * v[1] + v[2] * v[2];
                        if (r2 >= limit2 || (own && n0 == 0 && n1 == 0 && n2 == 0)) continue;
                        least2 = r2 < least2 ? r2 : least2;
                        if (r2 <= 1e-16) continue; /* coincident: no direction, no edge */
                        if (out)
                            out[n] = (raw_edge){.dist = sqrt(r2),
                                                .frac = {g0, g1, g2},
                                                .vec = {v[0], v[1], v[2]},
                                                .dst = (int32_t)t,
                                                .count = 1};
                        n++;
                    }
                }
            }
        }
    *min_dist = fmin(cutoff, sqrt(least2));
    return n;
}

static bool before(const raw_edge *a, const raw_edge *b)
{
    if (a->dist != b->dist) return a->dist < b->dist;
    if (a->dst != b->dst) return a->dst < b->dst;
    for (int i = 0; i < 3; i++)
        if (a->vec[i] != b->vec[i]) return a->vec[i] < b->vec[i];
    return false;
}

/* Shell sort (gaps of Ciura 2001) of an index: in place, no memory, rows are short. */
static void sort(const raw_edge *e, int32_t *order, int64_t n)
{
    static const int64_t gaps[] = {8929, 3905, 1750, 701, 301, 132, 57, 23, 10, 4, 1};
    for (int64_t i = 0; i < n; i++)
        order[i] = (int32_t)i;
    for (size_t g = 0; g < sizeof gaps / sizeof *gaps; g++)
        for (int64_t i = gaps[g]; i < n; i++) {
            int32_t moving = order[i];
            int64_t j = i;
            for (; j >= gaps[g] && before(&e[moving], &e[order[j - gaps[g]]]); j -= gaps[g])
                order[j] = order[j - gaps[g]];
            order[j] = moving;
        }
}

static void add_direction(raw_edge *e, const raw_edge *member)
{
    double u[3];
    for (int i = 0; i < 3; i++)
        e->u[i] += u[i] = member->vec[i] / member->dist;
    static const int first[6] = {0, 1, 2, 1, 0, 0}, second[6] = {0, 1, 2, 2, 2, 1};
    for (int k = 0; k < 6; k++)
        e->uu[k] += u[first[k]] * u[second[k]];
}

/* Merges the sorted edges of a site into classes under its site group: members become count 0, the first gets their
 * number, the mean of their lengths and the sums of their directions. */
static void classify(const sh_crystals *c, int64_t s, bool no_classes, raw_edge *e, const int32_t *order, int64_t n)
{
    int64_t first = c->stab_start[s], n_stab = no_classes ? 1 : c->stab_start[s + 1] - first;
    const double *l = c->lattice + 9 * c->site_crystal[s];
    double tol = 10 * c->position_tolerance, window = 2 * tol;
    for (int64_t i = 0; i < n; i++) {
        raw_edge *rep = &e[order[i]];
        if (rep->count == 0) continue;
        add_direction(rep, rep);
        double sum = rep->dist;
        for (int64_t h = 0; h < n_stab && n_stab > 1; h++) { /* the identity finds nothing: others come after i */
            const int8_t *w = c->stab_rot + 9 * (first + h);
            double image[3];
            for (int k = 0; k < 3; k++)
                image[k] = w[3 * k] * rep->frac[0] + w[3 * k + 1] * rep->frac[1] + w[3 * k + 2] * rep->frac[2];
            for (int64_t j = i + 1; j < n && e[order[j]].dist - rep->dist < window; j++) {
                raw_edge *other = &e[order[j]];
                if (other->count == 0 || other->dst != rep->dst) continue;
                double d[3], square = 0;
                for (int k = 0; k < 3; k++)
                    d[k] = other->frac[k] - image[k];
                for (int k = 0; k < 3; k++) {
                    double cart = d[0] * l[k] + d[1] * l[3 + k] + d[2] * l[6 + k];
                    square += cart * cart;
                }
                if (square >= tol * tol) continue;
                other->count = 0;
                rep->count++;
                sum += other->dist;
                add_direction(rep, other);
                break;
            }
        }
        if (rep->count > 1) rep->dist = sum / rep->count;
    }
}

/* How many of the sorted edges stay: whole shells until at least max_neighbours atoms are in. */
static int64_t whole_shells(const raw_edge *e, const int32_t *order, int64_t n, int64_t max_neighbours, double shell)
{
    if (max_neighbours <= 0 || n <= max_neighbours) return n;
    int64_t kept = max_neighbours;
    while (kept < n && e[order[kept]].dist - e[order[kept - 1]].dist < shell)
        kept++;
    return kept;
}

static void transpose(sh_graph *g, sh_arena *arena)
{
    g->in_start = SH_PUSH_ZERO(arena, int64_t, g->n_site + 2);
    g->in_edge = SH_PUSH(arena, int64_t, g->n_edge);
    for (int64_t e = 0; e < g->n_edge; e++)
        g->in_start[g->edge_dst[e] + 2]++;
    for (int64_t s = 0; s < g->n_site; s++)
        g->in_start[s + 2] += g->in_start[s + 1];
    for (int64_t e = 0; e < g->n_edge; e++)
        g->in_edge[g->in_start[g->edge_dst[e] + 1]++] = e;
}

void sh_graph_build(const sh_crystals *c, const sh_graph_opts *opts, sh_arena *arena, sh_graph *out)
{
    int64_t n_site = c->n_site;
    *out = (sh_graph){.cutoff = opts->cutoff,
                      .n_crystal = c->n_crystal,
                      .n_site = n_site,
                      .site_start = c->site_start,
                      .site_crystal = c->site_crystal,
                      .site_mult = SH_PUSH(arena, double, n_site),
                      .edge_start = SH_PUSH(arena, int64_t, n_site + 1),
                      .min_dist = SH_PUSH(arena, double, c->n_crystal)};
    int64_t *raw_start = SH_PUSH(arena, int64_t, n_site + 1);
    double *site_min = SH_PUSH(arena, double, n_site);
    raw_start[0] = out->edge_start[0] = 0;
#pragma omp parallel for schedule(dynamic, 8) if (n_site > 16)
    for (int64_t s = 0; s < n_site; s++)
        raw_start[s + 1] = find(c, opts->cutoff, s, NULL, &site_min[s]);
    for (int64_t s = 0; s < n_site; s++) {
        raw_start[s + 1] += raw_start[s];
        out->site_mult[s] = (double)sh_site_mult(c, s);
    }
    for (int64_t i = 0; i < c->n_crystal; i++) {
        out->min_dist[i] = opts->cutoff;
        for (int64_t s = c->site_start[i]; s < c->site_start[i + 1]; s++)
            out->min_dist[i] = fmin(out->min_dist[i], site_min[s]);
    }
    raw_edge *raw = SH_PUSH(arena, raw_edge, raw_start[n_site]);
    int32_t *order = SH_PUSH(arena, int32_t, raw_start[n_site]);
    double shell = fmax(SHELL, 2 * c->position_tolerance);
#pragma omp parallel for schedule(dynamic, 8) if (n_site > 16)
    for (int64_t s = 0; s < n_site; s++) {
        double unused;
        raw_edge *mine = raw + raw_start[s];
        int32_t *my_order = order + raw_start[s];
        int64_t n = find(c, opts->cutoff, s, mine, &unused), kept = 0;
        sort(mine, my_order, n);
        n = whole_shells(mine, my_order, n, opts->max_neighbours, shell);
        classify(c, s, opts->no_classes, mine, my_order, n);
        for (int64_t i = 0; i < n; i++)
            if (mine[my_order[i]].count) my_order[kept++] = my_order[i];
        out->edge_start[s + 1] = kept;
    }
    for (int64_t s = 0; s < n_site; s++)
        out->edge_start[s + 1] += out->edge_start[s];
    int64_t n_edge = out->n_edge = out->edge_start[n_site];
    out->edge_src = SH_PUSH(arena, int32_t, n_edge);
    out->edge_dst = SH_PUSH(arena, int32_t, n_edge);
    out->edge_count = SH_PUSH(arena, double, n_edge);
    out->edge_dist = SH_PUSH(arena, double, n_edge);
    out->edge_vec = SH_PUSH(arena, double, 3 * n_edge);
    out->edge_u = SH_PUSH(arena, double, 3 * n_edge);
    out->edge_uu = SH_PUSH(arena, double, 6 * n_edge);
#pragma omp parallel for schedule(static) if (n_site > 16)
    for (int64_t s = 0; s < n_site; s++)
        for (int64_t e = out->edge_start[s]; e < out->edge_start[s + 1]; e++) {
            const raw_edge *from = &raw[raw_start[s] + order[raw_start[s] + e - out->edge_start[s]]];
            out->edge_src[e] = (int32_t)s;
            out->edge_dst[e] = from->dst;
            out->edge_count[e] = from->count;
            out->edge_dist[e] = from->dist;
            memcpy(out->edge_vec + 3 * e, from->vec, sizeof from->vec);
            memcpy(out->edge_u + 3 * e, from->u, sizeof from->u);
            memcpy(out->edge_uu + 6 * e, from->uu, sizeof from->uu);
        }
    transpose(out, arena);
}

double sh_nearest_image(const double l[9], const double frac_a[3], const double frac_b[3], bool self)
{
    double f[3], inverse[3], best = 1e300;
    inverse_heights(l, inverse);
    bool same = self;
    for (int i = 0; i < 3; i++) {
        f[i] = frac_b[i] - frac_a[i];
        f[i] -= floor(f[i] + 0.5);
        same = same && f[i] == 0;
    }
    /* Any one image bounds the search: the rounded one, or a lattice vector. */
    double bound = 0;
    for (int k = 0; k < 3; k++) {
        double v = same ? l[k] : f[0] * l[k] + f[1] * l[3 + k] + f[2] * l[6 + k];
        bound += v * v;
    }
    bound = sqrt(bound) * (1 + 1e-12);
    for (double n0 = ceil(-bound * inverse[0] - f[0]); n0 <= bound * inverse[0] - f[0]; n0++)
        for (double n1 = ceil(-bound * inverse[1] - f[1]); n1 <= bound * inverse[1] - f[1]; n1++)
            for (double n2 = ceil(-bound * inverse[2] - f[2]); n2 <= bound * inverse[2] - f[2]; n2++) {
                if (same && n0 == 0 && n1 == 0 && n2 == 0) continue;
                double square = 0;
                for (int k = 0; k < 3; k++) {
                    double v = (f[0] + n0) * l[k] + (f[1] + n1) * l[3 + k] + (f[2] + n2) * l[6 + k];
                    square += v * v;
                }
                best = fmin(best, square);
            }
    return sqrt(best);
}
