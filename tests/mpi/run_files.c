/* Files beside a run: a state is on the disk no sooner than the samples that it knows of, and then it is, without anybody waiting for it. */
#define _POSIX_C_SOURCE 200809L
#include "test.h"

#include <sched.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "io/files.h"
#include "train/exchange.h"
#include "train/run_files.h"

enum { BATCH = 6 };
static const double TIME_S = 0.3, PATIENCE_S = 60; /* that a state would be there in, if it was written; that it may take */

static sh_comm *comm;
static sh_config config;
static char root[64];

static bool is_there(const char *name)
{
    char path[2 * SH_PATH_SIZE];
    snprintf(path, sizeof path, "%s/%s", config.run.directory, name);
    return access(path, F_OK) == 0;
}

/* Records of an iteration, of this worker. */
static void add_iteration(sh_run_files *files, int64_t iteration)
{
    sh_records fresh;
    int64_t first, n;
    sh_exchange_slice(comm, BATCH, &first, &n);
    sh_records_create(&fresh, config.constraints.max_sites, 1);
    sh_records_resize(&fresh, n);
    for (int64_t i = 0; i < n; i++) {
        sh_record *r = sh_record_at(&fresh, i);
        memset(r, 0, fresh.stride);
        r->traj = (uint64_t)(iteration * BATCH + first + i);
        r->n_step = 1;
        r->step[0] = (sh_step){.sg_number = 1, .wyckoff = -1};
        r->result = (sh_reward_result){.reward = 0.5, .min_dist = 2, .n_atom = 1, .n_site = 1, .valid = 1, .bond_valid = 1};
    }
    if (comm->worker >= 0) sh_run_files_add(files, &fresh);
    sh_records_destroy(&fresh);
}

/* Until this rank's thread has nothing to do. */
static void wait_for_thread(const sh_run_files *files)
{
    double began = sh_clock_s();
    while (sh_run_files_look(files) == SH_WRITER_BUSY && sh_clock_s() - began < PATIENCE_S)
        sched_yield();
    assert_int_equal(sh_run_files_look(files), SH_WRITER_IDLE);
}

static void checkpoints(const char *folder)
{
    sh_setup setup;
    sh_coordinator_state state = {0};
    snprintf(config.run.directory, sizeof config.run.directory, "%s/%s", root, folder);
    assert_ok(sh_setup_create(&config, &setup));
    if (comm->rank == 0) {
        assert_ok(sh_folder_make(config.run.directory));
        sh_coordinator_create(&config, &state);
        assert_ok(sh_coordinator_open_metrics(&state, config.run.directory, -1));
    }
    sh_run_files *files = sh_run_files_create(comm, &config, &setup.space);
    assert_ok(sh_comm_agree(comm, sh_run_files_begin(files, 0)));
    for (int64_t i = 0; i < 2; i++)
        add_iteration(files, i);
    assert_ok(sh_run_files_checkpoint(files, &setup, &state, 2, false));
    int early = 0;
    if (comm->rank == 0) { /* some worker is not done, and its samples may not be on the disk */
        double began = sh_clock_s();
        while (sh_clock_s() - began < TIME_S) {
            sh_run_files_go_on(files, false);
            early |= is_there("checkpoints/000002.h5");
            sched_yield();
        }
    }
    wait_for_thread(files);
    MPI_Bcast(&early, 1, MPI_INT, 0, comm->all); /* where the test fails, all leave it */
    assert_false(early);
    MPI_Barrier(comm->all); /* all have written */
    assert_true(is_there("samples/000000-000002.h5"));
    if (comm->rank == 0) {
        assert_false(is_there("checkpoints/000002.h5") || is_there("samples/index.h5"));
        sh_run_files_go_on(files, true);
        wait_for_thread(files);
        assert_true(is_there("checkpoints/000002.h5") && is_there("samples/index.h5"));
    }
    add_iteration(files, 2);
    assert_ok(sh_run_files_checkpoint(files, &setup, &state, 3, true)); /* the last: all is waited for */
    assert_true(is_there("checkpoints/000003.h5") && is_there("samples/000002-000003.h5"));
    sh_run_files_destroy(&files);
    sh_coordinator_destroy(&state);
    sh_setup_destroy(&setup);
}

static void test_shared(void **state)
{
    (void)state;
    checkpoints("shared");
}

static void test_dedicated(void **state)
{
    (void)state;
    if (comm->size == 1) return;
    assert_ok(sh_comm_set_workers(comm, true));
    checkpoints("dedicated");
    assert_ok(sh_comm_set_workers(comm, false));
}

int main(int argc, char **argv)
{
    static const char text[] = "elements: [Li, O]\nconstraints: {max_sites: 1}\npolicy: {mixture: 1}\n"
                               "reward: {formation_energy: {weight: 0}}\ntrain: {batch: 6, iterations: 10}\n";
    if (sh_comm_create(&argc, &argv, &comm) != SH_OK) return 1;
    snprintf(root, sizeof root, "/tmp/shaft-files-XXXXXX");
    if (comm->rank == 0 && !mkdtemp(root)) return 1;
    if (sh_comm_bcast(comm, root, sizeof root, 0) != SH_OK) return 1;
    if (sh_config_parse("test", text, sizeof text - 1, NULL, 0, NULL, &config) != SH_OK) return 1;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_shared), cmocka_unit_test(test_dedicated)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    MPI_Barrier(comm->all);
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    if (comm->rank == 0) failed |= system(command) != 0;
    sh_comm_destroy(&comm);
    return failed || sh_alloc_live() != 0;
}
