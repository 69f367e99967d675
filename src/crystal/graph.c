/* graph.c -- the work of a batch in passes: prepare the cells; bound the number of neighbours of each site; find, sort and
 * classify them; write what is kept. A pass is a function of one crystal or one site that asks for no memory and writes
 * only what is its own, so that the bits depend neither on threads nor on the batch; the sizes come from the pass before. */
#include "crystal/graph.h"

#include <math.h>

#include "base/status.h"
#include "cell.h"

static const double SHELL = 1e-6;        /* Å: lengths closer than this are one shell */
static const double EDGE_SLACK = 1e-8;   /* Å^2: an atom at the cut-off is inside, whatever its rounding */
static const double COINCIDENT2 = 1e-16; /* Å^2: no direction below, so no edge */
/* Å^3 an atom: below, two atoms are closer than 0.12 Å however they are packed (d^3 / sqrt 2 is the densest), and the lists
 * would have no end. */
static const double LEAST_VOLUME = 1e-3;
static const double LONGEST = 1e6;       /* Å, of the cell: not a number that somebody meant */

/* A cell as the search wants it: the shortest basis of its lattice, in which few shifts reach far enough. */
typedef struct {
    double basis[9];    /* rows, Å */
    double to_basis[9]; /* frac in the given basis (row vector) times this is frac in the short one; whole numbers */
    double reach[3];    /* |frac_i| of every vector up to the cut-off */
    bool is_cell;       /* false: not finite, flat, or too small for its atoms; no edges, min_dist 0 */
} search_cell;

typedef struct {
    double vec[3]; /* Å */
    int32_t dst;
} raw_edge;

typedef struct {
    double length; /* Å^2 while searching, then Å */
    int32_t edge;  /* in raw */
    int32_t place; /* of its class in the row */
} sort_key;

typedef struct {
    double dist;          /* mean of the members, Å */
    int32_t count, first; /* members; the first one's key */
    int32_t number;       /* in the order of the first members */
    int32_t place;        /* in the row, of the class whose number is this one's index */
} edge_class;

typedef struct {
    const sh_crystals *crystals;
    double cutoff, limit2, shell, class_tol;
    int64_t max_neighbours;
    bool no_classes;
    search_cell *cell;        /* (C) */
    double *site_min;         /* (S) */
    const int64_t *raw_start; /* (S+1) room for the row of a site in the three arrays below */
    raw_edge *raw;
    sort_key *key;
    edge_class *class_of; /* where a row has classes */
    int64_t *n_bound;     /* (S) */
    int64_t *n_kept;      /* (S) neighbours kept */
    int64_t *n_edge;      /* (S) */
    const sh_graph *graph;
} graph_args;

static int64_t first_atom(const sh_crystals *c, int64_t crystal)
{
    return c->atom_start[c->site_start[crystal]];
}

static void graph_prepare(int64_t crystal, const graph_args *a)
{
    const sh_crystals *c = a->crystals;
    search_cell *cell = &a->cell[crystal];
    double inverse[3];
    const double *l = c->lattice + 9 * crystal;
    double n_atom = (double)(first_atom(c, crystal + 1) - first_atom(c, crystal));
    double square = sh_dot3(l, l) + sh_dot3(l + 3, l + 3) + sh_dot3(l + 6, l + 6), zero = 0;
    for (int64_t k = 3 * first_atom(c, crystal); k < 3 * first_atom(c, crystal + 1); k++)
        zero += 0 * c->atom_frac[k]; /* NaN where a coordinate is not finite */
    cell->is_cell = sh_inverse_heights(l, inverse) >= LEAST_VOLUME * n_atom && square < LONGEST * LONGEST && zero == 0;
    if (!cell->is_cell) return;
    sh_shortest_basis(l, cell->basis, cell->to_basis);
    sh_inverse_heights(cell->basis, inverse);
    for (int i = 0; i < 3; i++)
        cell->reach[i] = sqrt(a->limit2) * inverse[i] + SH_FRAC_ROUNDING;
}

/* frac - x in the short basis. */
static void difference(const search_cell *cell, const double *frac, const double *x, double f[3])
{
    const double d[3] = {frac[0] - x[0], frac[1] - x[1], frac[2] - x[2]};
    for (int i = 0; i < 3; i++)
        f[i] = d[0] * cell->to_basis[i] + d[1] * cell->to_basis[3 + i] + d[2] * cell->to_basis[6 + i];
}

