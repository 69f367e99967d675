/* Replay: one entry a crystal, the best kept, order independent of delivery, the draws' shares. */
#include "test.h"

#include "base/memory.h"
#include "base/rng.h"
#include "train/replay.h"

static void add(sh_records *r, uint64_t traj, double reward, double e_form, int32_t reason)
{
    sh_records_resize(r, r->n + 1);
    sh_record *x = sh_record_at(r, r->n - 1);
    x->traj = traj;
    x->n_step = 1;
    x->step[0].sg_number = 225;
    x->result.reward = reward;
    x->result.e_form = e_form;
    x->result.reason = reason;
}

static void test_one_entry_a_crystal(void **state)
{
    (void)state;
    sh_records r;
    sh_records_create(&r, 3, 4);
    sh_replay *replay = sh_replay_create(3, 100);
    add(&r, 1, 0.5, -1, 0);
    add(&r, 2, 0.7, -1, 0);                     /* the same crystal, better */
    add(&r, 3, 0.6, -1.5, 0);
    add(&r, 4, 1e-5, -2, SH_REASON_COINCIDENT); /* the floor is not worth keeping */
    add(&r, 5, 0.4, NAN, SH_REASON_GUARD_DENSITY);
    sh_replay_merge(replay, &r, NULL);
    const sh_records *held = sh_replay_records(replay);
    assert_int_equal(held->n, 3);
    assert_int_equal(sh_record_at(held, 0)->traj, 2);
    assert_int_equal(sh_record_at(held, 1)->traj, 3);
    assert_int_equal(sh_record_at(held, 2)->traj, 5);
    sh_records_destroy(&r);
    sh_replay_destroy(&replay);
}

static void test_capacity_and_order(void **state)
{
    (void)state;
    sh_replay *a = sh_replay_create(1, 10), *b = sh_replay_create(1, 10);
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < 40; i++) {
            sh_records r;
            sh_records_create(&r, 1, 1);
            int k = pass ? 39 - i : i;
            add(&r, (uint64_t)k, 0.01 * (k * 7 % 40), -k, 0);
            sh_replay_merge(pass ? b : a, &r, NULL);
            sh_records_destroy(&r);
        }
    }
    const sh_records *x = sh_replay_records(a), *y = sh_replay_records(b);
    assert_int_equal(x->n, 10);
    assert_int_equal(y->n, 10);
    for (int64_t i = 0; i < 10; i++) {
        assert_near(sh_record_at(x, i)->result.reward, 0.01 * (double)(39 - i), 1e-12);
        assert_memory_equal(sh_record_at(x, i), sh_record_at(y, i), x->stride);
    }
    sh_replay_destroy(&a);
    sh_replay_destroy(&b);
}

static void test_draw_shares(void **state)
{
    (void)state;
    sh_records r, out;
    sh_records_create(&r, 1, 100);
    for (int i = 0; i < 100; i++)
        add(&r, (uint64_t)i, 1 - 0.001 * i, -i, 0);
    sh_replay *replay = sh_replay_create(1, 100);
    sh_records_create(&out, 1, 10);
    sh_replay_draw(replay, 1, 1, 0, 10, 0.5, &out);
    assert_int_equal(out.n, 0); /* empty */
    sh_replay_merge(replay, &r, NULL);
    sh_replay_draw(replay, 1, 7, 0, 20000, 0.4, &out);
    assert_int_equal(out.n, 20000);
    double best = 0;
    for (int64_t i = 0; i < out.n; i++)
        best += sh_record_at(&out, i)->traj < 10;
    assert_near(best / 20000, 0.6 + 0.4 * 0.1, 4 * sqrt(0.64 * 0.36 / 20000));
    sh_records_destroy(&r);
    sh_records_destroy(&out);
    sh_replay_destroy(&replay);
}

/* Records with few rewards and few crystals, so that all kinds of ties occur. */
static void add_drawn(sh_records *r, uint64_t traj)
{
    sh_rng rng = {.seed = 3, .traj = traj};
    double crystal = floor(60 * sh_rng_u01(&rng, 0)), reward = 0.1 * floor(10 * sh_rng_u01(&rng, 1));
    add(r, traj, reward, -crystal, sh_rng_u01(&rng, 2) < 0.1 ? SH_REASON_COINCIDENT : SH_REASON_NONE);
}

static int best_first(const void *a, const void *b)
{
    const sh_record *x = a, *y = b;
    if (x->result.reward != y->result.reward) return x->result.reward > y->result.reward ? -1 : 1;
    return x->traj < y->traj ? -1 : x->traj > y->traj;
}

