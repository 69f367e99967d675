/* Orbits, selections and graphs of batches: random crystals of all groups, on Wyckoff positions and anywhere, real crystals by
 * their sites and by all their atoms, and what is no crystal. With 1 and 3 threads and on the recording back-end: the same bits,
 * and no more launches and waits than written here. With the argument `cuda`, on a device: the same integers, and numbers within
 * rounding.
 *
 * Rounding may turn the order of edges of one length, and which member of a class comes first; lengths at the cut-off, at the
 * end of a shell or at a tolerance of symmetry would be a matter of chance. That no input here has any is tested too: with all
 * numbers changed in the last bit everything stays what it is. */
#include "cells.h"
#include "crystals.h"
#include "device.h"

#include <omp.h>

#include "backend/recorder.h"
#include "crystal/graph.h"
#include "crystal/reduce.h"
#include "crystal/transfer.h"

void sh_graph_find_team(const sh_graph_find_args *args, int64_t n, int lanes); /* kernels/graph_team.c */

enum { PER_GROUP = 6, N_MADE = SH_N_GROUP * PER_GROUP, MOST_SITES = 4 };

static sh_groups *groups;
static sh_arena *input;

/* Crystals to be made of descriptions, or there already. */
typedef struct {
    const char *name;
    bool is_described;
    sh_descriptions described;
    sh_crystals crystals;
} batch;

enum { N_BATCH = 5 };
static batch batches[N_BATCH];

static const sh_graph_opts options[] = {
    {.cutoff = 4}, {.cutoff = 4, .max_neighbours = 12}, {.cutoff = 4, .no_classes = true}, {.cutoff = 3, .max_neighbours = 1}};
enum { N_OPTION = sizeof options / sizeof *options };

/* Everything that is computed, on the host. */
typedef struct {
    sh_crystals crystals, some;
    sh_graph graph[N_OPTION], of_some;
} outcome;

/* ---- input ---- */

static sh_descriptions random_descriptions(bool wyckoff, uint64_t seed)
{
    test_random r = test_random_create(seed);
    int32_t *number = SH_PUSH(input, int32_t, N_MADE), *z = SH_PUSH(input, int32_t, N_MADE * MOST_SITES);
    int32_t *position = SH_PUSH(input, int32_t, N_MADE * MOST_SITES);
    int64_t *start = SH_PUSH(input, int64_t, N_MADE + 1);
    double *lattice = SH_PUSH(input, double, 9 * N_MADE), *x = SH_PUSH(input, double, 3 * N_MADE * MOST_SITES);
    start[0] = 0;
    for (int i = 0; i < N_MADE; i++) {
        int g = 1 + i % SH_N_GROUP, n = 1 + (int)(MOST_SITES * test_u01(&r));
        random_lattice(g, i % 3 ? 5 : 2.4, 12, &r, lattice + 9 * i);
        sh_arena_mark mark = sh_arena_get_mark(input);
        sh_descriptions d = random_description(groups, g, n, i % 2, lattice + 9 * i, &r, input);
        number[i] = g;
        start[i + 1] = start[i] + n;
        memcpy(z + start[i], d.site_z, (size_t)n * sizeof *z);
        memcpy(x + 3 * start[i], d.site_frac, (size_t)(3 * n) * sizeof *x);
        sh_arena_release(input, mark);
        int32_t n_position = groups->wyckoffs->start[g] - groups->wyckoffs->start[g - 1];
        for (int64_t s = start[i]; s < start[i + 1]; s++) {
            position[s] = (int32_t)(n_position * test_u01(&r));
            for (int k = 0; k < 3; k++) /* free parameters, or near special positions and not on them */
                x[3 * s + k] = wyckoff ? test_u01(&r) : x[3 * s + k] + 0.01 * (test_u01(&r) - 0.5);
        }
    }
    return (sh_descriptions){.n_crystal = N_MADE,
                             .n_site = start[N_MADE],
                             .sg_number = number,
                             .lattice = lattice,
                             .site_start = start,
                             .site_z = z,
                             .site_frac = x,
                             .site_wyckoff = wyckoff ? position : NULL};
}

