#include "cells.h"
#include "crystal/lattice.h"
#include "crystals.h"
#include "nearest.h"

#include <omp.h>

#include "crystal/graph.h"
#include "io/structure.h"

static sh_groups *groups;
static sh_arena *arena;
static sh_workspace ws;
static sh_group_tables tables;

static int setup(void **state)
{
    (void)state;
    arena = sh_arena_create(1 << 20);
    ws = sh_workspace_host(arena);
    if (sh_groups_create(&groups) != SH_OK) return 1;
    sh_group_tables_create(groups, sh_backend_cpu(), &tables);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sh_arena_destroy(&arena);
    sh_groups_destroy(&groups);
    return sh_alloc_live() != 0;
}

typedef struct {
    int64_t dst;
    double dist, vec[3];
} neighbour;

static int compare_neighbours(const void *a, const void *b)
{
    const neighbour *p = a, *q = b;
    if (p->dst != q->dst) return p->dst < q->dst ? -1 : 1;
    return (p->dist > q->dist) - (p->dist < q->dist);
}

/* All atoms within the cut-off of atom `from` of a crystal, by sites, the slow way: images in a range two wider than the
 * cell's heights ask for. Coincident atoms are left out; *least is the shortest distance, these included. */
static int64_t brute_force(const sh_crystals *c, int64_t crystal, int64_t from, double cutoff, neighbour *out, double *least)
{
    const double *l = c->lattice + 9 * crystal, *x = c->atom_frac + 3 * from;
    int reach[3];
    int64_t n = 0;
    *least = INFINITY;
    for (int i = 0; i < 3; i++) {
        const double *p = l + 3 * ((i + 1) % 3), *q = l + 3 * ((i + 2) % 3);
        double normal[3] = {p[1] * q[2] - p[2] * q[1], p[2] * q[0] - p[0] * q[2], p[0] * q[1] - p[1] * q[0]};
        double area = sqrt(normal[0] * normal[0] + normal[1] * normal[1] + normal[2] * normal[2]);
        reach[i] = 2 + (int)ceil(cutoff * area / sh_lattice_volume(l));
    }
    for (int64_t s = c->site_start[crystal]; s < c->site_start[crystal + 1]; s++)
        for (int64_t a = c->atom_start[s]; a < c->atom_start[s + 1]; a++)
            for (int i = -reach[0]; i <= reach[0]; i++)
                for (int j = -reach[1]; j <= reach[1]; j++)
                    for (int k = -reach[2]; k <= reach[2]; k++) {
                        const double *y = c->atom_frac + 3 * a;
                        double f[3] = {y[0] + i - x[0], y[1] + j - x[1], y[2] + k - x[2]}, v[3];
                        if (a == from && !i && !j && !k) continue;
                        cart_of(l, f, v);
                        double r = sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]);
                        *least = fmin(*least, r);
                        if (r * r >= cutoff * cutoff + 1e-8 || r < 1e-8) continue;
                        out[n++] = (neighbour){s, r, {v[0], v[1], v[2]}};
                    }
    qsort(out, (size_t)n, sizeof *out, compare_neighbours);
    return n;
}

enum { MAX_NEIGHBOURS = 100000 };

static void sums(const neighbour *list, int64_t n, double u[3], double uu[9])
{
    memset(u, 0, 3 * sizeof *u);
    memset(uu, 0, 9 * sizeof *uu);
    for (int64_t i = 0; i < n; i++)
        for (int k = 0; k < 3; k++) {
            u[k] += list[i].vec[k] / list[i].dist;
            for (int j = 0; j < 3; j++)
                uu[3 * k + j] += list[i].vec[k] * list[i].vec[j] / (list[i].dist * list[i].dist);
        }
}

static double norm(const double *x, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += x[i] * x[i];
    return sqrt(sum);
}

