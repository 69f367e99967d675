/* bench_step.c -- the networks' part of a training step on the CPU and on a CUDA device: sampling, gradient, optimizer. It needs the
 * core alone, neither MPI nor HDF5, and no weights: the target is a constant.
 *
 *     bench_step [REPEATS] [LARGEST]        batches of 256, 1,024, 4,096 and 16,384 up to LARGEST (default 16384); REPEATS 7
 *
 * The policy is that of configs/battery.yaml, new. As many replayed as fresh trajectories; every batch runs REPEATS times after one
 * that is not counted. Printed are medians with the smallest and the largest, trained structures a second with their ratio to the
 * CPU's in the same run (where it was timed: up to 1,024), and what the dense products reach of the device's own: one large product
 * and one large sum, measured here. */
#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cuda_module.h"
#include "gflownet/sampler.h"
#include "gflownet/step.h"
#include "nn/adam.h"
#include "timing.h"

enum { SAMPLE, GRADIENT, ADAM, WHOLE, N_PART, MAX_REPEATS = 101, LARGEST_ON_CPU = 1024 };

static const char *const part_name[N_PART] = {"sampling", "gradient", "optimizer", "whole step"};

typedef struct {
    sh_groups *groups;
    sh_constraints constraints;
    sh_space space;
    sh_params *params;
    sh_policy *policy;
    sh_adam *adam;
    sh_arena *arena;
    sh_sizes *draw_sizes, *learn_sizes;
    sh_records fresh, replay;
} bench;

static _Noreturn void fatal(const char *message)
{
    fprintf(stderr, "bench_step: %s\n", message);
    exit(1);
}

static void create(bench *b)
{
    static const int32_t element[] = {4, 5, 6, 7, 8, 14, 15, 16, 17, 3, 11, 19};
    static const sh_policy_options options = {.shared_encoder = true,
                                              .mixture = 8,
                                              .position_mixture = 1,
                                              .neighbours = 12,
                                              .sites = SH_SITES_WYCKOFF,
                                              .group = SH_ONCE,
                                              .lattice = SH_LATTICE_LAST,
                                              .lambda = 0.9,
                                              .merge_tol = 0.3};
    sh_constraints *c = &b->constraints;
    *b = (bench){.constraints = {.n_element = 12,
                                 .has_one_of = true,
                                 .max_elements = 3,
                                 .min_sites = 1,
                                 .max_sites = 3,
                                 .max_atoms = 200,
                                 .cell = {.length = {2.4, 15}, .angle = {80, 130}}}};
    for (int i = 0; i < 12; i++) {
        c->element[i] = element[i];
        c->one_of[i] = i >= 9;
    }
    for (int g = 0; g < SH_N_GROUP; g++)
        c->group_allowed[g] = true;
    if (sh_groups_create(&b->groups) != SH_OK) fatal(sh_error_message());
    b->space = sh_space_of(b->groups, c, options.sites, options.merge_tol);
    b->params = sh_params_create();
    if (sh_policy_create(&options, &b->space, b->params, &b->policy) != SH_OK) fatal(sh_error_message());
    sh_params_commit(b->params, 1);
    sh_policy_start_values(b->policy, 0);
    b->adam = sh_adam_create(b->params);
    b->arena = sh_arena_create(1 << 24);
    b->draw_sizes = sh_sizes_create(c->max_sites + 2);
    b->learn_sizes = sh_sizes_create(1);
    sh_records_create(&b->fresh, c->max_sites, 1);
    sh_records_create(&b->replay, c->max_sites, 1);
}

static void destroy(bench *b)
{
    sh_records_destroy(&b->fresh);
    sh_records_destroy(&b->replay);
    sh_sizes_destroy(&b->draw_sizes);
    sh_sizes_destroy(&b->learn_sizes);
    sh_arena_destroy(&b->arena);
    sh_adam_destroy(&b->adam);
    sh_policy_destroy(&b->policy);
    sh_params_destroy(&b->params);
    sh_groups_destroy(&b->groups);
}

static void use(bench *b, const sh_backend *be)
{
    sh_params_use(b->params, be);
    sh_adam_use(b->adam, be);
    sh_space_use(&b->space, be);
}

static void step(bench *b, const sh_backend *be, uint64_t first, int64_t n, double seconds[N_PART])
{
    static const sh_exploration none = {.epsilon = 0, .widen = 1};
    sh_step_sums sums;
    double norm, start = now(), at = start;
    sh_arena_reset(b->arena);
    sh_workspace ws;
    do {
        sh_workspace_begin(&ws, be, b->arena);
        sh_workspace_plan(&ws, b->draw_sizes);
        sh_sample(b->policy, &ws, 1, first, n, &none, &b->fresh);
    } while (!sh_workspace_settle(&ws));
    seconds[SAMPLE] = now() - at;
    sh_records_resize(&b->replay, n);
    memcpy(b->replay.data, b->fresh.data, (size_t)n * b->fresh.stride);
    double *target = SH_PUSH_ZERO(b->arena, double, n);
    at = now();
    sh_params_zero_grad(b->params);
    const sh_step_batch batch = {
        .fresh = &b->fresh, .target_fresh = target, .replay = &b->replay, .target_replay = target, .n_total = 2 * (double)n,
        .sizes = b->learn_sizes};
    sh_train_step(b->policy, be, &batch, b->arena, &sums);
    be->wait();
    seconds[GRADIENT] = now() - at;
    at = now();
    if (sh_adam_step(b->adam, 1e-12, 10, &norm) != SH_OK) fatal(sh_error_message()); /* all repeats see one policy */
    be->wait();
    seconds[ADAM] = now() - at;
    seconds[WHOLE] = seconds[SAMPLE] + seconds[GRADIENT] + seconds[ADAM];
}