/* How many images lie in the boxes around the sphere: room for the row of site s. */
static void graph_bound(int64_t s, const graph_args *a)
{
    const sh_crystals *c = a->crystals;
    int64_t crystal = c->site_crystal[s], last = first_atom(c, crystal + 1);
    const search_cell *cell = &a->cell[crystal];
    const double *x = c->atom_frac + 3 * c->atom_start[s];
    double sum = 0; /* whole numbers: exact in any order */
    if (cell->is_cell) { /* with a little more than the search's reach: rounded otherwise, it must not find more */
#pragma omp simd reduction(+ : sum)
        for (int64_t k = first_atom(c, crystal); k < last; k++) {
            double f[3], box = 1;
            difference(cell, c->atom_frac + 3 * k, x, f);
            for (int i = 0; i < 3; i++)
                box *= floor(cell->reach[i] + SH_FRAC_ROUNDING - f[i]) - ceil(-cell->reach[i] - SH_FRAC_ROUNDING - f[i]) + 1;
            sum += box;
        }
    }
    a->n_bound[s] = (int64_t)sum;
}

/* All images within the cut-off of the representative of site s, unsorted. Returns their number. */
static int64_t find(int64_t s, const graph_args *a, raw_edge *raw, sort_key *key)
{
    const sh_crystals *c = a->crystals;
    int64_t crystal = c->site_crystal[s], n = 0;
    const search_cell *cell = &a->cell[crystal];
    const double *l = cell->basis, *x = c->atom_frac + 3 * c->atom_start[s];
    double least2 = a->cutoff * a->cutoff;
    for (int64_t t = c->site_start[crystal]; t < c->site_start[crystal + 1]; t++)
        for (int64_t k = c->atom_start[t]; k < c->atom_start[t + 1]; k++) {
            double f[3], lo[3], hi[3];
            difference(cell, c->atom_frac + 3 * k, x, f);
            for (int i = 0; i < 3; i++) {
                lo[i] = ceil(-cell->reach[i] - f[i]);
                hi[i] = floor(cell->reach[i] - f[i]);
            }
            for (double n0 = lo[0]; n0 <= hi[0]; n0++) {
                double g0 = f[0] + n0, p0[3] = {g0 * l[0], g0 * l[1], g0 * l[2]};
                for (double n1 = lo[1]; n1 <= hi[1]; n1++) {
                    double g1 = f[1] + n1, p1[3] = {p0[0] + g1 * l[3], p0[1] + g1 * l[4], p0[2] + g1 * l[5]};
                    for (double n2 = lo[2]; n2 <= hi[2]; n2++) {
                        double g2 = f[2] + n2, v[3] = {p1[0] + g2 * l[6], p1[1] + g2 * l[7], p1[2] + g2 * l[8]};
                        double r2 = sh_dot3(v, v);
                        /* written always, kept if inside: half of the candidates are, which no processor can guess */
                        raw[n] = (raw_edge){{v[0], v[1], v[2]}, (int32_t)t};
                        key[n] = (sort_key){r2, (int32_t)n, 0};
                        n += r2 < a->limit2 && r2 > COINCIDENT2;
                        bool itself = k == c->atom_start[s] && n0 == 0 && n1 == 0 && n2 == 0;
                        if (r2 < least2 && !itself) least2 = r2;
                    }
                }
            }
        }
    for (int64_t i = 0; i < n; i++)
        key[i].length = sqrt(key[i].length);
    a->site_min[s] = least2 < a->cutoff * a->cutoff ? sqrt(least2) : a->cutoff;
    return n;
}

static bool before(const raw_edge *raw, const sort_key *a, const sort_key *b)
{
    if (a->length != b->length) return a->length < b->length;
    const raw_edge *p = &raw[a->edge], *q = &raw[b->edge];
    if (p->dst != q->dst) return p->dst < q->dst;
    for (int i = 0; i < 3; i++)
        if (p->vec[i] != q->vec[i]) return p->vec[i] < q->vec[i];
    return false;
}

/* Shell sort (gaps of Ciura 2001): in place, no memory, and rows are short. */
static void sort(const raw_edge *raw, sort_key *key, int64_t n)
{
    static const int64_t gaps[] = {8929, 3905, 1750, 701, 301, 132, 57, 23, 10, 4, 1};
    for (size_t g = 0; g < sizeof gaps / sizeof *gaps; g++)
        for (int64_t i = gaps[g]; i < n; i++) {
            sort_key moving = key[i];
            int64_t j = i;
            for (; j >= gaps[g] && before(raw, &moving, &key[j - gaps[g]]); j -= gaps[g])
                key[j] = key[j - gaps[g]];
            key[j] = moving;
        }
}

/* How many of the sorted edges stay: whole shells until at least max_neighbours atoms are in. */
static int64_t whole_shells(const sort_key *key, int64_t n, int64_t max_neighbours, double shell)
{
    if (max_neighbours <= 0 || n <= max_neighbours) return n;
    int64_t kept = max_neighbours;
    while (kept < n && key[kept].length - key[kept - 1].length < shell)
        kept++;
    return kept;
}

