#include "crystals.h"

#include "crystal/dataset.h"
#include "crystal/wyckoff.h"

static sh_groups *groups;
static const sh_wyckoffs *wyckoffs;

static int setup(void **state)
{
    (void)state;
    if (sh_groups_create(&groups) != SH_OK) return 1;
    wyckoffs = groups->wyckoffs;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    sh_groups_destroy(&groups);
    return sh_alloc_live() != 0;
}

/* International Tables A, a b c ... of some groups: multiplicity and free parameters. */
static void test_known(void **state)
{
    (void)state;
    static const struct {
        int sg_number, n, mult[12], dim[12];
    } known[] = {{1, 1, {1}, {3}},
                 {14, 5, {2, 2, 2, 2, 4}, {0, 0, 0, 0, 3}},
                 {43, 2, {8, 16}, {1, 3}},
                 {62, 4, {4, 4, 4, 8}, {0, 0, 2, 3}},
                 {166, 9, {3, 3, 6, 9, 9, 18, 18, 18, 36}, {0, 0, 1, 0, 0, 1, 1, 2, 3}},
                 {194, 12, {2, 2, 2, 2, 4, 4, 6, 6, 12, 12, 12, 24}, {0, 0, 0, 0, 1, 1, 0, 1, 1, 2, 2, 3}},
                 {225, 12, {4, 4, 8, 24, 24, 32, 48, 48, 48, 96, 96, 192}, {0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 3}},
                 {227, 9, {8, 8, 16, 16, 32, 48, 96, 96, 192}, {0, 0, 0, 0, 1, 1, 2, 1, 3}},
                 {230, 8, {16, 16, 24, 24, 32, 48, 48, 96}, {0, 0, 0, 0, 1, 1, 1, 3}}};
    assert_int_equal(wyckoffs->start[SH_N_GROUP], SH_N_WYCKOFF);
    assert_int_equal(wyckoffs->start[47] - wyckoffs->start[46], SH_MAX_WYCKOFF);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        int32_t first = wyckoffs->start[known[i].sg_number - 1];
        assert_int_equal(wyckoffs->start[known[i].sg_number] - first, known[i].n);
        for (int k = 0; k < known[i].n; k++) {
            assert_int_equal(wyckoffs->position[first + k].mult, known[i].mult[k]);
            assert_int_equal(wyckoffs->position[first + k].dim, known[i].dim[k]);
        }
    }
    /* images of the representative set in the cell, from the coordinates in the same tables */
    static const int sets_225[12] = {4, 4, 8, 24, 12, 16, 12, 12, 12, 6, 12, 1};
    for (int k = 0; k < 12; k++)
        assert_int_equal(wyckoffs->position[wyckoffs->start[224] + k].n_set, sets_225[k]);
}

/* At random points of every position: the stabiliser is what leaves the point alone, no more and no less; the cosets give
 * each atom once. */
static void test_stabilisers_and_atoms(void **state)
{
    (void)state;
    test_random r = test_random_create(1);
    for (int g = 1; g <= SH_N_GROUP; g++)
        for (int32_t k = wyckoffs->start[g - 1]; k < wyckoffs->start[g]; k++) {
            const sh_wyckoff *p = &wyckoffs->position[k];
            int32_t first = groups->op_start[g - 1];
            double f[3] = {test_u01(&r), test_u01(&r), test_u01(&r)}, x[3], y[3];
            sh_wyckoff_point(p, f, x);
            assert_int_equal(p->mult * p->n_stab, groups->op_start[g] - first);
            assert_int_equal(fixing(groups, g, x), p->n_stab);
            for (int32_t i = 0; i < p->n_stab; i++) {
                image_of(groups, first + wyckoffs->op[p->stab + i], x, y);
                assert_true(torus_apart(x, y) < 1e-12);
            }
            assert_int_equal(wyckoffs->op[p->stab], 0);
            assert_int_equal(wyckoffs->op[p->coset], 0);
            double atom[192][3];
            for (int32_t i = 0; i < p->mult; i++) {
                image_of(groups, first + wyckoffs->op[p->coset + i], x, atom[i]);
                for (int32_t j = 0; j < i; j++)
                    assert_true(torus_apart(atom[i], atom[j]) > 1e-9);
            }
        }
}

static int minors_divisor(const int8_t b[3], const int8_t c[3])
{
    int minor[3] = {b[1] * c[2] - b[2] * c[1], b[2] * c[0] - b[0] * c[2], b[0] * c[1] - b[1] * c[0]}, divisor = 0;
    for (int d = 1; d <= 16; d++)
        if (minor[0] % d == 0 && minor[1] % d == 0 && minor[2] % d == 0 && (minor[0] || minor[1] || minor[2])) divisor = d;
    return divisor;
}

/* f in [0,1)^dim covers the set once: the basis is primitive (no whole vector along the set lies between its sums). */
static void test_bases_are_primitive(void **state)
{
    (void)state;
    for (int32_t k = 0; k < SH_N_WYCKOFF; k++) {
        const sh_wyckoff *p = &wyckoffs->position[k];
        if (p->dim == 1) { /* the entries themselves have no common divisor */
            int both = 0;
            for (int i = 0; i < 3; i++)
                both |= abs(p->basis[0][i]) == 1;
            assert_true(both);
        }
        if (p->dim == 2) assert_int_equal(minors_divisor(p->basis[0], p->basis[1]), 1);
    }
}

/* The group with a point x of its own and two general sites, as spglib sees it. The general sites see to it that it finds no
 * higher group. */
