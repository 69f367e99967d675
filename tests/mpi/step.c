/* Several ranks train a few steps on the recording back-end, their gradients added by the code that calls NCCL, over a stand-in for it:
 * the parameters are those of the same ranks on the CPU, whose sums go over MPI. With rank 0 as a coordinator of its own too, which is
 * no member of the group. */
#include "test.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>

#include "backend/cuda/collective.h"
#include "backend/recorder.h"
#include "io/config.h"
#include "targets.h"
#include "train/gradients.h"
#include "gflownet/step.h"

enum { BATCH = 12, STEPS = 2 };

static sh_comm *comm;

static _Noreturn void fatal(const char *message)
{
    fprintf(stderr, "%s\n", message);
    MPI_Abort(MPI_COMM_WORLD, 1);
    abort();
}

static void sum(sh_real *data, int64_t n)
{
    sh_collective_sum(data, n, NULL);
}

static void no_wait(void)
{
}

typedef struct {
    sh_setup setup;
    sh_gradients gradients;
} sums;

static void begin_sum(void *context)
{
    sums *g = context;
    sh_gradients_early(&g->gradients, &g->setup);
}

/* The parameters after STEPS steps of this worker's share, in slices; 0: in one. On devices the sum of all slices but the last goes on
 * beside the last. */
static sh_real *train(const sh_config *config, const sh_backend *be, int64_t slice, int64_t *size)
{
    sums g;
    sh_records fresh, replay;
    double norm;
    assert_ok(sh_setup_create(config, &g.setup));
    sh_sizes_destroy(&g.setup.draw_sizes); /* what is drawn is to have the same bits; and the gradient, where it is not in slices */
    if (!slice) sh_sizes_destroy(&g.setup.learn_sizes);
    if (be) sh_setup_use(&g.setup, be);
    sh_gradients_create(comm, &g.setup, &g.gradients);
    sh_records_create(&fresh, config->constraints.max_sites, 1);
    sh_records_create(&replay, config->constraints.max_sites, 1);
    for (int step = 0; step < STEPS && comm->worker >= 0; step++) {
        sh_step_sums numbers;
        int64_t first, n;
        double target[BATCH];
        sh_comm_shard_slice(comm, BATCH, comm->first_shard, &first, &n);
        draw_with_targets(&g.setup, (uint64_t)(step * BATCH + first), n, &fresh, target);
        sh_params_zero_grad(g.setup.params);
        const sh_step_batch batch = {.fresh = &fresh,
                                     .target_fresh = target,
                                     .replay = &replay,
                                     .target_replay = target,
                                     .n_total = BATCH,
                                     .slice = slice,
                                     .sizes = g.setup.learn_sizes,
                                     .before_last = slice && sh_gradients_on_devices(&g.gradients, &g.setup) ? begin_sum : NULL,
                                     .context = &g};
        sh_train_step(g.setup.policy, g.setup.be, &batch, g.setup.arena, &numbers);
        sh_gradients_take(&g.gradients, &g.setup, 0);
        sh_gradients_sum(&g.gradients, comm, &g.setup);
        assert_ok(sh_adam_step(g.setup.adam, 1e-3, 10, &norm));
    }
    sh_setup_pull(&g.setup);
    *size = sh_params_size(g.setup.params);
    sh_real *values = SH_NEW(sh_real, *size);
    memcpy(values, sh_params_data(g.setup.params)->host, (size_t)*size * sizeof *values);
    sh_gradients_destroy(&g.gradients, &g.setup);
    sh_records_destroy(&fresh);
    sh_records_destroy(&replay);
    sh_setup_destroy(&g.setup);
    return values;
}

static void compare(bool dedicated, int64_t slice)
{
    static sh_config config;
    static const char *const settings[] = {"reward.formation_energy.weight=0"};
    static const sh_group_calls group = {sh_collective_id, sh_collective_join, sum, no_wait, sh_collective_leave};
    int64_t n;
    assert_ok(sh_comm_set_workers(comm, dedicated));
    assert_ok(sh_config_read(SH_SOURCE_DIR "/configs/quickstart.yaml", settings, 1, NULL, &config));
    sh_real *here = train(&config, NULL, slice, &n);
    const sh_backend *be = sh_recorder_open();
    sh_collective_begin(fatal);
    sh_recorder_use_group(&group);
    sh_comm_join_group(comm, be);
    sh_real *there = train(&config, be, slice, &n);
    if (comm->worker >= 0) {
        assert_int_equal(sh_recorder_read().sums, slice ? 2 * STEPS : STEPS);
        sh_collective_leave();
    }
    sh_recorder_close();
    /* two numbers have one sum; of three, the order may be another */
    double limit = comm->n_worker < 3 && !slice ? 0 : sizeof(sh_real) == 4 ? 1e-5 : 1e-12;
    for (int64_t i = 0; i < n; i++)
        assert_true(fabs((double)here[i] - (double)there[i]) <= limit);
    /* and it is one set of parameters on all workers */
    sh_real *first = SH_NEW(sh_real, n);
    memcpy(first, there, (size_t)n * sizeof *first);
    if (comm->worker >= 0) {
        MPI_Bcast(first, (int)n * (int)sizeof *first, MPI_BYTE, 0, comm->workers);
        assert_memory_equal(first, there, (size_t)n * sizeof *first);
    }
    sh_free(first);
    sh_free(here);
    sh_free(there);
}

static void test_shared(void **state)
{
    (void)state;
    compare(false, 0);
}

/* 12 trajectories of one worker in slices of 4; 6 of two; with three, one slice for each and nothing before it. */
static void test_early(void **state)
{
    (void)state;
    compare(false, 4);
}

static void test_dedicated(void **state)
{
    (void)state;
    if (comm->size > 1) compare(true, 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_shared), cmocka_unit_test(test_early), cmocka_unit_test(test_dedicated)};
    omp_set_num_threads(1);
    if (sh_comm_create(&argc, &argv, &comm) != SH_OK) return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sh_comm_destroy(&comm);
    return failed;
}