static void real_crystals(const char *path, bool p1, sh_crystals *out)
{
    int n;
    test_cell *cells = read_cells(path, &n);
    sh_cell *views = SH_NEW(sh_cell, n);
    for (int i = 0; i < n; i++)
        views[i] = (sh_cell){.lattice = cells[i].lattice, .n_atom = cells[i].n, .z = cells[i].z, .frac = cells[i].frac};
    sh_crystals_reduce(views, n, 1e-3, p1, input, out);
    sh_free(views);
    free_cells(cells, n);
}

/* A cell that is flat, one that is no number, one with two atoms on one place, one that is all right. */
static void no_crystals(sh_crystals *out)
{
    static double apart[6] = {0, 0, 0, 0.5, 0.5, 0.5}, together[6] = {0.1, 0.2, 0.3, 0.1, 0.2, 0.3};
    static int32_t z[2] = {11, 17};
    test_cell cells[4];
    for (int i = 0; i < 4; i++)
        cells[i] = (test_cell){.lattice = {3, 0, 0, 0, 3.5, 0, 0, 0, i == 0 ? 0 : i == 1 ? NAN : 3.1},
                               .n = 2,
                               .z = z,
                               .frac = i == 2 ? together : apart};
    cells_p1(cells, 4, input, out);
}

static void make_input(void)
{
    batches[0] = (batch){.name = "anywhere", .is_described = true, .described = random_descriptions(false, 21)};
    batches[1] = (batch){.name = "wyckoff", .is_described = true, .described = random_descriptions(true, 22)};
    batches[2] = (batch){.name = "sites"};
    batches[3] = (batch){.name = "cells"};
    batches[4] = (batch){.name = "none"};
    for (int k = 0; k < 2; k++)
        real_crystals(k ? SH_SOURCE_DIR "/benchmarks/crystals64.txt" : SH_SOURCE_DIR "/tests/data/efs_energies.txt", k,
                      &batches[2 + k].crystals);
    no_crystals(&batches[4].crystals);
}

/* ---- what is tested ---- */

static sh_descriptions descriptions_put(sh_workspace *ws, const sh_descriptions *d)
{
    sh_descriptions out = *d;
    out.sg_number = SH_PUT(ws, d->sg_number, d->n_crystal);
    out.lattice = SH_PUT(ws, d->lattice, 9 * d->n_crystal);
    out.site_start = SH_PUT(ws, d->site_start, d->n_crystal + 1);
    out.site_z = SH_PUT(ws, d->site_z, d->n_site);
    out.site_frac = SH_PUT(ws, d->site_frac, 3 * d->n_site);
    out.site_wyckoff = SH_PUT(ws, d->site_wyckoff, d->n_site);
    return out;
}

/* Counts of the calls since the last look, if the back-end is the recorder. */
static sh_recorder_counts look(void)
{
    sh_recorder_counts counts = sh_recorder_read();
    sh_recorder_clear();
    return counts;
}

typedef struct {
    sh_recorder_counts make, select, graph;
} call_counts;

static void compute(const sh_backend *on, const batch *b, sh_arena *arena, outcome *out, call_counts *counts)
{
    sh_workspace ws;
    sh_group_tables tables;
    sh_crystals crystals, some;
    sh_graph graph;
    sh_arena_reset(arena);
    sh_workspace_begin(&ws, on, arena);
    sh_group_tables_create(groups, on, &tables);
    if (b->is_described) {
        const sh_descriptions described = descriptions_put(&ws, &b->described);
        look();
        sh_crystals_make(&ws, &tables, &described, 0.3, &crystals);
        counts->make = look();
    } else {
        sh_crystals_put(&ws, &b->crystals, &crystals);
    }
    sh_crystals_bring(&ws, &crystals, &out->crystals);
    int64_t n = crystals.n_crystal / 2, *index = SH_PUSH(arena, int64_t, n);
    for (int64_t i = 0; i < n; i++)
        index[i] = i % 5 ? crystals.n_crystal - 1 - i : 0; /* some of them several times */
    const int64_t *there = SH_PUT(&ws, index, n);
    look();
    sh_crystals_select(&ws, &crystals, there, n, &some);
    counts->select = look();
    sh_crystals_bring(&ws, &some, &out->some);
    for (int k = 0; k < N_OPTION; k++) {
        look();
        sh_graph_build(&ws, &crystals, &options[k], &graph);
        counts->graph = look();
        sh_graph_bring(&ws, &graph, &out->crystals, &out->graph[k]);
    }
    sh_graph_build(&ws, &some, &options[1], &graph);
    sh_graph_bring(&ws, &graph, &out->some, &out->of_some);
    sh_group_tables_destroy(on, &tables);
}