/* The atom at the end of an edge is one of its site, a lattice vector or none away from where the edge ends. */
static void check_end(const sh_crystals *c, int64_t site, int64_t end, int64_t atom, const double *vec)
{
    const double *from = c->atom_frac + 3 * c->atom_start[site], *to = c->atom_frac + 3 * atom;
    const double *l = c->lattice + 9 * c->site_crystal[site];
    double volume = l[0] * (l[4] * l[8] - l[5] * l[7]) - l[1] * (l[3] * l[8] - l[5] * l[6]) + l[2] * (l[3] * l[7] - l[4] * l[6]);
    assert_in_range(atom, c->atom_start[end], c->atom_start[end + 1] - 1);
    for (int i = 0; i < 3; i++) {
        const double *p = l + 3 * ((i + 1) % 3), *q = l + 3 * ((i + 2) % 3);
        const double cross[3] = {p[1] * q[2] - p[2] * q[1], p[2] * q[0] - p[0] * q[2], p[0] * q[1] - p[1] * q[0]};
        double f = (vec[0] * cross[0] + vec[1] * cross[1] + vec[2] * cross[2]) / volume + from[i] - to[i];
        assert_near(f, round(f), 1e-7);
    }
}

/* What holds for every graph: rows ascending, sums that fit their members, the transposed list. */
static void check_shape(const sh_crystals *c, const sh_graph *g)
{
    assert_int_equal(g->n_site, c->n_site);
    assert_int_equal(g->n_crystal, c->n_crystal);
    assert_int_equal(g->edge_start[0], 0);
    assert_int_equal(g->edge_start[g->n_site], g->n_edge);
    for (int64_t s = 0; s < g->n_site; s++) {
        assert_true(g->site_mult[s] == (double)sh_site_mult(c, s));
        for (int64_t e = g->edge_start[s]; e < g->edge_start[s + 1]; e++) {
            const double *v = g->edge_vec + 3 * e, *uu = g->edge_uu + 6 * e;
            assert_int_equal(g->edge_src[e], s);
            assert_int_equal(c->site_crystal[g->edge_dst[e]], c->site_crystal[s]);
            check_end(c, s, g->edge_dst[e], g->edge_atom[e], v);
            if (e > g->edge_start[s]) assert_true(g->edge_dist[e] >= g->edge_dist[e - 1]);
            assert_near(norm(v, 3), g->edge_dist[e], fmax(1e-9, 20 * c->position_tolerance));
            assert_true(g->edge_count[e] >= 1);
            assert_near(uu[0] + uu[1] + uu[2], g->edge_count[e], 1e-10);
            assert_true(norm(g->edge_u + 3 * e, 3) <= g->edge_count[e] + 1e-10);
        }
    }
    bool *seen = calloc((size_t)g->n_edge + 1, sizeof *seen);
    assert_int_equal(g->in_start[0], 0);
    assert_int_equal(g->in_start[g->n_site], g->n_edge);
    for (int64_t s = 0; s < g->n_site; s++)
        for (int64_t i = g->in_start[s]; i < g->in_start[s + 1]; i++) {
            int64_t e = g->in_edge[i];
            assert_int_equal(g->edge_dst[e], s);
            assert_false(seen[e]);
            seen[e] = true;
            if (i > g->in_start[s]) assert_true(e > g->in_edge[i - 1]);
        }
    free(seen);
}

/* The row of site s against a list of single neighbours, sorted by site and length: the same lengths as often, the same
 * sums of directions up to a rotation (`exactly`: the very same). */
