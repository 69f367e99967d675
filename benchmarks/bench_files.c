/* bench_files.c -- what a run pays for its files: samples at a given rate, and checkpoints of a real size.
 *
 *     bench_files CONFIG.yaml [REPEATS] [RATE] [FOLDER] [INTERVAL]
 *
 * also under mpirun; 5 repeats, 100000 structures/s, the current folder, a checkpoint every 200 iterations of 1,024 structures a worker:
 * more than 64 MB, so that each worker writes a file. With 60 or less for two workers, one brings the records of both together.
 *
 * Two ways in one run: the run waits until everything is on the disk (all workers write one file together, then rank 0 the state),
 * which is the baseline, and it is written beside the iterations (train/run_files.h). First what is paid at one checkpoint: the
 * segment of an interval, the state with a full replay buffer. Then intervals of iterations, in each of which every rank sleeps as a
 * host that waits for its device, for as long as a batch at RATE takes, and all meet as at a sum of gradients: the rate without
 * files, waiting, and beside; the longest iteration; and the processor time of the files, which a run on processors pays. What is
 * written is read back and counted. Medians [smallest, largest] of the repeats. No weights are needed: crystals are
 * a new policy's without energies. */
#define _POSIX_C_SOURCE 200809L

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/memory.h"
#include "comm/comm.h"
#include "io/files.h"
#include "io/samples.h"
#include "timing.h"
#include "train/exchange.h"
#include "train/run_files.h"

enum { MAX_REPEATS = 51, POOL = 4096, INTERVALS = 3 };

typedef enum { NONE, WAITS, BESIDE, N_WAY } way;
static const char *const way_name[N_WAY] = {"without files", "the run waits", "beside the run"};

typedef struct {
    sh_comm *comm;
    sh_config config;
    sh_setup setup;
    sh_coordinator_state state;
    sh_records pool, fresh; /* distinct crystals; those of an iteration of this rank */
    sh_run_files *files;
    int64_t done;    /* iterations so far */
    double seconds;  /* an iteration, of the device */
} bench;

static _Noreturn void fatal(const bench *b, sh_status status)
{
    sh_comm_abort(b->comm, status);
}

static void must(const bench *b, sh_status status)
{
    if (status != SH_OK) fatal(b, status);
}

/* As a host that waits for its device. */
static void wait_for_device(double seconds)
{
    struct timespec pause = {.tv_sec = (time_t)seconds, .tv_nsec = (long)(1e9 * fmod(seconds, 1))};
    nanosleep(&pause, NULL);
}

/* Processor time of this process, s. */
static double used(void)
{
    struct rusage r;
    getrusage(RUSAGE_SELF, &r);
    return (double)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) + 1e-6 * (double)(r.ru_utime.tv_usec + r.ru_stime.tv_usec);
}

/* The crystals of an iteration: those of the pool, numbered as a run would. */
static void make_fresh(bench *b, int64_t iteration)
{
    int64_t first, n;
    sh_exchange_slice(b->comm, b->config.train.batch, &first, &n);
    sh_records_resize(&b->fresh, n);
    for (int64_t i = 0; i < n; i++) {
        sh_record *r = sh_record_at(&b->fresh, i);
        uint64_t traj = (uint64_t)(iteration * b->config.train.batch + first + i);
        memcpy(r, sh_record_at(&b->pool, (int64_t)(traj % POOL)), b->pool.stride);
        r->traj = traj;
    }
}

/* A replay buffer and a list of modes as a long run has them: full, of different crystals. */
static void fill_state(bench *b)
{
    int64_t capacity = b->config.train.replay_capacity;
    sh_records many;
    sh_records_create(&many, b->pool.max_sites, capacity);
    for (int64_t i = 0; i < capacity; i++) {
        sh_records_append(&many, &b->pool, i % POOL);
        sh_record *r = sh_record_at(&many, i);
        r->traj = (uint64_t)i;
        r->result.reason = SH_REASON_NONE;
        r->result.reward = 0.5 + 0.4 * (double)i / (double)capacity;
        r->result.e_form = -1 - 0.001 * (double)i;
    }
    sh_replay_merge(b->state.replay, &many, NULL);
    b->state.modes.value = SH_NEW(uint64_t, capacity);
    for (int64_t i = 0; i < capacity; i++)
        b->state.modes.value[i] = (uint64_t)i * 1000003;
    b->state.modes.n = capacity;
    sh_records_resize(&b->state.pending.wanted, b->config.train.batch);
    b->state.has_pending = true;
    sh_records_destroy(&many);
}

