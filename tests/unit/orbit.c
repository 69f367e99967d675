#include "crystals.h"
#include "nearest.h"

#include <omp.h>

#include "crystal/dataset.h"
#include "crystal/graph.h"

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

static void make(const sh_descriptions *d, double merge_tol, sh_crystals *c)
{
    sh_crystals_make(&ws, &tables, d, merge_tol, c);
}

static int64_t n_stab(const sh_crystals *c, int64_t site)
{
    return c->stab_start[site + 1] - c->stab_start[site];
}

/* What every made crystal promises: |G| / |H| atoms, the representative first, coordinates in [0,1); the atoms of a site
 * are the images of the representative, each once, by an operation with the rotation part that is said; the site group is a group of
 * rotation parts of operations that fix the representative to rounding. */
static void check_site(const sh_crystals *c, int64_t s)
{
    int32_t number = c->sg_number[c->site_crystal[s]];
    int32_t first = groups->op_start[number - 1], last = groups->op_start[number];
    const double *atom = c->atom_frac + 3 * c->atom_start[s];
    int64_t mult = sh_site_mult(c, s), n_fixing = 0;
    assert_int_equal(mult * n_stab(c, s), last - first);
    for (int64_t i = 0; i < 3 * mult; i++)
        assert_true(atom[i] >= 0 && atom[i] < 1);
    bool seen[192] = {false}, turned[192] = {false};
    assert_in_range(mult, 1, 192);
    for (int32_t op = first; op < last; op++) {
        double y[3];
        image_of(groups, op, atom, y);
        int64_t a = 0;
        while (a < mult && torus_apart(y, atom + 3 * a) > 1e-13)
            a++;
        assert_true(a < mult);
        seen[a] = true;
        turned[a] = turned[a] || !memcmp(c->atom_rot + 9 * (c->atom_start[s] + a), groups->rot[op], 9);
        if (a) continue;
        assert_memory_equal(c->stab_rot + 9 * (c->stab_start[s] + n_fixing), groups->rot[op], 9);
        n_fixing++;
    }
    for (int64_t a = 0; a < mult; a++) {
        assert_true(seen[a] && turned[a]);
        for (int64_t b = 0; b < a; b++)
            assert_true(torus_apart(atom + 3 * a, atom + 3 * b) > 1e-7);
    }
    assert_int_equal(n_fixing, n_stab(c, s));
    for (int32_t op = first; op < last; op++) /* and closed: each image of each atom is an atom */
        for (int64_t b = 0; b < mult; b++) {
            double y[3];
            image_of(groups, op, atom + 3 * b, y);
            int64_t a = 0;
            while (a < mult && torus_apart(y, atom + 3 * a) > 1e-12)
                a++;
            assert_true(a < mult);
            if (mult > 48) break; /* the first row says it already; all rows for the small orbits */
        }
}

/* International Tables A: Wyckoff positions without freedom, their multiplicity and site symmetry's order. */
static void test_known_positions(void **state)
{
    (void)state;
    static const struct {
        int sg_number, mult;
        double x[3];
    } known[] = {{1, 1, {0.3, 0.2, 0.9}},
                 {2, 1, {0.5, 0, 0.5}},
                 {14, 2, {0, 0.5, 0}},
                 {62, 4, {0, 0, 0.5}},
                 {62, 4, {0.2, 0.25, 0.7}},
                 {62, 8, {0.2, 0.1, 0.7}},
                 {166, 3, {0, 0, 0}},
                 {166, 6, {0, 0, 0.2}},
                 {166, 9, {0.5, 0, 0.5}},
                 {194, 2, {0, 0, 0}},
                 {194, 2, {1.0 / 3, 2.0 / 3, 0.25}},
                 {194, 4, {1.0 / 3, 2.0 / 3, 0.1}},
                 {194, 6, {0.2, 0.4, 0.25}},
                 {221, 1, {0.5, 0.5, 0.5}},
                 {221, 3, {0.5, 0.5, 0}},
                 {225, 4, {0, 0, 0}},
                 {225, 4, {0.5, 0.5, 0.5}},
                 {225, 8, {0.25, 0.25, 0.25}},
                 {225, 24, {0, 0.25, 0.25}},
                 {225, 24, {0.2, 0, 0}},
                 {225, 32, {0.1, 0.1, 0.1}},
                 {225, 48, {0, 0.2, 0.2}},
                 {225, 96, {0, 0.1, 0.2}},
                 {225, 192, {0.07, 0.17, 0.29}},
                 {227, 8, {0.125, 0.125, 0.125}},
                 {227, 8, {0.375, 0.375, 0.375}},
                 {227, 16, {0, 0, 0}},
                 {227, 16, {0.5, 0.5, 0.5}},
                 {227, 32, {0.24, 0.24, 0.24}},
                 {230, 16, {0, 0, 0}},
                 {230, 24, {0.125, 0, 0.25}}};
    test_random r = test_random_create(3);
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        double lattice[9];
        random_lattice(known[i].sg_number, 9, 12, &r, lattice);
        sh_descriptions d = random_description(groups, known[i].sg_number, 1, 1, lattice, &r, arena);
        d.site_frac = known[i].x;
        sh_crystals c;
        make(&d, 0.1, &c);
        assert_int_equal(sh_site_mult(&c, 0), known[i].mult);
        assert_true(torus_apart(c.atom_frac, known[i].x) < 1e-13);
        check_site(&c, 0);
    }
    sh_arena_reset(arena);
}