static void check_row(const sh_graph *g, int64_t s, const neighbour *want, int64_t n, bool exactly, double tolerance)
{
    static neighbour got[MAX_NEIGHBOURS];
    int64_t m = 0;
    double u[3], uu[9], sum_u[3] = {0}, sum_uu[6] = {0};
    for (int64_t e = g->edge_start[s]; e < g->edge_start[s + 1]; e++) {
        for (int k = 0; k < (int)g->edge_count[e]; k++)
            got[m++] = (neighbour){g->edge_dst[e], g->edge_dist[e], {0}};
        for (int k = 0; k < 3; k++)
            sum_u[k] += g->edge_u[3 * e + k];
        for (int k = 0; k < 6; k++)
            sum_uu[k] += g->edge_uu[6 * e + k];
    }
    qsort(got, (size_t)m, sizeof *got, compare_neighbours);
    assert_int_equal(m, n);
    for (int64_t i = 0; i < n; i++) {
        assert_int_equal(got[i].dst, want[i].dst);
        assert_near(got[i].dist, want[i].dist, tolerance);
    }
    sums(want, n, u, uu);
    double full[9] = {sum_uu[0], sum_uu[5], sum_uu[4], sum_uu[5], sum_uu[1], sum_uu[3], sum_uu[4], sum_uu[3], sum_uu[2]};
    double slack = (double)(n + 1) * fmax(1e-11, tolerance);
    assert_near(norm(sum_u, 3), norm(u, 3), slack);
    assert_near(norm(full, 9), norm(uu, 9), slack);
    for (int i = 0; i < 9 && exactly; i++) {
        assert_near(full[i], uu[i], slack);
        if (i < 3) assert_near(sum_u[i], u[i], slack);
    }
}

/* Number of sites times weight symmetric: m_s n over the edges s -> t is m_t n over t -> s, for n and for n r^2. */
static void check_balance(const sh_graph *g, int64_t first, int64_t last)
{
    for (int64_t s = first; s < last; s++)
        for (int64_t t = first; t < last; t++) {
            double there[2] = {0, 0}, back[2] = {0, 0};
            for (int64_t e = g->edge_start[s]; e < g->edge_start[s + 1]; e++)
                if (g->edge_dst[e] == t) {
                    there[0] += g->site_mult[s] * g->edge_count[e];
                    there[1] += g->site_mult[s] * g->edge_count[e] * g->edge_dist[e] * g->edge_dist[e];
                }
            for (int64_t e = g->in_start[s]; e < g->in_start[s + 1]; e++)
                if (g->edge_src[g->in_edge[e]] == t) {
                    double weight = g->site_mult[t] * g->edge_count[g->in_edge[e]], r = g->edge_dist[g->in_edge[e]];
                    back[0] += weight;
                    back[1] += weight * r * r;
                }
            assert_true(there[0] == back[0]);
            assert_near(there[1], back[1], 1e-10 * (1 + there[1]));
        }
}

/* Edges that a site group maps on each other are one class: as many classes as orbits, by Burnside's lemma; the sums of a
 * class are its own images under the group. */
static void check_classes(const sh_crystals *c, const sh_graph *g, const sh_graph *single, int64_t s)
{
    const double *l = c->lattice + 9 * c->site_crystal[s];
    double inverse[9], fixed = 0;
    sh_lattice_invert(l, inverse);
    for (int64_t h = c->stab_start[s]; h < c->stab_start[s + 1]; h++) {
        double r[9]; /* v -> v r for Cartesian rows: L^-1 W^T L */
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++) {
                r[3 * i + j] = 0;
                for (int p = 0; p < 3; p++)
                    for (int q = 0; q < 3; q++)
                        r[3 * i + j] += inverse[3 * i + p] * c->stab_rot[9 * h + 3 * q + p] * l[3 * q + j];
            }
        for (int64_t e = single->edge_start[s]; e < single->edge_start[s + 1]; e++) {
            const double *v = single->edge_vec + 3 * e;
            double apart = 0;
            for (int k = 0; k < 3; k++)
                apart = fmax(apart, fabs(v[0] * r[k] + v[1] * r[3 + k] + v[2] * r[6 + k] - v[k]));
            fixed += apart < 1e-6;
        }
        for (int64_t e = g->edge_start[s]; e < g->edge_start[s + 1]; e++) {
            const double *u = g->edge_u + 3 * e;
            for (int k = 0; k < 3; k++)
                assert_near(u[0] * r[k] + u[1] * r[3 + k] + u[2] * r[6 + k], u[k], 1e-10);
        }
    }
    assert_near((double)(g->edge_start[s + 1] - g->edge_start[s]) * (double)(c->stab_start[s + 1] - c->stab_start[s]), fixed,
                0.5);
}

