/* bench_coordinator.c -- how many records and messages a second rank 0 bears, alone, under the load of many workers.
 *
 *     mpirun -n RANKS bench_coordinator [-t SECONDS] [-o FILE] CONFIG.yaml [PER_WORKER] [ITERATIONS] [WORKERS ...]
 *
 * Rank 0 only coordinates, by the code of `shaft train`: it takes in what workers tell (train/findings.h), merges it into the replay,
 * counts kinds of crystals, writes a row of metrics and tells all workers what came in. The other ranks stand for many workers each,
 * which have drawn PER_WORKER (default 128) records an iteration: made up, with the scatter of rewards of a run. They merge and draw
 * one replay for all they stand for, which is a worker's own cost. Three loads:
 *   first    nothing known: rank 0 is sent every record, as it would be always if nothing were told in short
 *   second   the iteration after it: all workers are told, by a broadcast, what came in, which is most of a replay
 *   full     a replay and kinds told as after 1,000 iterations, where few records come in
 * Printed for each number of workers (ascending; default 8 64 256 1000): time of rank 0 an iteration [its quartiles] without the
 * waiting for the ranks that make records up, what it is of, and the records and messages that are in it; at the end at how many workers
 * it is as long as an iteration of a worker: SECONDS, or PER_WORKER / 1000 (1,000 structures/s). FILE gets the times as a table, for
 * scaling_model. The replay is checked against one that is merged from all records. */
#define _POSIX_C_SOURCE 200809L

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/rng.h"
#include "comm/comm.h"
#include "timing.h"
#include "train/coordinator.h"
#include "train/exchange.h"

enum { MAX_ITERATIONS = 1000, MAX_WORKERS = 32, HISTORY = 1000, KINDS = 10000 };
enum { SKIP = 2, EARLY = 4, REPEATS = 3 }; /* iterations that do not count, and of a run from nothing, of which there are several */
typedef enum { FIRST, SECOND, FULL, N_LOAD } load;
static const char *const load_name[N_LOAD] = {"first", "second", "full"};
enum { SPREAD, SEND, RECEIVE, ABSORB, N_PART };
static const char *const part_name[N_PART] = {"broadcast", "telling workers", "taking in messages", "replay, kinds, metrics"};

typedef struct {
    sh_comm *comm;
    sh_config config;
    int64_t per_worker;
    int n_iteration, n_worker;
    bool full;
} bench;

/* Of rank 0, by iteration: s, s, and records that came whole. */
static double seconds[N_PART][MAX_ITERATIONS], total[MAX_ITERATIONS], records[MAX_ITERATIONS];

/* Record `traj` of a run: crystals repeat, and good ones are rare. */
static void make_up(uint64_t traj, int32_t max_sites, sh_record *r)
{
    sh_rng rng = {.seed = 7, .traj = traj};
    double u[2], v[2];
    sh_rng_u01x2(&rng, 0, u);
    sh_rng_u01x2(&rng, 2, v);
    memset(r, 0, sh_record_stride(max_sites));
    r->traj = traj;
    r->n_step = max_sites;
    r->formula = (uint64_t)(KINDS * u[0] * u[0]);
    for (int32_t k = 0; k < max_sites; k++)
        r->step[k] = (sh_step){.sg_number = 1 + (int32_t)(230 * v[0]), .elem_index = k};
    r->result = (sh_reward_result){.reward = 0.9 * pow(u[1], 0.2), .e_form = 1 - 3 * u[1], .density = 1 + 3 * v[1], .bond = v[0],
                                   .min_dist = 1.5, .n_atom = 8, .n_site = max_sites, .valid = 1, .bond_valid = v[1] > 0.3};
}

/* The replay after a long run, from the few of its records that can be in it: the same on all ranks. */
static void make_history(const bench *b, sh_records *best)
{
    int32_t max_sites = b->config.constraints.max_sites;
    double n = (double)HISTORY * (double)b->n_worker * (double)b->per_worker;
    sh_records_resize(best, 0);
    if (!b->full) return;
    sh_records_resize(best, b->config.train.replay_capacity);
    for (int64_t i = 0; i < best->n; i++) {
        sh_record *r = sh_record_at(best, i);
        make_up((uint64_t)(1LL << 40) + (uint64_t)i, max_sites, r);
        r->result.reward = 0.9 * pow(1 - (double)(i + 1) / n, 0.2); /* the greatest of n draws */
    }
}