/* The definition: all records ever seen, best first; the first of each crystal, as many as there is room for. */
static void assert_defined(sh_replay *replay, sh_records *seen, int64_t capacity)
{
    qsort(seen->data, (size_t)seen->n, seen->stride, best_first);
    const sh_records *held = sh_replay_records(replay);
    int64_t n = 0;
    for (int64_t i = 0; i < seen->n && n < capacity; i++) {
        const sh_record *x = sh_record_at(seen, i);
        bool is_new = x->result.reason == SH_REASON_NONE;
        for (int64_t k = 0; k < i && is_new; k++)
            is_new = sh_record_at(seen, k)->result.e_form != x->result.e_form || sh_record_at(seen, k)->result.reason != SH_REASON_NONE;
        if (!is_new) continue;
        assert_true(n < held->n);
        assert_memory_equal(sh_record_at(held, n++), x, seen->stride);
    }
    assert_int_equal(held->n, n);
    assert_int_equal(sh_replay_count(replay), n);
}

/* One buffer gets all; another what came in; a third what one that lags two merges behind wanted. All are the same. */
static void test_told_in_short(void **state)
{
    (void)state;
    enum { MERGES = 60, EACH = 9 };
    for (int64_t capacity = 1; capacity < 50; capacity += 16) {
        sh_replay *all = sh_replay_create(1, capacity), *told = sh_replay_create(1, capacity), *late = sh_replay_create(1, capacity);
        sh_records seen, some, wanted, came_in[2];
        int64_t n_wanted = 0;
        sh_records_create(&seen, 1, 1);
        sh_records_create(&wanted, 1, 1);
        sh_records_create(&some, 1, 1);
        for (int i = 0; i < 2; i++)
            sh_records_create(&came_in[i], 1, 1);
        for (int m = 0; m < MERGES; m++) {
            sh_records_resize(&some, 0);
            sh_records_resize(&wanted, 0);
            for (int i = 0; i < EACH; i++)
                add_drawn(&some, (uint64_t)(m * EACH + i));
            for (int64_t i = 0; i < some.n; i++) {
                sh_records_append(&seen, &some, i);
                if (sh_replay_wants(late, sh_record_at(&some, i))) sh_records_append(&wanted, &some, i);
            }
            n_wanted += wanted.n;
            sh_replay_merge(late, &came_in[m % 2], NULL); /* of two merges ago */
            sh_records_resize(&came_in[m % 2], 0);
            sh_replay_merge(all, &wanted, &came_in[m % 2]);
            sh_replay_merge(told, &came_in[m % 2], NULL);
            assert_defined(all, &seen, capacity);
            assert_defined(told, &seen, capacity);
        }
        assert_true(n_wanted < MERGES * EACH * 2 / 3); /* it is shorter */
        for (int i = 0; i < 2; i++)
            sh_records_destroy(&came_in[i]);
        sh_records_destroy(&seen);
        sh_records_destroy(&wanted);
        sh_records_destroy(&some);
        sh_replay_destroy(&all);
        sh_replay_destroy(&told);
        sh_replay_destroy(&late);
    }
}

/* Workers draw their parts of what one would draw. */
static void test_draw_in_parts(void **state)
{
    (void)state;
    sh_records r, whole, parts;
    sh_records_create(&r, 1, 1);
    sh_records_create(&whole, 1, 1);
    sh_records_create(&parts, 1, 1);
    for (int i = 0; i < 30; i++)
        add(&r, (uint64_t)i, 0.01 * i, -i, 0);
    sh_replay *replay = sh_replay_create(1, 20);
    sh_replay_merge(replay, &r, NULL);
    sh_replay_draw(replay, 1, 5, 0, 100, 0.5, &whole);
    sh_replay_draw(replay, 1, 5, 0, 37, 0.5, &parts);
    sh_replay_draw(replay, 1, 5, 37, 63, 0.5, &parts);
    assert_int_equal(parts.n, 100);
    assert_memory_equal(parts.data, whole.data, 100 * whole.stride);
    sh_records_destroy(&r);
    sh_records_destroy(&whole);
    sh_records_destroy(&parts);
    sh_replay_destroy(&replay);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_one_entry_a_crystal),
                                       cmocka_unit_test(test_capacity_and_order), cmocka_unit_test(test_draw_shares),
                                       cmocka_unit_test(test_told_in_short),      cmocka_unit_test(test_draw_in_parts)};
    return cmocka_run_group_tests(tests, NULL, NULL) || sh_alloc_live() != 0;
}