/* The site group's rotations of Cartesian row vectors, R = L^-1 W^T L. */
static void cartesian_rotations(const sh_crystals *c, int64_t s, int64_t n_stab, double (*rotation)[9])
{
    const double *l = c->lattice + 9 * c->site_crystal[s];
    double inverse[9], volume = 0;
    for (int i = 0; i < 3; i++) {
        const double *p = l + 3 * ((i + 1) % 3), *q = l + 3 * ((i + 2) % 3);
        for (int k = 0; k < 3; k++)
            inverse[3 * k + i] = p[(k + 1) % 3] * q[(k + 2) % 3] - p[(k + 2) % 3] * q[(k + 1) % 3];
    }
    for (int k = 0; k < 3; k++)
        volume += l[k] * inverse[3 * k];
    for (int64_t h = 0; h < n_stab; h++) {
        const int8_t *w = c->stab_rot + 9 * (c->stab_start[s] + h);
        for (int i = 0; i < 3; i++) {
            double row[3];
            for (int j = 0; j < 3; j++) /* row i of L^-1 W^T */
                row[j] = (inverse[3 * i] * w[3 * j] + inverse[3 * i + 1] * w[3 * j + 1] +
                          inverse[3 * i + 2] * w[3 * j + 2]) / volume;
            for (int j = 0; j < 3; j++)
                rotation[h][3 * i + j] = row[0] * l[j] + row[1] * l[3 + j] + row[2] * l[6 + j];
        }
    }
}

/* Gathers the sorted edges of a site into classes: those that its site group maps on each other. Members get the place of
 * their class in the row, which ascends in the mean length. Returns the number of classes. */
static int64_t classify(int64_t s, const graph_args *a, const raw_edge *raw, sort_key *key, int64_t n, edge_class *class_of)
{
    enum { MAX_STAB = 48 };
    const sh_crystals *c = a->crystals;
    int64_t n_stab = c->stab_start[s + 1] - c->stab_start[s];
    double rotation[MAX_STAB][9], tol2 = a->class_tol * a->class_tol;
    int32_t n_class = 0;
    bool in_order = true;
    SH_ASSERT(n_stab <= MAX_STAB);
    cartesian_rotations(c, s, n_stab, rotation);
    for (int64_t i = 0; i < n; i++)
        key[i].place = -1;
    for (int64_t i = 0; i < n; i++) {
        if (key[i].place >= 0) continue;
        const raw_edge *rep = &raw[key[i].edge];
        double sum = key[i].length;
        int32_t count = 1;
        key[i].place = n_class;
        for (int64_t h = 0; h < n_stab; h++) {
            const double *r = rotation[h], *v = rep->vec;
            double y[3];
            for (int k = 0; k < 3; k++)
                y[k] = v[0] * r[k] + v[1] * r[3 + k] + v[2] * r[6 + k];
            const double still[3] = {y[0] - v[0], y[1] - v[1], y[2] - v[2]};
            if (sh_dot3(still, still) < tol2) continue;
            /* members that come before are in a class already: only those after, of nearly this length */
            for (int64_t j = i + 1; j < n && key[j].length - key[i].length < 2 * a->class_tol; j++) {
                const raw_edge *other = &raw[key[j].edge];
                const double d[3] = {other->vec[0] - y[0], other->vec[1] - y[1], other->vec[2] - y[2]};
                if (sh_dot3(d, d) >= tol2 || other->dst != rep->dst) continue;
                if (key[j].place < 0) {
                    key[j].place = n_class;
                    sum += key[j].length;
                    count++;
                }
                break;
            }
        }
        class_of[n_class] = (edge_class){sum / count, count, (int32_t)i, n_class, n_class};
        n_class++;
    }
    /* Means may stand in another order than the first members; nearly sorted, so insertion. */
    for (int32_t i = 1; i < n_class; i++) {
        edge_class moving = class_of[i];
        int32_t j = i;
        for (; j > 0 && moving.dist < class_of[j - 1].dist; j--)
            class_of[j] = class_of[j - 1];
        class_of[j] = moving;
        in_order = in_order && j == i;
    }
    if (in_order) return n_class;
    for (int32_t i = 0; i < n_class; i++)
        class_of[class_of[i].number].place = i;
    for (int64_t i = 0; i < n; i++)
        key[i].place = class_of[key[i].place].place;
    return n_class;
}

static bool has_classes(int64_t s, const graph_args *a)
{
    return !a->no_classes && a->crystals->stab_start[s + 1] - a->crystals->stab_start[s] > 1;
}

static void graph_find(int64_t s, const graph_args *a)
{
    raw_edge *raw = a->raw + a->raw_start[s];
    sort_key *key = a->key + a->raw_start[s];
    a->site_min[s] = 0;
    a->n_kept[s] = a->n_edge[s] = 0;
    if (!a->cell[a->crystals->site_crystal[s]].is_cell) return;
    int64_t n = find(s, a, raw, key);
    sort(raw, key, n);
    n = a->n_kept[s] = whole_shells(key, n, a->max_neighbours, a->shell);
    a->n_edge[s] = has_classes(s, a) ? classify(s, a, raw, key, n, a->class_of + a->raw_start[s]) : n;
}

