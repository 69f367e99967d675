/* Uniqueness, novelty, rates, coverage, Wasserstein distance and modes of sets: against pymatgen and scipy (data/matching.json), and
 * by hand. */
#include "crystals.h"
#include "matching.h"

#include <omp.h>

#include "metrics/sets.h"

static json *reference;
static sh_arena *arena;

typedef struct {
    int n;
    test_cell *cell;
    sh_cell *view;
    const char **name;
} cells;

static cells prototypes(void)
{
    const json *ids = json_get(reference, "unique", "ids", NULL);
    cells c = {.cell = SH_NEW(test_cell, ids->n), .view = SH_NEW(sh_cell, ids->n), .name = SH_NEW(const char *, ids->n)};
    for (const json *id = ids->first; id; id = id->next, c.n++) {
        c.name[c.n] = id->text;
        c.cell[c.n] = json_cell(json_get(reference, "prototypes", id->text, NULL));
        c.view[c.n] = view_of(&c.cell[c.n]);
    }
    return c;
}

static void cells_free(cells *c)
{
    free_cells(c->cell, c->n);
    sh_free(c->view);
    sh_free(c->name);
}

static void test_unique_prototypes(void **state)
{
    (void)state;
    cells c = prototypes();
    sh_crystal_store *store;
    int64_t *same_as = SH_NEW(int64_t, c.n);
    bool *all = SH_NEW(bool, c.n);
    sh_crystal_store_create(c.view, c.n, false, &store);
    int64_t n = sh_sets_unique(sh_crystal_store_set(store), &sh_match_default, NULL, NULL, same_as);
    assert_int_equal(n, json_get(reference, "unique", "unique_ids_default_matcher", NULL)->n);
    for (int i = 0; i < c.n; i++) {
        assert_int_equal(same_as[i], i);
        all[i] = true;
    }
    assert_int_equal(sh_modes_count(c.view, all, c.n, NULL),
                     (int)json_get(reference, "unique", "n_distinct_reduced_formula", NULL)->number);
    sh_crystal_store_destroy(&store);
    assert_null(store);
    sh_free(same_as);
    sh_free(all);
    cells_free(&c);
}

/* Many displaced copies of each prototype, in mixed order, some of them no crystals; a large bucket among them. */
enum { N_MIXED = 2000 };

static sh_cell *mixed(const cells *c, int n, double (*lattice)[9], double (*frac)[192], int *origin)
{
    test_random r = test_random_create(21);
    sh_cell *view = SH_NEW(sh_cell, n);
    for (int i = 0; i < n; i++) {
        int p = i % 3 ? (int)(c->n * test_u01(&r)) : 0; /* a third of them rocksalt */
        while (c->cell[p].n > 64)
            p--;
        const test_cell *from = &c->cell[p];
        double scale = 0.9 + 0.2 * test_u01(&r);
        origin[i] = p;
        for (int k = 0; k < 9; k++)
            lattice[i][k] = from->lattice[k] * scale;
        for (int k = 0; k < 3 * from->n; k++)
            frac[i][k] = from->frac[k] + 0.001 * test_u01(&r);
        view[i] = (sh_cell){.lattice = lattice[i], .n_atom = from->n, .z = from->z, .frac = frac[i]};
        if (i % 101 == 7) {
            lattice[i][0] = NAN;
            origin[i] = -1;
        }
    }
    return view;
}

static void count_tick(void *user, int64_t done)
{
    *(int64_t *)user = done;
}

