/* bench_roofline.c -- what a worker's training step asks of a device, kernel by kernel: launches, items, memory that is touched,
 * operations of dense products; and what a device would take for it at the least, by its figures. Runs on the recording back-end, without
 * a device.
 *
 *     bench_roofline [BATCH] [MODEL] [BANDWIDTH] [FLOPS] [LAUNCH]
 *
 * BATCH trajectories (default 1024, the most there is room for) of the task of configs/battery.yaml with a new policy, as many
 * replayed; MODEL a file NAME.flat of flat_weights. BANDWIDTH in GB/s (default 4800), FLOPS in Tflop/s of products in single precision (default 67: both of an H200 SXM by
 * its data sheet), LAUNCH in us of the host for one launch (default 2.5).
 *
 * Memory is counted by pages that a launch touches, each once: a bound from below. The least time of a launch is the larger one of
 * what memory and products take. Launches are those of the CUDA back-end: a layer is a product by cuBLAS and what stands around it, scans
 * and sorts are several, about. "CPU ns/item" is of one thread: an item that takes long there is a long chain on one of a device's
 * slow threads, which no bandwidth bounds (of `clear` items are bytes). */
#define _POSIX_C_SOURCE 200809L

#include <omp.h>
#include <stdio.h>

#include "worker.h"

enum { MOST = 1024 }; /* what the recorder has addresses for */

static _Noreturn void fatal(const char *message)
{
    fprintf(stderr, "bench_roofline: %s\n", message);
    exit(1);
}

typedef struct {
    sh_recorder_kernel kernel;
    double least; /* s */
} line;

static int slowest_first(const void *a, const void *b)
{
    const line *x = a, *y = b;
    return (x->least < y->least) - (x->least > y->least);
}

static void print(const line *l, int n_line, int64_t n, double launch)
{
    sh_recorder_kernel all = {0};
    double least = 0;
    printf("%-24s %8s %8s %10s %9s %9s %8s %9s %11s %9s\n", "kernel", "calls", "launches", "items", "MB read", "written", "Gflop",
           "CPU ms", "CPU ns/item", "least us");
    for (int i = 0; i < n_line; i++) {
        const sh_recorder_kernel *k = &l[i].kernel;
        if (k->launches == 0) continue;
        printf("%-24s %8lld %8lld %10lld %9.2f %9.2f %8.3f %9.2f %11.0f %9.1f\n", k->name, (long long)k->launches,
               (long long)k->device_launches, (long long)k->items, 1e-6 * (double)k->read, 1e-6 * (double)k->written, 1e-9 * k->operations,
               1e3 * k->seconds, 1e9 * k->seconds / (double)k->items, 1e6 * l[i].least);
        all.launches += k->launches;
        all.device_launches += k->device_launches;
        all.read += k->read;
        all.written += k->written;
        all.operations += k->operations;
        all.seconds += k->seconds;
        least += l[i].least;
    }
    printf("%-24s %8lld %8lld %10s %9.2f %9.2f %8.3f %9.2f %11s %9.1f\n", "all", (long long)all.launches,
           (long long)all.device_launches, "", 1e-6 * (double)all.read,
           1e-6 * (double)all.written, 1e-9 * all.operations, 1e3 * all.seconds, "", 1e6 * least);
    printf("batch %lld: memory and products at the least %.3f ms, %.0f structures/s; the host's launches %.3f ms, %.0f structures/s\n",
           (long long)n, 1e3 * least, (double)n / least, 1e3 * launch * (double)all.device_launches,
           (double)n / (launch * (double)all.device_launches));
}

int main(int argc, char **argv)
{
    worker w;
    int64_t n = argc > 1 ? atoi(argv[1]) : 1024;
    const char *weights = argc > 2 ? argv[2] : NULL;
    double bandwidth = 1e9 * (argc > 3 ? atof(argv[3]) : 4800), flops = 1e12 * (argc > 4 ? atof(argv[4]) : 67);
    double launch = 1e-6 * (argc > 5 ? atof(argv[5]) : 2.5);
    int n_kernel = 0;
    sh_recorder_kernel *kernel = NULL;
    if (argc > 6 || n < 1 || n > MOST || (weights && !is_flat(weights)) || !(bandwidth > 0) || !(flops > 0) || !(launch >= 0)) {
        fprintf(stderr, "usage: bench_roofline [BATCH] [NAME.flat] [GB/s] [Tflop/s] [us a launch]\n");
        return 2;
    }
    omp_set_num_threads(1);
    sh_backend_one_blas_thread();
    if (worker_create(weights, &w) != SH_OK) fatal(sh_error_message());
    if (worker_count(&w, n, &kernel, &n_kernel) != SH_OK) fatal(sh_error_message());
    line *l = SH_NEW(line, n_kernel);
    for (int k = 0; k < n_kernel; k++) {
        l[k].kernel = kernel[k];
        double memory = (double)(kernel[k].read + kernel[k].written) / bandwidth, products = kernel[k].operations / flops;
        l[k].least = memory > products ? memory : products;
    }
    qsort(l, (size_t)n_kernel, sizeof *l, slowest_first);
    print(l, n_kernel, n, launch);
    sh_free(l);
    sh_free(kernel);
    worker_destroy(&w);
    return 0;
}