static void run_rank0(const bench *b, const sh_records *history)
{
    const sh_config *c = &b->config;
    int32_t max_sites = c->constraints.max_sites;
    sh_coordinator_state state;
    sh_coordinator_create(c, &state);
    state.metrics = fopen("/dev/null", "w");
    sh_replay_merge(state.replay, history, NULL);
    sh_exchange *x = sh_exchange_create(b->comm, max_sites, c->train.batch, c->train.replay_capacity);
    sh_replay_header header = {.n_total = c->train.replay_batch};
    sh_exchange_send_replay(x, &header, &state.came_in);
    for (int i = 0; i < b->n_iteration; i++) {
        MPI_Barrier(b->comm->all); /* all workers know whether there is a broadcast */
        double start = now();
        sh_exchange_spread_replay(x);
        seconds[SPREAD][i] = now() - start;
        start = now();
        if (state.has_pending) sh_coordinator_absorb(&state, i - 1);
        seconds[ABSORB][i] = now() - start;
        MPI_Barrier(b->comm->all); /* all workers have made their records up and expect a message */
        start = now();
        header.iteration = i + 1;
        sh_exchange_send_replay(x, &header, &state.came_in);
        sh_exchange_expect_findings(x);
        seconds[SEND][i] = now() - start;
        start = now();
        sh_heard_begin(&state.pending);
        sh_exchange_take_findings(x, &state.pending);
        sh_heard_end(&state.pending, &state.modes);
        seconds[RECEIVE][i] = now() - start;
        state.has_pending = true;
        state.pending_report.sums = (sh_step_sums){1, 1, 1, 1, 1, 1};
        total[i] = 0;
        for (int p = 0; p < N_PART; p++)
            total[i] += seconds[p][i];
        records[i] = (double)state.pending.wanted.n;
    }
    sh_coordinator_absorb(&state, b->n_iteration - 1);
    if (sh_coordinator_metrics(&state) != SH_OK) exit(1);

    sh_replay *check = sh_replay_create(max_sites, c->train.replay_capacity);
    sh_records all;
    sh_records_create(&all, max_sites, 1);
    sh_replay_merge(check, history, NULL);
    sh_records_resize(&all, c->train.batch);
    for (int i = 0; i < b->n_iteration; i++) {
        for (int64_t k = 0; k < all.n; k++)
            make_up((uint64_t)(i * all.n + k), max_sites, sh_record_at(&all, k));
        sh_replay_merge(check, &all, NULL);
    }
    const sh_records *got = sh_replay_records(state.replay), *want = sh_replay_records(check);
    if (got->n != want->n || memcmp(got->data, want->data, (size_t)want->n * want->stride)) {
        fprintf(stderr, "bench_coordinator: the replay is not that of all records\n");
        MPI_Abort(b->comm->all, 1);
    }
    sh_records_destroy(&all);
    sh_replay_destroy(&check);
    sh_exchange_destroy(&x);
    sh_coordinator_destroy(&state);
}

/* All kinds that there are, as records, for workers that have told them long ago. */
static void make_kinds(const bench *b, sh_records *kinds)
{
    sh_records_resize(kinds, b->full ? KINDS : 0);
    for (int64_t i = 0; i < kinds->n; i++) {
        sh_record *r = sh_record_at(kinds, i);
        r->n_step = 1;
        r->formula = (uint64_t)i;
        r->result = (sh_reward_result){.e_form = -1, .min_dist = 1.5, .valid = 1, .bond_valid = 1};
    }
}