static double slowest(const bench *b, double seconds)
{
    double most;
    MPI_Allreduce(&seconds, &most, 1, MPI_DOUBLE, MPI_MAX, b->comm->all);
    return most;
}

static void add_interval(bench *b)
{
    for (int64_t i = 0; i < b->config.run.checkpoint_every; i++) {
        make_fresh(b, b->done + i);
        sh_run_files_add(b->files, &b->fresh);
    }
}

static void show(const bench *b, const char *what, double *seconds, int repeats, double rows, double *baseline)
{
    double median = quantile(seconds, repeats, 0.5);
    if (b->comm->rank == 0) {
        printf("  %-44s %9.2f ms [%.2f, %.2f]", what, 1e3 * median, 1e3 * quantile(seconds, repeats, 0),
               1e3 * quantile(seconds, repeats, 1));
        if (rows > 0) printf("  %9.0f structures/s", rows / median);
        if (*baseline > 0) printf("  %.1f x faster", *baseline / median);
        printf("\n");
    }
    if (*baseline == 0) *baseline = median;
}

/* A segment by all workers together while they wait, as `shaft sample` writes its file. */
static double write_together(bench *b, int64_t n_iteration)
{
    sh_records all;
    char path[2 * SH_PATH_SIZE];
    int64_t first, n;
    sh_exchange_slice(b->comm, b->config.train.batch, &first, &n);
    sh_records_create(&all, b->pool.max_sites, 1);
    sh_records_resize(&all, n * n_iteration);
    for (int64_t i = 0; i < n_iteration; i++) {
        make_fresh(b, i);
        if (n) memcpy(sh_record_at(&all, i * n), b->fresh.data, (size_t)n * all.stride);
    }
    snprintf(path, sizeof path, "%s/together.h5", b->config.run.directory);
    const sh_samples_layout layout = {
        .n_row = n_iteration * b->config.train.batch, .first = first, .stride = b->config.train.batch, .block = n, .n_block = n_iteration};
    MPI_Barrier(b->comm->all);
    double start = now();
    must(b, sh_comm_agree(b->comm, sh_samples_write(path, b->comm->workers, &b->setup.space, "{}", &all, &layout)));
    double seconds = slowest(b, now() - start);
    sh_records_destroy(&all);
    return seconds;
}

/* What one checkpoint costs, its two parts. */
static void one_checkpoint(bench *b, int repeats)
{
    static double together[MAX_REPEATS], handed[MAX_REPEATS], state[MAX_REPEATS], taken[MAX_REPEATS], rest[MAX_REPEATS];
    int64_t every = b->config.run.checkpoint_every;
    double rows = (double)(every * b->config.train.batch), baseline = 0;
    for (int k = 0; k < repeats; k++) {
        together[k] = write_together(b, every);
        state[k] = taken[k] = 0;
        if (b->comm->rank == 0) {
            double start = now();
            sh_checkpoint *file = sh_run_state_take(&b->setup, &b->state, 1);
            taken[k] = now() - start;
            must(b, sh_run_state_write(file, &b->config, 1));
            sh_checkpoint_destroy(&file);
            state[k] = now() - start;
        }
        add_interval(b);
        b->done += every;
        MPI_Barrier(b->comm->all);
        double start = now();
        must(b, sh_run_files_checkpoint(b->files, &b->setup, &b->state, b->done, false));
        handed[k] = slowest(b, now() - start);
        start = now();
        b->done++; /* an iteration without records */
        make_fresh(b, b->done - 1);
        sh_run_files_add(b->files, &b->fresh);
        must(b, sh_run_files_checkpoint(b->files, &b->setup, &b->state, b->done, true));
        rest[k] = slowest(b, now() - start);
    }
    if (b->comm->rank == 0)
        printf("one checkpoint: %.0f structures in the segment, a state of %lld parameters and %lld replayed crystals\n", rows,
               (long long)sh_params_size(b->setup.params), (long long)sh_replay_records(b->state.replay)->n);
    show(b, "segment, written together while all wait", together, repeats, rows, &baseline);
    show(b, "segment and state, handed over", handed, repeats, rows, &baseline);
    baseline = 0;
    show(b, "state, written while all wait", state, repeats, 0, &baseline);
    show(b, "state, copied", taken, repeats, 0, &baseline);
    baseline = -1;
    show(b, "until all is on the disk, if waited for", rest, repeats, 0, &baseline);
}

