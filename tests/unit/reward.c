#define _GNU_SOURCE
/* Reward: the published tests and scores, each reason by a crystal made for it, and nothing that is not a number. */
#include "cells.h"

#include "base/csv.h"
#include "reward/reward.h"
#include "reward_options.h"
#include "rewards.h"
#include "validity.h"

static sh_tables *paper, *mp;
static sh_arena *arena;

typedef struct {
    int32_t n_kind, z[16];
    int64_t count[16];
} kinds;

static bool is_valid(kinds of) /* its arrays are changed */
{
    sh_composition c = {.n_kind = of.n_kind, .z = of.z, .count = of.count};
    int64_t n_atom = 0;
    sh_composition_reduce(&c);
    for (int32_t k = 0; k < c.n_kind; k++)
        n_atom += c.count[k];
    uint64_t *words = SH_NEW(uint64_t, sh_charges_room(n_atom, 1));
    bool valid = sh_validity(paper, &c, words);
    sh_free(words);
    return valid;
}

static uint64_t key_of(kinds of)
{
    sh_composition c = {.n_kind = of.n_kind, .z = of.z, .count = of.count};
    sh_composition_reduce(&c);
    return sh_composition_key(&c);
}

static void test_smact_cases(void **state)
{
    (void)state;
    sh_csv csv;
    bool more;
    int n = 0, n_valid = 0;
    assert_ok(sh_csv_open(&csv, SH_SOURCE_DIR "/tests/data/smact_cases.csv", "elements,counts,valid"));
    for (;;) {
        assert_ok(sh_csv_next(&csv, &more));
        if (!more) break;
        kinds c = {0};
        char *z = csv.field[0], *count = csv.field[1];
        int valid;
        assert_ok(sh_csv_integer(&csv, 2, 0, 1, &valid));
        while (*z) {
            int32_t element = (int32_t)strtol(z, &z, 10), at = c.n_kind++;
            int64_t atoms = strtol(count, &count, 10);
            for (; at > 0 && c.z[at - 1] > element; at--) {
                c.z[at] = c.z[at - 1];
                c.count[at] = c.count[at - 1];
            }
            c.z[at] = element;
            c.count[at] = atoms;
        }
        if (is_valid(c) != valid) print_error("line %d\n", csv.line);
        assert_int_equal(is_valid(c), valid);
        n++;
        n_valid += valid;
    }
    sh_csv_close(&csv);
    assert_int_equal(n, 299);
    assert_true(n_valid > 50 && n_valid < 250);
}

/* Formula units of thousands of atoms: valid at one charge far up, and not with one atom more. */
static void test_large_units(void **state)
{
    (void)state;
    kinds c = {.n_kind = 3, .z = {8, 9, 22}, .count = {2199, 2, 1100}}; /* 1100 Ti4+ */
    assert_true(is_valid(c));
    c.count[1] = 3;
    assert_false(is_valid(c));
    c = (kinds){.n_kind = 3, .z = {8, 9, 61}, .count = {2249, 2, 1500}}; /* Pm3+, whose electronegativity is not known */
    assert_true(is_valid(c));
    c.count[0] = 2250;
    assert_false(is_valid(c));
    c = (kinds){.n_kind = 2, .z = {8, 22}, .count = {99998, 49999}}; /* reduced first */
    assert_true(is_valid(c));
    c.count[0] = 99997; /* no common divisor */
    assert_false(is_valid(c));
}

static sh_reward_options options(void)
{
    sh_reward_options o = reward_options();
    o.weight[SH_TERM_ENERGY] = 0;
    return o;
}

static void test_prototypes(void **state)
{
    (void)state;
    int n;
    test_cell *cells = read_cells(SH_SOURCE_DIR "/tests/data/prototypes.txt", &n);
    assert_int_equal(n, 33);
    sh_reward *reward;
    sh_reward_options o = options();
    assert_ok(sh_reward_create(&o, paper, NULL, &reward));
    sh_crystals c;
    sh_arena_reset(arena);
    cells_p1(cells, n, arena, &c);
    sh_reward_result *x = SH_NEW(sh_reward_result, n);
    evaluate_on(sh_backend_cpu(), reward, &c, true, arena, x);
    for (int i = 0; i < n; i++) {
        if (!(fabs(x[i].bond - cells[i].value[0]) <= 1e-9)) print_error("%s: ", cells[i].name);
        assert_near(x[i].bond, cells[i].value[0], 1e-9);
        assert_near(x[i].density, cells[i].value[1], 1e-9);
        bool invalid = !strcmp(cells[i].name, "AlB2_MgB2") || !strcmp(cells[i].name, "edge_clash_LiO2");
        assert_int_equal(x[i].valid, !invalid);
        double z = x[i].density - 3;
        assert_near(x[i].reward, 0.5 * exp(-x[i].bond) + 0.2 * exp(-z * z / 2) + 0.1 * x[i].valid, 1e-12);
    }
    sh_free(x);
    sh_reward_destroy(&reward);
    free_cells(cells, n);
}

