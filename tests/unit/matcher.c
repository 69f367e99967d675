/* Reduced cells, the assignment and the structure matcher: against pymatgen and scipy (data/matching.json), against brute
 * force, and what must not change a verdict. */
#include "crystal/lattice.h"
#include "crystals.h"
#include "matching.h"

#include "io/structure.h"
#include "metrics/assignment.h"
#include "metrics/matrix.h"

static json *reference;
static sh_arena *arena;

/* --- assignment ---------------------------------------------------------------------------------------------------- */

static double least_sum(const double *cost, int n, int row, unsigned used)
{
    if (row == n) return 0;
    double best = INFINITY;
    for (int j = 0; j < n; j++)
        if (!(used >> j & 1)) best = fmin(best, cost[n * row + j] + least_sum(cost, n, row + 1, used | 1u << j));
    return best;
}

static void check_permutation(const double *cost, int n, const int32_t *column, double sum)
{
    unsigned used = 0;
    double again = 0;
    for (int i = 0; i < n; i++) {
        assert_in_range(column[i], 0, n - 1);
        used |= 1u << column[i];
        again += cost[n * i + column[i]];
    }
    assert_int_equal(used, (1u << n) - 1);
    assert_near(sum, again, 1e-12 * fmax(1, fabs(again)));
}

static void test_assignment_reference(void **state)
{
    (void)state;
    int n_case = 0;
    for (const json *c = json_get(reference, "assignment", NULL)->first; c; c = c->next, n_case++) {
        const json *rows = json_get(c, "cost", NULL), *solution = json_get(c, "solution", NULL)->first;
        int n = rows->n;
        double cost[400], *at = cost;
        int32_t column[20];
        assert_true(n <= 20);
        for (const json *row = rows->first; row; row = row->next)
            for (const json *v = row->first; v; v = v->next)
                *at++ = v->number;
        double sum = sh_assignment_solve(cost, n, arena, column);
        assert_near(sum, json_get(c, "min_cost", NULL)->number, 1e-12);
        for (int i = 0; i < n; i++, solution = solution->next)
            assert_int_equal(column[i], (int)solution->number);
    }
    assert_int_equal(n_case, 4);
}

static void test_assignment_brute_force(void **state)
{
    (void)state;
    test_random r = test_random_create(11);
    int n_impossible = 0;
    for (int trial = 0; trial < 2000; trial++) {
        int n = 1 + trial % 7, kind = trial / 7 % 4;
        double cost[49];
        int32_t column[7];
        for (int i = 0; i < n * n; i++) {
            cost[i] = 10 * test_u01(&r) - (kind == 1 ? 5 : 0);
            if (kind == 2) cost[i] = floor(cost[i] / 3); /* many ties */
            if (kind == 3 && test_u01(&r) < 0.5) cost[i] = INFINITY;
        }
        double want = least_sum(cost, n, 0, 0), got = sh_assignment_solve(cost, n, arena, column);
        if (want == INFINITY) {
            assert_true(got == INFINITY);
            n_impossible++;
            continue;
        }
        assert_near(got, want, 1e-9);
        check_permutation(cost, n, column, got);
    }
    assert_true(n_impossible > 50);
    assert_near(sh_assignment_solve(NULL, 0, arena, NULL), 0, 0);
}

/* --- reduced cells -------------------------------------------------------------------------------------------------- */