/* All 230 groups, special and general sites: the quotient says of each atom what the full cell says, where the site group
 * merges edges and where it is told not to. */
static void test_quotient_is_the_full_cell(void **state)
{
    (void)state;
    static neighbour want[MAX_NEIGHBOURS];
    test_random r = test_random_create(10);
    double merged = 0, all = 0;
    for (int number = 1; number <= SH_N_GROUP; number++)
        for (int trial = 0; trial < 2; trial++) {
            double lattice[9];
            random_lattice(number, 4, trial ? 12 : 7, &r, lattice);
            sh_descriptions d = random_description(groups, number, 3, number % 5 == 0, lattice, &r, arena);
            sh_crystals c, full;
            sh_graph g, single, p1;
            sh_crystals_make(&ws, &tables, &d, 0.3, &c);
            sh_graph_build(&ws, &c, &(sh_graph_opts){.cutoff = 4}, &g);
            sh_graph_build(&ws, &c, &(sh_graph_opts){.cutoff = 4, .no_classes = true}, &single);
            explode(&c, arena, &full);
            sh_graph_build(&ws, &full, &(sh_graph_opts){.cutoff = 4}, &p1);
            check_shape(&c, &g);
            check_shape(&c, &single);
            check_shape(&full, &p1);
            check_balance(&g, 0, c.n_site);
            assert_near(g.min_dist[0], p1.min_dist[0], 1e-10);
            assert_near(single.min_dist[0], p1.min_dist[0], 1e-10);
            for (int64_t s = 0; s < c.n_site; s++) {
                check_classes(&c, &g, &single, s);
                for (int64_t a = c.atom_start[s]; a < c.atom_start[s + 1]; a++) {
                    int64_t n = 0;
                    for (int64_t e = p1.edge_start[a]; e < p1.edge_start[a + 1]; e++, n++) {
                        int64_t t = 0; /* in the full cell a site is an atom */
                        while (c.atom_start[t + 1] <= p1.edge_dst[e])
                            t++;
                        assert_true(p1.edge_count[e] == 1);
                        want[n] = (neighbour){t, p1.edge_dist[e], {0}};
                        memcpy(want[n].vec, p1.edge_vec + 3 * e, sizeof want[n].vec);
                    }
                    qsort(want, (size_t)n, sizeof *want, compare_neighbours);
                    bool representative = a == c.atom_start[s];
                    if (a % 7 && !representative) continue; /* a part of the others is enough */
                    check_row(&g, s, want, n, representative, 1e-10);
                    if (representative) check_row(&single, s, want, n, true, 1e-10);
                }
            }
            merged += (double)g.n_edge;
            all += (double)single.n_edge;
            sh_arena_reset(arena);
        }
    assert_true(merged < 0.7 * all); /* special sites have something to merge */
}

/* Any cell: two atoms in cells as short as 2.4 Å and as skewed as the bounds allow, up to 7 Å. */
static void test_search(void **state)
{
    (void)state;
    static neighbour want[MAX_NEIGHBOURS];
    test_random r = test_random_create(11);
    for (int trial = 0; trial < 60; trial++) {
        double lattice[9], least, shortest = INFINITY;
        random_lattice(1, 2.4, trial % 2 ? 2.5 : 15, &r, lattice);
        if (trial % 3 == 0) /* another basis of the same lattice, skewed beyond any bounds */
            for (int k = 0; k < 3; k++) {
                lattice[3 + k] += (trial % 4 - 1) * lattice[k];
                lattice[6 + k] += 2 * lattice[3 + k];
            }
        if (trial % 5 == 0) /* left-handed */
            for (int k = 0; k < 3; k++)
                lattice[k] = -lattice[k];
        sh_descriptions d = random_description(groups, trial % 2 + 1, 2, 2, lattice, &r, arena);
        double cutoff = 3 + trial % 5;
        sh_crystals c;
        sh_graph g;
        sh_crystals_make(&ws, &tables, &d, 0.1, &c);
        sh_graph_build(&ws, &c, &(sh_graph_opts){.cutoff = cutoff}, &g);
        check_shape(&c, &g);
        for (int64_t s = 0; s < 2; s++) {
            int64_t n = brute_force(&c, 0, c.atom_start[s], cutoff, want, &least);
            check_row(&g, s, want, n, true, 1e-10);
            shortest = fmin(shortest, least);
        }
        if (shortest < cutoff) assert_near(g.min_dist[0], shortest, 1e-10);
        else assert_true(g.min_dist[0] >= cutoff);
        sh_arena_reset(arena);
    }
}

