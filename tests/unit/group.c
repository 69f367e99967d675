#include "crystals.h"

#include "crystal/wyckoff.h"

#include <spglib.h>

static sh_groups *groups;

static int setup(void **state)
{
    (void)state;
    return sh_groups_create(&groups) != SH_OK;
}

static int teardown(void **state)
{
    (void)state;
    sh_groups_destroy(&groups);
    return groups != NULL || sh_alloc_live() != 0;
}

/* International Tables A: orders of the groups in their standard settings. */
static void test_counts(void **state)
{
    (void)state;
    static const struct {
        int sg_number, hall_number, n_op;
        const char *symbol;
    } known[] = {{1, 1, 1, "P1"},           {2, 2, 2, "P-1"},         {5, 9, 4, "C2"},           {14, 81, 4, "P2_1/c"},
                 {15, 90, 8, "C2/c"},       {62, 292, 8, "Pnma"},     {146, 433, 9, "R3"},       {166, 458, 36, "R-3m"},
                 {194, 488, 24, "P6_3/mmc"}, {221, 517, 48, "Pm-3m"}, {225, 523, 192, "Fm-3m"},  {227, 526, 192, "Fd-3m"},
                 {230, 530, 96, "Ia-3d"}};
    assert_int_equal(groups->op_start[0], 0);
    assert_int_equal(groups->op_start[SH_N_GROUP], 4425);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        int g = known[i].sg_number;
        assert_int_equal(groups->hall_number[g - 1], known[i].hall_number);
        assert_int_equal(groups->op_start[g] - groups->op_start[g - 1], known[i].n_op);
        assert_string_equal(groups->symbol[g - 1], known[i].symbol);
    }
}

static void test_settings(void **state)
{
    (void)state;
    int origin2 = 0, hexagonal_axes = 0;
    for (int g = 1; g <= SH_N_GROUP; g++) {
        SpglibSpacegroupType type = spg_get_spacegroup_type(groups->hall_number[g - 1]);
        assert_int_equal(type.number, g);
        origin2 += !strcmp(type.choice, "2");
        hexagonal_axes += !strcmp(type.choice, "H");
        if (g >= 3 && g <= 15) assert_int_equal(type.choice[0], 'b');
    }
    assert_int_equal(origin2, 24);
    assert_int_equal(hexagonal_axes, 7);
}

static int determinant(const int8_t *w)
{
    return w[0] * (w[4] * w[8] - w[5] * w[7]) - w[1] * (w[3] * w[8] - w[5] * w[6]) + w[2] * (w[3] * w[7] - w[4] * w[6]);
}

static int rotation_key(const int8_t *w)
{
    int key = 0;
    for (int i = 0; i < 9; i++)
        key = 3 * key + w[i] + 1;
    return key;
}

/* A set of operations that holds the identity and every product of two, each once, is the group modulo the lattice. */
static void test_groups_are_closed(void **state)
{
    (void)state;
    static const int8_t identity[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
    int16_t *head = malloc(19683 * sizeof *head), next[192];
    for (int g = 1; g <= SH_N_GROUP; g++) {
        int32_t first = groups->op_start[g - 1], n = groups->op_start[g] - first;
        int t[192][3];
        assert_memory_equal(groups->rot[first], identity, sizeof identity);
        memset(head, -1, 19683 * sizeof *head);
        for (int i = 0; i < n; i++) {
            const int8_t *w = groups->rot[first + i];
            assert_int_equal(abs(determinant(w)), 1);
            for (int k = 0; k < 3; k++) {
                double trans = groups->trans[first + i][k];
                t[i][k] = (int)lround(12 * trans);
                assert_true(trans == t[i][k] / 12.0 && t[i][k] >= 0 && t[i][k] < 12);
                if (i == 0) assert_int_equal(t[i][k], 0);
            }
            for (int k = 0; k < 9; k++)
                assert_in_range(w[k] + 1, 0, 2);
            int key = rotation_key(w);
            for (int j = head[key]; j >= 0; j = next[j])
                assert_false(t[j][0] == t[i][0] && t[j][1] == t[i][1] && t[j][2] == t[i][2]);
            next[i] = head[key];
            head[key] = (int16_t)i;
        }
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++) {
                const int8_t *a = groups->rot[first + i], *b = groups->rot[first + j];
                int8_t w[9];
                int v[3], k;
                for (int r = 0; r < 3; r++) {
                    for (int c = 0; c < 3; c++)
                        w[3 * r + c] = (int8_t)(a[3 * r] * b[c] + a[3 * r + 1] * b[3 + c] + a[3 * r + 2] * b[6 + c]);
                    v[r] = a[3 * r] * t[j][0] + a[3 * r + 1] * t[j][1] + a[3 * r + 2] * t[j][2] + t[i][r];
                    v[r] = (v[r] % 12 + 12) % 12;
                }
                for (k = head[rotation_key(w)]; k >= 0; k = next[k])
                    if (t[k][0] == v[0] && t[k][1] == v[1] && t[k][2] == v[2]) break;
                if (k < 0) fail_msg("group %d: product of operations %d and %d is not there", g, i, j);
            }
    }
    free(head);
}

