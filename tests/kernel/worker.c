/* A worker's step as benchmarks/bench_step times it, made from the core alone: the recording back-end, or with the argument `cuda` a
 * device, draws the CPU's trajectories with their rewards but for those that rounding moves, and has its gradient of the same
 * trajectories. With energies where $SHAFT_TEST_FLAT names a flat file of a model. On a device also: a group of one process, whose sums
 * are what they are of. */
#include "device.h"

#include <stdlib.h>

#include "../benchmarks/worker.h"
#include "records.h"

enum { DRAWN = 200 };

/* The trajectories drawn on a back-end, or of `from` if that is not NULL, and their gradient; the worker is the CPU's again. */
static sh_real *run(const sh_backend *on, const sh_records *from, sh_records *records, int64_t *size)
{
    worker w;
    assert_ok(worker_create(getenv("SHAFT_TEST_FLAT"), &w));
    worker_use(&w, on);
    for (int again = 0; again < 2; again++) /* counted, then planned */
        worker_draw(&w, 0, DRAWN);
    sh_records_create(records, w.constraints.max_sites, DRAWN);
    sh_records_resize(records, DRAWN);
    memcpy(records->data, w.fresh.data, DRAWN * records->stride);
    if (from) memcpy(w.fresh.data, from->data, DRAWN * from->stride);
    for (int again = 0; again < 2; again++)
        worker_learn(&w);
    sh_mirror_pull(sh_params_grad(w.params));
    *size = sh_params_size(w.params);
    sh_real *grad = memcpy(SH_NEW(sh_real, *size), sh_params_grad(w.params)->host, (size_t)*size * sizeof *grad);
    worker_use(&w, sh_backend_cpu());
    worker_destroy(&w);
    return grad;
}

static void check(const sh_backend *on)
{
    sh_records here, there;
    int64_t n;
    sh_real *a = run(sh_backend_cpu(), NULL, &here, &n), *b = run(on, &here, &there, &n);
    int n_moved = count_moved(&here, &there), n_reward = 0;
    double difference = apart(a, b, n);
    for (int64_t i = 0; i < DRAWN; i++)
        n_reward += !is_moved(sh_record_at(&here, i), sh_record_at(&there, i)) &&
                    fabs(sh_record_at(&here, i)->result.reward - sh_record_at(&there, i)->result.reward) > 1e-3;
    print_message("%d of %d trajectories moved, %d rewards alone; gradient within %.2g\n", n_moved, DRAWN, n_reward, difference);
    assert_in_range(n_moved + n_reward, 0, DRAWN / 100);
    assert_true(difference < (sizeof(sh_real) == 4 ? 1e-4 : 1e-10));
    sh_free(a);
    sh_free(b);
    sh_records_destroy(&here);
    sh_records_destroy(&there);
}

static void test_recorder(void **state)
{
    (void)state;
    check(sh_recorder_open());
    sh_recorder_close();
}

static void test_device(void **state)
{
    (void)state;
    assert_ok(sh_cuda_open(&(sh_cuda_options){.fatal = device_fatal}, &be));
    check(be);
    sh_cuda_close();
}

static void test_group(void **state)
{
    (void)state;
    enum { N = 1000 };
    char id[SH_GROUP_ID];
    sh_real values[N], back[N];
    assert_ok(sh_cuda_open(&(sh_cuda_options){.fatal = device_fatal}, &be));
    if (!be->group.sum) {
        print_message("no sums over processes: built without NCCL\n");
        sh_cuda_close();
        skip();
    }
    for (int i = 0; i < N; i++)
        values[i] = (sh_real)i / 7;
    sh_real *there = be->memory->take(sizeof values);
    be->copy_in(there, values, sizeof values);
    be->group.make_id(id);
    be->group.join(id, 0, 1);
    be->group.sum(there, N);
    be->group.summed();
    be->copy_out(back, there, sizeof back);
    assert_memory_equal(back, values, sizeof values);
    be->group.leave();
    be->memory->give(there);
    sh_cuda_close();
}

int main(int argc, char **argv)
{
    const struct CMUnitTest here[] = {cmocka_unit_test(test_recorder)},
                            device[] = {cmocka_unit_test(test_device), cmocka_unit_test(test_group)};
    if (argc < 2 || strcmp(argv[1], "cuda")) return cmocka_run_group_tests(here, NULL, NULL);
    if (!sh_cuda_look()->n_device) {
        print_message("skipped: %s\n", sh_cuda_look()->why);
        return SH_TEST_SKIPPED;
    }
    return cmocka_run_group_tests(device, NULL, NULL);
}
