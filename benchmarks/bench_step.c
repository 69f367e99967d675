/* bench_step.c -- a worker's training step on the CPU and on a CUDA device, by part: drawing (sampling, energies, all other terms of the
 * reward), gradient, optimizer. It needs the core alone, neither MPI nor HDF5.
 *
 *     bench_step [REPEATS] [LARGEST] [MODEL]    batches of 256, 1,024, 4,096 and 16,384 up to LARGEST (default 16384); REPEATS 7;
 *                                               MODEL a file NAME.flat of flat_weights, without it the reward has no energies
 *
 * The task is that of configs/battery.yaml with a new policy. As many replayed as fresh trajectories; every batch runs REPEATS times
 * after one that is not counted. Printed are medians with the smallest and the largest, trained structures a second with their ratio to the
 * CPU's in the same run (where it was timed: up to 1,024), and what dense products and memory reach of the device's own: one large
 * product and one large sum, measured here. Memory is counted as bench_roofline does, from below. */
#define _POSIX_C_SOURCE 200809L

#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/cuda_module.h"
#include "worker.h"

enum { MAX_REPEATS = 101, LARGEST_ON_CPU = 1024 };

static _Noreturn void fatal(const char *message)
{
    fprintf(stderr, "bench_step: %s\n", message);
    exit(1);
}

static void step(worker *w, int64_t n, double seconds[N_PART])
{
    if (worker_step(w, 0, n, seconds) != SH_OK) fatal(sh_error_message());
}

/* ---- what a step asks for ---- */

/* A structure's share of the operations of dense products and of the memory that launches touch: of a step of COUNTED, which is nearly
 * that of any. */
typedef struct {
    double operations, bytes;
} demand;

static demand count(worker *w)
{
    enum { COUNTED = 256 };
    demand d = {0, 0};
    int n_kernel = 0, threads = omp_get_max_threads();
    sh_recorder_kernel *kernel = NULL;
    omp_set_num_threads(1);
    if (worker_count(w, COUNTED, &kernel, &n_kernel) != SH_OK) fatal(sh_error_message());
    for (int k = 0; k < n_kernel; k++) {
        d.operations += kernel[k].operations / COUNTED;
        d.bytes += (double)(kernel[k].read + kernel[k].written) / COUNTED;
    }
    sh_free(kernel);
    omp_set_num_threads(threads);
    return d;
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
static void run(worker *w, const sh_backend *be, const char *what, int repeats, int64_t largest, const demand *d,
                const double *cpu_rate, double *rate)
{
    static double seconds[N_PART][MAX_REPEATS];
    double most_flops, most_bytes;
    worker_use(w, be);
    ceilings(be, &most_flops, &most_bytes);
    printf("%s: large product %.3g Tflop/s, large sum %.4g GB/s\n", what, 1e-12 * most_flops, 1e-9 * most_bytes);
    for (int k = 0; k < 4; k++) {
        int64_t n = 256LL << 2 * k;
        rate[k] = 0;
        if (n > largest) continue;
        for (int i = -1; i < repeats; i++) { /* the first is not counted */
            double one[N_PART] = {0};
            step(w, n, one);
            for (int p = 0; p < N_PART && i >= 0; p++)
                seconds[p][i] = one[p];
        }
        printf("batch %lld\n", (long long)n);
        for (int p = 0; p < N_PART; p++) {
            double median = quantile(seconds[p], repeats, 0.5);
            printf("  %-12s %10.3f ms [%.3f, %.3f] %12.0f structures/s", part_name[p], 1e3 * median,
                   1e3 * quantile(seconds[p], repeats, 0), 1e3 * quantile(seconds[p], repeats, 1), (double)n / median);
            if (p == WHOLE) {
                rate[k] = (double)n / median;
                printf("  dense products %.3g Tflop/s, %.1f %% of a large one; memory %.4g GB/s, %.1f %% of a large sum",
                       1e-12 * d->operations * rate[k], 100 * d->operations * rate[k] / most_flops, 1e-9 * d->bytes * rate[k],
                       100 * d->bytes * rate[k] / most_bytes);
                if (cpu_rate && cpu_rate[k] > 0) printf("; %.2f x CPU", rate[k] / cpu_rate[k]);
            }
            printf("\n");
        }
    }
    worker_use(w, sh_backend_cpu());
}

int main(int argc, char **argv)
{
    worker w;
    int repeats = argc > 1 ? atoi(argv[1]) : 7;
    int64_t largest = argc > 2 ? atoi(argv[2]) : 16384;
    const char *weights = argc > 3 ? argv[3] : NULL;
    double on_cpu[4], on_device[4];
    if (argc > 4 || repeats < 1 || repeats > MAX_REPEATS || largest < 256 || (weights && !is_flat(weights))) {
        fprintf(stderr, "usage: bench_step [REPEATS] [LARGEST] [NAME.flat]\n");
        return 2;
    }
    if (worker_create(weights, &w) != SH_OK) fatal(sh_error_message());
    printf("policy of configs/battery.yaml, new; %lld parameters; energies: %s; medians of %d [smallest, largest]\n",
           (long long)sh_params_size(w.params), weights ? weights : "none", repeats);
    const demand d = count(&w);
    printf("a structure asks for %.1f Mflop of products and touches %.2f MB of memory\n", 1e-6 * d.operations, 1e-6 * d.bytes);
    run(&w, sh_backend_cpu(), "CPU", repeats, largest < LARGEST_ON_CPU ? largest : LARGEST_ON_CPU, &d, NULL, on_cpu);
    const sh_cuda_state *cuda = sh_cuda_look();
    if (cuda->n_device) {
        const sh_backend *be;
        char text[SH_CUDA_TEXT];
        cuda->entry->describe(0, text);
        if (sh_cuda_open(&(sh_cuda_options){.fatal = fatal}, &be) != SH_OK) fatal(sh_error_message());
        run(&w, be, text, repeats, largest, &d, on_cpu, on_device);
        sh_cuda_close();
    } else {
        printf("no device: %s\n", cuda->why);
    }
    worker_destroy(&w);
    return 0;
}