static void test_reduced_reference(void **state)
{
    (void)state;
    for (const json *p = json_get(reference, "prototypes", NULL)->first; p; p = p->next) {
        sh_arena_reset(arena);
        sh_reduced r = reduced_of_json(p, arena);
        const json *want = json_get(p, "reduced", NULL), *abc = json_get(want, "abc", NULL)->first;
        double parameters[6], lengths[3];
        int i = 0;
        print_message("%s\n", p->key);
        assert_int_equal(r.n_atom, (int)json_get(want, "n", NULL)->number);
        assert_near(r.volume, json_get(want, "volume", NULL)->number, 1e-9);
        sh_lattice_parameters(r.lattice, parameters);
        for (; abc; abc = abc->next)
            lengths[i++] = abc->number;
        for (int k = 0; k < 3; k++) /* Niggli's are ascending, within the tolerance */
            for (int j = k + 1; j < 3; j++)
                if (lengths[j] < lengths[k]) {
                    double t = lengths[k];
                    lengths[k] = lengths[j];
                    lengths[j] = t;
                }
        for (int k = 0; k < 3; k++)
            assert_near(parameters[k], lengths[k], 1e-4);
    }
}

/* A whole matrix of determinant +-1: products of elementary ones. */
static void random_unimodular(test_random *r, double m[9])
{
    for (int i = 0; i < 9; i++)
        m[i] = i % 4 == 0;
    for (int step = 0; step < 6; step++) {
        int i = (int)(3 * test_u01(r)), j = (i + 1 + (int)(2 * test_u01(r))) % 3;
        double k = floor(5 * test_u01(r)) - 2;
        for (int c = 0; c < 3; c++)
            m[3 * i + c] += k * m[3 * j + c];
    }
    if (test_u01(r) < 0.5)
        for (int c = 0; c < 3; c++)
            m[c] = -m[c];
}

static void test_niggli(void **state)
{
    (void)state;
    test_random r = test_random_create(5);
    for (int trial = 0; trial < 500; trial++) {
        static const int groups[] = {1, 2, 15, 62, 139, 166, 194, 225};
        double lattice[9], m[9], other[9], one[9], two[9], p[6], q[6];
        random_lattice(groups[trial % 8], 2.5, 14, &r, lattice);
        random_unimodular(&r, m);
        sh_matrix_multiply(m, lattice, other);
        sh_lattice_niggli(lattice, one);
        sh_lattice_niggli(other, two);
        sh_lattice_parameters(one, p);
        sh_lattice_parameters(two, q);
        assert_true(sh_matrix_determinant(one) > 0 && sh_matrix_determinant(two) > 0);
        assert_near(sh_matrix_determinant(one), fabs(sh_matrix_determinant(lattice)), 1e-9 * sh_matrix_determinant(one));
        for (int i = 0; i < 6; i++) /* one lattice has one Niggli cell */
            assert_near(p[i], q[i], i < 3 ? 1e-4 : 1e-2);
        assert_true(p[0] < p[1] + 1e-4 && p[1] < p[2] + 1e-4);
        int acute = 0;
        for (int i = 3; i < 6; i++) {
            assert_true(p[i] > 59.9 && p[i] < 120.1);
            acute += p[i] < 89.99;
        }
        assert_true(acute == 0 || (acute == 3) || (p[3] < 90.01 && p[4] < 90.01 && p[5] < 90.01));
    }
}

/* --- pairs ---------------------------------------------------------------------------------------------------------- */

static void test_pairs_reference(void **state)
{
    (void)state;
    int n = 0;
    for (const json *pair = json_get(reference, "match", NULL)->first; pair; pair = pair->next) {
        const json *a = json_get(pair, "a", NULL), *b = json_get(pair, "b", NULL);
        sh_arena_reset(arena);
        print_message("%s %s\n", a->text, b->text ? b->text : json_get(pair, "note", NULL)->text);
        sh_reduced ra = reduced_of_json(json_get(reference, "prototypes", a->text, NULL), arena);
        sh_reduced rb = reduced_of_json(b->text ? json_get(reference, "prototypes", b->text, NULL) : b, arena);
        n += check_match(json_get(pair, "res", NULL), &ra, &rb, 1e-7, arena);
    }
    assert_int_equal(n, 78);
}

/* The crystal as somebody else might write it: turned (or mirrored), moved, in another basis, a cell of several, atoms in
 * another order, each displaced by up to `noise` Å on each axis. */