/* ---- to the bit ---- */

#define SAME(field, count) assert_memory_equal(a->field, b->field, (size_t)(count) * sizeof *a->field)

static void same_crystals(const sh_crystals *a, const sh_crystals *b)
{
    assert_int_equal(a->n_crystal, b->n_crystal);
    assert_int_equal(a->n_site, b->n_site);
    assert_int_equal(a->n_atom, b->n_atom);
    assert_int_equal(a->n_stab, b->n_stab);
    SAME(lattice, 9 * a->n_crystal);
    SAME(sg_number, a->n_crystal);
    SAME(site_start, a->n_crystal + 1);
    SAME(site_crystal, a->n_site);
    SAME(site_z, a->n_site);
    SAME(atom_start, a->n_site + 1);
    SAME(atom_frac, 3 * a->n_atom);
    SAME(atom_rot, 9 * a->n_atom);
    SAME(stab_start, a->n_site + 1);
    SAME(stab_rot, 9 * a->n_stab);
}

static void same_graph(const sh_graph *a, const sh_graph *b)
{
    assert_int_equal(a->n_site, b->n_site);
    assert_int_equal(a->n_edge, b->n_edge);
    SAME(site_mult, a->n_site);
    SAME(edge_start, a->n_site + 1);
    SAME(edge_src, a->n_edge);
    SAME(edge_dst, a->n_edge);
    SAME(edge_atom, a->n_edge);
    SAME(edge_count, a->n_edge);
    SAME(edge_dist, a->n_edge);
    SAME(edge_vec, 3 * a->n_edge);
    SAME(edge_u, 3 * a->n_edge);
    SAME(edge_uu, 6 * a->n_edge);
    SAME(in_start, a->n_site + 1);
    SAME(in_edge, a->n_edge);
    SAME(min_dist, a->n_crystal);
}

static void same_outcome(const outcome *a, const outcome *b)
{
    same_crystals(&a->crystals, &b->crystals);
    same_crystals(&a->some, &b->some);
    for (int k = 0; k < N_OPTION; k++)
        same_graph(&a->graph[k], &b->graph[k]);
    same_graph(&a->of_some, &b->of_some);
}

/* ---- to rounding ---- */

static const double CLOSE = 1e-9; /* Å and fractions; rounding grows little on the way: 1e-13 is what is seen */

static void near_crystals(const sh_crystals *a, const sh_crystals *b)
{
    assert_int_equal(a->n_crystal, b->n_crystal);
    assert_int_equal(a->n_site, b->n_site);
    assert_int_equal(a->n_atom, b->n_atom);
    assert_int_equal(a->n_stab, b->n_stab);
    SAME(sg_number, a->n_crystal);
    SAME(site_start, a->n_crystal + 1);
    SAME(site_crystal, a->n_site);
    SAME(site_z, a->n_site);
    SAME(atom_start, a->n_site + 1);
    SAME(stab_start, a->n_site + 1);
    SAME(stab_rot, 9 * a->n_stab);
    for (int64_t i = 0; i < 9 * a->n_crystal; i++)
        assert_true(fabs(a->lattice[i] - b->lattice[i]) < CLOSE || (isnan(a->lattice[i]) && isnan(b->lattice[i])));
    for (int64_t i = 0; i < a->n_atom; i++)
        assert_true(torus_apart(a->atom_frac + 3 * i, b->atom_frac + 3 * i) < CLOSE);
}

/* Whether edge i of a and edge j of b are one; directions of atoms that nearly coincide are worth less. */
static bool near_edge(const sh_graph *a, int64_t i, const sh_graph *b, int64_t j)
{
    double limit = a->edge_count[i] * (CLOSE + 1e-12 / a->edge_dist[i]);
    bool same = a->edge_dst[i] == b->edge_dst[j] && a->edge_count[i] == b->edge_count[j];
    for (int k = 0; k < 3; k++)
        same = same && fabs(a->edge_u[3 * i + k] - b->edge_u[3 * j + k]) < limit;
    for (int k = 0; k < 6; k++)
        same = same && fabs(a->edge_uu[6 * i + k] - b->edge_uu[6 * j + k]) < limit;
    return same;
}

