/* Replay: one entry a crystal, the best kept, order independent of delivery, the draws' shares. */
#include "test.h"

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
    sh_replay_merge(replay, &r);
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
            sh_replay_merge(pass ? b : a, &r);
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
    sh_replay_draw(replay, 1, 1, 10, 0.5, &out);
    assert_int_equal(out.n, 0); /* empty */
    sh_replay_merge(replay, &r);
    sh_replay_draw(replay, 1, 7, 20000, 0.4, &out);
    assert_int_equal(out.n, 20000);
    double best = 0;
    for (int64_t i = 0; i < out.n; i++)
        best += sh_record_at(&out, i)->traj < 10;
    assert_near(best / 20000, 0.6 + 0.4 * 0.1, 4 * sqrt(0.64 * 0.36 / 20000));
    sh_records_destroy(&r);
    sh_records_destroy(&out);
    sh_replay_destroy(&replay);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_one_entry_a_crystal),
                                       cmocka_unit_test(test_capacity_and_order), cmocka_unit_test(test_draw_shares)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