/* The same atoms in a basis that no search by heights would end in: the same neighbours. */
static void test_needles(void **state)
{
    (void)state;
    static neighbour want[MAX_NEIGHBOURS];
    test_random r = test_random_create(16);
    for (int trial = 0; trial < 20; trial++) {
        double lattice[9], least;
        sh_crystals c;
        sh_graph g;
        random_lattice(1, 3, 6, &r, lattice);
        sh_descriptions d = random_description(groups, 1, 2, 2, lattice, &r, arena);
        sh_crystals_make(&ws, &tables, &d, 0.1, &c);
        int64_t n = brute_force(&c, 0, 0, 5, want, &least);
        double *b = c.lattice, k = 200 + trial, m = 100 - trial;
        for (int i = 0; i < 3; i++) {
            b[3 + i] += k * b[i];
            b[6 + i] += m * b[3 + i];
        }
        for (int a = 0; a < 2; a++) { /* x a + y b + z c = (x - k y) a + (y - m z) (b + k a) + z (c + m (b + k a)) */
            double *x = c.atom_frac + 3 * a;
            x[0] -= k * x[1];
            x[1] -= m * x[2];
        }
        sh_graph_build(&ws, &c, &(sh_graph_opts){.cutoff = 5}, &g);
        check_row(&g, 0, want, n, true, 1e-7); /* rounding: coordinates of ten thousands */
        sh_arena_reset(arena);
    }
}

static sh_crystals one_site(int sg_number, double a, const double x[3])
{
    sh_crystals c;
    sh_crystals_make(&ws, &tables,
                     &(sh_descriptions){1, 1, &(int32_t){sg_number}, (double[]){a, 0, 0, 0, a, 0, 0, 0, a}, (int64_t[]){0, 1},
                                        &(int32_t){11}, x, NULL},
                     0.3, &c);
    return c;
}