/* A cubic cell of NaCl-like content with side a and a second atom at `x` (fraction of the diagonal). */
static test_cell pair(double a, double x, int32_t *z, double *frac)
{
    test_cell cell = {.lattice = {a, 0, 0, 0, a, 0, 0, 0, a}, .n = 2, .z = z, .frac = frac};
    z[0] = 11;
    z[1] = 17;
    for (int j = 0; j < 3; j++) {
        frac[j] = 0;
        frac[3 + j] = x;
    }
    return cell;
}

static sh_reward_result evaluate(const sh_reward_options *o, const test_cell *cell)
{
    sh_reward *reward;
    sh_reward_result x;
    sh_crystals c;
    assert_ok(sh_reward_create(o, mp, NULL, &reward));
    sh_arena_reset(arena);
    cells_p1(cell, 1, arena, &c);
    evaluate_on(sh_backend_cpu(), reward, &c, false, arena, &x);
    sh_reward_destroy(&reward);
    assert_true(isfinite(x.reward) && x.reward >= o->r_min);
    return x;
}

static void test_reasons(void **state)
{
    (void)state;
    int32_t z[2];
    double frac[6];
    sh_reward_options o = options();
    test_cell good = pair(3.5, 0.5, z, frac);
    assert_int_equal(evaluate(&o, &good).reason, SH_REASON_NONE);

    test_cell flat = pair(3.5, 0.5, z, frac);
    flat.lattice[8] = 1e-3;
    assert_int_equal(evaluate(&o, &flat).reason, SH_REASON_CELL);
    assert_near(evaluate(&o, &flat).reward, 1e-5, 0);
    flat.lattice[8] = NAN;
    assert_int_equal(evaluate(&o, &flat).reason, SH_REASON_CELL);
    test_cell lost = pair(3.5, 0.5, z, frac);
    frac[4] = NAN;
    assert_int_equal(evaluate(&o, &lost).reason, SH_REASON_CELL);

    test_cell rod = pair(3, 0.5, z, frac); /* its atoms 1.5e6 Å apart: too long is not too close */
    rod.lattice[8] = 3e6;
    assert_int_equal(evaluate(&o, &rod).reason, SH_REASON_CELL);
    assert_near(evaluate(&o, &rod).reward, 1e-5, 0);

    test_cell on_top = pair(3.5, 0.01, z, frac);
    assert_int_equal(evaluate(&o, &on_top).reason, SH_REASON_COINCIDENT);
    assert_near(evaluate(&o, &on_top).reward, 1e-5, 0);
    test_cell same = pair(3.5, 0, z, frac);
    assert_int_equal(evaluate(&o, &same).reason, SH_REASON_COINCIDENT);

    sh_reward_options few = o;
    few.max_atoms = 1;
    test_cell many = pair(3.5, 0.5, z, frac);
    assert_int_equal(evaluate(&few, &many).reason, SH_REASON_ATOMS);
    assert_near(evaluate(&few, &many).reward, 1e-5, 0);

    test_cell unknown = pair(3.5, 0.5, z, frac);
    z[0] = 110;
    assert_int_equal(evaluate(&o, &unknown).reason, SH_REASON_ELEMENT);

    /* The guard leaves the other terms alone. */
    test_cell thin = pair(6, 0.5, z, frac);
    sh_reward_result x = evaluate(&o, &thin);
    assert_int_equal(x.reason, SH_REASON_GUARD_DENSITY);
    assert_true(x.reward > 0.05);
    few = o;
    few.guard_atoms = 2;
    test_cell ok = pair(3.5, 0.5, z, frac);
    assert_int_equal(evaluate(&few, &ok).reason, SH_REASON_GUARD_ATOMS);
    test_cell close = pair(3.5, 0.07, z, frac); /* 0.42 Å */
    assert_int_equal(evaluate(&o, &close).reason, SH_REASON_GUARD_OVERLAP);
}

/* A pair that the table does not have is left out; a crystal with no pair in 4 Å scores 5. */
static void test_bond_special_cases(void **state)
{
    (void)state;
    int32_t z[2];
    double frac[6];
    sh_reward_options o = options();
    test_cell alone = pair(12, 0.5, z, frac);
    sh_reward_result x = evaluate(&o, &alone);
    assert_near(x.bond, 5, 0);
    test_cell cell = pair(3.5, 0.5, z, frac);
    double with = evaluate(&o, &cell).bond, kept = mp->bond_avg[11][17];
    mp->bond_avg[11][17] = NAN;
    double without = evaluate(&o, &cell).bond;
    assert_int_equal(evaluate(&o, &cell).bond_missing, 1);
    mp->bond_avg[11][17] = kept;
    assert_int_equal(evaluate(&o, &cell).bond_missing, 0);
    double expect = 0; /* Na-Na and Cl-Cl at 3.5 Å */
    for (int e = 11; e <= 17; e += 6)
        expect += 0.5 * (fabs(3.5 - mp->bond_avg[e][e]) + exp(2 * (mp->bond_min[e][e] - 3.5)));
    assert_near(without, expect, 1e-12);
    assert_true(fabs(with - without) > 1e-3);
}

