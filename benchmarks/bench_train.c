/* bench_train.c -- crystals a second for sampling, reward and the whole training step, and where the time goes.
 *
 *     bench_train CONFIG.yaml [RUN] [REPEATS] [BATCH] also under mpirun: the batch is shared out over the ranks
 *
 * With RUN the policy is that of its newest checkpoint: a trained policy draws other crystals than a new one. Every batch size
 * (8, 32, 256 and 2,048, or BATCH alone) runs REPEATS times (default 7) after one that is not counted. Ranks start each part
 * together and a part takes as long as its slowest rank; medians with the smallest and the largest, and the ratio of the whole
 * rate to that of the smallest batch of the same run. Graph and energy are timed once more by themselves on the same crystals, and so is the policy's forward pass; the
 * whole iteration does not count them twice. */
#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <stdlib.h>

#include "comm/comm.h"
#include "timing.h"
#include "train/exchange.h"
#include "train/gradients.h"
#include "train/replay.h"
#include "train/run_state.h"
#include "gflownet/step.h"

enum { SAMPLE, REWARD, GRAPH, ENERGY, STEP, FORWARD, ADAM, REPLAY, SUM, WHOLE, N_PART, MAX_REPEATS = 101 };

static const struct {
    const char *name;
    bool whole; /* adds to the whole iteration */
} part[N_PART] = {
    [SAMPLE] = {"sampling", true},
    [REWARD] = {"reward", true},
    [GRAPH] = {"  of which quotient graphs", false},
    [ENERGY] = {"  of which energies", false},
    [STEP] = {"policy, forward and backward", true},
    [FORWARD] = {"  of which forward", false},
    [ADAM] = {"Adam", true},
    [REPLAY] = {"replay, taking in and drawing", true},
    [SUM] = {"sum of gradients over ranks", true},
    [WHOLE] = {"whole iteration", false},
};

typedef struct {
    sh_comm *comm;
    sh_setup *setup;
    sh_replay *buffer;
    sh_records fresh, replay;
    sh_gradients gradients;
    double start, seconds[N_PART];
} bench;

static void begin(bench *b)
{
    MPI_Barrier(b->comm->all);
    b->start = now();
}

static void end(bench *b, int p)
{
    double mine = now() - b->start;
    MPI_Allreduce(&mine, &b->seconds[p], 1, MPI_DOUBLE, MPI_MAX, b->comm->all);
}

static void draw_again(bench *b, const sh_crystals *crystals)
{
    const sh_setup *s = b->setup;
    sh_graph graph;
    sh_workspace ws = sh_workspace_host(s->arena);
    double *e_total = SH_PUSH(s->arena, double, crystals->n_crystal), *e_form = SH_PUSH(s->arena, double, crystals->n_crystal);
    int64_t *wanted = SH_PUSH(s->arena, int64_t, crystals->n_crystal), n_wanted = 0;
    for (int64_t i = 0; i < b->fresh.n; i++)
        if (sh_record_at(&b->fresh, i)->result.reason == SH_REASON_NONE) wanted[n_wanted++] = i;
    begin(b);
    sh_graph_build(&ws, crystals, &(sh_graph_opts){.cutoff = 5}, &graph);
    end(b, GRAPH);
    begin(b);
    if (s->model.potential)
        sh_potential_evaluate(s->model.potential, &ws, crystals, &graph, wanted, n_wanted, e_total, e_form);
    end(b, ENERGY);
}