static void test_general_positions(void **state)
{
    (void)state;
    test_random r = test_random_create(4);
    for (int g = 1; g <= SH_N_GROUP; g++) {
        double lattice[9];
        random_lattice(g, 4, 15, &r, lattice);
        sh_descriptions d = random_description(groups, g, 2, 2, lattice, &r, arena);
        sh_crystals c;
        make(&d, 1e-3, &c);
        for (int s = 0; s < 2; s++) {
            assert_int_equal(sh_site_mult(&c, s), groups->op_start[g] - groups->op_start[g - 1]);
            assert_int_equal(n_stab(&c, s), 1);
            assert_memory_equal(c.atom_frac + 3 * c.atom_start[s], d.site_frac + 3 * s, 3 * sizeof(double));
            check_site(&c, s);
        }
        sh_arena_reset(arena);
    }
}

/* A point 0.05 Å off a special position p is put onto it: its site group is p's, and it does not move further than that.
 * With tolerance 0 only p itself is special. */
static void test_projection(void **state)
{
    (void)state;
    test_random r = test_random_create(5);
    int found = 0;
    for (int g = 1; g <= SH_N_GROUP; g++)
        for (int trial = 0; trial < 8; trial++) {
            double lattice[9], p[3], x[3], step[3], d[3];
            random_lattice(g, 10, 15, &r, lattice);
            if (!random_special_point(groups, g, &r, p)) break;
            for (int k = 0; k < 3; k++)
                step[k] = test_u01(&r) - 0.5;
            double length = length_of(lattice, step);
            for (int k = 0; k < 3; k++)
                x[k] = p[k] + step[k] * 0.05 / length;
            sh_descriptions s = random_description(groups, g, 1, 1, lattice, &r, arena);
            s.site_frac = x;
            sh_crystals c;
            make(&s, 0.3, &c);
            check_site(&c, 0);
            assert_true(n_stab(&c, 0) >= fixing(groups, g, p));
            /* where p lies within tolerance of a point of higher symmetry it goes there; seldom in cells this large */
            if (n_stab(&c, 0) == fixing(groups, g, p)) {
                for (int k = 0; k < 3; k++) {
                    d[k] = c.atom_frac[k] - p[k];
                    d[k] -= floor(d[k] + 0.5);
                }
                assert_true(length_of(lattice, d) < 0.05 + 1e-9);
                found++;
            }
            s.site_frac = p;
            make(&s, 0, &c);
            check_site(&c, 0);
            assert_int_equal(n_stab(&c, 0), fixing(groups, g, p));
            sh_arena_reset(arena);
        }
    assert_true(found > 1500);
}

/* Anywhere in small and skewed cells, the tolerance comparable with the cell: still whole orbits, and nothing is left to
 * merge: no image lies within the tolerance but those of the site group. */
static void test_anywhere(void **state)
{
    (void)state;
    test_random r = test_random_create(6);
    int put = 0;
    for (int g = 1; g <= SH_N_GROUP; g++)
        for (int trial = 0; trial < 4; trial++) {
            double lattice[9];
            random_lattice(g, 2.4, trial < 2 ? 3 : 9, &r, lattice);
            sh_descriptions d = random_description(groups, g, 3, 3, lattice, &r, arena);
            sh_crystals c;
            make(&d, 0.3, &c);
            for (int s = 0; s < 3; s++) {
                const double *x = c.atom_frac + 3 * c.atom_start[s];
                int64_t near = 0;
                check_site(&c, s);
                for (int32_t op = groups->op_start[g - 1]; op < groups->op_start[g]; op++) {
                    double y[3];
                    image_of(groups, op, x, y);
                    near += nearest_image(lattice, x, y, false) < 0.3;
                }
                assert_int_equal(near, n_stab(&c, s));
                put += near > 1;
            }
            sh_arena_reset(arena);
        }
    assert_true(put > 500);
}

/* A cell 0.5 Å high: the image nearest to a point 0.28 Å above itself is not the one that rounding of fractional
 * coordinates gives. Both belong to the inversion centre. */