/* Intervals of iterations; returns structures a second of all ranks, and the longest iteration. */
static double iterate(bench *b, way how, double *longest, double *cpu)
{
    int64_t every = b->config.run.checkpoint_every, n = INTERVALS * every;
    *longest = 0;
    MPI_Barrier(b->comm->all);
    double start = now(), at = start, before = used();
    for (int64_t i = 1; i <= n; i++) {
        wait_for_device(b->seconds);
        if (how != NONE) {
            make_fresh(b, b->done);
            sh_run_files_add(b->files, &b->fresh);
            b->done++;
        }
        double idle = sh_run_files_look(b->files) == SH_WRITER_IDLE;
        sh_comm_sum_double(b->comm, &idle, 1); /* all meet */
        if (b->comm->rank == 0) sh_run_files_go_on(b->files, idle == b->comm->n_shard);
        if (how != NONE && i % every == 0)
            must(b, sh_run_files_checkpoint(b->files, &b->setup, &b->state, b->done, how == WAITS));
        double after = now();
        *longest = fmax(*longest, after - at);
        at = after;
    }
    double seconds = slowest(b, now() - start);
    *longest = slowest(b, *longest);
    if (how == BESIDE) { /* the last interval is not part of the time: in a run another follows */
        make_fresh(b, b->done++);
        sh_run_files_add(b->files, &b->fresh);
        must(b, sh_run_files_checkpoint(b->files, &b->setup, &b->state, b->done, true));
    }
    double mine = used() - before;
    MPI_Allreduce(&mine, cpu, 1, MPI_DOUBLE, MPI_SUM, b->comm->all);
    return (double)(n * b->config.train.batch) / seconds;
}

static void at_a_rate(bench *b, int repeats, double rate)
{
    static double found[N_WAY][MAX_REPEATS], longest[N_WAY][MAX_REPEATS], cpu[N_WAY][MAX_REPEATS];
    for (int k = 0; k < repeats; k++)
        for (int how = 0; how < N_WAY; how++)
            found[how][k] = iterate(b, (way)how, &longest[how][k], &cpu[how][k]);
    if (b->comm->rank) return;
    printf("%.0f structures/s wanted: %lld in %.2f ms, a checkpoint after every %lld iterations\n", rate,
           (long long)b->config.train.batch, 1e3 * b->seconds, (long long)b->config.run.checkpoint_every);
    double base = 0;
    for (int how = 0; how < N_WAY; how++) {
        double median = quantile(found[how], repeats, 0.5);
        if (how == NONE) base = median;
        printf("  %-16s %8.0f structures/s [%.0f, %.0f], %.1f %% of those without files; ", way_name[how], median,
               quantile(found[how], repeats, 0), quantile(found[how], repeats, 1), 100 * median / base);
        printf("longest iteration %.1f ms [%.1f, %.1f]; %.1f s of processors\n", 1e3 * quantile(longest[how], repeats, 0.5),
               1e3 * quantile(longest[how], repeats, 0), 1e3 * quantile(longest[how], repeats, 1), quantile(cpu[how], repeats, 0.5));
    }
}