/* fcc: shells of 12, 6, 24, 12 at a / sqrt 2, a, a sqrt 1.5, a sqrt 2; each is one class under m-3m. */
static void test_shells(void **state)
{
    (void)state;
    static const double count[] = {12, 6, 24, 12}, square[] = {0.5, 1, 1.5, 2};
    static const struct {
        int64_t asked;
        int64_t classes;
    } caps[] = {{0, 4}, {1, 1}, {11, 1}, {12, 1}, {13, 2}, {18, 2}, {19, 3}, {42, 3}, {43, 4}, {54, 4}, {1000, 4}};
    const double a = 4;
    sh_crystals c = one_site(225, a, (double[]){0, 0, 0});
    sh_graph g, wide;
    sh_graph_build(&ws, &c, &(sh_graph_opts){.cutoff = 8}, &wide);
    for (size_t i = 0; i < sizeof caps / sizeof *caps; i++)
        for (int no_classes = 0; no_classes < 2; no_classes++) {
            sh_graph_opts opts = {.cutoff = 5.7, .max_neighbours = caps[i].asked, .no_classes = no_classes};
            sh_graph_build(&ws, &c, &opts, &g);
            check_shape(&c, &g);
            double members[4] = {0, 0, 0, 0}, want = 0, total = 0;
            for (int64_t e = 0; e < g.n_edge; e++) {
                int shell = 0;
                while (fabs(g.edge_dist[e] - a * sqrt(square[shell])) > 1e-12)
                    assert_true(++shell < 4);
                members[shell] += g.edge_count[e];
                total += g.edge_count[e];
            }
            for (int64_t k = 0; k < caps[i].classes; k++, want += count[k - 1])
                assert_true(members[k] == count[k]);
            assert_true(total == want);
            assert_true(no_classes || g.n_edge == caps[i].classes);
            for (int64_t e = 0; e < g.n_edge && !no_classes; e++) { /* a smaller cut-off is a prefix of the row */
                assert_true(g.edge_dist[e] == wide.edge_dist[e] && g.edge_count[e] == wide.edge_count[e]);
                assert_near(norm(g.edge_u + 3 * e, 3), 0, 1e-12);
                for (int k = 0; k < 6; k++)
                    assert_near(g.edge_uu[6 * e + k], k < 3 ? g.edge_count[e] / 3 : 0, 1e-12);
            }
        }
    assert_near(g.min_dist[0], a / sqrt(2), 1e-14);
    /* at the cut-off: in by the slack of 1e-8 Å^2, out beyond it */
    for (int k = 0; k < 2; k++) {
        sh_graph_build(&ws, &c, &(sh_graph_opts){.cutoff = a - (k ? 2e-9 : 1e-9)}, &g);
        assert_int_equal(g.n_edge, k ? 1 : 2);
    }
    sh_graph_build(&ws, &c, &(sh_graph_opts){.cutoff = 2}, &g); /* no neighbours at all */
    assert_int_equal(g.n_edge, 0);
    assert_true(g.min_dist[0] >= 2);
    sh_arena_reset(arena);
}

/* Shells of caps by whole shells in every group: full rows are cut where a gap follows the cap. */
static void test_caps(void **state)
{
    (void)state;
    test_random r = test_random_create(12);
    for (int number = 1; number <= SH_N_GROUP; number += 3) {
        double lattice[9];
        random_lattice(number, 4, 8, &r, lattice);
        sh_descriptions d = random_description(groups, number, 2, 1, lattice, &r, arena);
        sh_crystals c;
        sh_graph all, g;
        int64_t cap = 1 + (int64_t)(20 * test_u01(&r));
        sh_crystals_make(&ws, &tables, &d, 0.3, &c);
        sh_graph_build(&ws, &c, &(sh_graph_opts){.cutoff = 5, .no_classes = true}, &all);
        sh_graph_build(&ws, &c, &(sh_graph_opts){.cutoff = 5, .max_neighbours = cap}, &g);
        check_shape(&c, &g);
        for (int64_t s = 0; s < c.n_site; s++) {
            const double *dist = all.edge_dist + all.edge_start[s];
            int64_t n = all.edge_start[s + 1] - all.edge_start[s], kept = 0;
            for (int64_t e = g.edge_start[s]; e < g.edge_start[s + 1]; e++)
                kept += (int64_t)g.edge_count[e];
            assert_true(kept <= n && kept >= (cap < n ? cap : n));
            if (kept < n) assert_true(dist[kept] - dist[kept - 1] > 1e-6);
            for (int64_t i = cap; i < kept; i++) /* no more than the shell that was begun */
                assert_true(dist[i] - dist[i - 1] < 2e-5);
        }
        sh_arena_reset(arena);
    }
}

