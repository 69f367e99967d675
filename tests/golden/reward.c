/* The formation energy in the reward, with the potential's real weights: inside and outside each guard, clamped, and where the
 * floor takes all. e_total and e_form are always the model's own values; the guard shows only in the term and the reward.
 * On the CPU and on the recording back-end, or with the argument `cuda` on a device. Skipped without the weights of `shaft model
 * import`. */
#define _POSIX_C_SOURCE 200809L

#include "cells.h"
#include "device.h"

#include <unistd.h>

#include "backend/recorder.h"
#include "io/models.h"
#include "io/weights_h5.h"
#include "potential/references.h"
#include "potential/weights.h"
#include "reward/reward.h"
#include "reward_options.h"
#include "rewards.h"

#ifdef SH_F64
static const double LIMIT = 1e-9; /* eV/atom */
#else
static const double LIMIT = 1e-5;
#endif

#define REFERENCES SH_SOURCE_DIR "/configs/tables/references_m3gnet_efs.csv"

static sh_weights *weights;
static sh_references *references;
static sh_potential *potential;
static sh_tables *tables;
static sh_arena *arena;

/* The primitive cell of rock salt, 5.69 Å, the first record of tests/data/efs_energies.txt. */
static int32_t salt_z[2] = {11, 17};
static double salt_frac[6] = {0, 0, 0, 0.5, 0.5, 0.5};
static const test_cell salt = {
    .lattice = {0, 2.845, 2.845, 2.845, 0, 2.845, 2.845, 2.845, 0}, .n = 2, .z = salt_z, .frac = salt_frac};
static const double SALT_TOTAL = -6.77709221660643, SALT_FORM = -2.110377715172853, SALT_NEAREST = 2.845;

static sh_reward_result evaluate_with(sh_potential *model, const sh_reward_options *o, const test_cell *cell,
                                      bool outside_guard)
{
    sh_reward *reward;
    sh_reward_result x;
    sh_crystals c;
    assert_ok(sh_reward_create(o, tables, model, &reward));
    sh_arena_reset(arena);
    cells_p1(cell, 1, arena, &c);
    sh_potential_use(model, be);
    evaluate_on(be, reward, &c, outside_guard, arena, &x);
    sh_reward_destroy(&reward);
    return x;
}

static sh_reward_result evaluate(const sh_reward_options *o, const test_cell *cell, bool outside_guard)
{
    return evaluate_with(potential, o, cell, outside_guard);
}

static void test_inside(void **state)
{
    (void)state;
    sh_reward_options o = reward_options();
    sh_reward_result x = evaluate(&o, &salt, false);
    assert_int_equal(x.reason, SH_REASON_NONE);
    assert_near(x.e_total, SALT_TOTAL, 2 * LIMIT);
    assert_near(x.e_form, SALT_FORM, LIMIT);
    assert_near(x.term[SH_TERM_ENERGY], exp(-SALT_FORM / 10), 2 * LIMIT);
    assert_near(x.term[SH_TERM_ENERGY], exp(-x.e_form / 10), 1e-15);
    assert_near(x.term[SH_TERM_BOND], exp(-x.bond), 1e-15);
    assert_near(x.term[SH_TERM_VALIDITY], 1, 0);
    double sum = 0;
    for (int k = 0; k < SH_N_TERM; k++)
        sum += o.weight[k] * x.term[k];
    assert_near(x.reward, sum, 1e-15);
    sh_reward_result asked = evaluate(&o, &salt, true);
    assert_memory_equal(&asked, &x, sizeof x);
}

/* Outside the guard the energy counts as +10 eV/atom in its term; nothing else changes, and the energies are told only to who
 * asks for them. */
