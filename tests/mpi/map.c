/* The map of structures: crystals whose fingerprints are known stand where these say, and every rank can make a map by itself. Run with
 * 1, 2 and 3 ranks. */
#include "moved_cells.h"
#include "test.h"

#include "comm/comm.h"
#include "metrics/crystalnn.h"
#include "metrics/map.h"

enum { D = SH_CRYSTALNN_SIZE };

static sh_comm *comm;
static sh_tables *tables;
static sh_arena *arena;
static test_cell *prototypes;
static int n_prototype;

static sh_cell named(const char *name)
{
    int i = 0;
    while (i < n_prototype && strcmp(prototypes[i].name, name) != 0)
        i++;
    assert_true(i < n_prototype);
    return cell_view(&prototypes[i]);
}

static double scalar(const double *x, const double *y, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += x[i] * y[i];
    return sum;
}

static double apart(const double *x, const double *y, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++)
        sum += (x[i] - y[i]) * (x[i] - y[i]);
    return sqrt(sum);
}

static void fingerprint(const sh_cell *cell, double *x)
{
    assert_int_equal(sh_crystalnn(tables, cell, arena, x), SH_METRIC_OK);
}

/* Two kinds of fingerprints, NaCl's and diamond's, that ZnS has too: all on one line, twice the one and three times the other. */
static void test_two_kinds(void **state)
{
    (void)state;
    static const double lattice[9] = {4, 0, 0, 0, 4, 0, 0, 0, 4}, at_one_place[6] = {0, 0, 0, 0.01, 0, 0};
    static const int32_t z[2] = {11, 17};
    const sh_cell close = {lattice, 2, z, at_one_place};
    const sh_cell salt = named("rocksalt_NaCl"), diamond = named("diamond_C"), blende = named("zincblende_ZnS");
    const sh_cell one[] = {salt, close, diamond, salt}, two[] = {diamond, blende, close, close};
    const sh_map_cells sets[] = {{4, one}, {0, NULL}, {4, two}};
    double a[D], b[D];
    sh_map map;
    fingerprint(&salt, a);
    fingerprint(&diamond, b);
    double length = apart(a, b, D);
    double cosine = scalar(a, b, D) / sqrt(scalar(a, a, D) * scalar(b, b, D));
    assert_true(length > 1);
    assert_ok(sh_map_create(tables, sets, 3, &map));
    assert_int_equal(map.n_set, 3);
    assert_int_equal(map.set[0].n, 3);
    assert_int_equal(map.set[0].n_left_out, 1);
    assert_int_equal(map.set[1].n, 0);
    assert_int_equal(map.set[1].n_left_out, 0);
    assert_int_equal(map.set[2].n, 2);
    assert_int_equal(map.set[2].n_left_out, 2);
    assert_near(map.share[0], 1, 1e-9);
    assert_near(map.share[1], 0, 1e-9);
    /* The mean of all five is 3/5 of the way from NaCl to diamond. Which way is up is the sign rule's affair. */
    const double *p = map.set[0].place, *q = map.set[2].place;
    double way = p[0] < 0 ? -1 : 1;
    const double want[5] = {0.6, -0.4, 0.6, -0.4, -0.4}, got[5] = {p[0], p[2], p[4], q[0], q[2]};
    for (int i = 0; i < 5; i++)
        assert_near(got[i], way * want[i] * length, 1e-6);
    assert_near(p[1], 0, 1e-6);
    assert_near(p[3], 0, 1e-6);
    assert_near(q[3], 0, 1e-6);
    assert_near(map.set[0].distance, 2.0 / 3 * length, 1e-6);
    assert_near(map.set[2].distance, 0, 1e-6);
    /* K / 3 has the eigenvalues 1/2 -+ sqrt(1/36 + 2/9 cosine^2). */
    double half = sqrt(1.0 / 36 + 2.0 / 9 * cosine * cosine), lambda[2] = {0.5 - half, 0.5 + half}, entropy = 0;
    for (int i = 0; i < 2; i++)
        entropy -= lambda[i] > 0 ? lambda[i] * log(lambda[i]) : 0;
    assert_near(map.set[0].vendi, exp(entropy), 1e-6);
    assert_near(map.set[2].vendi, 1, 1e-6);
    assert_true(isnan(map.set[1].distance) && isnan(map.set[1].vendi));
    sh_map_destroy(&map);
}