/* Atoms on one place: no edge between them, the shortest distance says it. And an atom's own images count. */
static void test_coincident(void **state)
{
    (void)state;
    double x[6] = {0.1, 0.2, 0.3, 0.1, 0.2, 0.3}, lattice[9] = {3, 0, 0, 0, 5, 0, 0, 0, 7};
    sh_crystals c;
    sh_graph g;
    sh_descriptions d = {1, 2, &(int32_t){1}, lattice, (int64_t[]){0, 2}, (int32_t[]){11, 17}, x, NULL};
    sh_crystals_make(&ws, &tables, &d, 0.3, &c);
    sh_graph_build(&ws, &c, &(sh_graph_opts){.cutoff = 3.5}, &g);
    check_shape(&c, &g);
    assert_true(g.min_dist[0] == 0);
    assert_int_equal(g.n_edge, 8); /* each site: its own two images and the two of the other */
    x[3] = 0.6;
    sh_crystals_make(&ws, &tables, &d, 0.3, &c);
    sh_graph_build(&ws, &c, &(sh_graph_opts){.cutoff = 3.5}, &g);
    assert_near(g.min_dist[0], 1.5, 1e-14);
    x[4] = x[5] = 0.7;
    sh_crystals_make(&ws, &tables, &d, 0.3, &c);
    sh_graph_build(&ws, &c, &(sh_graph_opts){.cutoff = 3.1}, &g);
    assert_near(g.min_dist[0], 3, 1e-14);
    /* what is no cell has no edges and no distance */
    lattice[8] = 0;
    sh_crystals_make(&ws, &tables, &d, 0.3, &c);
    sh_graph_build(&ws, &c, &(sh_graph_opts){.cutoff = 3.1}, &g);
    assert_int_equal(g.n_edge, 0);
    assert_true(g.min_dist[0] == 0);
    c.lattice[8] = NAN;
    sh_graph_build(&ws, &c, &(sh_graph_opts){.cutoff = 3.1}, &g);
    assert_int_equal(g.n_edge, 0);
    assert_true(g.min_dist[0] == 0);
    sh_arena_reset(arena);
}

/* Atoms a little off their places, as files have them: what was one class still is one, lengths are means, and the row
 * stays ascending. */
static void test_inexact_atoms(void **state)
{
    (void)state;
    static neighbour want[MAX_NEIGHBOURS];
    test_random r = test_random_create(13);
    const double off = 5e-4;
    for (int trial = 0; trial < 20; trial++) {
        double least;
        sh_crystals c = one_site(225, 4.2, (double[]){0, 0, 0});
        sh_graph exact, g;
        sh_graph_build(&ws, &c, &(sh_graph_opts){.cutoff = 5}, &exact);
        c.position_tolerance = 2 * sqrt(3) * off;
        for (int64_t i = 3; i < 3 * c.n_atom; i++)
            c.atom_frac[i] += (2 * test_u01(&r) - 1) * off / 4.2;
        for (int i = 0; i < 9; i++)
            c.lattice[i] += (2 * test_u01(&r) - 1) * off / 5;
        sh_graph_build(&ws, &c, &(sh_graph_opts){.cutoff = 5}, &g);
        check_shape(&c, &g);
        assert_int_equal(g.n_edge, exact.n_edge);
        int64_t n = brute_force(&c, 0, 0, 5, want, &least);
        for (int64_t e = 0, i = 0; e < g.n_edge; e++) {
            double mean = 0;
            assert_true(g.edge_count[e] == exact.edge_count[e]);
            for (int k = 0; k < (int)g.edge_count[e]; k++, i++)
                mean += want[i].dist / g.edge_count[e];
            assert_true(i <= n);
            assert_near(g.edge_dist[e], mean, 1e-12);
        }
        check_row(&g, 0, want, n, true, 4 * off);
        sh_arena_reset(arena);
    }
}