static test_cell rewritten(const test_cell *c, int64_t repeat, bool mirror, double noise, test_random *r)
{
    double q[4], norm = 0, rotation[9], m[9], basis[9], turned[9];
    for (int i = 0; i < 4; i++) {
        q[i] = test_u01(r) - 0.5;
        norm += q[i] * q[i];
    }
    for (int i = 0; i < 4; i++)
        q[i] /= sqrt(norm);
    double w = q[0], x = q[1], y = q[2], z = q[3], sign = mirror ? -1 : 1;
    const double rows[9] = {1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w),
                            2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w),
                            2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)};
    for (int i = 0; i < 9; i++)
        rotation[i] = sign * rows[i];
    random_unimodular(r, m);
    for (int k = 0; k < 3; k++)
        m[k] *= (double)repeat;
    sh_matrix_multiply(m, c->lattice, basis);
    sh_matrix_multiply(basis, rotation, turned);

    test_cell out = {.n = c->n * (int)repeat};
    out.z = SH_NEW(int32_t, out.n);
    out.frac = SH_NEW(double, 3 * out.n);
    memcpy(out.lattice, turned, sizeof turned);
    double inverse[9], shift[3], to[9], noise_to[9];
    sh_lattice_invert(basis, inverse);
    sh_matrix_multiply(c->lattice, inverse, to);
    sh_lattice_invert(turned, noise_to);
    for (int k = 0; k < 3; k++)
        shift[k] = test_u01(r);
    int *place = SH_NEW(int, out.n);
    for (int i = 0; i < out.n; i++) {
        int j = (int)((i + 1) * test_u01(r));
        place[i] = place[j];
        place[j] = i;
    }
    for (int i = 0; i < out.n; i++) {
        const double *f = c->frac + 3 * (i / repeat);
        double *g = out.frac + 3 * place[i];
        out.z[place[i]] = c->z[i / repeat];
        for (int k = 0; k < 3; k++)
            g[k] = f[0] * to[k] + f[1] * to[3 + k] + f[2] * to[6 + k] + shift[k];
        g[0] += (double)(i % repeat) / (double)repeat; /* the first vector is `repeat` times one of the lattice */
        for (int axis = 0; axis < 3; axis++) {
            double d = noise * (2 * test_u01(r) - 1);
            for (int k = 0; k < 3; k++)
                g[k] += d * noise_to[3 * axis + k];
        }
        for (int k = 0; k < 3; k++)
            g[k] = sh_wrap01(g[k]);
    }
    sh_free(place);
    return out;
}

static void free_cell(test_cell *c)
{
    sh_free(c->z);
    sh_free(c->frac);
}

static void test_invariances(void **state)
{
    (void)state;
    test_random r = test_random_create(3);
    int n = 0;
    for (const json *p = json_get(reference, "prototypes", NULL)->first; p; p = p->next) {
        if (!strcmp(p->key, "edge_clash_LiO2")) continue;
        test_cell cell = json_cell(p);
        for (int trial = 0; trial < 6; trial++, n++) {
            sh_arena_reset(arena);
            test_cell copy = rewritten(&cell, 1 + trial % 3, trial % 2, 0, &r);
            sh_reduced a = reduced_of(&cell, arena), b = reduced_of(&copy, arena);
            sh_match match, back;
            sh_match_pair(&a, &b, &sh_match_default, false, arena, &match);
            sh_match_pair(&b, &a, &sh_match_default, false, arena, &back);
            if (!match.fit) print_error("%s, trial %d: %lld and %lld atoms\n", p->key, trial, (long long)a.n_atom, (long long)b.n_atom);
            assert_true(match.fit && back.fit && match.has_rms);
            assert_int_equal(a.n_atom, b.n_atom);
            assert_int_equal(sh_reduced_compare(&a, &b), 0);
            assert_near(match.rms, 0, 1e-5);
            free_cell(&copy);
        }
        free_cell(&cell);
    }
    assert_int_equal(n, 32 * 6);
}

