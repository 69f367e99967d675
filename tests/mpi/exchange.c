/* Findings and what comes into the replay, between the ranks: contents and order, an end in the middle, and no worker that waits for
 * rank 0 while that computes. Messages are far above what MPI sends without the other end's help. Run with 1, 2 and 3 ranks. */
#define _POSIX_C_SOURCE 200809L
#include "test.h"

#include <time.h>

#include "base/clock.h"
#include "base/memory.h"
#include "train/exchange.h"

enum { SITES = 2, BATCH = 20001, CAPACITY = 18000, CAME_IN = 15000, FEW = 20, REPLAY = 700, PLANNED = 8, DONE = 5, BUSY = 3 };

static sh_comm *comm;

static void pause_s(double seconds)
{
    struct timespec pause = {.tv_sec = (time_t)seconds, .tv_nsec = (long)(1e9 * fmod(seconds, 1))};
    nanosleep(&pause, NULL);
}

/* Records first..first+n of what all ranks have in iteration i; kind tells fresh and replayed ones apart. */
static void fill(sh_records *r, int64_t iteration, int64_t first, int64_t n, int32_t kind)
{
    sh_records_resize(r, n);
    for (int64_t k = 0; k < n; k++) {
        sh_record *x = sh_record_at(r, k);
        memset(x, 0, r->stride);
        x->traj = (uint64_t)(iteration * 100000 + first + k);
        x->n_step = kind;
        x->formula = (uint64_t)(first + k) / 10;
        x->result = (sh_reward_result){.reward = 1, .valid = 1, .bond_valid = 1, .min_dist = 1, .n_atom = 1};
        x->result.e_form = -(double)(first + k + 1);
        x->step[SITES - 1].frac[2] = (double)(first + k) / 7;
    }
}

static void assert_filled(const sh_records *r, int64_t iteration, int64_t first, int64_t n, int32_t kind)
{
    sh_records want;
    sh_records_create(&want, SITES, 1);
    fill(&want, iteration, first, n, kind);
    assert_int_equal(r->n, n);
    assert_memory_equal(r->data, want.data, (size_t)n * want.stride);
    sh_records_destroy(&want);
}

/* Records that came in for iteration i: nothing at first, then by turns few and so many that they are broadcast. */
static int64_t came_in_for(int64_t i)
{
    return i == 0 ? 0 : i % 2 ? CAME_IN : FEW;
}

static void send_replay(sh_exchange *x, int64_t iteration, sh_records *drawn)
{
    sh_replay_header header = {.iteration = iteration, .n_total = iteration ? REPLAY : 0, .stop = iteration == DONE};
    fill(drawn, iteration, 0, came_in_for(iteration), 2);
    sh_exchange_send_replay(x, &header, drawn);
}

/* All that was told of iteration i: every record is wanted, and ten have one composition. */
static void assert_heard(sh_heard *all, int64_t i)
{
    const sh_number_set none = {0};
    sh_heard_end(all, &none);
    assert_filled(&all->wanted, i, 0, BATCH, 1);
    assert_near(all->tally.n, BATCH, 0);
    assert_near(all->tally.best, 1, 0);
    assert_near(all->tally.e_form, -10.0 * BATCH + 45, 1e-6); /* clamped */
    assert_near(all->e_form_median, -(BATCH + 1) / 2.0, BATCH / 1000.0);
    assert_int_equal(all->modes.n, (BATCH + 9) / 10);
    for (int64_t k = 0; k < all->modes.n; k++)
        assert_int_equal(all->modes.value[k], k);
}

/* Iterations 0..DONE-1 of PLANNED; rank 0 is busy outside MPI for `busy` seconds in iteration BUSY. */
static void run(double busy)
{
    sh_exchange *x = sh_exchange_create(comm, SITES, BATCH, CAPACITY);
    sh_records fresh, replay, drawn;
    sh_heard all;
    sh_replay *known = sh_replay_create(SITES, CAPACITY);
    sh_records_create(&fresh, SITES, 1);
    sh_records_create(&replay, SITES, 1);
    sh_records_create(&drawn, SITES, 1);
    sh_heard_create(SITES, &all);
    bool worker = comm->worker >= 0;
    int64_t first, n;
    sh_exchange_slice(comm, BATCH, &first, &n);
    if (worker) sh_exchange_expect_replay(x);
    if (comm->rank == 0) send_replay(x, 0, &drawn);
    for (int64_t i = 0; i < DONE; i++) {
        if (worker && i + 1 < PLANNED) sh_exchange_expect_replay(x);
        if (comm->rank == 0) sh_exchange_spread_replay(x);
        if (comm->rank == 0 && i == BUSY) pause_s(busy);
        if (comm->rank == 0 && i + 1 < PLANNED) send_replay(x, i + 1, &drawn);
        if (comm->rank == 0) sh_exchange_expect_findings(x);
        if (worker) {
            sh_replay_header header;
            double start = sh_clock_s();
            fill(&fresh, i, first, n, 1);
            sh_findings *findings = sh_findings_create(SITES, comm->n_shard);
            sh_findings_begin(findings);
            sh_findings_add(findings, known, &fresh);
            sh_exchange_send_findings(x, findings);
            sh_findings_destroy(&findings); /* they were copied */
            sh_exchange_wait_replay(x, &header, &replay);
            if (comm->rank > 0 && i == BUSY) assert_true(sh_clock_s() - start <= busy / 2 || busy == 0);
            assert_int_equal(header.iteration, i);
            assert_int_equal(header.n_total, i ? REPLAY : 0);
            assert_filled(&replay, i, 0, came_in_for(i), 2);
            if (comm->rank == 0 && i == BUSY - 1) pause_s(busy / 10); /* the last to come: the others do not hold it up */
            sh_exchange_settle(x);
            sh_comm_sum_double(comm, &start, 1);
        }
        double report[2] = {(double)i, 0.5};
        if (comm->worker == 0) sh_exchange_send_report(x, report, 2);
        if (comm->rank > 0) continue;
        sh_heard_begin(&all);
        sh_exchange_take_findings(x, &all);
        assert_heard(&all, i);
        report[0] = -1;
        sh_exchange_take_report(x, report, 2);
        assert_near(report[0], i, 0);
    }
    sh_exchange_destroy(&x); /* the replay of iteration DONE was under way, and is not broadcast */
    sh_records_destroy(&fresh);
    sh_records_destroy(&replay);
    sh_heard_destroy(&all);
    sh_replay_destroy(&known);
    sh_records_destroy(&drawn);
}

static void test_shared(void **state)
{
    (void)state;
    run(0);
}

static void test_nobody_waits(void **state)
{
    (void)state;
    run(2);
}

static void test_dedicated(void **state)
{
    (void)state;
    if (comm->size == 1) return;
    assert_ok(sh_comm_set_workers(comm, true));
    run(0);
    assert_ok(sh_comm_set_workers(comm, false));
}

int main(int argc, char **argv)
{
    if (sh_comm_create(&argc, &argv, &comm) != SH_OK) return 1;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_shared), cmocka_unit_test(test_nobody_waits),
                                       cmocka_unit_test(test_dedicated)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sh_comm_destroy(&comm);
    return failed || sh_alloc_live() != 0;
}