/* A batch of all groups is its crystals one by one, to the bit, whatever the threads. */
static void test_batches(void **state)
{
    (void)state;
    enum { N = SH_N_GROUP };
    test_random r = test_random_create(14);
    int32_t number[N], z[2 * N];
    int64_t start[N + 1] = {0};
    static double lattice[9 * N], x[6 * N];
    for (int i = 0; i < N; i++) {
        random_lattice(i + 1, 5, 9, &r, lattice + 9 * i);
        sh_descriptions d = random_description(groups, i + 1, 2, 1, lattice + 9 * i, &r, arena);
        number[i] = i + 1;
        start[i + 1] = 2 * i + 2;
        memcpy(x + 6 * i, d.site_frac, 6 * sizeof *x);
        memcpy(z + 2 * i, d.site_z, 2 * sizeof *z);
    }
    sh_descriptions all = {N, 2 * N, number, lattice, start, z, x, NULL};
    sh_graph_opts opts = {.cutoff = 4, .max_neighbours = 20};
    sh_crystals c;
    sh_graph g[2];
    sh_crystals_make(&ws, &tables, &all, 0.3, &c);
    for (int t = 0; t < 2; t++) {
        omp_set_num_threads(t ? 3 : 1);
        sh_graph_build(&ws, &c, &opts, &g[t]);
        check_shape(&c, &g[t]);
    }
    assert_int_equal(g[0].n_edge, g[1].n_edge);
    assert_memory_equal(g[0].edge_dist, g[1].edge_dist, (size_t)g[0].n_edge * sizeof(double));
    assert_memory_equal(g[0].edge_dst, g[1].edge_dst, (size_t)g[0].n_edge * sizeof(int32_t));
    assert_memory_equal(g[0].edge_uu, g[1].edge_uu, (size_t)g[0].n_edge * 6 * sizeof(double));
    for (int i = 0; i < N; i++) {
        sh_crystals alone;
        sh_graph h;
        sh_crystals_select(&ws, &c, (int64_t[]){i}, 1, &alone);
        sh_graph_build(&ws, &alone, &opts, &h);
        int64_t first = g[0].edge_start[2 * i];
        assert_int_equal(h.n_edge, g[0].edge_start[2 * i + 2] - first);
        assert_true(h.min_dist[0] == g[0].min_dist[i]);
        assert_memory_equal(h.edge_dist, g[0].edge_dist + first, (size_t)h.n_edge * sizeof(double));
        assert_memory_equal(h.edge_count, g[0].edge_count + first, (size_t)h.n_edge * sizeof(double));
        assert_memory_equal(h.edge_vec, g[0].edge_vec + 3 * first, (size_t)h.n_edge * 3 * sizeof(double));
        assert_memory_equal(h.edge_u, g[0].edge_u + 3 * first, (size_t)h.n_edge * 3 * sizeof(double));
        for (int64_t e = 0; e < h.n_edge; e++)
            assert_int_equal(h.edge_dst[e] + 2 * i, g[0].edge_dst[first + e]);
    }
    sh_arena_reset(arena);
}

static void test_nearest_image(void **state)
{
    (void)state;
    test_random r = test_random_create(15);
    for (int trial = 0; trial < 200; trial++) {
        double l[9], a[3], b[3], best = INFINITY, shortest = INFINITY;
        random_lattice(1, 2.4, trial % 2 ? 5 : 15, &r, l);
        int skew = trial % 4;
        for (int k = 0; k < 3; k++) {
            l[3 + k] += skew * l[k];
            l[6 + k] -= skew * l[3 + k];
            a[k] = 3 * test_u01(&r) - 1;
            b[k] = 3 * test_u01(&r) - 1;
        }
        int reach = 4 + 6 * skew * skew;
        for (int i = -reach; i <= reach; i++)
            for (int j = -reach; j <= reach; j++)
                for (int k = -reach; k <= reach; k++) {
                    double f[3] = {b[0] - a[0] + i, b[1] - a[1] + j, b[2] - a[2] + k}, n[3] = {i, j, k};
                    best = fmin(best, length_of(l, f));
                    if (i || j || k) shortest = fmin(shortest, length_of(l, n));
                }
        assert_near(nearest_image(l, a, b, false), best, 1e-12);
        assert_near(nearest_image(l, b, a, true), best, 1e-12);
        assert_near(nearest_image(l, a, a, true), shortest, 1e-12);
        assert_near(nearest_image(l, a, a, false), 0, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_quotient_is_the_full_cell), cmocka_unit_test(test_search), cmocka_unit_test(test_needles),
       cmocka_unit_test(test_shells),
        cmocka_unit_test(test_caps), cmocka_unit_test(test_coincident), cmocka_unit_test(test_inexact_atoms),
        cmocka_unit_test(test_batches), cmocka_unit_test(test_nearest_image),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
