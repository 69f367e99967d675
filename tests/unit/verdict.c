/* What is said of single crystals: distances against a search of their own, verdicts that do not depend on how a crystal is
 * described, cells that are none; families of a set. tests/golden/fingerprints.c has published numbers. */
#include "moved_cells.h"
#include "nearest.h"

#include "metrics/families.h"
#include "metrics/verdict.h"

static sh_tables *tables;
static sh_arena *arena;
static test_cell *prototypes;
static int n_prototype;

static sh_verdict judge(const test_cell *c)
{
    sh_verdict v;
    sh_cell cell = cell_view(c);
    sh_verdict_of(tables, &cell, arena, &v);
    return v;
}

static const test_cell *prototype(const char *name)
{
    for (int i = 0; i < n_prototype; i++)
        if (!strcmp(prototypes[i].name, name)) return &prototypes[i];
    fail();
    return NULL;
}

/* Random cells, skewed by large shears: each pair against the exact search of the tests. */
static void test_distances(void **state)
{
    (void)state;
    test_random r = test_random_create(5);
    for (int round = 0; round < 200; round++) {
        enum { N = 5 };
        int32_t z[N] = {1, 2, 3, 4, 5};
        double frac[3 * N], least = INFINITY, most = 0, shortest = INFINITY;
        test_cell c = {.n = N, .z = z, .frac = frac};
        for (int k = 0; k < 9; k++)
            c.lattice[k] = 6 * test_u01(&r) - 3;
        if (sh_lattice_volume(c.lattice) < 0.5) continue;
        for (int k = 0; k < 3 && round % 2; k++) {
            double shear[2] = {floor(9 * test_u01(&r)) - 4, floor(9 * test_u01(&r)) - 4};
            for (int i = 0; i < 3; i++)
                c.lattice[3 * k + i] += shear[0] * c.lattice[3 * ((k + 1) % 3) + i] + shear[1] * c.lattice[3 * ((k + 2) % 3) + i];
        }
        if (sh_lattice_volume(c.lattice) < 0.5) continue; /* shears in turn keep it; a sum of all three need not */
        for (int k = 0; k < 3 * N; k++)
            frac[k] = 6 * test_u01(&r) - 3;
        for (int i = 0; i < N; i++)
            for (int j = 0; j < i; j++) {
                double d = nearest_image(c.lattice, frac + 3 * i, frac + 3 * j, false);
                least = fmin(least, d);
                most = fmax(most, d);
            }
        shortest = nearest_image(c.lattice, frac, frac, true);
        sh_distances d;
        sh_cell cell = cell_view(&c);
        assert_true(sh_distances_of(&cell, &d));
        assert_near(d.nearest, least, 1e-9);
        assert_near(d.farthest, most, 1e-9);
        assert_near(d.shortest, shortest, 1e-9);
        assert_near(d.volume, sh_lattice_volume(c.lattice), 1e-12);
    }
}

static void test_invariances(void **state)
{
    (void)state;
    test_random r = test_random_create(6);
    const int times[3] = {1, 2, 3};
    for (int i = 0; i < n_prototype; i++) {
        const test_cell *c = &prototypes[i];
        sh_verdict v = judge(c);
        test_cell moved[] = {cell_turned(c, false, &r), cell_turned(c, true, &r), cell_shifted(c, &r),
                             cell_shuffled(c, &r),      cell_on_other_axes(c),    cell_repeated(c, times)};
        for (int k = 0; k < 6; k++) {
            sh_verdict w = judge(&moved[k]);
            assert_int_equal(w.structure, v.structure);
            assert_int_equal(w.composition, v.composition);
            assert_int_equal(w.bonds, v.bonds);
            assert_int_equal(w.reason, v.reason);
            assert_true(w.formula == v.formula);
            assert_near(w.density, v.density, 1e-9);
            assert_near(w.bond_score, v.bond_score, 1e-9);
            if (!isnan(v.bond_score_text)) assert_near(w.bond_score_text, v.bond_score_text, 1e-9);
            if (k < 5) assert_near(w.distances.nearest, fmin(v.distances.nearest, 1e300), isinf(v.distances.nearest) ? INFINITY : 1e-9);
            free_moved(&moved[k]);
        }
    }
}

static void test_worked_examples(void **state)
{
    (void)state;
    sh_verdict salt = judge(prototype("rocksalt_NaCl")), fluorite = judge(prototype("fluorite_CaF2"));
    assert_near(salt.bond_score, 0.547109, 1e-6);
    assert_near(salt.bond_score_text, 0.547109, 1e-6);
    assert_near(fluorite.bond_score, 0.587998, 1e-6);
    assert_near(fluorite.bond_score_text, 0.637444, 1e-6);
    assert_false(judge(prototype("AlB2_MgB2")).composition);
    assert_true(judge(prototype("L12_Cu3Au")).composition);
    assert_true(judge(prototype("halfheusler_LiAlSi")).composition);
}

static void test_structure(void **state)
{
    (void)state;
    int32_t z[2];
    double frac[6];
    test_cell c = two_atoms(5, 5, 5, 0.5 + 1e-9, z, frac);
    assert_true(judge(&c).structure);
    assert_true(judge(&c).near);
    c = two_atoms(5, 5, 5, 0.5 - 1e-9, z, frac);
    assert_false(judge(&c).structure);
    assert_int_equal(judge(&c).reason, SH_METRIC_CLOSE);
    c = two_atoms(5, 5, 5, 4.7, z, frac); /* 0.3 Å through the wall */
    assert_false(judge(&c).structure);
    c = two_atoms(9, 9, 9, 4.5, z, frac);
    assert_false(judge(&c).near);
    c = two_atoms(0.6, 0.6, 0.6, 0, z, frac); /* an atom's own images are not asked for, but for the stricter flag */
    c.n = 1;
    c.lattice[0] = 0.3;
    assert_true(judge(&c).structure && !judge(&c).own_images);
    c.lattice[4] = 0.5;
    assert_false(judge(&c).structure); /* 0.09 Å^3 */
    assert_int_equal(judge(&c).reason, SH_METRIC_CELL);
}