/* ---- operations of the dense products of one step ---- */

static struct {
    const sh_backend *be;
    double operations;
} counter;

static void count_dense(const sh_dense_args *args, int64_t n)
{
    counter.operations += 2.0 * (double)n * (double)args->k * (double)args->out.cols;
    counter.be->dense(args, n);
}

static void count_dense_grad(const sh_dense_grad_args *args, int64_t n)
{
    int products = (args->grad_input != NULL) + (args->grad_w != NULL);
    counter.operations += 2.0 * products * (double)n * (double)args->k * (double)args->cols;
    counter.be->dense_grad(args, n);
}

static double operations(bench *b, const sh_backend *be, int64_t n)
{
    double seconds[N_PART];
    sh_backend counting = *be;
    counting.dense = count_dense;
    counting.dense_grad = count_dense_grad;
    counter.be = be;
    counter.operations = 0;
    step(b, &counting, 0, n, seconds);
    return counter.operations;
}

/* Operations and bytes a second of one large product and one large sum. */
static void ceilings(const sh_backend *be, double *flops, double *bytes)
{
    const int64_t m = be->room ? 8192 : 1024, n = be->room ? 1 << 28 : 1 << 24;
    sh_arena *room = sh_arena_create_in(be->memory, 1 << 20);
    sh_real *x = SH_PUSH(room, sh_real, n), *y = SH_PUSH(room, sh_real, n), *z = SH_PUSH(room, sh_real, n);
    const sh_add_args args = {.a = x, .b = y, .y = z};
    const sh_dense_args layer = {.input = x, .w = y, .k = m, .out = {.pre = z, .y = z, .cols = m, .kind = -1}};
    be->clear(x, (size_t)n * sizeof *x);
    be->clear(y, (size_t)n * sizeof *y);
    *flops = *bytes = 0;
    for (int i = 0; i < 5; i++) {
        double start = now();
        be->dense(&layer, m);
        be->wait();
        double middle = now();
        be->add(&args, n);
        be->wait();
        double f = 2.0 * (double)m * (double)m * (double)m / (middle - start), w = 3.0 * (double)n * sizeof *x / (now() - middle);
        *flops = f > *flops ? f : *flops;
        *bytes = w > *bytes ? w : *bytes;
    }
    sh_arena_destroy(&room);
}

/* Times all batches; rate (4) of each, 0 where it was not timed. */
static void run(bench *b, const sh_backend *be, const char *what, int repeats, int64_t largest, const double *cpu_rate, double *rate)
{
    static double seconds[N_PART][MAX_REPEATS];
    double most_flops, most_bytes;
    use(b, be);
    ceilings(be, &most_flops, &most_bytes);
    printf("%s: large product %.3g Tflop/s, large sum %.4g GB/s\n", what, 1e-12 * most_flops, 1e-9 * most_bytes);
    for (int k = 0; k < 4; k++) {
        int64_t n = 256LL << 2 * k;
        rate[k] = 0;
        if (n > largest) continue;
        double done = operations(b, be, n); /* the step that is not counted */
        for (int i = 0; i < repeats; i++) {
            double one[N_PART];
            step(b, be, 0, n, one);
            for (int p = 0; p < N_PART; p++)
                seconds[p][i] = one[p];
        }
        printf("batch %lld\n", (long long)n);
        for (int p = 0; p < N_PART; p++) {
            double median = quantile(seconds[p], repeats, 0.5);
            printf("  %-12s %10.3f ms [%.3f, %.3f] %12.0f structures/s", part_name[p], 1e3 * median,
                   1e3 * quantile(seconds[p], repeats, 0), 1e3 * quantile(seconds[p], repeats, 1), (double)n / median);
            if (p == WHOLE) {
                rate[k] = (double)n / median;
                printf("  dense products: %.3g Tflop/s, %.1f %% of a large one", 1e-12 * done / median, 100 * done / median / most_flops);
                if (cpu_rate && cpu_rate[k] > 0) printf("; %.2f x CPU", rate[k] / cpu_rate[k]);
            }
            printf("\n");
        }
    }
    use(b, sh_backend_cpu());
}

int main(int argc, char **argv)
{
    bench b;
    int repeats = argc > 1 ? atoi(argv[1]) : 7;
    int64_t largest = argc > 2 ? atoi(argv[2]) : 16384;
    double on_cpu[4], on_device[4];
    if (argc > 3 || repeats < 1 || repeats > MAX_REPEATS || largest < 256) {
        fprintf(stderr, "usage: bench_step [REPEATS] [LARGEST]\n");
        return 2;
    }
    create(&b);
    printf("policy of configs/battery.yaml, new; %lld parameters; medians of %d [smallest, largest]\n",
           (long long)sh_params_size(b.params), repeats);
    run(&b, sh_backend_cpu(), "CPU", repeats, largest < LARGEST_ON_CPU ? largest : LARGEST_ON_CPU, NULL, on_cpu);
    const sh_cuda_state *cuda = sh_cuda_look();
    if (cuda->n_device) {
        const sh_backend *be;
        char text[SH_CUDA_TEXT];
        cuda->entry->describe(0, text);
        if (sh_cuda_open(&(sh_cuda_options){.fatal = fatal}, &be) != SH_OK) fatal(sh_error_message());
        run(&b, be, text, repeats, largest, on_cpu, on_device);
        sh_cuda_close();
    } else {
        printf("no device: %s\n", cuda->why);
    }
    destroy(&b);
    return 0;
}