static void near_graph(const sh_graph *a, const sh_graph *b)
{
    assert_int_equal(a->n_site, b->n_site);
    assert_int_equal(a->n_edge, b->n_edge);
    SAME(site_mult, a->n_site);
    SAME(edge_start, a->n_site + 1);
    SAME(edge_src, a->n_edge);
    SAME(in_start, a->n_site + 1);
    bool *used = SH_NEW(bool, b->n_edge);
    for (int64_t s = 0; s < a->n_site; s++) {
        int64_t first = a->edge_start[s], last = a->edge_start[s + 1];
        for (int64_t e = first; e < last; e++) {
            assert_near(b->edge_dist[e], a->edge_dist[e], CLOSE);
            assert_true(b->edge_dist[e] >= b->edge_dist[first]);
            int64_t j = first; /* among those of its length */
            while (j < last && (used[j] || fabs(b->edge_dist[j] - a->edge_dist[e]) > CLOSE || !near_edge(a, e, b, j)))
                j++;
            assert_true(j < last);
            used[j] = true;
        }
        for (int64_t i = b->in_start[s]; i < b->in_start[s + 1]; i++) {
            assert_int_equal(b->edge_dst[b->in_edge[i]], s);
            assert_true(i == b->in_start[s] || b->in_edge[i] > b->in_edge[i - 1]);
        }
    }
    for (int64_t e = 0; e < a->n_edge; e++) {
        const double *v = b->edge_vec + 3 * e;
        assert_near(sqrt(v[0] * v[0] + v[1] * v[1] + v[2] * v[2]), b->edge_dist[e], 1e-2); /* a member and the mean */
    }
    for (int64_t i = 0; i < a->n_crystal; i++)
        assert_near(b->min_dist[i], a->min_dist[i], CLOSE);
    sh_free(used);
}

static void near_outcome(const outcome *a, const outcome *b)
{
    near_crystals(&a->crystals, &b->crystals);
    near_crystals(&a->some, &b->some);
    for (int k = 0; k < N_OPTION; k++)
        near_graph(&a->graph[k], &b->graph[k]);
    near_graph(&a->of_some, &b->of_some);
}

/* ---- tests ---- */

/* For each batch: its outcome on the CPU, and with something else. */
static void for_all(void (*check)(const batch *b, const outcome *here, sh_arena *arena))
{
    sh_arena *arena[2] = {sh_arena_create(1 << 20), sh_arena_create(1 << 20)};
    for (int i = 0; i < N_BATCH; i++) {
        outcome here;
        call_counts counts;
        omp_set_num_threads(1);
        compute(sh_backend_cpu(), &batches[i], arena[0], &here, &counts);
        check(&batches[i], &here, arena[1]);
    }
    sh_arena_destroy(&arena[0]);
    sh_arena_destroy(&arena[1]);
}

static void check_threads(const batch *b, const outcome *here, sh_arena *arena)
{
    outcome there;
    call_counts counts;
    omp_set_num_threads(3);
    compute(sh_backend_cpu(), b, arena, &there, &counts);
    same_outcome(here, &there);
    print_message("%-9s %lld crystals, %lld sites, %lld atoms; %lld edges, %lld of whole shells, %lld without classes\n", b->name,
                  (long long)here->crystals.n_crystal, (long long)here->crystals.n_site, (long long)here->crystals.n_atom,
                  (long long)here->graph[0].n_edge, (long long)here->graph[1].n_edge, (long long)here->graph[2].n_edge);
}

static void test_threads(void **state)
{
    (void)state;
    for_all(check_threads);
}

/* ---- the search by a team of threads ---- */

static int lanes;

static void find_by_team(const sh_graph_find_args *args, int64_t n)
{
    sh_graph_find_team(args, n, lanes);
}

