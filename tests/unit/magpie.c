#define _GNU_SOURCE
/* The composition fingerprint: published numbers of the prototypes, statistics by hand, and elements that are not known. */
#include "test.h"

#include "base/memory.h"
#include "metrics/magpie.h"
#include "read_cells.h"

static sh_magpie_tables *tables;

enum { PROPERTY_MELTING = 3, PROPERTY_ENEG = 7, PROPERTY_GROUP = 21 };
enum { LEAST, MOST, RANGE, MEAN, DEVIATION, MODE };

static double at(const double *x, int property, int statistic)
{
    return x[SH_MAGPIE_STATISTICS * property + statistic];
}

static void test_prototypes(void **state)
{
    (void)state;
    char line[4096], name[128];
    int n, got = 0;
    test_cell *cells = read_cells(SH_SOURCE_DIR "/tests/data/prototypes.txt", &n);
    FILE *file = fopen(SH_SOURCE_DIR "/tests/data/prototype_fingerprints.txt", "r");
    assert_non_null(file);
    do
        assert_non_null(fgets(line, sizeof line, file));
    while (line[0] == '#');
    for (int i = 0; i < n; i++) {
        double x[SH_MAGPIE_SIZE], want;
        int64_t *one = SH_NEW(int64_t, cells[i].n);
        int32_t kinds = 0, *z = SH_NEW(int32_t, cells[i].n);
        for (int a = 0; a < cells[i].n; a++) {
            int32_t k = 0;
            while (k < kinds && z[k] != cells[i].z[a])
                k++;
            kinds += k == kinds;
            z[k] = cells[i].z[a];
            one[k]++;
        }
        assert_int_equal(sh_magpie(tables, kinds, z, one, x), 0);
        assert_int_equal(fscanf(file, "%127s", name), 1);
        assert_string_equal(name, cells[i].name);
        for (int k = 0; k < 61; k++)
            assert_int_equal(fscanf(file, "%*f%n", &got), 0);
        for (int k = 0; k < SH_MAGPIE_SIZE; k++) {
            assert_int_equal(fscanf(file, "%lf", &want), 1);
            assert_near(x[k], want, 1e-9 * fmax(1, fabs(want)));
        }
        sh_free(one);
        sh_free(z);
    }
    fclose(file);
    free_cells(cells, n);
}

/* Fe2O3 by hand, in any order and to any scale. */
static void test_statistics(void **state)
{
    (void)state;
    const int32_t z[2][2] = {{26, 8}, {8, 26}};
    const int64_t count[2][2] = {{2, 3}, {300, 200}};
    for (int k = 0; k < 2; k++) {
        double x[SH_MAGPIE_SIZE];
        assert_int_equal(sh_magpie(tables, 2, z[k], count[k], x), 0);
        assert_near(at(x, 0, LEAST), 8, 0);
        assert_near(at(x, 0, MOST), 26, 0);
        assert_near(at(x, 0, RANGE), 18, 0);
        assert_near(at(x, 0, MEAN), (2 * 26 + 3 * 8) / 5.0, 1e-12);
        assert_near(at(x, 0, DEVIATION), (2 * (26 - 15.2) + 3 * (15.2 - 8)) / 5, 1e-12);
        assert_near(at(x, 0, MODE), 8, 0);
        assert_near(at(x, PROPERTY_ENEG, MOST), 3.44, 0);
    }
    const int64_t even[2] = {5, 5};
    double x[SH_MAGPIE_SIZE];
    sh_magpie(tables, 2, z[0], even, x);
    assert_near(at(x, 0, MODE), 8, 0); /* the smaller of two that are as frequent */
}