/* A rank that stands for comm->per_rank workers, each with its own exchange and what it has told. */
static void run_workers(const bench *b, const sh_records *history)
{
    const sh_config *c = &b->config;
    int32_t max_sites = c->constraints.max_sites;
    int n = b->comm->per_rank, first = (b->comm->rank - 1) * n;
    sh_comm *comm = SH_NEW(sh_comm, n);
    sh_exchange **x = SH_NEW(sh_exchange *, n);
    sh_findings **findings = SH_NEW(sh_findings *, n);
    sh_replay *known = sh_replay_create(max_sites, c->train.replay_capacity);
    sh_records fresh, came_in, kinds;
    sh_records_create(&fresh, max_sites, 1);
    sh_records_create(&came_in, max_sites, 1);
    sh_records_create(&kinds, max_sites, 1);
    sh_records_resize(&fresh, b->per_worker);
    make_kinds(b, &kinds);
    sh_replay_merge(known, history, NULL);
    for (int k = 0; k < n; k++) {
        comm[k] = *b->comm;
        comm[k].worker = comm[k].first_shard = first + k;
        comm[k].my_shards = 1;
        x[k] = sh_exchange_create(&comm[k], max_sites, c->train.batch, c->train.replay_capacity);
        findings[k] = sh_findings_create(max_sites, b->n_worker);
        sh_findings_begin(findings[k]);
        sh_findings_add(findings[k], known, &kinds);
        sh_exchange_expect_replay(x[k]);
    }
    for (int i = 0; i < b->n_iteration; i++) {
        sh_replay_header header;
        for (int k = n - 1; k >= 0; k--) { /* what is broadcast is for the first of this rank's */
            if (k == 0) MPI_Barrier(b->comm->all);
            sh_exchange_wait_replay(x[k], &header, &came_in);
            sh_exchange_expect_replay(x[k]);
        }
        sh_replay_merge(known, &came_in, NULL);
        for (int k = 0; k < n; k++) {
            for (int64_t j = 0; j < fresh.n; j++)
                make_up((uint64_t)(i * c->train.batch + (first + k) * fresh.n + j), max_sites, sh_record_at(&fresh, j));
            sh_findings_begin(findings[k]);
            sh_findings_add(findings[k], known, &fresh);
        }
        MPI_Barrier(b->comm->all);
        for (int k = 0; k < n; k++)
            sh_exchange_send_findings(x[k], findings[k]);
    }
    for (int k = 0; k < n; k++) {
        sh_exchange_destroy(&x[k]);
        sh_findings_destroy(&findings[k]);
    }
    sh_records_destroy(&fresh);
    sh_records_destroy(&came_in);
    sh_records_destroy(&kinds);
    sh_replay_destroy(&known);
    sh_free(comm);
    sh_free(x);
    sh_free(findings);
}

static void run(bench *b, bool full, int n_iteration)
{
    sh_records history;
    b->full = full;
    b->n_iteration = n_iteration;
    sh_records_create(&history, b->config.constraints.max_sites, 1);
    make_history(b, &history);
    if (b->comm->rank) run_workers(b, &history);
    else run_rank0(b, &history);
    sh_records_destroy(&history);
}

/* Rank 0 prints one load; x (n): seconds, which are sorted. */
static double show(const bench *b, load l, double *x, int n, FILE *table)
{
    double lower = quantile(x, n, 0.25), upper = quantile(x, n, 0.75), median = quantile(x, n, 0.5);
    printf("%5d workers, %-6s %10.3f ms [%.3f, %.3f], %7.1f us a worker; %.3g records/s, %.3g messages/s\n", b->n_worker, load_name[l],
           1e3 * median, 1e3 * lower, 1e3 * upper, 1e6 * median / b->n_worker, (double)b->config.train.batch / median,
           2.0 * b->n_worker / median);
    if (table) fprintf(table, "%d,%s,%.9f,%.9f,%.9f\n", b->n_worker, load_name[l], median, lower, upper);
    return median;
}

/* Rank 0: seconds of each load. */
static void measure(bench *b, int wanted, int n_iteration, FILE *table, double median[N_LOAD])
{
    double early[2][REPEATS], broadcast[REPEATS];
    int ranks = b->comm->size - 1;
    b->comm->per_rank = wanted / ranks > 0 ? wanted / ranks : 1;
    b->n_worker = b->comm->n_worker = b->comm->n_shard = b->comm->per_rank * ranks;
    b->config.train.batch = b->config.train.replay_batch = b->n_worker * b->per_worker;
    for (int k = 0; k < REPEATS; k++) {
        run(b, false, EARLY);
        early[0][k] = total[0];
        early[1][k] = total[1] + seconds[SPREAD][2]; /* what came in in the first, broadcast as the third begins */
        broadcast[k] = seconds[SPREAD][2];
    }
    run(b, true, n_iteration);
    if (b->comm->rank) return;
    median[FIRST] = show(b, FIRST, early[0], REPEATS, table);
    median[SECOND] = show(b, SECOND, early[1], REPEATS, table);
    printf("        of it the broadcast of what came in %.3f ms\n", 1e3 * quantile(broadcast, REPEATS, 0.5));
    median[FULL] = show(b, FULL, total + SKIP, n_iteration - SKIP, table);
    printf("        full, %.1f x faster than the first; records that came whole: %.0f of %lld;", median[FIRST] / median[FULL],
           quantile(records + SKIP, n_iteration - SKIP, 0.5), (long long)b->config.train.batch);
    for (int p = 0; p < N_PART; p++)
        printf(" %s %.3f ms%s", part_name[p], 1e3 * quantile(seconds[p] + SKIP, n_iteration - SKIP, 0.5), p + 1 < N_PART ? "," : "\n");
}