static void test_unique_mixed(void **state)
{
    (void)state;
    cells c = prototypes();
    double(*lattice)[9] = calloc(N_MIXED, sizeof *lattice), (*frac)[192] = calloc(N_MIXED, sizeof *frac);
    int *origin = SH_NEW(int, N_MIXED), first[64], threads = omp_get_max_threads();
    sh_cell *view = mixed(&c, N_MIXED, lattice, frac, origin);
    int64_t *one = SH_NEW(int64_t, N_MIXED), *many = SH_NEW(int64_t, N_MIXED), ticked = 0;
    sh_crystal_store *store;
    omp_set_num_threads(1);
    sh_crystal_store_create(view, N_MIXED, false, &store);
    int64_t n = sh_sets_unique(sh_crystal_store_set(store), &sh_match_default, NULL, NULL, one);
    sh_crystal_store_destroy(&store);
    omp_set_num_threads(3);
    sh_crystal_store_create(view, N_MIXED, false, &store);
    assert_int_equal(sh_sets_unique(sh_crystal_store_set(store), &sh_match_default, count_tick, &ticked, many), n);
    omp_set_num_threads(threads);
    assert_memory_equal(one, many, N_MIXED * sizeof *one);
    int n_bad = 0, n_kind = 0;
    for (int p = 0; p < c.n; p++)
        first[p] = -1;
    for (int i = 0; i < N_MIXED; i++) {
        if (origin[i] < 0) {
            assert_int_equal(one[i], -1);
            n_bad++;
            continue;
        }
        if (first[origin[i]] < 0) {
            first[origin[i]] = i;
            n_kind++;
        }
        assert_int_equal(one[i], first[origin[i]]);
    }
    assert_int_equal(n, n_kind);
    assert_int_equal(ticked, N_MIXED - n_bad);
    assert_true(n_bad > 10 && n_kind > 20);

    /* novelty: against the prototypes themselves nothing is new; without rocksalt, rocksalt is */
    sh_crystal_store *known;
    const sh_crystal_set *set = sh_crystal_store_set(store);
    sh_crystal_store_create(c.view, c.n, false, &known);
    assert_int_equal(sh_sets_novel(set, sh_crystal_store_set(known), &sh_match_default, NULL, NULL, NULL, many), 0);
    for (int i = 0; i < N_MIXED; i++)
        assert_int_equal(many[i], origin[i] < 0 ? -2 : origin[i]);
    sh_crystal_store_destroy(&known);
    sh_crystal_store_create(c.view + 1, c.n - 1, false, &known);
    bool *wanted = SH_NEW(bool, N_MIXED);
    int64_t n_salt = 0;
    for (int i = 0; i < N_MIXED; i++) {
        wanted[i] = i >= 100;
        n_salt += wanted[i] && origin[i] == 0;
    }
    assert_int_equal(sh_sets_novel(set, sh_crystal_store_set(known), &sh_match_default, wanted, NULL, NULL, many), n_salt);
    for (int i = 0; i < N_MIXED; i++)
        assert_int_equal(many[i], origin[i] < 0 || i < 100 ? -2 : origin[i] - 1);
    sh_crystal_store_destroy(&known);

    /* what has been reduced once is the same when it is taken as it is */
    sh_cell *reduced = SH_NEW(sh_cell, N_MIXED);
    for (int i = 0; i < N_MIXED; i++) {
        const sh_reduced *r = &set->item[i];
        reduced[i] = (sh_cell){.lattice = r->lattice, .n_atom = r->n_atom, .z = r->z, .frac = r->frac};
    }
    sh_crystal_store_create(reduced, N_MIXED, true, &known);
    sh_sets_unique(sh_crystal_store_set(known), &sh_match_default, NULL, NULL, many);
    assert_memory_equal(one, many, N_MIXED * sizeof *one);
    sh_crystal_store_destroy(&known);
    sh_crystal_store_destroy(&store);
    sh_free(reduced);
    sh_free(wanted);
    sh_free(one);
    sh_free(many);
    sh_free(origin);
    sh_free(view);
    free(lattice);
    free(frac);
    cells_free(&c);
}

static void test_empty(void **state)
{
    (void)state;
    sh_crystal_store *store;
    int64_t none;
    sh_crystal_store_create(NULL, 0, false, &store);
    assert_int_equal(sh_sets_unique(sh_crystal_store_set(store), &sh_match_default, NULL, NULL, &none), 0);
    const sh_crystal_set *set = sh_crystal_store_set(store);
    assert_int_equal(sh_sets_novel(set, set, &sh_match_default, NULL, NULL, NULL, &none), 0);
    sh_crystal_store_destroy(&store);
    sh_crystal_store_destroy(&store);
    assert_int_equal(sh_modes_count(NULL, NULL, 0, NULL), 0);
}

