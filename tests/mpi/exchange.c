/* Records and replay between the ranks: contents and order, an end in the middle, and no worker that waits for rank 0 while
 * that computes. Messages are far above what MPI sends without the other end's help. Run with 1, 2 and 3 ranks. */
#define _POSIX_C_SOURCE 200809L
#include "test.h"

#include <time.h>

#include "base/memory.h"
#include "train/exchange.h"

enum { SITES = 2, BATCH = 301, REPLAY = 20000, PLANNED = 8, DONE = 5, BUSY = 3 };

static sh_comm *comm;

static void pause_s(double seconds)
{
    struct timespec pause = {.tv_sec = (time_t)seconds, .tv_nsec = (long)(1e9 * fmod(seconds, 1))};
    nanosleep(&pause, NULL);
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
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

static void send_replay(sh_exchange *x, int64_t iteration, sh_records *drawn)
{
    sh_replay_header header = {.iteration = iteration, .stop = iteration == DONE};
    fill(drawn, iteration, 0, iteration ? REPLAY : 0, 2); /* nothing to replay at first */
    sh_exchange_send_replay(x, &header, drawn);
}

/* Iterations 0..DONE-1 of PLANNED; rank 0 is busy outside MPI for `busy` seconds in iteration BUSY. */
static void run(double busy)
{
    sh_exchange *x = sh_exchange_create(comm, SITES, BATCH, REPLAY);
    sh_records fresh, replay, all, drawn;
    sh_records_create(&fresh, SITES, 1);
    sh_records_create(&replay, SITES, 1);
    sh_records_create(&all, SITES, 1);
    sh_records_create(&drawn, SITES, 1);
    bool worker = comm->worker >= 0;
    int64_t first, n, first_replay, n_replay;
    sh_exchange_slice(comm, BATCH, &first, &n);
    if (worker) sh_exchange_expect_replay(x);
    if (comm->rank == 0) send_replay(x, 0, &drawn);
    for (int64_t i = 0; i < DONE; i++) {
        if (worker && i + 1 < PLANNED) sh_exchange_expect_replay(x);
        if (comm->rank == 0 && i == BUSY) pause_s(busy);
        if (comm->rank == 0 && i + 1 < PLANNED) send_replay(x, i + 1, &drawn);
        if (comm->rank == 0) sh_exchange_expect_records(x, &all);
        if (worker) {
            sh_replay_header header;
            double start = now();
            fill(&fresh, i, first, n, 1);
            sh_exchange_send_records(x, &fresh);
            memset(fresh.data, 0, (size_t)fresh.n * fresh.stride); /* it was copied */
            sh_exchange_wait_replay(x, &header, &replay);
            if (comm->rank > 0 && i == BUSY) assert_true(now() - start <= busy / 2 || busy == 0);
            sh_exchange_slice(comm, header.n_total, &first_replay, &n_replay);
            assert_int_equal(header.iteration, i);
            assert_int_equal(header.n_total, i ? REPLAY : 0);
            assert_int_equal(header.n, n_replay);
            assert_filled(&replay, i, first_replay, n_replay, 2);
            if (comm->rank == 0 && i == BUSY - 1) pause_s(busy / 10); /* the last to come: the others do not hold it up */
            sh_exchange_settle(x);
            sh_comm_sum_double(comm, &start, 1);
        }
        double report[2] = {(double)i, 0.5};
        if (comm->worker == 0) sh_exchange_send_report(x, report, 2);
        if (comm->rank > 0) continue;
        sh_exchange_take_records(x);
        assert_filled(&all, i, 0, BATCH, 1);
        report[0] = -1;
        sh_exchange_take_report(x, report, 2);
        assert_near(report[0], i, 0);
    }
    sh_exchange_destroy(&x); /* the replay of iteration DONE was under way */
    sh_records_destroy(&fresh);
    sh_records_destroy(&replay);
    sh_records_destroy(&all);
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