static void test_unknown(void **state)
{
    (void)state;
    double x[SH_MAGPIE_SIZE], y[SH_MAGPIE_SIZE];
    const int32_t with_argon[] = {18, 11};
    const int64_t few[] = {1, 2}, many[] = {2, 1};
    assert_int_equal(sh_magpie(tables, 2, with_argon, few, x), 5); /* Ar has no electronegativity; Na is more frequent */
    assert_true(isnan(at(x, PROPERTY_ENEG, MEAN)) && isnan(at(x, PROPERTY_ENEG, LEAST)));
    assert_near(at(x, PROPERTY_ENEG, MODE), 0.93, 0);
    assert_int_equal(sh_magpie(tables, 2, with_argon, many, x), 6);
    sh_magpie_scale(tables, x, y);
    assert_near(at(y, PROPERTY_ENEG, MODE), 0, 0);
    assert_true(at(y, PROPERTY_MELTING, MEAN) != 0);
    const int32_t helium = 2, francium = 87, outside[] = {0, -1, 119, 1 << 30}, heavy = 110;
    const int64_t one = 1;
    assert_int_equal(sh_magpie(tables, 1, &helium, &one, x), 12); /* melting point, electronegativity */
    assert_int_equal(sh_magpie(tables, 1, &francium, &one, x), 12); /* melting point, space group */
    assert_true(isnan(at(x, PROPERTY_GROUP, MODE)));
    for (int k = 0; k < 4; k++)
        assert_int_equal(sh_magpie(tables, 1, &outside[k], &one, x), SH_MAGPIE_SIZE);
    assert_int_equal(sh_magpie(tables, 1, &heavy, &one, x), SH_MAGPIE_SIZE);
    assert_int_equal(sh_magpie(tables, 0, NULL, NULL, x), SH_MAGPIE_SIZE);
    assert_true(isnan(x[0]));
    sh_magpie_scale(tables, x, x);
    for (int k = 0; k < SH_MAGPIE_SIZE; k++)
        assert_near(x[k], 0, 0);
}

static void test_scale(void **state)
{
    (void)state;
    double x[SH_MAGPIE_SIZE], y[SH_MAGPIE_SIZE];
    for (int k = 0; k < SH_MAGPIE_SIZE; k++)
        x[k] = tables->mean[k] + 2 * tables->std[k];
    sh_magpie_scale(tables, x, y);
    for (int k = 0; k < SH_MAGPIE_SIZE; k++)
        assert_near(y[k], 2, 1e-9);
}

static void write_file(const char *folder, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void test_bad_tables(void **state)
{
    (void)state;
    sh_magpie_tables *t;
    assert_fails(sh_magpie_create("/nowhere", &t), SH_EINPUT, "/nowhere/magpie.csv");
    assert_null(t);
    char folder[] = "/tmp/shaft-magpie-XXXXXX", line[2048];
    assert_non_null(mkdtemp(folder));
    FILE *f = fopen(SH_SOURCE_DIR "/configs/tables/magpie.csv", "r");
    do
        assert_non_null(fgets(line, sizeof line, f));
    while (line[0] == '#');
    fclose(f);
    write_file(folder, "magpie.csv", line);
    write_file(folder, "magpie_scale.csv", "property,statistic,mean,std\nNumber,min,1,2\n");
    assert_fails(sh_magpie_create(folder, &t), SH_EINPUT, "there must be 132 features");
    write_file(folder, "magpie_scale.csv", "property,statistic,mean,std\nNumber,min,1,0\n");
    assert_fails(sh_magpie_create(folder, &t), SH_EINPUT, ":2: a mean and a positive standard deviation");
    write_file(folder, "magpie.csv", "z,Number\n");
    assert_fails(sh_magpie_create(folder, &t), SH_EINPUT, ":1: the header must be");
    snprintf(line, sizeof line, "%s/magpie.csv", folder);
    remove(line);
    snprintf(line, sizeof line, "%s/magpie_scale.csv", folder);
    remove(line);
    remove(folder);
}

int main(void)
{
    if (sh_magpie_create(SH_SOURCE_DIR "/configs/tables", &tables) != SH_OK) {
        fprintf(stderr, "%s\n", sh_error_message());
        return 1;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_prototypes), cmocka_unit_test(test_statistics),
                                       cmocka_unit_test(test_unknown), cmocka_unit_test(test_scale),
                                       cmocka_unit_test(test_bad_tables)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sh_magpie_destroy(&tables);
    return failed || sh_alloc_live() != 0;
}