static void check_guard(const sh_reward_options *o, int32_t reason)
{
    sh_reward_options wide = reward_options();
    sh_reward_result inside = evaluate(&wide, &salt, false), told = evaluate(o, &salt, true), x = evaluate(o, &salt, false);
    assert_int_equal(told.reason, reason);
    assert_int_equal(x.reason, reason);
    assert_near(told.e_total, inside.e_total, 0);
    assert_near(told.e_form, inside.e_form, 0);
    assert_true(isnan(x.e_total) && isnan(x.e_form));
    assert_near(x.term[SH_TERM_ENERGY], exp(-1), 1e-16);
    for (int k = SH_TERM_BOND; k < SH_N_TERM; k++)
        assert_near(x.term[k], inside.term[k], 0);
    assert_memory_equal(told.term, x.term, sizeof x.term);
    assert_near(x.reward, inside.reward - o->weight[SH_TERM_ENERGY] * (inside.term[SH_TERM_ENERGY] - exp(-1)), 1e-15);
    assert_near(told.reward, x.reward, 0);
}

static void test_guards(void **state)
{
    (void)state;
    sh_reward_options o = reward_options();
    o.guard_density[0] = 3;
    check_guard(&o, SH_REASON_GUARD_DENSITY);
    o = reward_options();
    o.guard_density[1] = 2;
    check_guard(&o, SH_REASON_GUARD_DENSITY);
    o = reward_options();
    o.guard_atoms = 2;
    check_guard(&o, SH_REASON_GUARD_ATOMS);
    o = reward_options();
    o.guard_distance = SALT_NEAREST + 1e-6;
    check_guard(&o, SH_REASON_GUARD_OVERLAP);
    o = reward_options();
    o.guard_energy = SALT_FORM + 0.01;
    check_guard(&o, SH_REASON_GUARD_ENERGY);
    /* At the edge: fewer than 3 atoms, and a distance that is just enough, are inside. */
    o.guard_distance = SALT_NEAREST - 1e-6;
    o.guard_atoms = 3;
    o.guard_energy = SALT_FORM - 0.01;
    assert_int_equal(evaluate(&o, &salt, false).reason, SH_REASON_NONE);
}

/* Above +10 eV/atom inside the guard: Na and Cl 0.75 Å apart. Below -10: a reference far too high. */
static void test_clamp(void **state)
{
    (void)state;
    sh_reward_options o = reward_options();
    int32_t z[2] = {11, 17};
    double frac[6] = {0, 0, 0, 0.1875, 0, 0};
    test_cell close = {.lattice = {4, 0, 0, 0, 4, 0, 0, 0, 4}, .n = 2, .z = z, .frac = frac};
    o.guard_density[0] = 0.5;
    sh_reward_result x = evaluate(&o, &close, false);
    assert_int_equal(x.reason, SH_REASON_NONE);
    assert_true(x.e_form > 11);
    assert_near(x.term[SH_TERM_ENERGY], exp(-1), 1e-16);

    char path[] = "/tmp/shaft-references-XXXXXX", line[512];
    FILE *from = fopen(REFERENCES, "r"), *to = fdopen(mkstemp(path), "w");
    assert_true(from && to);
    while (fgets(line, sizeof line, from))
        fputs(strncmp(line, "11,Na,", 6) ? line : "11,Na,30,,,0.93\n", to);
    fclose(from);
    fclose(to);
    sh_references *high;
    sh_potential *deep;
    assert_ok(sh_references_create(path, &high));
    assert_ok(sh_potential_create(weights, high, &deep));
    o = reward_options();
    o.guard_energy = -1000;
    x = evaluate_with(deep, &o, &salt, false);
    assert_int_equal(x.reason, SH_REASON_NONE);
    assert_true(x.e_form < -15 && isfinite(x.e_form));
    assert_near(x.term[SH_TERM_ENERGY], exp(1), 1e-15);
    sh_potential_destroy(&deep);
    sh_references_destroy(&high);
    remove(path);
}

static void check_floor(const sh_reward_options *o, const test_cell *cell, int32_t reason, bool energy)
{
    sh_reward_result x = evaluate(o, cell, true);
    assert_int_equal(x.reason, reason);
    assert_near(x.reward, o->r_min, 0);
    for (int k = 0; k < SH_N_TERM; k++)
        assert_near(x.term[k], 0, 0);
    assert_int_equal(isfinite(x.e_total) && isfinite(x.e_form), energy);
    assert_true(isnan(evaluate(o, cell, false).e_total));
}