/* A small displacement of every atom is found as what it is: no larger than it was made, and scale-free. */
static void test_displaced(void **state)
{
    (void)state;
    test_random r = test_random_create(8);
    int n_fit = 0;
    for (const json *p = json_get(reference, "prototypes", NULL)->first; p; p = p->next) {
        if (!strcmp(p->key, "edge_clash_LiO2")) continue;
        test_cell cell = json_cell(p), copy = rewritten(&cell, 1, true, 0.03, &r);
        sh_arena_reset(arena);
        sh_reduced a = reduced_of(&cell, arena), b = reduced_of(&copy, arena);
        sh_match match;
        sh_match_pair(&a, &b, &sh_match_default, false, arena, &match);
        double nu = cbrt((double)a.n_atom / a.volume);
        /* copies in a centred cell that are no longer recognised leave it as large as it was: no match, in pymatgen either */
        assert_int_equal(match.fit, a.n_atom == b.n_atom);
        n_fit += match.fit;
        if (match.fit) {
            assert_true(match.rms <= match.max && match.max <= 2 * 0.03 * sqrt(3) * nu);
            if (cell.n > 1 && cell.n == a.n_atom) assert_true(match.rms > 1e-4);
        }
        for (int k = 0; k < 9; k++) /* the same shape in another size is the same structure */
            copy.lattice[k] *= 1.5;
        sh_reduced c = reduced_of(&copy, arena);
        sh_match larger;
        sh_match_pair(&a, &c, &sh_match_default, false, arena, &larger);
        if (match.fit && c.n_atom == b.n_atom) assert_near(larger.rms, match.rms, 1e-6);
        free_cell(&copy);
        free_cell(&cell);
    }
    assert_true(n_fit >= 28);
}

/* NaCl and CsCl structures of one composition, a missing atom, another element: no match. */
static void test_different(void **state)
{
    (void)state;
    test_cell rocksalt = json_cell(json_get(reference, "prototypes", "rocksalt_NaCl", NULL));
    test_cell cscl = json_cell(json_get(reference, "prototypes", "cscl_CsCl", NULL));
    for (int i = 0; i < cscl.n; i++)
        if (cscl.z[i] == 55) cscl.z[i] = 11;
    sh_arena_reset(arena);
    sh_reduced a = reduced_of(&rocksalt, arena), b = reduced_of(&cscl, arena);
    sh_match match;
    assert_int_equal(sh_reduced_compare(&a, &b), 0);
    sh_match_pair(&a, &b, &sh_match_default, false, arena, &match);
    assert_false(match.fit);
    assert_false(match.has_rms);
    assert_true(isnan(match.rms));
    cscl.z[0] = 19;
    sh_reduced c = reduced_of(&cscl, arena);
    assert_int_not_equal(sh_reduced_compare(&b, &c), 0);
    sh_match_pair(&b, &c, &sh_match_authors, false, arena, &match);
    assert_false(match.fit);
    rocksalt.n--;
    sh_reduced d = reduced_of(&rocksalt, arena);
    sh_match_pair(&a, &d, &sh_match_authors, false, arena, &match);
    assert_false(match.fit);
    free_cell(&rocksalt);
    free_cell(&cscl);
}