static void test_rates(void **state)
{
    (void)state;
    /* Wilson's own form: the ends are where |p - rate| = z sqrt(p (1 - p) / n) */
    const double z = 1.959963984540054;
    for (int64_t n = 1; n < 2000; n = 3 * n + 1)
        for (int64_t hits = 0; hits <= n; hits += 1 + n / 5) {
            sh_rate r = sh_rate_of(hits, n);
            assert_near(r.rate, (double)hits / (double)n, 1e-15);
            assert_true(r.low <= r.rate && r.rate <= r.high && r.low >= 0 && r.high <= 1);
            if (hits > 0) assert_near(r.rate - r.low, z * sqrt(r.low * (1 - r.low) / (double)n), 1e-12);
            if (hits < n) assert_near(r.high - r.rate, z * sqrt(r.high * (1 - r.high) / (double)n), 1e-12);
        }
    sh_rate r = sh_rate_of(0, 0);
    assert_true(isnan(r.rate) && r.low == 0 && r.high == 1);

    const sh_sun_case cases[] = {
        {true, true, true, true, 0.05},   {true, true, true, true, 0.1},  {true, true, true, true, 0.11},
        {true, false, true, true, -0.2},  {true, true, false, true, 0},   {true, true, true, false, 0},
        {false, true, true, true, -1},
    };
    sh_sun sun;
    sh_sun_count(cases, 7, 10, 0.1, &sun);
    assert_int_equal(sun.evaluated.hits, 6);
    assert_int_equal(sun.evaluated.n, 10);
    assert_int_equal(sun.stable.hits, 4);
    assert_int_equal(sun.unique.hits, 5);
    assert_int_equal(sun.novel.hits, 5);
    assert_int_equal(sun.novel.n, 6);
    assert_int_equal(sun.stable_unique_novel.hits, 2);
    assert_int_equal(sun.stable_unique_novel.n, 10);
    assert_int_equal(sun.n_no_energy, 1);
}

static void test_wasserstein(void **state)
{
    (void)state;
    int n_case = 0;
    for (const json *c = json_get(reference, "wasserstein", NULL)->first; c; c = c->next, n_case++) {
        double x[2][256];
        int n[2] = {0, 0};
        for (int s = 0; s < 2; s++)
            for (const json *v = json_get(c, s ? "b" : "a", NULL)->first; v; v = v->next)
                x[s][n[s]++] = v->number;
        double want = json_get(c, "w1", NULL)->number;
        assert_near(sh_wasserstein(x[0], n[0], x[1], n[1]), want, 1e-12 * fmax(1, want));
        assert_near(sh_wasserstein(x[1], n[1], x[0], n[0]), want, 1e-12 * fmax(1, want));
    }
    assert_int_equal(n_case, 4);
    double a[] = {1};
    assert_true(isnan(sh_wasserstein(a, 1, NULL, 0)));
}

/* Structures on a line, compositions on another; near is near in both, at whichever neighbour. */
static void test_coverage(void **state)
{
    (void)state;
    const double g_s[] = {0, 1, 5}, g_c[] = {0, 0, 0}, r_s[] = {0.3, 9}, r_c[] = {1, 0.5};
    double s[3], c[3], mean_s, mean_c;
    int64_t which[3];
    sh_nearest_rows(g_s, 3, r_s, 2, 1, s, which);
    sh_nearest_rows(g_c, 3, r_c, 2, 1, c, NULL);
    for (int i = 0; i < 3; i++)
        assert_int_equal(which[i], i < 2 ? 0 : 1);
    assert_int_equal(sh_coverage_near(s, c, 3, 0.4, 1, &mean_s, &mean_c), 1);
    assert_near(mean_s, (0.3 + 0.7 + 4) / 3, 1e-15);
    assert_near(mean_c, 0.5, 1e-15);
    assert_int_equal(sh_coverage_near(s, c, 3, 0.8, 0.4, &mean_s, &mean_c), 0);
    assert_int_equal(sh_coverage_near(s, c, 0, 0.4, 1, &mean_s, &mean_c), 0);
    assert_true(isnan(mean_s) && isnan(mean_c));
    sh_nearest_rows(g_s, 3, NULL, 0, 1, s, which);
    assert_true(isinf(s[0]) && which[0] == -1);
}

static void test_modes(void **state)
{
    (void)state;
    const int32_t z[6][4] = {{11, 17}, {17, 11}, {11, 11, 17, 17}, {11, 17, 17}, {3, 17}, {11, 17}};
    const int n_atom[6] = {2, 2, 4, 3, 2, 2};
    bool passes[6] = {false, true, true, true, true, true}, first[6];
    sh_cell cell[6];
    for (int i = 0; i < 6; i++)
        cell[i] = (sh_cell){.n_atom = n_atom[i], .z = z[i]};
    assert_int_equal(sh_modes_count(cell, passes, 6, first), 3);
    const bool want[6] = {false, true, false, true, true, false};
    assert_memory_equal(first, want, sizeof want);
}

int main(void)
{
    reference = json_read(SH_SOURCE_DIR "/tests/data/matching.json");
    arena = sh_arena_create(1 << 20);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unique_prototypes), cmocka_unit_test(test_unique_mixed), cmocka_unit_test(test_empty),
        cmocka_unit_test(test_rates),             cmocka_unit_test(test_wasserstein),  cmocka_unit_test(test_coverage),
        cmocka_unit_test(test_modes),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sh_arena_destroy(&arena);
    json_free(reference);
    return failed;
}