/* The floor is for the whole reward, whatever the energy; and it is the least reward otherwise. */
static void test_floor(void **state)
{
    (void)state;
    sh_reward_options o = reward_options();
    o.max_atoms = 1;
    check_floor(&o, &salt, SH_REASON_ATOMS, true);
    o = reward_options();
    test_cell flat = salt;
    flat.lattice[2] = flat.lattice[1] = NAN;
    check_floor(&o, &flat, SH_REASON_CELL, false);
    double near[6] = {0, 0, 0, 0.01, 0.01, 0.01};
    test_cell coincident = salt;
    coincident.frac = near; /* 0.098 Å */
    check_floor(&o, &coincident, SH_REASON_COINCIDENT, true);
    int32_t polonium[2] = {84, 17};
    test_cell unknown = salt;
    unknown.z = polonium;
    check_floor(&o, &unknown, SH_REASON_ELEMENT, false);
    o.max_atoms = 1; /* of two reasons: no energy of an element that the model does not know */
    check_floor(&o, &unknown, SH_REASON_ATOMS, false);

    o = reward_options();
    o.r_min = 0.9;
    sh_reward_result x = evaluate(&o, &salt, false);
    assert_int_equal(x.reason, SH_REASON_NONE);
    assert_near(x.reward, 0.9, 0);
    assert_near(x.term[SH_TERM_ENERGY], exp(-x.e_form / 10), 1e-15);
}

/* Without a weight the energy is no part of the reward, and elements that the model does not know are no reason for the floor. */
static void test_switched_off(void **state)
{
    (void)state;
    sh_reward_options o = reward_options();
    double with = evaluate(&o, &salt, false).reward, term = evaluate(&o, &salt, false).term[SH_TERM_ENERGY];
    o.weight[SH_TERM_ENERGY] = 0;
    sh_reward_result x = evaluate(&o, &salt, true);
    assert_int_equal(x.reason, SH_REASON_NONE);
    assert_near(x.term[SH_TERM_ENERGY], 0, 0);
    assert_near(x.reward, with - 0.2 * term, 1e-15);
    assert_near(x.e_form, SALT_FORM, LIMIT);
    assert_true(isnan(evaluate(&o, &salt, false).e_form));
    int32_t polonium[2] = {84, 17};
    test_cell unknown = salt;
    unknown.z = polonium;
    o.guard_density[1] = 10;
    x = evaluate(&o, &unknown, true);
    assert_int_equal(x.reason, SH_REASON_NONE);
    assert_true(isnan(x.e_total) && isnan(x.e_form));
    assert_near(x.bond, 5, 0); /* Po-Cl is not in the table, the others are beyond 4 Å */
    assert_int_equal(x.bond_missing, 1);
    assert_near(x.reward, 0.5 * x.term[SH_TERM_BOND] + 0.2 * x.term[SH_TERM_DENSITY] + 0.1 * x.valid, 1e-15);
    assert_true(x.reward > 100 * o.r_min);
}

/* A run with elements that the model does not know is refused. */
static void test_unknown_elements(void **state)
{
    (void)state;
    sh_reward *reward;
    sh_reward_options o = reward_options();
    o.weight[SH_TERM_BOND] = 0;
    o.wanted[3] = o.wanted[84] = true;
    assert_fails(sh_reward_create(&o, tables, potential, &reward), SH_EINPUT, "elements: Po: reward.formation_energy.model");
    assert_non_null(strstr(sh_error_hints(), "these would do: H to Bi, Ac to Pu;"));
    sh_error_clear();
    o.weight[SH_TERM_ENERGY] = 0;
    assert_ok(sh_reward_create(&o, tables, potential, &reward));
    sh_reward_destroy(&reward);
}

