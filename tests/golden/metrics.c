/* Validity, bond score, density and space group of the structures that the method's authors sampled and relaxed, against the
 * programs of the literature (pymatgen, SMACT, spglib and the authors' own): golden/metrics.json in the folder $SHAFT_TEST_DATA.
 * The structures are not ours to pass on; without the variable the test is skipped. */
#include "cells.h"
#include "json_cells.h"

#include "crystal/lattice.h"
#include "crystal/reduce.h"
#include "reward/reward.h"
#include "rewards.h"

static json *reference;
static sh_tables *tables;
static sh_arena *arena;

static double number(const json *ref, const char *key)
{
    return json_get(ref, key, NULL)->number;
}

static void check_all(const char *set, int n_expected, int n_invalid)
{
    const sh_reward_options options = {.weight = {0, 1, 1, 1},
                                       .r_min = 1e-5,
                                       .density_mean = 3,
                                       .density_std = 1,
                                       .guard_density = {0, 100},
                                       .guard_atoms = 1000,
                                       .guard_distance = 0.5,
                                       .guard_energy = -5,
                                       .max_atoms = 1000};
    sh_reward *reward;
    int n = 0, n_no_crystal = 0;
    assert_ok(sh_reward_create(&options, tables, NULL, &reward));
    for (const json *record = json_get(reference, set, NULL)->first; record; record = record->next, n++) {
        const json *ref = json_get(record, "ref", NULL);
        test_cell cell = json_cell(record);
        sh_crystals c;
        sh_reward_result x;
        sh_arena_reset(arena);
        cells_p1(&cell, 1, arena, &c);
        evaluate_on(sh_backend_cpu(), reward, &c, true, arena, &x);
        print_message("%s\n", record->key);
        double volume = sh_lattice_volume(cell.lattice);
        assert_int_equal(x.n_atom, (int)number(ref, "n"));
        assert_near(volume, number(ref, "volume"), 1e-9);
        assert_near(x.density, number(ref, "density"), 1e-9);
        assert_int_equal(x.valid, (int)number(ref, "smact_valid"));

        /* The reference leaves out an atom's own images, which are as far as the shortest lattice vector; edges end at 4 Å. */
        double pair = json_get(ref, "min_dist", NULL)->type == 'n' ? INFINITY : number(ref, "min_dist");
        double nearest = fmin(pair, number(ref, "shortest_lattice_vector"));
        bool valid = number(ref, "struct_valid") == 1;
        if (nearest < 4)
            assert_near(x.min_dist, nearest, 1e-9);
        else
            assert_true(x.min_dist >= 4 - 1e-9);
        assert_int_equal(x.min_dist >= 0.5 && volume >= 0.1, valid);
        assert_int_equal(x.reason == SH_REASON_NONE, valid);
        n_no_crystal += !valid;

        const json *bond = json_get(ref, "bond", NULL);
        double score = number(bond, "canonical_score");
        assert_near(x.bond, score, valid ? 1e-9 : 1e-6 * score); /* coincident atoms: differences of nearly equal numbers */
        if (valid) {
            assert_near(x.term[SH_TERM_BOND], number(bond, "canonical_term"), 1e-9);
            assert_near(x.term[SH_TERM_DENSITY], number(ref, "density_term"), 1e-9);
        }
        int group = (int)json_get(ref, "spacegroup", "0.1", "number", NULL)->number;
        sh_cell spglib = {.lattice = cell.lattice, .n_atom = cell.n, .z = cell.z, .frac = cell.frac};
        assert_int_equal(sh_space_group_number(&spglib, 0.1), group);
        sh_free(cell.z);
        sh_free(cell.frac);
    }
    sh_reward_destroy(&reward);
    assert_int_equal(n, n_expected);
    assert_int_equal(n_no_crystal, n_invalid);
}

static void test_prototypes(void **state)
{
    (void)state;
    check_all("prototypes", 33, 1);
}

static void test_sampled(void **state)
{
    (void)state;
    check_all("sampled", 60, 5);
}

static void test_relaxed(void **state)
{
    (void)state;
    check_all("dft", 56, 0);
}

int main(void)
{
    reference = json_golden("metrics.json");
    if (!reference) return SH_TEST_SKIPPED;
    arena = sh_arena_create(1 << 20);
    if (sh_tables_create(SH_SOURCE_DIR "/configs/tables", SH_SOURCE_DIR "/configs/tables/bonds_paper.csv", &tables) != SH_OK) {
        fprintf(stderr, "%s\n", sh_error_message());
        return 1;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_prototypes), cmocka_unit_test(test_sampled),
                                       cmocka_unit_test(test_relaxed)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sh_tables_destroy(&tables);
    sh_arena_destroy(&arena);
    json_free(reference);
    return failed;
}
