#include "crystals.h"

static const sh_cell_bounds ours = {{2.4, 15}, {80, 130}}, narrow = {{4, 15}, {60.5, 120}};

static void test_bounds(void **state)
{
    (void)state;
    static const struct {
        sh_cell_bounds bounds;
        const char *key;
    } wrong[] = {{{{0, 15}, {80, 130}}, "lattice.length"},        {{{15, 4}, {80, 130}}, "lattice.length"},
                 {{{4, INFINITY}, {80, 130}}, "lattice.length"},  {{{NAN, 15}, {80, 130}}, "lattice.length"},
                 {{{4, 15}, {130, 80}}, "lattice.angle"},         {{{4, 15}, {91, 130}}, "lattice.angle"},
                 {{{4, 15}, {50, 100}}, "lattice.angle"},         {{{4, 15}, {80, 137.5}}, "lattice.angle"},
                 {{{4, 15}, {NAN, 130}}, "lattice.angle"},        {{{4, 15}, {0, 130}}, "lattice.angle"}};
    assert_ok(sh_cell_bounds_check(&ours));
    assert_ok(sh_cell_bounds_check(&narrow));
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        assert_fails(sh_cell_bounds_check(&wrong[i].bounds), SH_EINPUT, wrong[i].key);
}

static void test_free_parameters(void **state)
{
    (void)state;
    static const unsigned want[SH_N_FAMILY] = {0x3f, 0x17, 0x07, 0x05, 0x05, 0x01};
    for (int f = 0; f < SH_N_FAMILY; f++)
        assert_int_equal(sh_family_free((sh_family)f), want[f]);
}

static void check_cell(sh_family family, const sh_cell_bounds *bounds, const double u[6])
{
    double p[6], l[9], back[6], v[6];
    sh_lattice_from_u(family, bounds, u, p);
    if (family >= SH_TETRAGONAL) assert_true(p[0] == p[1]);
    if (family == SH_CUBIC) assert_true(p[0] == p[2]);
    if (family != SH_TRICLINIC) assert_true(p[3] == 90 && p[5] == (family == SH_HEXAGONAL ? 120 : 90));
    if (family > SH_MONOCLINIC) assert_true(p[4] == 90);
    for (int i = 0; i < 3; i++)
        assert_true(p[i] >= bounds->length[0] && p[i] <= bounds->length[1]);
    for (int i = 3; i < 6; i++)
        if (sh_family_free(family) >> i & 1) assert_true(p[i] >= bounds->angle[0] && p[i] <= bounds->angle[1] + 1e-12);
    if (family == SH_TRICLINIC) assert_true(p[3] + p[4] + p[5] <= 355 + 1e-9);

    sh_lattice_to_u(family, bounds, p, v);
    for (int i = 0; i < 6; i++)
        assert_near(v[i], sh_family_free(family) >> i & 1 ? u[i] : 0, 1e-12);

    sh_lattice_matrix(p, l);
    assert_true(l[1] == 0 && l[2] == 0 && l[5] == 0 && l[0] > 0 && l[4] > 0 && l[8] > 0);
    assert_true(sh_lattice_volume(l) > 0.02 * p[0] * p[1] * p[2]); /* a cell, and none that is nearly flat */
    assert_near(sh_lattice_volume(l), l[0] * l[4] * l[8], 1e-9);
    sh_lattice_parameters(l, back);
    for (int i = 0; i < 6; i++)
        assert_near(back[i], p[i], 1e-10);
}

static void test_every_u_is_a_cell(void **state)
{
    (void)state;
    test_random r = test_random_create(2);
    for (int family = 0; family < SH_N_FAMILY; family++)
        for (int b = 0; b < 2; b++) {
            const sh_cell_bounds *bounds = b ? &narrow : &ours;
            double u[6];
            for (int i = 0; i < 2000; i++) {
                for (int k = 0; k < 6; k++)
                    u[k] = test_u01(&r);
                check_cell((sh_family)family, bounds, u);
            }
            for (int i = 0; i < 729; i++) { /* both ends and the middle of each */
                static const double value[3] = {1e-12, 0.5, 1 - 1e-12};
                for (int k = 0, digits = i; k < 6; k++, digits /= 3)
                    u[k] = value[digits % 3];
                check_cell((sh_family)family, bounds, u);
            }
        }
}

static void test_known_cells(void **state)
{
    (void)state;
    double p[6], l[9];
    sh_lattice_from_u(SH_CUBIC, &(sh_cell_bounds){{2, 4}, {80, 130}}, (double[]){0.75, 9, 9, 9, 9, 9}, p);
    sh_lattice_matrix(p, l);
    for (int i = 0; i < 9; i++)
        assert_true(l[i] == (i % 4 ? 0 : 3.5)); /* exact */
    sh_lattice_matrix((double[]){3, 3, 5, 90, 90, 120}, l);
    assert_near(l[3], -1.5, 0);
    assert_near(sh_lattice_volume(l), 45 * sqrt(0.75), 1e-13);
    /* gamma's interval ends where the angles would add up to 355 degrees: 355 - 120 - 119 = 116 */
    sh_lattice_from_u(SH_TRICLINIC, &(sh_cell_bounds){{4, 5}, {80, 130}}, (double[]){0, 0, 0, 0.8, 0.78, 0.5}, p);
    assert_near(p[5], 0.5 * (80 + 116), 1e-12);
    /* left-handed cells have a positive volume too */
    assert_near(sh_lattice_volume((double[]){0, 2, 0, 3, 0, 0, 0, 0, 4}), 24, 1e-13);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_free_parameters),
        cmocka_unit_test(test_every_u_is_a_cell),
        cmocka_unit_test(test_known_cells),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