static void test_families(void **state)
{
    (void)state;
    static const int first[SH_N_FAMILY + 1] = {1, 3, 16, 75, 143, 195, 231};
    static const char *const name[] = {"triclinic", "monoclinic", "orthorhombic", "tetragonal", "hexagonal", "cubic"};
    for (int f = 0; f < SH_N_FAMILY; f++) {
        assert_int_equal(sh_group_family(first[f]), f);
        assert_int_equal(sh_group_family(first[f + 1] - 1), f);
        assert_string_equal(sh_family_name((sh_family)f), name[f]);
    }
}

/* W^T G W = G for the metric G of any cell of the family: no operation is distorted by the conventional cell. */
static void test_operations_keep_the_metric(void **state)
{
    (void)state;
    test_random r = test_random_create(1);
    for (int g = 1; g <= SH_N_GROUP; g++)
        for (int trial = 0; trial < 3; trial++) {
            double l[9], metric[3][3];
            random_lattice(g, 2.4, 15, &r, l);
            for (int i = 0; i < 3; i++)
                for (int j = 0; j < 3; j++)
                    metric[i][j] = l[3 * i] * l[3 * j] + l[3 * i + 1] * l[3 * j + 1] + l[3 * i + 2] * l[3 * j + 2];
            for (int32_t op = groups->op_start[g - 1]; op < groups->op_start[g]; op++)
                for (int i = 0; i < 3; i++)
                    for (int j = 0; j < 3; j++) {
                        double sum = 0;
                        for (int p = 0; p < 3; p++)
                            for (int q = 0; q < 3; q++)
                                sum += groups->rot[op][3 * p + i] * metric[p][q] * groups->rot[op][3 * q + j];
                        assert_near(sum, metric[i][j], 1e-12 * 225);
                    }
        }
}

/* Multiplicity of Wyckoff position a, International Tables A. */
static void test_min_multiplicity(void **state)
{
    (void)state;
    static const int known[][2] = {{1, 1},   {2, 1},   {4, 2},   {14, 2},  {15, 4},  {19, 4},   {24, 4},   {61, 4},
                                   {62, 4},  {70, 8},  {98, 4},  {122, 4}, {139, 2}, {141, 4},  {146, 3},  {152, 3},
                                   {166, 3}, {167, 6}, {178, 6}, {194, 2}, {198, 4}, {212, 4},  {213, 4},  {214, 8},
                                   {216, 4}, {219, 8}, {220, 12}, {221, 1}, {225, 4}, {227, 8},  {228, 16}, {230, 16}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        assert_int_equal(sh_wyckoff_min_mult(groups->wyckoffs, known[i][0]), known[i][1]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),       cmocka_unit_test(test_settings),
        cmocka_unit_test(test_groups_are_closed), cmocka_unit_test(test_families),
        cmocka_unit_test(test_operations_keep_the_metric), cmocka_unit_test(test_min_multiplicity),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
