/* Ranks: sums whose bits repeat, failing together, messages. Run with 1, 2 and 3 ranks. */
#include "test.h"

#include "base/memory.h"
#include "comm/comm.h"

static sh_comm *comm;

static void test_sum(void **state)
{
    (void)state;
    enum { N = 1003 };
    static sh_real data[N], again[N];
    sh_real *scratch = SH_NEW(sh_real, sh_comm_sum_scratch(comm, N));
    for (int repeat = 0; repeat < 3; repeat++) {
        for (int i = 0; i < N; i++)
            data[i] = (sh_real)sin(i + 0.1 * comm->rank) / (sh_real)(1 + i % 7);
        sh_comm_sum_real(comm, data, N, scratch);
        if (repeat) assert_memory_equal(data, again, sizeof data);
        memcpy(again, data, sizeof data);
    }
    for (int i = 0; i < N; i++) {
        double want = 0;
        for (int r = 0; r < comm->size; r++)
            want += (double)((sh_real)sin(i + 0.1 * r) / (sh_real)(1 + i % 7));
        assert_near(data[i], want, 1e-6);
    }
    sh_free(scratch);
    double numbers[2] = {comm->rank + 1.0, 0.5};
    sh_comm_sum_double(comm, numbers, 2);
    assert_near(numbers[0], comm->size * (comm->size + 1) / 2.0, 0);
    assert_near(numbers[1], 0.5 * comm->size, 0);
}

/* Seven shards: sums in the same tree, whatever the number of ranks, and equal to that tree by hand. */
static sh_real leaf(int shard, int i)
{
    return (sh_real)(sin(i + 0.7 * shard) / (1 + (i + shard) % 7));
}

static void test_shards(void **state)
{
    (void)state;
    enum { N = 1003, SHARDS = 7 };
    assert_ok(sh_comm_set_shards(comm, SHARDS));
    sh_real *data = SH_NEW(sh_real, comm->my_shards * N), *scratch = SH_NEW(sh_real, sh_comm_sum_scratch(comm, N));
    double *numbers = SH_NEW(double, comm->my_shards * 2), in_order = 0;
    for (int k = 0; k < comm->my_shards; k++) {
        for (int i = 0; i < N; i++)
            data[k * N + i] = leaf(comm->first_shard + k, i);
        numbers[2 * k] = 1;
        numbers[2 * k + 1] = 0.1 * (comm->first_shard + k);
    }
    sh_comm_sum_real(comm, data, N, scratch);
    for (int i = 0; i < N; i++) {
        const sh_real x[SHARDS] = {leaf(0, i), leaf(1, i), leaf(2, i), leaf(3, i), leaf(4, i), leaf(5, i), leaf(6, i)};
        sh_real low = x[0] + (x[1] + x[2]), high = (x[3] + x[4]) + (x[5] + x[6]), sum = low + high;
        assert_memory_equal(&data[i], &sum, sizeof sum);
    }
    sh_comm_sum_double(comm, numbers, 2);
    for (int k = 0; k < SHARDS; k++)
        in_order = k ? in_order + 0.1 * k : 0;
    assert_near(numbers[0], SHARDS, 0);
    assert_near(numbers[1], in_order, 0);
    /* shards are neighbours, and all of them are somebody's */
    int64_t first, count, total = 0;
    for (int k = 0; k < SHARDS; k++) {
        sh_comm_shard_slice(comm, 100, k, &first, &count);
        assert_int_equal(first, total);
        total += count;
    }
    assert_int_equal(total, 100);
    if (comm->size > 1) assert_fails(sh_comm_set_shards(comm, comm->size - 1), SH_EINPUT, "run.shards");
    assert_ok(sh_comm_set_shards(comm, 0));
    assert_int_equal(comm->my_shards, 1);
    sh_free(data);
    sh_free(scratch);
    sh_free(numbers);
}

static void test_agree(void **state)
{
    (void)state;
    assert_int_equal(sh_comm_agree(comm, SH_OK), SH_OK);
    int failing = comm->size - 1;
    sh_status status = comm->rank == failing ? SH_FAIL(SH_EIO, "disk %d is full", 7) : SH_OK;
    assert_int_equal(sh_comm_agree(comm, status), SH_EIO);
    assert_int_equal(sh_comm_agree(comm, SH_EIO), SH_EIO); /* once more by a caller: the place is said once */
    if (comm->rank == 0) {
        const char *place = strstr(sh_error_message(), "on rank");
        assert_true(!place || !strstr(place + 1, "on rank"));
        assert_non_null(strstr(sh_error_message(), "disk 7 is full"));
        char where[32];
        snprintf(where, sizeof where, "on rank %d of %d", failing, comm->size);
        assert_int_equal(strstr(sh_error_message(), where) != NULL, comm->size > 1);
    } else {
        assert_string_equal(sh_error_message(), "");
    }
}

static void test_messages(void **state)
{
    (void)state;
    int next = (comm->rank + 1) % comm->size, before = (comm->rank + comm->size - 1) % comm->size, got[4] = {0};
    int sent[4] = {comm->rank, 1, 2, 3};
    sh_request in, out;
    sh_comm_irecv(comm, got, sizeof got, before, 5, &in);
    sh_comm_isend(comm, sent, 3 * sizeof(int), next, 5, &out);
    assert_int_equal(sh_comm_wait(&in), 3 * sizeof(int));
    sh_comm_wait(&out);
    assert_int_equal(got[0], before);
    assert_int_equal(got[2], 2);
    assert_int_equal(got[3], 0);
}

static void test_dedicated(void **state)
{
    (void)state;
    if (comm->size == 1) {
        assert_fails(sh_comm_set_workers(comm, true), SH_EINPUT, "at least two ranks");
        return;
    }
    assert_ok(sh_comm_set_workers(comm, true));
    assert_int_equal(comm->n_worker, comm->size - 1);
    assert_int_equal(comm->worker, comm->rank - 1);
    if (comm->worker >= 0) {
        double one = 1;
        sh_comm_sum_double(comm, &one, 1);
        assert_near(one, comm->size - 1, 0);
    }
    assert_ok(sh_comm_set_workers(comm, false));
}

int main(int argc, char **argv)
{
    if (sh_comm_create(&argc, &argv, &comm) != SH_OK) return 1;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sum), cmocka_unit_test(test_shards), cmocka_unit_test(test_agree),
                                       cmocka_unit_test(test_messages), cmocka_unit_test(test_dedicated)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sh_comm_destroy(&comm);
    return failed;
}