/* As many kinds of elements as there are in the table of masses. */
static void test_many_kinds(void **state)
{
    (void)state;
    enum { KINDS = 89 };
    int32_t z[KINDS];
    double frac[3 * KINDS];
    sh_reward_options o = options();
    for (int i = 0; i < KINDS; i++) {
        z[i] = KINDS - i;
        for (int j = 0; j < 3; j++)
            frac[3 * i + j] = (double)(j == 0 ? i % 5 : j == 1 ? i / 5 % 5 : i / 25) / 5;
    }
    test_cell all = {.lattice = {15, 0, 0, 0, 15, 0, 0, 0, 15}, .n = KINDS, .z = z, .frac = frac};
    sh_reward_result x = evaluate(&o, &all);
    double mass = 0;
    for (int e = 1; e <= KINDS; e++)
        mass += mp->mass[e];
    assert_near(x.density, 1.66053906660 * mass / (15 * 15 * 15), 1e-9);
    assert_int_equal(x.reason, SH_REASON_NONE);
    assert_int_equal(x.valid, 0); /* He has no oxidation state */
}

/* Elements that nothing can be said of are refused, with those that would do; those of a term without weight are not asked for. */
static void test_unknown_elements(void **state)
{
    (void)state;
    sh_reward *reward;
    sh_reward_options o = options();
    o.wanted[3] = o.wanted[84] = true;
    assert_fails(sh_reward_create(&o, mp, NULL, &reward), SH_EINPUT, "elements: Po: reward.bond.table does not know this one");
    assert_null(reward);
    assert_non_null(strstr(sh_error_hints(), "these would do: H to Bi, Ac to Pu"));
    sh_error_clear();
    o.wanted[86] = true;
    assert_fails(sh_reward_create(&o, mp, NULL, &reward), SH_EINPUT, "elements: Po, Rn: reward.bond.table does not know these");
    o.weight[SH_TERM_BOND] = 0;
    assert_ok(sh_reward_create(&o, mp, NULL, &reward));
    sh_reward_destroy(&reward);
    o.wanted[110] = true;
    assert_fails(sh_reward_create(&o, mp, NULL, &reward), SH_EINPUT, "elements: Ds: the table of atomic masses");
    sh_error_clear();
}

static void test_target(void **state)
{
    (void)state;
    sh_reward_options o = options();
    sh_reward_result x = {.reward = 0.5};
    assert_near(sh_reward_log_target(&o, &x), 8 * log(0.5), 1e-12);
    x.reward = 1e-5;
    assert_near(sh_reward_log_target(&o, &x), -30, 0);
}

static void test_composition_key(void **state)
{
    (void)state;
    const kinds a = {.n_kind = 2, .z = {11, 17}, .count = {4, 4}}, b = {.n_kind = 2, .z = {11, 17}, .count = {1, 1}},
                c = {.n_kind = 2, .z = {11, 17}, .count = {1, 2}};
    assert_true(key_of(a) == key_of(b));
    assert_true(key_of(a) != key_of(c));
}

static void test_bad_tables(void **state)
{
    (void)state;
    sh_tables *t;
    assert_fails(sh_tables_create("/nowhere", "/nowhere/bonds.csv", &t), SH_EINPUT, "/nowhere/elements.csv");
    char path[] = "/tmp/shaft-bonds-XXXXXX";
    int fd = mkstemp(path);
    FILE *f = fdopen(fd, "w");
    fputs("# a comment\nz1,z2,d_min,d_avg\n1,1,0.7,3\n1,2,-1,3\n", f);
    fclose(f);
    assert_fails(sh_tables_create(SH_SOURCE_DIR "/configs/tables", path, &t), SH_EINPUT, ":4: d_min and d_avg");
    f = fopen(path, "w");
    fputs("z1,z2,d_min\n", f);
    fclose(f);
    assert_fails(sh_tables_create(SH_SOURCE_DIR "/configs/tables", path, &t), SH_EINPUT, ":1: the header must be");
    remove(path);
}

int main(void)
{
    const char *folder = SH_SOURCE_DIR "/configs/tables";
    arena = sh_arena_create(1 << 20);
    if (sh_tables_create(folder, SH_SOURCE_DIR "/configs/tables/bonds_paper.csv", &paper) != SH_OK ||
        sh_tables_create(folder, SH_SOURCE_DIR "/configs/tables/bonds_mp.csv", &mp) != SH_OK) {
        fprintf(stderr, "%s\n", sh_error_message());
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_large_units),
        cmocka_unit_test(test_smact_cases),        cmocka_unit_test(test_prototypes), cmocka_unit_test(test_reasons),
        cmocka_unit_test(test_bond_special_cases), cmocka_unit_test(test_target),     cmocka_unit_test(test_composition_key),
        cmocka_unit_test(test_many_kinds),         cmocka_unit_test(test_unknown_elements),
        cmocka_unit_test(test_bad_tables)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sh_tables_destroy(&paper);
    sh_tables_destroy(&mp);
    sh_arena_destroy(&arena);
    return failed;
}
