/* The shared counter: every number is given out once, to whoever asks, while a rank is busy elsewhere. Run with 1, 2 and 3 ranks. */
#include "test.h"

#include "comm/counter.h"

static sh_comm *comm;

static void test_numbers(void **state)
{
    (void)state;
    enum { N = 500 };
    sh_counter *c;
    int taken[N] = {0}, all[N];
    assert_ok(sh_counter_create(comm, &c));
    for (int64_t i; (i = sh_counter_add(c, 1, 1)) < N;) {
        assert_true(i >= 0);
        taken[i]++;
        sh_counter_add(c, 2, i);
    }
    MPI_Allreduce(taken, all, N, MPI_INT, MPI_SUM, comm->all);
    for (int i = 0; i < N; i++)
        assert_int_equal(all[i], 1);
    MPI_Barrier(comm->all);
    assert_int_equal(sh_counter_add(c, 2, 0), N * (N - 1) / 2);
    assert_int_equal(sh_counter_add(c, 1, 0), N + comm->size); /* each has asked once too often */
    assert_int_equal(sh_counter_add(c, 0, 0), 0);
    sh_counter_destroy(&c);
    assert_null(c);
    sh_counter_destroy(&c);
}

int main(int argc, char **argv)
{
    if (sh_comm_create(&argc, &argv, &comm) != SH_OK) return 1;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_numbers)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sh_comm_destroy(&comm);
    return failed;
}