static void test_degenerate(void **state)
{
    (void)state;
    int32_t z[2];
    double frac[6];
    for (int k = 0; k < 5; k++) {
        const double bad[] = {NAN, INFINITY, -INFINITY, 1e9, 1e200};
        test_cell c = two_atoms(5, 5, 5, 2.5, z, frac);
        c.lattice[4] = bad[k];
        sh_verdict v = judge(&c);
        assert_int_equal(v.reason, SH_METRIC_CELL);
        assert_true(!v.structure && !v.composition && isnan(v.density) && isnan(v.bond_score));
    }
    test_cell c = two_atoms(5, 5, 5, 0, z, frac); /* one on the other */
    assert_int_equal(judge(&c).reason, SH_METRIC_CLOSE);
    assert_true(judge(&c).composition);
    c.n = 0;
    assert_int_equal(judge(&c).reason, SH_METRIC_CELL);
    c = two_atoms(5, 5, 5, 2.5, z, frac);
    memset(c.lattice, 0, sizeof c.lattice);
    assert_int_equal(judge(&c).reason, SH_METRIC_CELL);
    assert_true(judge(&c).composition && isnan(judge(&c).density));
    c = two_atoms(5, 5, 5, 2.5, z, frac); /* flat */
    memcpy(c.lattice + 3, c.lattice, 3 * sizeof *c.lattice);
    assert_int_equal(judge(&c).reason, SH_METRIC_CELL);
    for (int k = 0; k < 4; k++) {
        const int32_t unknown[] = {0, -7, 119, 1 << 30};
        c = two_atoms(5, 5, 5, 2.5, z, frac);
        z[0] = unknown[k];
        sh_verdict v = judge(&c);
        assert_int_equal(v.reason, SH_METRIC_ELEMENT);
        assert_true(v.structure && !v.composition && isnan(v.density) && isnan(v.bond_score));
    }
    z[0] = 105; /* an element, of which no table says anything */
    assert_int_equal(judge(&c).reason, SH_METRIC_ELEMENT);
    assert_false(judge(&c).composition);
    z[0] = z[1] = 10; /* alone it is an element and valid; with another, a noble gas has no states */
    assert_true(judge(&c).composition);
    z[1] = 17;
    assert_false(judge(&c).composition);
    c = two_atoms(3e5, 3e5, 3e5, 1e5, z, frac);
    assert_int_equal(judge(&c).reason, SH_METRIC_OK);
    assert_near(judge(&c).bond_score, 5, 0);
    assert_true(isnan(judge(&c).bond_score_text));
}

static void test_modes(void **state)
{
    (void)state;
    sh_verdict v = judge(prototype("rocksalt_NaCl"));
    assert_true(sh_verdict_is_mode(&v, -1, false));
    assert_false(sh_verdict_is_mode(&v, 0, false));
    assert_false(sh_verdict_is_mode(&v, NAN, false));
    assert_false(sh_verdict_is_mode(&v, -1, true)); /* 4.88 Å from an atom to the farthest */
    v.bonds = false;
    assert_false(sh_verdict_is_mode(&v, -1, false));
    v = judge(prototype("AlB2_MgB2"));
    assert_false(sh_verdict_is_mode(&v, -1, false));
}

static void test_families(void **state)
{
    (void)state;
    sh_families f;
    const int32_t each[] = {1, 2, 3, 15, 16, 74, 75, 142, 143, 194, 195, 230}, same[] = {225, 227, 0, 231, -1};
    sh_families_of(each, 12, &f);
    for (int k = 0; k < SH_N_FAMILY; k++)
        assert_int_equal(f.count[k], 2);
    assert_near(f.index, log2(6), 1e-12);
    assert_near(f.effective, 6, 1e-12);
    sh_families_of(same, 5, &f);
    assert_near(f.index, 0, 0);
    assert_near(f.effective, 1, 0);
    assert_int_equal(f.n_known, 2);
    assert_int_equal(f.n_unknown, 3);
    sh_families_of(NULL, 0, &f);
    assert_near(f.index, 0, 0);
    assert_int_equal(f.n_known, 0);
}

int main(void)
{
    arena = sh_arena_create(1 << 20);
    if (sh_tables_create(SH_SOURCE_DIR "/configs/tables", SH_SOURCE_DIR "/configs/tables/bonds_paper.csv", &tables) != SH_OK) {
        fprintf(stderr, "%s\n", sh_error_message());
        return 1;
    }
    prototypes = read_cells(SH_SOURCE_DIR "/tests/data/prototypes.txt", &n_prototype);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_distances),  cmocka_unit_test(test_invariances),
                                       cmocka_unit_test(test_worked_examples), cmocka_unit_test(test_structure),
                                       cmocka_unit_test(test_degenerate), cmocka_unit_test(test_modes),
                                       cmocka_unit_test(test_families)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free_cells(prototypes, n_prototype);
    sh_tables_destroy(&tables);
    sh_arena_destroy(&arena);
    return failed || sh_alloc_live() != 0;
}
