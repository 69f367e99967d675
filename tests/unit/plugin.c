/* A user's own term of the reward: what it is shown, what becomes of its scores, libraries and functions that are not there. */
#include "cells.h"

#include "backend/recorder.h"
#include "reward/plugin_library.h"
#include "reward/reward.h"
#include "reward_options.h"
#include "rewards.h"

static sh_tables *tables;
static sh_arena *arena;

static int32_t salt_z[2] = {11, 17}, oxide_z[2] = {12, 8};
static double frac[6] = {0, 0, 0, 0.5, 0.25, 0.125};
#define CUBE(edge, elements) {.lattice = {edge, 0, 0, 0, edge, 0, 0, 0, edge}, .n = 2, .z = elements, .frac = frac}
static const test_cell salt = CUBE(3.6, salt_z), oxide = CUBE(3.3, oxide_z), flat = CUBE(1e-3, oxide_z);

static sh_reward_options options(void)
{
    sh_reward_options o = reward_options();
    memset(o.weight, 0, sizeof o.weight);
    o.weight[SH_TERM_VALIDITY] = 0.25;
    o.weight[SH_TERM_PLUGIN] = 0.5;
    return o;
}

/* On the CPU, and the same on a back-end with memory of its own, which the function is not shown. */
static void evaluate(const sh_reward_options *o, const char *function, const test_cell *cells, int n, sh_reward_result *results)
{
    sh_reward *reward;
    sh_plugin *plugin;
    sh_crystals c;
    assert_ok(sh_plugin_open(SH_PLUGIN_TERMS, function, &plugin));
    assert_ok(sh_reward_create(o, tables, NULL, &reward));
    sh_reward_use_plugin(reward, plugin);
    sh_arena_reset(arena);
    cells_p1(cells, n, arena, &c);
    for (int i = 0; i < n; i++)
        c.sg_number[i] = i + 1;
    evaluate_on(sh_backend_cpu(), reward, &c, false, arena, results);
    sh_reward_result *there = SH_NEW(sh_reward_result, n);
    evaluate_on(sh_recorder_open(), reward, &c, false, arena, there);
    assert_memory_equal(there, results, (size_t)n * sizeof *there);
    sh_free(there);
    sh_reward_destroy(&reward);
    sh_recorder_close();
    sh_plugin_close(&plugin);
    assert_null(plugin);
}

static void test_scores(void **state)
{
    (void)state;
    sh_reward_options o = options();
    const test_cell cells[3] = {salt, flat, oxide};
    sh_reward_result x[3];
    evaluate(&o, "roomy", cells, 3, x);
    assert_near(x[0].term[SH_TERM_PLUGIN], exp(-fabs(3.6 * 3.6 * 3.6 / 2 - 20) / 5), 1e-14);
    assert_near(x[2].term[SH_TERM_PLUGIN], exp(-fabs(3.3 * 3.3 * 3.3 / 2 - 20) / 5), 1e-14);
    for (int i = 0; i < 3; i += 2)
        assert_near(x[i].reward, 0.25 * x[i].valid + 0.5 * x[i].term[SH_TERM_PLUGIN], 1e-15);
    assert_int_equal(x[1].reason, SH_REASON_CELL);
    assert_near(x[1].term[SH_TERM_PLUGIN], 0, 0);
}

/* Groups, elements and positions are those of the crystal, also behind one that is not shown. */
static void test_what_is_shown(void **state)
{
    (void)state;
    sh_reward_options o = options();
    const test_cell cells[3] = {salt, flat, oxide};
    sh_reward_result x[3];
    const double second = 1 + 0.5 + 2 * 0.25 + 3 * 0.125;
    evaluate(&o, "table", cells, 3, x);
    assert_near(x[0].term[SH_TERM_PLUGIN], 1 + 11 + 17 * second, 1e-12);
    assert_near(x[2].term[SH_TERM_PLUGIN], 3 + 12 + 8 * second, 1e-12);
}

static void test_no_number(void **state)
{
    (void)state;
    sh_reward_options o = options();
    const test_cell cells[2] = {salt, oxide};
    sh_reward_result x[2];
    evaluate(&o, "no_salt", cells, 2, x);
    assert_int_equal(x[0].reason, SH_REASON_NOT_FINITE);
    assert_near(x[0].reward, o.r_min, 0);
    assert_near(x[0].term[SH_TERM_PLUGIN], 0, 0);
    assert_near(x[1].term[SH_TERM_PLUGIN], 1, 0);
    evaluate(&o, "nothing", cells, 2, x);
    assert_int_equal(x[0].reason, SH_REASON_NOT_FINITE);
    assert_int_equal(x[1].reason, SH_REASON_NOT_FINITE);
}

static void test_without_weight(void **state)
{
    (void)state;
    sh_reward_options o = options();
    sh_reward_result x;
    o.weight[SH_TERM_PLUGIN] = 0;
    evaluate(&o, "no_salt", &salt, 1, &x);
    assert_near(x.reward, 0.25, 0);
    assert_near(x.term[SH_TERM_PLUGIN], 0, 0);
}

static void test_refused(void **state)
{
    (void)state;
    sh_plugin *plugin;
    assert_fails(sh_plugin_open("nowhere.so", "roomy", &plugin), SH_EINPUT, "reward.plugin.library: 'nowhere.so' cannot be loaded");
    assert_non_null(strstr(sh_error_hints(), "cc -shared -fPIC"));
    assert_null(plugin);
    sh_error_clear();
    assert_fails(sh_plugin_open(SH_PLUGIN_TERMS, "rooomy", &plugin), SH_EINPUT, "has no function 'rooomy'");
    assert_null(plugin);
    sh_error_clear();
}

int main(void)
{
    arena = sh_arena_create(1 << 16);
    if (sh_tables_create(SH_SOURCE_DIR "/configs/tables", SH_SOURCE_DIR "/configs/tables/bonds_mp.csv", &tables) != SH_OK) {
        fprintf(stderr, "%s\n", sh_error_message());
        return 1;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_scores), cmocka_unit_test(test_what_is_shown),
                                       cmocka_unit_test(test_no_number), cmocka_unit_test(test_without_weight),
                                       cmocka_unit_test(test_refused)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sh_tables_destroy(&tables);
    sh_arena_destroy(&arena);
    return failed;
}