static void test_flat_cell(void **state)
{
    (void)state;
    const double lattice[9] = {3, 0, 0, 0, 3, 0, 7.3, 0, 0.5};
    const double x[3] = {(0.025 - 0.28 * 7.3) / 3, 0, 0.28};
    sh_crystals c;
    make(&(sh_descriptions){1, 1, &(int32_t){2}, lattice, (int64_t[]){0, 1}, &(int32_t){6}, x, NULL}, 0.3, &c);
    assert_int_equal(sh_site_mult(&c, 0), 1);
    assert_true(torus_apart(c.atom_frac, (double[]){0, 0, 0}) < 1e-13);
    check_site(&c, 0);
    sh_arena_reset(arena);
}

/* Three general sites of different elements have just the symmetry they were made with. */
static void test_spglib_finds_the_group(void **state)
{
    (void)state;
    test_random r = test_random_create(7);
    for (int g = 1; g <= SH_N_GROUP; g++) {
        double lattice[9];
        random_lattice(g, 6, 12, &r, lattice);
        sh_descriptions d = random_description(groups, g, 3, 3, lattice, &r, arena);
        sh_crystals c;
        make(&d, 1e-3, &c);
        int32_t *z = SH_PUSH(arena, int32_t, c.n_atom);
        for (int s = 0; s < 3; s++)
            for (int64_t a = c.atom_start[s]; a < c.atom_start[s + 1]; a++)
                z[a] = c.site_z[s];
        sh_cell cell = {c.lattice, c.n_atom, z, c.atom_frac};
        assert_int_equal(sh_space_group_number(&cell, 1e-4), g);
        sh_arena_reset(arena);
    }
}

/* A batch is its crystals one by one, whatever the threads: bits and order. */
static void test_batches(void **state)
{
    (void)state;
    enum { N = 230 };
    test_random r = test_random_create(8);
    int32_t number[N], z[3 * N];
    int64_t start[N + 1] = {0};
    double lattice[9 * N], x[9 * N];
    sh_descriptions one[N];
    for (int i = 0; i < N; i++) {
        int n = 1 + i % 3;
        random_lattice(i + 1, 4, 12, &r, lattice + 9 * i);
        one[i] = random_description(groups, i + 1, n, 1, lattice + 9 * i, &r, arena);
        number[i] = i + 1;
        memcpy(z + start[i], one[i].site_z, (size_t)n * sizeof *z);
        memcpy(x + 3 * start[i], one[i].site_frac, (size_t)(3 * n) * sizeof *x);
        start[i + 1] = start[i] + n;
    }
    sh_descriptions all = {N, start[N], number, lattice, start, z, x, NULL};
    sh_crystals c[2];
    for (int t = 0; t < 2; t++) {
        omp_set_num_threads(t ? 3 : 1);
        make(&all, 0.3, &c[t]);
    }
    assert_int_equal(c[0].n_atom, c[1].n_atom);
    assert_int_equal(c[0].n_stab, c[1].n_stab);
    assert_memory_equal(c[0].atom_frac, c[1].atom_frac, (size_t)c[0].n_atom * 3 * sizeof(double));
    assert_memory_equal(c[0].stab_rot, c[1].stab_rot, (size_t)c[0].n_stab * 9);
    for (int i = 0; i < N; i++) {
        sh_crystals alone, picked;
        make(&one[i], 0.3, &alone);
        sh_crystals_select(&ws, &c[0], (int64_t[]){i}, 1, &picked);
        assert_int_equal(picked.sg_number[0], i + 1);
        assert_int_equal(alone.n_site, picked.n_site);
        assert_int_equal(alone.n_atom, picked.n_atom);
        assert_memory_equal(alone.lattice, picked.lattice, 9 * sizeof(double));
        assert_memory_equal(alone.site_z, picked.site_z, (size_t)alone.n_site * sizeof(int32_t));
        assert_memory_equal(alone.atom_start, picked.atom_start, (size_t)(alone.n_site + 1) * sizeof(int64_t));
        assert_memory_equal(alone.stab_start, picked.stab_start, (size_t)(alone.n_site + 1) * sizeof(int64_t));
        assert_memory_equal(alone.atom_frac, picked.atom_frac, (size_t)alone.n_atom * 3 * sizeof(double));
        assert_memory_equal(alone.stab_rot, picked.stab_rot, (size_t)alone.n_stab * 9);
    }
    sh_arena_reset(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_known_positions), cmocka_unit_test(test_general_positions),
        cmocka_unit_test(test_projection),      cmocka_unit_test(test_anywhere), cmocka_unit_test(test_flat_cell),
        cmocka_unit_test(test_spglib_finds_the_group), cmocka_unit_test(test_batches),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