/* Each crystal of a batch has its own energy, those before it outside the guard or not. */
static void test_batch(void **state)
{
    (void)state;
    int n;
    test_cell *cells = read_cells(SH_SOURCE_DIR "/tests/data/efs_energies.txt", &n);
    sh_reward_options o = reward_options();
    sh_reward *reward;
    sh_crystals c;
    assert_ok(sh_reward_create(&o, tables, potential, &reward));
    sh_arena_reset(arena);
    cells_p1(cells, n, arena, &c);
    sh_potential_use(potential, be);
    sh_reward_result *x = SH_NEW(sh_reward_result, n), *told = SH_NEW(sh_reward_result, n);
    evaluate_on(be, reward, &c, false, arena, x);
    evaluate_on(be, reward, &c, true, arena, told);
    int inside = 0, guarded = 0;
    for (int i = 0; i < n; i++) {
        if (x[i].reason != SH_REASON_NONE) assert_true(isnan(x[i].e_total));
        inside += x[i].reason == SH_REASON_NONE;
        guarded += x[i].reason >= SH_REASON_GUARD_DENSITY;
        for (int k = 0; k < 2; k++) {
            const sh_reward_result *y = k ? &told[i] : &x[i];
            if (isnan(y->e_total)) continue;
            assert_near(y->e_total, cells[i].value[0], LIMIT * cells[i].n);
            assert_near(y->e_form, cells[i].value[1], LIMIT);
        }
        assert_near(x[i].reward, told[i].reward, 0);
    }
    print_message("%d of %d inside the guard, %d outside\n", inside, n, guarded);
    assert_true(inside > 10 && guarded > 10);
    sh_free(x);
    sh_free(told);
    sh_reward_destroy(&reward);
    free_cells(cells, n);
}

/* Beside what kernel/rewards.c counts: one wait for the number of crystals whose energy is wanted, one inside the model. */
static void test_counts(void **state)
{
    (void)state;
    int n;
    sh_reward *reward;
    sh_reward_options o = reward_options();
    sh_crystals c;
    if (strcmp(be->name, "recorder")) return;
    test_cell *cells = read_cells(SH_SOURCE_DIR "/tests/data/efs_energies.txt", &n);
    assert_ok(sh_reward_create(&o, tables, potential, &reward));
    sh_arena_reset(arena);
    cells_p1(cells, n, arena, &c);
    sh_potential_use(potential, be);
    sh_recorder_counts counts = count_evaluation(be, reward, &c, arena);
    assert_in_range(counts.launches, 4, 120);
    assert_int_equal(counts.copies_in, 0);
    assert_in_range(counts.waits, 1, 6);
    sh_reward_destroy(&reward);
    free_cells(cells, n);
}

int main(int argc, char **argv)
{
    char path[4096];
    if (!device_open(argc, argv)) return SH_TEST_SKIPPED;
    if (sh_model_path("m3gnet-efs", path, sizeof path) != SH_OK) {
        printf("skipped: %s\n", sh_error_message());
        return SH_TEST_SKIPPED;
    }
    arena = sh_arena_create(1 << 20);
    if (sh_weights_read(path, &weights) != SH_OK || sh_references_create(REFERENCES, &references) != SH_OK ||
        sh_potential_create(weights, references, &potential) != SH_OK ||
        sh_tables_create(SH_SOURCE_DIR "/configs/tables", SH_SOURCE_DIR "/configs/tables/bonds_mp.csv", &tables) != SH_OK) {
        fprintf(stderr, "%s\n", sh_error_message());
        return 1;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_inside), cmocka_unit_test(test_guards),
                                       cmocka_unit_test(test_clamp),  cmocka_unit_test(test_floor),
                                       cmocka_unit_test(test_switched_off), cmocka_unit_test(test_unknown_elements),
                                       cmocka_unit_test(test_batch),         cmocka_unit_test(test_counts)};
    int failed = cmocka_run_group_tests_name(be->name, tests, NULL, NULL);
    if (be == sh_backend_cpu()) {
        be = sh_recorder_open();
        failed += cmocka_run_group_tests_name(be->name, tests, NULL, NULL);
        sh_potential_use(potential, sh_backend_cpu());
        sh_recorder_close();
    }
    sh_tables_destroy(&tables);
    sh_potential_destroy(&potential);
    sh_references_destroy(&references);
    sh_weights_destroy(&weights);
    sh_arena_destroy(&arena);
    return failed;
}
