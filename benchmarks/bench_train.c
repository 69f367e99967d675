/* bench_train.c -- crystals a second for sampling, reward and the whole training step, and where the time goes.
 *
 *     bench_train CONFIG.yaml [RUN] [REPEATS]
 *
 * With RUN the policy is that of its newest checkpoint: a trained policy draws other crystals than a new one, smaller and with
 * more of them inside the guard. Every batch size runs REPEATS times (default 7) after one that is not counted; medians with
 * the smallest and the largest, and the ratio of the step's rate to that of the smallest batch of the same run. */
#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "train/replay.h"
#include "train/run_state.h"
#include "train/step.h"

enum { SAMPLE, REWARD, STEP, ADAM, WHOLE, N_PART, MAX_REPEATS = 101 };

static const char *const part_name[N_PART] = {"sampling", "reward (graph, energy, terms)", "policy, forward and backward", "Adam",
                                              "whole iteration"};

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* One iteration of n fresh and n replayed crystals; seconds of each part. */
static void iteration(const sh_setup *s, uint64_t first, int64_t n, const sh_records *replay, sh_records *fresh, double *seconds)
{
    const sh_exploration none = {.epsilon = 0, .widen = 1};
    double t0 = now();
    sh_arena_reset(s->arena);
    sh_sample(s->policy, s->be, 1, first, n, &none, s->arena, fresh);
    double t1 = now();
    const sh_record **record = SH_PUSH(s->arena, const sh_record *, n);
    int32_t *t = SH_PUSH(s->arena, int32_t, n);
    double *target = SH_PUSH(s->arena, double, n), *again = SH_PUSH(s->arena, double, replay->n), norm;
    for (int64_t i = 0; i < n; i++) {
        record[i] = sh_record_at(fresh, i);
        t[i] = record[i]->n_step;
    }
    sh_crystals crystals;
    sh_reward_result *result = SH_PUSH(s->arena, sh_reward_result, n);
    sh_states_crystals(&s->space, record, t, n, s->arena, &crystals);
    sh_reward_evaluate(s->reward, &crystals, false, s->arena, result);
    double t2 = now();
    for (int64_t i = 0; i < n; i++) {
        sh_record_at(fresh, i)->result = result[i];
        target[i] = sh_reward_log_target(&s->config->reward, &result[i]);
    }
    for (int64_t i = 0; i < replay->n; i++)
        again[i] = sh_reward_log_target(&s->config->reward, &sh_record_at(replay, i)->result);
    sh_step_sums sums;
    sh_params_zero_grad(s->params);
    sh_train_step(s->policy, s->be, fresh, target, replay, again, (double)(n + replay->n), false, s->arena, &sums);
    double t3 = now();
    if (sh_adam_step(s->adam, 1e-12, 10, &norm) != SH_OK) { /* a step so small that all repeats see one policy */
        fprintf(stderr, "%s\n", sh_error_message());
        exit(1);
    }
    double t4 = now();
    seconds[SAMPLE] = t1 - t0;
    seconds[REWARD] = t2 - t1;
    seconds[STEP] = t3 - t2;
    seconds[ADAM] = t4 - t3;
    seconds[WHOLE] = t4 - t0;
}

int main(int argc, char **argv)
{
    static sh_config config;
    sh_setup s;
    int repeats = argc > 3 ? atoi(argv[3]) : 7;
    int64_t done = 0;
    const char *run = argc > 2 && argv[2][0] ? argv[2] : NULL;
    if (argc < 2 || repeats < 1 || repeats > MAX_REPEATS) {
        fprintf(stderr, "usage: bench_train CONFIG.yaml [RUN] [REPEATS]\n");
        return 2;
    }
    if (sh_config_read(argv[1], NULL, 0, NULL, &config) != SH_OK || sh_setup_create(&config, &s) != SH_OK ||
        (run && sh_run_state_read(run, &s, NULL, &done) != SH_OK)) {
        fprintf(stderr, "%s\n", sh_error_message());
        return 1;
    }
    printf("%s, %s policy (%lld iterations), as many replayed as fresh crystals; medians of %d [smallest, largest]\n", argv[1],
           run ? "trained" : "new", (long long)done, repeats);
    static double seconds[N_PART][MAX_REPEATS];
    double baseline = 0;
    for (int64_t n = 8; n <= 256; n = n == 8 ? 32 : n * 8) {
        sh_records fresh, replay, none;
        sh_records_create(&fresh, config.constraints.max_sites, n);
        sh_records_create(&replay, config.constraints.max_sites, n);
        sh_records_create(&none, config.constraints.max_sites, 1);
        double part[N_PART];
        iteration(&s, 0, 4 * n, &none, &fresh, part); /* replays the best quarter of these */
        sh_replay *buffer = sh_replay_create(config.constraints.max_sites, n);
        sh_replay_merge(buffer, &fresh);
        sh_replay_draw(buffer, 1, 1, n, 1, &replay);
        for (int k = -1; k < repeats; k++) {
            iteration(&s, (uint64_t)((k + 2) * 100000), n, &replay, &fresh, part);
            for (int p = 0; p < N_PART && k >= 0; p++)
                seconds[p][k] = part[p];
        }
        printf("batch %lld\n", (long long)n);
        for (int p = 0; p < N_PART; p++) {
            qsort(seconds[p], (size_t)repeats, sizeof(double), compare);
            double median = seconds[p][repeats / 2];
            printf("  %-30s %9.3f ms [%.3f, %.3f]  %8.0f crystals/s", part_name[p], 1e3 * median, 1e3 * seconds[p][0],
                   1e3 * seconds[p][repeats - 1], (double)n / median);
            if (p == WHOLE) {
                if (baseline == 0) baseline = (double)n / median;
                printf("  %.2f x batch 8", (double)n / median / baseline);
            }
            printf("\n");
        }
        sh_replay_destroy(&buffer);
        sh_records_destroy(&fresh);
        sh_records_destroy(&replay);
        sh_records_destroy(&none);
    }
    sh_setup_destroy(&s);
    return 0;
}