/* All that was added is in the run's samples, or was held back. */
static void count_what_is_there(bench *b)
{
    sh_records got;
    char *text;
    int64_t want = 0;
    bool overlap, *may = SH_NEW(bool, POOL);
    if (b->comm->rank == 0) {
        must(b, sh_samples_read(b->config.run.directory, &got, &text));
        for (int64_t i = 0; i < POOL; i++)
            may[i] = sh_samples_may_write(&sh_record_at(&b->pool, i)->result, &overlap);
        for (int64_t i = 0; i < b->done * b->config.train.batch; i++)
            want += may[i % POOL];
        if (got.n != want)
            fatal(b, SH_FAIL(SH_EIO, "%lld crystals are in the files, and %lld were written", (long long)got.n, (long long)want));
        printf("read back: %lld crystals, as many as were written\n", (long long)got.n);
        sh_records_destroy(&got);
        sh_free(text);
    }
    sh_free(may);
}

static void create(bench *b, const char *path, double rate, const char *folder, int every)
{
    static const char *const settings[] = {"reward.formation_energy.weight=0", "reward.band_gap.weight=0"};
    static const sh_exploration none = {.epsilon = 0, .widen = 1};
    must(b, sh_config_read(path, settings, 2, NULL, &b->config));
    b->config.train.batch = 1024 * b->comm->n_worker;
    b->config.run.checkpoint_every = every;
    b->config.run.save_samples = true;
    snprintf(b->config.run.directory, sizeof b->config.run.directory, "%s/bench_files-XXXXXX", folder);
    if (b->comm->rank == 0 && !mkdtemp(b->config.run.directory)) fatal(b, SH_FAIL(SH_EIO, "cannot make a folder in '%s'", folder));
    must(b, sh_comm_bcast(b->comm, b->config.run.directory, sizeof b->config.run.directory, 0));
    must(b, sh_setup_create(&b->config, &b->setup));
    sh_records_create(&b->pool, b->config.constraints.max_sites, 1);
    sh_records_create(&b->fresh, b->config.constraints.max_sites, 1);
    sh_setup_draw(&b->setup, 1, 0, POOL, &none, &b->pool);
    sh_coordinator_create(&b->config, &b->state);
    fill_state(b);
    b->files = sh_run_files_create(b->comm, &b->config, &b->setup.space);
    must(b, sh_comm_agree(b->comm, sh_run_files_begin(b->files, 0)));
    b->seconds = (double)b->config.train.batch / rate;
}

static void destroy(bench *b)
{
    char command[SH_PATH_SIZE + 32];
    sh_run_files_destroy(&b->files);
    sh_coordinator_destroy(&b->state);
    sh_records_destroy(&b->pool);
    sh_records_destroy(&b->fresh);
    sh_setup_destroy(&b->setup);
    MPI_Barrier(b->comm->all);
    snprintf(command, sizeof command, "rm -rf '%s'", b->config.run.directory);
    if (b->comm->rank == 0 && system(command)) fprintf(stderr, "'%s' is left\n", b->config.run.directory);
}

int main(int argc, char **argv)
{
    static bench b;
    int repeats = argc > 2 ? atoi(argv[2]) : 5;
    double rate = argc > 3 ? atof(argv[3]) : 1e5;
    int every = argc > 5 ? atoi(argv[5]) : 200;
    if (argc < 2 || argc > 6 || every < 1 || repeats < 1 || repeats > MAX_REPEATS || !(rate > 0)) {
        fprintf(stderr, "usage: bench_files CONFIG.yaml [REPEATS] [RATE] [FOLDER] [INTERVAL]\n");
        return 2;
    }
    if (sh_comm_create(&argc, &argv, &b.comm) != SH_OK) return 1;
    create(&b, argv[1], rate, argc > 4 ? argv[4] : ".", every);
    if (b.comm->rank == 0)
        printf("%s, %d rank%s; medians of %d [smallest, largest]\n", argv[1], b.comm->size, b.comm->size > 1 ? "s" : "", repeats);
    one_checkpoint(&b, repeats);
    at_a_rate(&b, repeats, rate);
    count_what_is_there(&b);
    destroy(&b);
    sh_comm_destroy(&b.comm);
    return 0;
}