/* Three points have a plane of their own: the map shows their distances as they are. */
static void test_three_kinds(void **state)
{
    (void)state;
    const sh_cell cell[] = {named("rocksalt_NaCl"), named("diamond_C"), named("cscl_CsCl")};
    const sh_map_cells sets[] = {{1, cell}, {2, cell + 1}};
    double x[3][D], place[3][2], sum = 0;
    sh_map map;
    assert_ok(sh_map_create(tables, sets, 2, &map));
    memcpy(place[0], map.set[0].place, sizeof place[0]);
    memcpy(place[1], map.set[1].place, 2 * sizeof place[1]);
    for (int i = 0; i < 3; i++) {
        fingerprint(&cell[i], x[i]);
        sum += place[i][0] + place[i][1];
        for (int j = 0; j < i; j++)
            assert_near(apart(place[i], place[j], 2), apart(x[i], x[j], D), 1e-9);
    }
    assert_near(sum, 0, 1e-9);
    assert_true(map.share[0] > map.share[1] && map.share[1] > 0);
    assert_near(map.share[0] + map.share[1], 1, 1e-9);
    assert_near(map.set[1].distance, apart(x[1], x[2], D), 1e-9);
    assert_true(isnan(map.set[0].distance)); /* one crystal has no pair */
    assert_near(map.set[0].vendi, 1, 1e-9);
    sh_map_destroy(&map);
}

/* All alike, and none at all. */
static void test_no_plane(void **state)
{
    (void)state;
    const sh_cell cell[] = {named("rocksalt_NaCl"), named("rocksalt_NaCl")};
    for (int n = 0; n <= 2; n += 2) {
        sh_map map;
        assert_ok(sh_map_create(tables, &(sh_map_cells){n, cell}, 1, &map));
        assert_int_equal(map.set[0].n, n);
        assert_true(isnan(map.share[0]) && isnan(map.share[1]));
        for (int i = 0; i < 2 * n; i++)
            assert_near(map.set[0].place[i], 0, 0);
        sh_map_destroy(&map);
    }
}

/* Nobody waits for the others. */
static void test_by_itself(void **state)
{
    (void)state;
    if (comm->rank != 0) return;
    const sh_cell cell[] = {named("rocksalt_NaCl"), named("diamond_C")};
    sh_map map;
    assert_ok(sh_map_create(tables, &(sh_map_cells){2, cell}, 1, &map));
    assert_near(map.set[0].place[0], -map.set[0].place[2], 1e-12);
    sh_map_destroy(&map);
}

int main(int argc, char **argv)
{
    if (sh_comm_create(&argc, &argv, &comm) != SH_OK) return 1;
    int64_t live = sh_alloc_live();
    arena = sh_arena_create(1 << 20);
    if (sh_tables_create(SH_SOURCE_DIR "/configs/tables", SH_SOURCE_DIR "/configs/tables/bonds_paper.csv", &tables) != SH_OK) {
        fprintf(stderr, "%s\n", sh_error_message());
        return 1;
    }
    prototypes = read_cells(SH_SOURCE_DIR "/tests/data/prototypes.txt", &n_prototype);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_two_kinds), cmocka_unit_test(test_three_kinds),
                                       cmocka_unit_test(test_no_plane), cmocka_unit_test(test_by_itself)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free_cells(prototypes, n_prototype);
    sh_tables_destroy(&tables);
    sh_arena_destroy(&arena);
    if (sh_alloc_live() != live) print_error("%lld pieces of memory were not released\n", (long long)(sh_alloc_live() - live));
    failed |= sh_alloc_live() != live;
    sh_comm_destroy(&comm);
    return failed;
}