static void test_no_crystal(void **state)
{
    (void)state;
    double lattice[9] = {4, 0, 0, 0, 4, 0, 0, 0, 4}, frac[6] = {0, 0, 0, 0.5, 0.5, 0.5};
    int32_t z[2] = {11, 17};
    sh_cell cell = {.lattice = lattice, .n_atom = 2, .z = z, .frac = frac};
    sh_reduced r;
    sh_arena_reset(arena);
    assert_true(sh_reduced_create(&cell, arena, &r));
    cell.n_atom = 0;
    assert_false(sh_reduced_create(&cell, arena, &r));
    cell.n_atom = 2;
    z[0] = 119;
    assert_false(sh_reduced_create(&cell, arena, &r));
    z[0] = 11;
    frac[4] = NAN;
    assert_false(sh_reduced_create(&cell, arena, &r));
    frac[4] = 0.5;
    lattice[8] = 0;
    assert_false(sh_reduced_create(&cell, arena, &r));
    lattice[8] = INFINITY;
    assert_false(sh_reduced_create(&cell, arena, &r));
    /* atoms in one place: a strange crystal, but the same as itself */
    lattice[8] = 4;
    memset(frac, 0, sizeof frac);
    z[1] = 11;
    sh_match match;
    assert_true(sh_reduced_create(&cell, arena, &r));
    sh_match_pair(&r, &r, &sh_match_default, false, arena, &match);
    assert_true(match.fit);
    /* a thread, and a cell that no search would come to the end of */
    lattice[0] = lattice[4] = 2;
    lattice[8] = 100;
    assert_true(sh_reduced_create(&cell, arena, &r));
    sh_match_pair(&r, &r, &sh_match_authors, false, arena, &match);
    assert_true(match.fit);
    lattice[8] = 9000;
    assert_true(sh_reduced_create(&cell, arena, &r));
    sh_match_pair(&r, &r, &sh_match_default, false, arena, &match);
    assert_false(match.fit);
}

/* Cells whose copies are too different to be one, but close enough to match: only supercells see them. And lengths in Å:
 * MatterGen's variant does not scale. */
static void test_rmsd(void **state)
{
    (void)state;
    double lattice[9] = {4, 0, 0, 0, 4, 0, 0, 0, 4}, frac[6] = {0, 0, 0, 0.5, 0.5, 0.5};
    double twice[9] = {8, 0, 0, 0, 4, 0, 0, 0, 4}, four[12] = {0, 0, 0, 0.5, 0, 0, 0.25, 0.5, 0.5, 0.75, 0.5, 0.6};
    int32_t z[4] = {55, 55, 17, 17}, z_small[2] = {55, 17};
    sh_cell small = {.lattice = lattice, .n_atom = 2, .z = z_small, .frac = frac};
    sh_cell large = {.lattice = twice, .n_atom = 4, .z = z, .frac = four};
    sh_reduced a, b;
    sh_match match;
    bool matched;
    sh_arena_reset(arena);
    assert_true(sh_reduced_create(&small, arena, &a) && sh_reduced_create(&large, arena, &b));
    assert_int_equal(b.n_atom, 4); /* 0.4 Å apart */
    sh_match_pair(&a, &b, &sh_match_default, false, arena, &match);
    assert_false(match.fit);
    /* one atom of four is 0.4 Å from its place; the mean, 0.1 Å, is taken off */
    double want = sqrt((3 * 0.1 * 0.1 + 0.3 * 0.3) / 4);
    /* in units of 32^(1/3) Å of the match; times that of two atoms in the mean of the given cells, 6 x 4 x 4 Å */
    assert_near(sh_match_rmsd(&small, &large, arena, &matched), want / cbrt(32) * cbrt(96.0 / 2), 1e-6);
    assert_true(matched);
    sh_match_pair(&b, &a, &sh_match_mattergen, false, arena, &match);
    assert_true(match.fit);
    assert_near(match.rms, want / cbrt(32), 1e-6);
}

int main(void)
{
    reference = json_read(SH_SOURCE_DIR "/tests/data/matching.json");
    arena = sh_arena_create(1 << 20);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_assignment_reference), cmocka_unit_test(test_assignment_brute_force),
        cmocka_unit_test(test_reduced_reference),    cmocka_unit_test(test_niggli),
        cmocka_unit_test(test_pairs_reference),      cmocka_unit_test(test_invariances),
        cmocka_unit_test(test_displaced),            cmocka_unit_test(test_different),
        cmocka_unit_test(test_no_crystal),           cmocka_unit_test(test_rmsd),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sh_arena_destroy(&arena);
    json_free(reference);
    return failed;
}