/* One iteration with a share of n fresh and as many replayed crystals. */
static void iteration(bench *b, uint64_t first, int64_t n, bool first_of_all)
{
    const sh_setup *s = b->setup;
    const sh_exploration none = {.epsilon = 0, .widen = 1};
    int64_t offset, count, n_replay;
    double norm;
    sh_exchange_slice(b->comm, n, &offset, &count);
    sh_arena_reset(s->arena);
    begin(b);
    sh_workspace ws;
    sh_workspace_begin(&ws, s->be, s->arena);
    sh_sample(s->policy, &ws, 1, first + (uint64_t)offset, count, &none, &b->fresh);
    end(b, SAMPLE);

    const sh_record **record = SH_PUSH(s->arena, const sh_record *, 2 * count);
    sh_crystals crystals;
    sh_reward_result *result = SH_PUSH(s->arena, sh_reward_result, count);
    for (int64_t i = 0; i < count; i++)
        record[i] = sh_record_at(&b->fresh, i);
    begin(b);
    sh_workspace_begin(&ws, s->be, s->arena);
    const sh_record_list drawn = sh_records_list(&b->fresh);
    sh_finished_crystals(&s->space, &ws, &drawn, NULL, count, &crystals);
    sh_reward_evaluate(s->reward, &ws, &crystals, false, result);
    end(b, REWARD);
    for (int64_t i = 0; i < count; i++)
        sh_record_at(&b->fresh, i)->result = result[i];
    draw_again(b, &crystals);

    begin(b); /* the buffer of rank 0 would take in what all ranks send */
    if (b->comm->rank == 0 || first_of_all) sh_replay_merge(b->buffer, &b->fresh, NULL);
    sh_records_resize(&b->replay, 0);
    sh_replay_draw(b->buffer, 1, first, 0, count, 0.5, &b->replay);
    end(b, REPLAY);

    n_replay = b->replay.n;
    double *target = SH_PUSH(s->arena, double, count), *again = SH_PUSH(s->arena, double, n_replay);
    for (int64_t i = 0; i < count; i++)
        target[i] = sh_reward_log_target(&s->config->reward, &result[i]);
    for (int64_t i = 0; i < n_replay; i++)
        again[i] = sh_reward_log_target(&s->config->reward, &sh_record_at(&b->replay, i)->result);
    sh_step_sums sums;
    sh_params_zero_grad(s->params);
    begin(b);
    const sh_step_batch batch = {
        .fresh = &b->fresh, .target_fresh = target, .replay = &b->replay, .target_replay = again, .n_total = (double)(2 * n)};
    sh_train_step(s->policy, s->be, &batch, s->arena, &sums);
    end(b, STEP);
    begin(b);
    sh_gradients_sum(&b->gradients, b->comm, s);
    end(b, SUM);
    begin(b);
    if (sh_adam_step(s->adam, 1e-12, 10, &norm) != SH_OK) { /* a step so small that all repeats see one policy */
        fprintf(stderr, "%s\n", sh_error_message());
        exit(1);
    }
    end(b, ADAM);

    sh_tape tape;
    begin(b);
    sh_workspace_begin(&ws, s->be, s->arena);
    sh_tape_begin(&tape, &ws, true);
    double *numbers = SH_ROOM(&ws, double, 3 * count);
    const sh_record_list records = sh_records_there(&ws, &b->fresh, NULL, 0, count);
    const sh_balance balance = {.log_pf = numbers, .log_pb = numbers + count, .residual = numbers + 2 * count};
    sh_objective(s->policy, &tape, &records, SH_PUT(&ws, target, count), 1, &balance);
    end(b, FORWARD);
    b->seconds[FORWARD] *= (double)(count + n_replay) / (double)(count > 0 ? count : 1); /* fresh ones only were passed */
    b->seconds[WHOLE] = 0;
    for (int p = 0; p < N_PART; p++)
        if (part[p].whole) b->seconds[WHOLE] += b->seconds[p];
}

static void run_batch(bench *b, int64_t n, int repeats, double *baseline)
{
    static double seconds[N_PART][MAX_REPEATS];
    for (int k = -1; k < repeats; k++) {
        iteration(b, (uint64_t)((k + 2) * 100000), n, k < 0);
        for (int p = 0; p < N_PART && k >= 0; p++)
            seconds[p][k] = b->seconds[p];
    }
    if (b->comm->rank) return;
    printf("batch %lld\n", (long long)n);
    for (int p = 0; p < N_PART; p++) {
        double median = quantile(seconds[p], repeats, 0.5);
        printf("  %-30s %9.3f ms [%.3f, %.3f]  %8.0f crystals/s", part[p].name, 1e3 * median, 1e3 * quantile(seconds[p], repeats, 0),
               1e3 * quantile(seconds[p], repeats, 1), (double)n / median);
        if (p == WHOLE) {
            if (*baseline == 0) *baseline = (double)n / median;
            printf("  %.2f x first", (double)n / median / *baseline);
        }
        printf("\n");
    }
}

int main(int argc, char **argv)
{
    static sh_config config;
    sh_setup s;
    bench b = {.setup = &s};
    int repeats = argc > 3 ? atoi(argv[3]) : 7;
    int64_t done = 0, only = argc > 4 ? atoi(argv[4]) : 0;
    double baseline = 0;
    const char *run = argc > 2 && argv[2][0] ? argv[2] : NULL;
    if (argc < 2 || repeats < 1 || repeats > MAX_REPEATS || only < 0) {
        fprintf(stderr, "usage: bench_train CONFIG.yaml [RUN] [REPEATS] [BATCH]\n");
        return 2;
    }
    if (sh_comm_create(&argc, &argv, &b.comm) != SH_OK || sh_comm_set_workers(b.comm, false) != SH_OK ||
        sh_config_read(argv[1], NULL, 0, NULL, &config) != SH_OK || sh_setup_create(&config, &s) != SH_OK ||
        (run && sh_run_state_read(run, &s, NULL, &done) != SH_OK)) {
        fprintf(stderr, "%s\n", sh_error_message());
        return 1;
    }
    if (b.comm->rank == 0)
        printf("%s, %s policy (%lld iterations), %d rank%s, as many replayed as fresh crystals; medians of %d [smallest, largest]\n",
               argv[1], run ? "trained" : "new", (long long)done, b.comm->size, b.comm->size > 1 ? "s" : "", repeats);
    b.buffer = sh_replay_create(config.constraints.max_sites, config.train.replay_capacity);
    sh_gradients_create(b.comm, &s, &b.gradients);
    sh_records_create(&b.fresh, config.constraints.max_sites, 1);
    sh_records_create(&b.replay, config.constraints.max_sites, 1);
    for (int64_t n = 8; n <= 2048 && !only; n = n == 8 ? 32 : n * 8)
        run_batch(&b, n, repeats, &baseline);
    if (only) run_batch(&b, only, repeats, &baseline);
    sh_replay_destroy(&b.buffer);
    sh_records_destroy(&b.fresh);
    sh_records_destroy(&b.replay);
    sh_gradients_destroy(&b.gradients, &s);
    sh_setup_destroy(&s);
    sh_comm_destroy(&b.comm);
    return 0;
}