/* Of the first crystals: a meeting of threads takes its time where there are more of them than cores. */
static void check_team(const batch *b, const outcome *here, sh_arena *arena)
{
    enum { SOME = 12 };
    sh_backend with_team = *sh_backend_cpu();
    sh_crystals few = here->crystals;
    (void)b;
    if (few.n_crystal > SOME) few.n_crystal = SOME;
    few.n_site = few.site_start[few.n_crystal];
    few.n_atom = few.atom_start[few.n_site];
    few.n_stab = few.stab_start[few.n_site];
    with_team.graph_find = find_by_team;
    sh_arena_reset(arena);
    for (int k = 0; k < N_OPTION; k++)
        for (lanes = 1; lanes <= 3; lanes += 2) {
            sh_graph by_one, by_team;
            sh_workspace ws;
            sh_workspace_begin(&ws, sh_backend_cpu(), arena);
            sh_graph_build(&ws, &few, &options[k], &by_one);
            sh_workspace_begin(&ws, &with_team, arena);
            sh_graph_build(&ws, &few, &options[k], &by_team);
            near_graph(&by_one, &by_team);
        }
}

/* What a device does instead of the CPU's graph_find: by one lane and by several that meet. */
static void test_team(void **state)
{
    (void)state;
    omp_set_dynamic(0);
    for_all(check_team);
}

/* A selection is its crystals, one by one. */
static void check_selection(const batch *b, const outcome *here, sh_arena *arena)
{
    const sh_crystals *from = &here->crystals, *some = &here->some;
    (void)b;
    (void)arena;
    assert_int_equal(some->n_crystal, from->n_crystal / 2);
    assert_int_equal(some->site_start[some->n_crystal], some->n_site);
    assert_int_equal(some->atom_start[some->n_site], some->n_atom);
    assert_int_equal(some->stab_start[some->n_site], some->n_stab);
    for (int64_t i = 0; i < some->n_crystal; i++) {
        int64_t k = i % 5 ? from->n_crystal - 1 - i : 0, n = from->site_start[k + 1] - from->site_start[k];
        assert_int_equal(some->site_start[i + 1] - some->site_start[i], n);
        assert_int_equal(some->sg_number[i], from->sg_number[k]);
        assert_memory_equal(some->lattice + 9 * i, from->lattice + 9 * k, 9 * sizeof(double));
        for (int64_t j = 0; j < n; j++) {
            int64_t s = some->site_start[i] + j, t = from->site_start[k] + j;
            int64_t n_atom = sh_site_mult(from, t), n_stab = from->stab_start[t + 1] - from->stab_start[t];
            assert_int_equal(some->site_crystal[s], i);
            assert_int_equal(some->site_z[s], from->site_z[t]);
            assert_int_equal(sh_site_mult(some, s), n_atom);
            assert_int_equal(some->stab_start[s + 1] - some->stab_start[s], n_stab);
            assert_memory_equal(some->atom_frac + 3 * some->atom_start[s], from->atom_frac + 3 * from->atom_start[t],
                                (size_t)(3 * n_atom) * sizeof(double));
            assert_memory_equal(some->stab_rot + 9 * some->stab_start[s], from->stab_rot + 9 * from->stab_start[t],
                                (size_t)(9 * n_stab));
            const sh_graph *g = &here->graph[1], *h = &here->of_some;
            assert_int_equal(h->edge_start[s + 1] - h->edge_start[s], g->edge_start[t + 1] - g->edge_start[t]);
            assert_memory_equal(h->edge_uu + 6 * h->edge_start[s], g->edge_uu + 6 * g->edge_start[t],
                                (size_t)(6 * (g->edge_start[t + 1] - g->edge_start[t])) * sizeof(double));
        }
    }
}

static void test_selections(void **state)
{
    (void)state;
    for_all(check_selection);
}

/* Nothing at all is a batch. */
static void test_empty(void **state)
{
    (void)state;
    sh_arena *arena = sh_arena_create(1 << 10);
    const int64_t start[1] = {0};
    const batch none = {.name = "empty", .is_described = true, .described = {.site_start = start}};
    for (int k = 0; k < 2; k++) {
        outcome out;
        call_counts counts;
        compute(k ? sh_recorder_open() : sh_backend_cpu(), &none, arena, &out, &counts);
        assert_int_equal(out.crystals.site_start[0] + out.crystals.atom_start[0] + out.crystals.stab_start[0], 0);
        assert_int_equal(out.crystals.n_atom + out.some.n_atom + out.some.site_start[0] + out.some.atom_start[0], 0);
        assert_int_equal(out.graph[0].n_edge + out.graph[0].edge_start[0] + out.graph[0].in_start[0], 0);
        if (k) sh_recorder_close();
    }
    sh_arena_destroy(&arena);
}

