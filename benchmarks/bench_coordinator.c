/* bench_coordinator.c -- how many records and messages a second rank 0 bears, alone, under the load of many workers.
 *
 *     mpirun -n RANKS bench_coordinator CONFIG.yaml [PER_WORKER] [ITERATIONS] [WORKERS ...]
 *
 * Rank 0 only coordinates, by the code of `shaft train`: it takes in what workers tell (train/findings.h), merges it into the replay,
 * counts kinds of crystals, writes a row of metrics and tells all workers what came in. The other ranks stand for many workers each,
 * which have drawn PER_WORKER (default 128) records an iteration: made up, with the scatter of rewards of a run. They merge and draw
 * one replay for all they stand for, which is a worker's own cost. Two loads: `full`, a replay and kinds told as after 1,000 iterations,
 * where few records come in, and `first`, nothing known, where rank 0 is sent every record as it would be always if nothing were told
 * in short.
 * Printed for each number of workers (default 8 64 256 1000): time of rank 0 an iteration [quickest, slowest] without the waiting for
 * the ranks that make records up, what it is of, and the records and messages that are in it. The replay is checked against one that is
 * merged from all records. */
#define _POSIX_C_SOURCE 200809L

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/rng.h"
#include "comm/comm.h"
#include "timing.h"
#include "train/coordinator.h"
#include "train/exchange.h"

enum { MAX_ITERATIONS = 1000, HISTORY = 1000, KINDS = 10000 };
enum { SPREAD, SEND, RECEIVE, ABSORB, N_PART };
static const char *const part_name[N_PART] = {"broadcast", "telling workers", "taking in messages", "replay, kinds, metrics"};

typedef struct {
    sh_comm *comm;
    sh_config config;
    int64_t per_worker;
    int n_iteration, n_worker;
    bool full;
} bench;

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

static void run_rank0(const bench *b, const sh_records *history, double seconds[N_PART][MAX_ITERATIONS], double *total, double *bytes)
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
        bytes[i] = (double)state.pending.wanted.n;
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

/* Seconds of rank 0 an iteration; 0 on other ranks. */
static double run(bench *b, int wanted, bool full, double baseline)
{
    static double seconds[N_PART][MAX_ITERATIONS], total[MAX_ITERATIONS], records[MAX_ITERATIONS];
    int ranks = b->comm->size - 1;
    sh_records history;
    b->comm->per_rank = wanted / ranks > 0 ? wanted / ranks : 1;
    b->n_worker = b->comm->n_worker = b->comm->n_shard = b->comm->per_rank * ranks;
    b->config.train.batch = b->config.train.replay_batch = b->n_worker * b->per_worker;
    b->full = full;
    sh_records_create(&history, b->config.constraints.max_sites, 1);
    make_history(b, &history);
    if (b->comm->rank) run_workers(b, &history);
    else run_rank0(b, &history, seconds, total, records);
    sh_records_destroy(&history);
    if (b->comm->rank) return 0;
    int skip = full ? 2 : 0, n = full ? b->n_iteration - skip : 1;
    double second = total[1] + seconds[SPREAD][2]; /* after the first: all workers are told what came in, most of a replay */
    double median = quantile(total + skip, n, 0.5);
    printf("%5d workers, replay %-6s %9.3f ms an iteration [%.3f, %.3f], %7.1f us a worker; %.3g records/s, %.3g messages/s", b->n_worker,
           full ? "full" : "first", 1e3 * median, 1e3 * quantile(total + skip, n, 0), 1e3 * quantile(total + skip, n, 1),
           1e6 * median / b->n_worker, (double)b->config.train.batch / median, 2.0 * b->n_worker / median);
    if (baseline > 0) printf("; %.1f x faster than sending all", baseline / median);
    printf("\n        records that came whole: %.0f of %lld;", quantile(records + skip, n, 0.5), (long long)b->config.train.batch);
    for (int p = 0; p < N_PART; p++)
        printf(" %s %.3f ms%s", part_name[p], 1e3 * quantile(seconds[p] + skip, n, 0.5), p + 1 < N_PART ? "," : "\n");
    if (!full)
        printf("        the iteration after it, with what came in for all workers: %.3f ms; of it the broadcast %.3f ms\n", 1e3 * second,
               1e3 * seconds[SPREAD][2]);
    return median;
}

int main(int argc, char **argv)
{
    static bench b;
    static const int usual[] = {8, 64, 256, 1000};
    if (sh_comm_create(&argc, &argv, &b.comm) != SH_OK) return 1;
    b.per_worker = argc > 2 ? atoi(argv[2]) : 128;
    b.n_iteration = argc > 3 ? atoi(argv[3]) : 30;
    if (argc < 2 || b.per_worker < 1 || b.n_iteration < 4 || b.n_iteration > MAX_ITERATIONS || b.comm->size < 2) {
        fprintf(stderr, "usage: mpirun -n RANKS bench_coordinator CONFIG.yaml [PER_WORKER] [ITERATIONS] [WORKERS ...], 2 ranks at least\n");
        sh_comm_destroy(&b.comm);
        return 2;
    }
    if (sh_config_read(argv[1], NULL, 0, NULL, &b.config) != SH_OK || sh_comm_set_workers(b.comm, true) != SH_OK) {
        fprintf(stderr, "%s\n", sh_error_message());
        return 1;
    }
    if (b.comm->rank == 0)
        printf("%d ranks stand for the workers, %lld records a worker and iteration, replay of %lld; medians of %d iterations\n",
               b.comm->size - 1, (long long)b.per_worker, (long long)b.config.train.replay_capacity, b.n_iteration);
    int n = argc > 4 ? argc - 4 : 4;
    for (int i = 0; i < n; i++) {
        int workers = argc > 4 ? atoi(argv[4 + i]) : usual[i];
        if (workers < 1) continue;
        double all = run(&b, workers, false, 0);
        run(&b, workers, true, all);
    }
    sh_comm_destroy(&b.comm);
    return 0;
}