static void graph_write(int64_t s, const graph_args *a)
{
    const sh_graph *g = a->graph;
    const raw_edge *raw = a->raw + a->raw_start[s];
    const sort_key *key = a->key + a->raw_start[s];
    bool classes = has_classes(s, a);
    int64_t start = g->edge_start[s];
    for (int64_t i = 0; i < a->n_edge[s]; i++) {
        int64_t e = start + i;
        const edge_class single = {key[i].length, 1, (int32_t)i, 0, 0};
        const edge_class *of = classes ? &a->class_of[a->raw_start[s] + i] : &single;
        const raw_edge *first = &raw[key[of->first].edge];
        g->edge_src[e] = (int32_t)s;
        g->edge_dst[e] = first->dst;
        g->edge_count[e] = of->count;
        g->edge_dist[e] = of->dist;
        for (int k = 0; k < 3; k++)
            g->edge_vec[3 * e + k] = first->vec[k];
        for (int k = 0; k < 3; k++)
            g->edge_u[3 * e + k] = 0;
        for (int k = 0; k < 6; k++)
            g->edge_uu[6 * e + k] = 0;
    }
    for (int64_t i = 0; i < a->n_kept[s]; i++) {
        int64_t e = start + (classes ? key[i].place : i);
        const double *v = raw[key[i].edge].vec, inverse = 1 / key[i].length;
        const double x = v[0] * inverse, y = v[1] * inverse, z = v[2] * inverse;
        double *u = g->edge_u + 3 * e, *uu = g->edge_uu + 6 * e;
        u[0] += x;
        u[1] += y;
        u[2] += z;
        uu[0] += x * x;
        uu[1] += y * y;
        uu[2] += z * z;
        uu[3] += y * z;
        uu[4] += x * z;
        uu[5] += x * y;
    }
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
    graph_args args = {.crystals = c,
                       .cutoff = opts->cutoff,
                       .limit2 = opts->cutoff * opts->cutoff + EDGE_SLACK,
                       .shell = fmax(SHELL, c->position_tolerance),
                       .class_tol = 10 * c->position_tolerance,
                       .max_neighbours = opts->max_neighbours,
                       .no_classes = opts->no_classes,
                       .cell = SH_PUSH(arena, search_cell, c->n_crystal),
                       .site_min = SH_PUSH(arena, double, n_site),
                       .raw_start = raw_start,
                       .n_bound = SH_PUSH(arena, int64_t, n_site),
                       .n_kept = SH_PUSH(arena, int64_t, n_site),
                       .n_edge = SH_PUSH(arena, int64_t, n_site),
                       .graph = out};
#pragma omp parallel for schedule(static) if (c->n_crystal > 16)
    for (int64_t i = 0; i < c->n_crystal; i++)
        graph_prepare(i, &args);
#pragma omp parallel for schedule(static) if (n_site > 16)
    for (int64_t s = 0; s < n_site; s++)
        graph_bound(s, &args);
    raw_start[0] = 0;
    for (int64_t s = 0; s < n_site; s++) {
        raw_start[s + 1] = raw_start[s] + args.n_bound[s];
        out->site_mult[s] = (double)sh_site_mult(c, s);
    }
    args.raw = SH_PUSH(arena, raw_edge, raw_start[n_site]);
    args.key = SH_PUSH(arena, sort_key, raw_start[n_site]);
    args.class_of = SH_PUSH(arena, edge_class, raw_start[n_site]);
#pragma omp parallel for schedule(dynamic, 8) if (n_site > 16)
    for (int64_t s = 0; s < n_site; s++)
        graph_find(s, &args);
    out->edge_start[0] = 0;
    for (int64_t s = 0; s < n_site; s++)
        out->edge_start[s + 1] = out->edge_start[s] + args.n_edge[s];
    for (int64_t i = 0; i < c->n_crystal; i++) {
        out->min_dist[i] = opts->cutoff;
        for (int64_t s = c->site_start[i]; s < c->site_start[i + 1]; s++)
            out->min_dist[i] = fmin(out->min_dist[i], args.site_min[s]);
    }
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
        graph_write(s, &args);
    transpose(out, arena);
}

void sh_graph_count(const sh_graph *g, const int64_t *crystals, int64_t n, int64_t *n_site, int64_t *n_edge)
{
    *n_site = *n_edge = 0;
    for (int64_t i = 0; i < n; i++) {
        int64_t first = g->site_start[crystals[i]], last = g->site_start[crystals[i] + 1];
        *n_site += last - first;
        *n_edge += g->edge_start[last] - g->edge_start[first];
    }
}
