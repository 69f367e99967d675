/* The term of the band gap in the reward, with the model's real weights, on the CPU and on the recording back-end, or with the
 * argument `cuda` on a device. Skipped where the weights are not there (tests/models.h). */
#include "cells.h"
#include "device.h"
#include "models.h"

#include "backend/recorder.h"
#include "reward/reward.h"
#include "reward_options.h"
#include "rewards.h"

#ifdef SH_F64
static const double LIMIT = 1e-9; /* eV */
#else
static const double LIMIT = 1e-4;
#endif

static sh_model gap_model;
static sh_tables *tables;
static sh_arena *arena;

/* Rock salt and PbTe: gaps from the first column of gaps in tests/data/matgl_energies.txt. */
static int32_t salt_z[2] = {11, 17}, telluride_z[2] = {82, 52}, unknown_z[2] = {84, 8};
static double frac[6] = {0, 0, 0, 0.5, 0.5, 0.5};
#define ROCK_SALT(half, elements) {.lattice = {0, half, half, half, 0, half, half, half, 0}, .n = 2, .z = elements, .frac = frac}
static const test_cell salt = ROCK_SALT(2.845, salt_z), telluride = ROCK_SALT(3.28, telluride_z),
                       unknown = ROCK_SALT(2.845, unknown_z), dense = ROCK_SALT(1.6, salt_z), thin = ROCK_SALT(9, salt_z);
static const double SALT_GAP = 5.043573501496125, TELLURIDE_GAP = 1.0468812246151362;

static sh_reward_options options(void)
{
    sh_reward_options o = reward_options();
    memset(o.weight, 0, sizeof o.weight);
    o.weight[SH_TERM_VALIDITY] = 0.25;
    o.weight[SH_TERM_GAP] = 0.75;
    o.gap_target = 1;
    o.gap_width = 2;
    return o;
}

static void evaluate(const sh_reward_options *o, const test_cell *cells, int n, sh_reward_result *results)
{
    sh_reward *reward;
    sh_crystals c;
    assert_ok(sh_reward_create(o, tables, NULL, &reward));
    assert_ok(sh_reward_use_gap_model(reward, gap_model.potential));
    sh_arena_reset(arena);
    cells_p1(cells, n, arena, &c);
    sh_potential_use(gap_model.potential, be);
    evaluate_on(be, reward, &c, false, arena, results);
    sh_reward_destroy(&reward);
}

static double score(double gap, double target, double width)
{
    return exp(-(gap - target) * (gap - target) / (2 * width * width));
}

static void test_in_the_reward(void **state)
{
    (void)state;
    sh_reward_options o = options();
    const test_cell cells[4] = {salt, unknown, telluride, dense};
    sh_reward_result x[4];
    evaluate(&o, cells, 4, x);
    assert_near(x[0].band_gap, SALT_GAP, LIMIT);
    assert_near(x[2].band_gap, TELLURIDE_GAP, LIMIT);
    for (int i = 0; i < 4; i++) {
        if (i == 1) continue;
        assert_near(x[i].term[SH_TERM_GAP], score(fmax(0, x[i].band_gap), 1, 2), 1e-15);
        assert_near(x[i].reward, 0.25 * x[i].valid + 0.75 * x[i].term[SH_TERM_GAP], 1e-15);
        assert_true(isnan(x[i].e_form));
    }
    assert_int_equal(x[1].reason, SH_REASON_ELEMENT);
    assert_near(x[1].reward, o.r_min, 0);
    assert_near(x[1].term[SH_TERM_GAP], 0, 0);
    assert_true(isnan(x[1].band_gap));
}

/* The guard is of the formation energy alone. */
static void test_outside_the_guard(void **state)
{
    (void)state;
    sh_reward_options o = options();
    sh_reward_result x;
    evaluate(&o, &thin, 1, &x);
    assert_int_equal(x.reason, SH_REASON_GUARD_DENSITY);
    assert_true(isfinite(x.band_gap));
    assert_near(x.term[SH_TERM_GAP], score(fmax(0, x.band_gap), 1, 2), 1e-15);
}

static void test_without_weight(void **state)
{
    (void)state;
    sh_reward_options o = options();
    sh_reward_result x;
    o.weight[SH_TERM_GAP] = 0;
    evaluate(&o, &salt, 1, &x);
    assert_true(isnan(x.band_gap));
    assert_near(x.term[SH_TERM_GAP], 0, 0);
    assert_near(x.reward, 0.25, 0);
}

static void test_refused(void **state)
{
    (void)state;
    sh_reward_options o = options();
    sh_reward *reward;
    sh_model energies;
    char path[4200];
    o.wanted[84] = true;
    o.weight[SH_TERM_VALIDITY] = 0;
    assert_ok(sh_reward_create(&o, tables, NULL, &reward));
    assert_fails(sh_reward_use_gap_model(reward, gap_model.potential), SH_EINPUT,
                 "elements: Po: reward.band_gap.model does not know this one");
    sh_error_clear();
    sh_reward_destroy(&reward);
    o.wanted[84] = false;
    if (!sh_test_model("m3gnet-efs", path, sizeof path)) skip();
    assert_ok(sh_model_load(path, &energies));
    assert_ok(sh_reward_create(&o, tables, NULL, &reward));
    assert_fails(sh_reward_use_gap_model(reward, energies.potential), SH_EINPUT, "predicts energies, not band gaps");
    sh_error_clear();
    sh_reward_destroy(&reward);
    o.weight[SH_TERM_ENERGY] = 1;
    assert_fails(sh_reward_create(&o, tables, gap_model.potential, &reward), SH_EINPUT, "predicts band gaps, not energies");
    sh_error_clear();
    sh_model_release(&energies);
}

int main(int argc, char **argv)
{
    char path[4200];
    if (!device_open(argc, argv)) return SH_TEST_SKIPPED;
    if (!sh_test_model("megnet-gap", path, sizeof path)) {
        printf("skipped: no weights of megnet-gap; set SHAFT_TEST_MODELS or import them\n");
        return SH_TEST_SKIPPED;
    }
    arena = sh_arena_create(1 << 20);
    if (sh_model_load(path, &gap_model) != SH_OK ||
        sh_tables_create(SH_SOURCE_DIR "/configs/tables", SH_SOURCE_DIR "/configs/tables/bonds_mp.csv", &tables) != SH_OK) {
        fprintf(stderr, "%s\n", sh_error_message());
        return 1;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_in_the_reward), cmocka_unit_test(test_outside_the_guard),
                                       cmocka_unit_test(test_without_weight), cmocka_unit_test(test_refused)};
    int failed = cmocka_run_group_tests_name(be->name, tests, NULL, NULL);
    if (be == sh_backend_cpu()) {
        be = sh_recorder_open();
        failed += cmocka_run_group_tests_name(be->name, tests, NULL, NULL);
        sh_potential_use(gap_model.potential, sh_backend_cpu());
        sh_recorder_close();
    }
    sh_model_release(&gap_model);
    sh_tables_destroy(&tables);
    sh_arena_destroy(&arena);
    return failed;
}