static SpglibDataset *look(int g, const double lattice[9], const double *x, const double general[6])
{
    enum { ROOM = 3 * 192 };
    static double frac[3 * ROOM];
    static int32_t z[ROOM];
    int64_t n = 0;
    for (int site = x ? 0 : 1; site < 3; site++) {
        const double *point = site ? general + 3 * (site - 1) : x;
        int64_t start = n;
        for (int32_t op = groups->op_start[g - 1]; op < groups->op_start[g]; op++) {
            double y[3];
            bool is_new = true;
            image_of(groups, op, point, y);
            for (int64_t k = start; k < n && is_new; k++)
                is_new = torus_apart(frac + 3 * k, y) > 1e-9;
            if (!is_new) continue;
            memcpy(frac + 3 * n, y, sizeof y);
            z[n++] = 3 + site;
        }
    }
    const sh_cell cell = {.lattice = lattice, .n_atom = n, .z = z, .frac = frac};
    return sh_dataset_create(&cell, 1e-5, groups->hall_number[g - 1]);
}

static double to_integer(double x)
{
    return fabs(x - floor(x + 0.5));
}

/* Whether x lies on the set origin + span(basis), whole vectors left out. */
static bool on_set(const sh_wyckoff *p, const double x[3])
{
    double d[3] = {x[0] - p->origin[0], x[1] - p->origin[1], x[2] - p->origin[2]};
    const int8_t *b = p->basis[0], *c = p->basis[1];
    if (p->dim == 3) return true;
    if (p->dim == 2) /* the normal is primitive because the basis is */
        return to_integer(d[0] * (b[1] * c[2] - b[2] * c[1]) + d[1] * (b[2] * c[0] - b[0] * c[2]) +
                          d[2] * (b[0] * c[1] - b[1] * c[0])) < 1e-6;
    int unit = 0; /* along a line: a coordinate that says which point it is */
    while (p->dim == 1 && abs(b[unit]) != 1)
        unit++;
    double f = p->dim == 1 ? d[unit] * b[unit] : 0;
    return to_integer(d[0] - f * b[0]) < 1e-6 && to_integer(d[1] - f * b[1]) < 1e-6 && to_integer(d[2] - f * b[2]) < 1e-6;
}

/* The position that the point x is on: that of its stabiliser's order that has an image of it; -1 where none has, -2 where
 * several have. */
static int32_t position_of(int g, const double x[3])
{
    int32_t found = -1, first = wyckoffs->start[g - 1], order = fixing(groups, g, x);
    for (int32_t k = first; k < wyckoffs->start[g]; k++) {
        const sh_wyckoff *p = &wyckoffs->position[k];
        bool here = false;
        for (int32_t op = groups->op_start[g - 1]; op < groups->op_start[g] && !here && p->n_stab == order; op++) {
            double y[3];
            image_of(groups, op, x, y);
            here = on_set(p, y);
        }
        if (here) found = found == -1 ? k - first : -2;
    }
    return found;
}

/* Points of the grid of 24ths, where all special values are: each is on one position, and all positions but the general
 * ones are met. */
static void test_every_point_has_a_position(void **state)
{
    (void)state;
    test_random r = test_random_create(3);
    for (int g = 1; g <= SH_N_GROUP; g++)
        for (int tries = 0; tries < 60; tries++) {
            double x[3];
            random_special_point(groups, g, &r, x);
            assert_true(position_of(g, x) >= 0);
        }
}

/* Multiplicity and letter, as spglib finds them for a random point of each position. Its frame may be another one of the same
 * setting (other axes, another origin), in which the point may be on another position. */
static void test_letters(void **state)
{
    (void)state;
    test_random r = test_random_create(2);
    for (int g = 1; g <= SH_N_GROUP; g++) {
        double lattice[9], general[6];
        int32_t first = wyckoffs->start[g - 1], n = wyckoffs->start[g] - first;
        char letters[32] = {0};
        random_lattice(g, 9, 15, &r, lattice);
        for (int i = 0; i < 6; i++)
            general[i] = test_u01(&r);
        for (int32_t k = 0; k < n; k++) {
            const sh_wyckoff *p = &wyckoffs->position[first + k];
            double f[3] = {test_u01(&r), test_u01(&r), test_u01(&r)}, x[3], there[3];
            sh_wyckoff_point(p, f, x);
            SpglibDataset *d = look(g, lattice, x, general);
            assert_non_null(d);
            assert_int_equal(d->spacegroup_number, g);
            int mult = 0;
            for (int a = 0; a < d->n_atoms; a++)
                mult += d->crystallographic_orbits[a] == d->crystallographic_orbits[0];
            assert_int_equal(mult, p->mult);
            for (int i = 0; i < 3; i++) {
                const double *row = d->transformation_matrix[i];
                there[i] = row[0] * x[0] + row[1] * x[1] + row[2] * x[2] + d->origin_shift[i];
            }
            int32_t at = position_of(g, there);
            assert_true(at >= 0);
            letters[at] = sh_wyckoff_letter(d->wyckoffs[0]);
            spg_free_dataset(d);
        }
        for (int32_t k = 0; k < n; k++)
            if (letters[k] && letters[k] != sh_wyckoff_letter(k)) {
                print_error("group %d: spglib calls the positions %s\n", g, letters);
                fail();
            }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_known), cmocka_unit_test(test_stabilisers_and_atoms),
                                       cmocka_unit_test(test_bases_are_primitive),
                                       cmocka_unit_test(test_every_point_has_a_position), cmocka_unit_test(test_letters)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