/* Where rank 0 takes as long as a worker: between two numbers of workers on the line through them; beyond the last, in proportion. */
static void show_saturation(const double *workers, double (*median)[N_LOAD], int n, double iteration)
{
    for (int l = 0; l < N_LOAD; l++) {
        int i = 0;
        while (i < n - 1 && median[i][l] < iteration)
            i++;
        double before = i ? workers[i - 1] : 0, took = i ? median[i - 1][l] : 0;
        bool beyond = median[i][l] < iteration;
        double at = beyond ? workers[i] * iteration / median[i][l]
                           : before + (workers[i] - before) * (iteration - took) / (median[i][l] - took);
        printf("%-6s rank 0 takes as long as a worker's iteration of %.3g ms at %.0f workers%s\n", load_name[l], 1e3 * iteration, at,
               beyond ? ": in proportion to the most that were measured" : "");
    }
}

static bool arguments(int argc, char **argv, bench *b, int *n_iteration, double *iteration, const char **out)
{
    int option;
    while ((option = getopt(argc, argv, "t:o:")) != -1)
        if (option == 't') *iteration = atof(optarg);
        else if (option == 'o') *out = optarg;
        else return false;
    int n = argc - optind;
    b->per_worker = n > 1 ? atoi(argv[optind + 1]) : 128;
    *n_iteration = n > 2 ? atoi(argv[optind + 2]) : 30;
    if (*iteration == 0) *iteration = (double)b->per_worker / 1000;
    return n >= 1 && n <= 3 + MAX_WORKERS && b->per_worker > 0 && *n_iteration >= EARLY && *n_iteration <= MAX_ITERATIONS &&
           *iteration > 0 && b->comm->size > 1;
}

int main(int argc, char **argv)
{
    static bench b;
    static const int usual[] = {8, 64, 256, 1000};
    double workers[MAX_WORKERS], median[MAX_WORKERS][N_LOAD], iteration = 0;
    int n_iteration, n = 0;
    const char *out = NULL;
    if (sh_comm_create(&argc, &argv, &b.comm) != SH_OK) return 1;
    if (!arguments(argc, argv, &b, &n_iteration, &iteration, &out)) {
        if (b.comm->rank == 0)
            fprintf(stderr, "usage: mpirun -n RANKS bench_coordinator [-t SECONDS] [-o FILE] CONFIG.yaml [PER_WORKER] [ITERATIONS] "
                            "[WORKERS ...]\n2 ranks, %d iterations at least, %d numbers of workers at most\n", EARLY, MAX_WORKERS);
        sh_comm_destroy(&b.comm);
        return 2;
    }
    if (sh_config_read(argv[optind], NULL, 0, NULL, &b.config) != SH_OK || sh_comm_set_workers(b.comm, true) != SH_OK) {
        fprintf(stderr, "%s\n", sh_error_message());
        return 1;
    }
    FILE *table = out && b.comm->rank == 0 ? fopen(out, "w") : NULL;
    if (out && b.comm->rank == 0 && !table) {
        fprintf(stderr, "bench_coordinator: cannot write '%s'\n", out);
        MPI_Abort(b.comm->all, 1);
    }
    if (table) fputs("workers,load,seconds,lower,upper\n", table);
    if (b.comm->rank == 0)
        printf("%d ranks stand for the workers, %lld records a worker and iteration, replay of %lld; full: medians of %d iterations, "
               "first and second: of %d runs\n",
               b.comm->size - 1, (long long)b.per_worker, (long long)b.config.train.replay_capacity, n_iteration - SKIP, REPEATS);
    int n_given = argc - optind - 3, n_wanted = n_given > 0 ? n_given : 4;
    for (int i = 0; i < n_wanted; i++) {
        int wanted = n_given > 0 ? atoi(argv[optind + 3 + i]) : usual[i];
        if (wanted < 1) continue;
        measure(&b, wanted, n_iteration, table, median[n]);
        workers[n++] = b.n_worker;
    }
    if (b.comm->rank == 0 && n > 0) show_saturation(workers, median, n, iteration);
    bool written = !table || fclose(table) == 0;
    sh_comm_destroy(&b.comm);
    return written ? 0 : 1;
}