static void print_counts(const char *what, const sh_recorder_counts *c)
{
    print_message("  %-6s %lld launches, %lld copies in, %lld waits\n", what, (long long)c->launches, (long long)c->copies_in,
                  (long long)c->waits);
}

static void at_most(const sh_recorder_counts *c, int64_t launches, int64_t waits)
{
    assert_in_range(c->launches, 1, launches);
    assert_int_equal(c->copies_in, 0);
    assert_true(c->waits <= waits);
    assert_int_equal(c->blocks, 0); /* the room has grown in the first round */
}

static void check_recorder(const batch *b, const outcome *here, sh_arena *arena)
{
    outcome there;
    call_counts counts;
    for (int round = 0; round < 3; round++) { /* a room merges its blocks when it is reset */
        compute(be, b, arena, &there, &counts);
        same_outcome(here, &there);
    }
    print_message("%s\n", b->name);
    if (b->is_described) {
        print_counts("make", &counts.make);
        at_most(&counts.make, 6, 1);
    }
    print_counts("select", &counts.select);
    print_counts("graph", &counts.graph);
    at_most(&counts.select, 6, 1);
    at_most(&counts.graph, 8, 2);
}

static void test_recorder(void **state)
{
    (void)state;
    be = sh_recorder_open();
    for_all(check_recorder);
    sh_recorder_close();
}

static void last_bit(double *x, int64_t n, test_random *r)
{
    for (int64_t i = 0; i < n; i++)
        x[i] *= 1 + 4e-16 * (test_u01(r) - 0.5);
}

static double *copied(const double *x, int64_t n, test_random *r)
{
    double *out = SH_PUSH(input, double, n);
    memcpy(out, x, (size_t)n * sizeof *x);
    last_bit(out, n, r);
    return out;
}

static void check_rounding(const batch *b, const outcome *here, sh_arena *arena)
{
    test_random r = test_random_create(23);
    batch other = *b;
    outcome there;
    call_counts counts;
    sh_arena_mark mark = sh_arena_get_mark(input);
    if (b->is_described) {
        other.described.lattice = copied(b->described.lattice, 9 * b->described.n_crystal, &r);
        other.described.site_frac = copied(b->described.site_frac, 3 * b->described.n_site, &r);
    } else {
        other.crystals.lattice = copied(b->crystals.lattice, 9 * b->crystals.n_crystal, &r);
        other.crystals.atom_frac = copied(b->crystals.atom_frac, 3 * b->crystals.n_atom, &r);
    }
    compute(sh_backend_cpu(), &other, arena, &there, &counts);
    near_outcome(here, &there);
    sh_arena_release(input, mark);
}

static void test_rounding(void **state)
{
    (void)state;
    for_all(check_rounding);
}

static void check_device(const batch *b, const outcome *here, sh_arena *arena)
{
    outcome there;
    call_counts counts;
    compute(be, b, arena, &there, &counts);
    near_outcome(here, &there);
    print_message("%-9s %lld crystals, %lld edges\n", b->name, (long long)there.crystals.n_crystal,
                  (long long)there.graph[0].n_edge);
}

static void test_device(void **state)
{
    (void)state;
    assert_ok(sh_cuda_open(&(sh_cuda_options){.fatal = device_fatal}, &be));
    for_all(check_device);
    sh_cuda_close();
}

int main(int argc, char **argv)
{
    const struct CMUnitTest here[] = {cmocka_unit_test(test_threads), cmocka_unit_test(test_team),
                                      cmocka_unit_test(test_selections),
                                      cmocka_unit_test(test_empty), cmocka_unit_test(test_recorder),
                                      cmocka_unit_test(test_rounding)},
                            device[] = {cmocka_unit_test(test_device)};
    bool cuda = argc > 1 && !strcmp(argv[1], "cuda");
    if (cuda && !sh_cuda_look()->n_device) {
        print_message("skipped: %s\n", sh_cuda_look()->why);
        return 77;
    }
    if (sh_groups_create(&groups) != SH_OK) return 1;
    input = sh_arena_create(1 << 20);
    make_input();
    int failed = cuda ? cmocka_run_group_tests(device, NULL, NULL) : cmocka_run_group_tests(here, NULL, NULL);
    sh_arena_destroy(&input);
    sh_groups_destroy(&groups);
    return failed || sh_alloc_live() != 0;
}
