/* list_sum.c -- sums of rows by segment of a list; the way back of gather. On the CPU rows are added to rows, which is one stream of
 * memory. On a device each column of a segment has a thread, or, where that would leave it idle (few segments, long lists: the rows of a
 * table), a block of them, which take every so many rows each and add their sums in a fixed order. */
#include "args.h"
#include "kernel.h"

SH_BODY void list_sum_body(int64_t s, int64_t c, const sh_list_sum_args *a)
{
    sh_real *y = a->y + s * a->cols + c, sum = a->keep ? *y : (sh_real)0;
    for (int64_t k = a->start[s]; k < a->start[s + 1]; k++) {
        int64_t i = a->list ? a->list[k] : k;
        sum += (a->weight ? a->weight[i] : (sh_real)1) * a->x[i * a->cols + c];
    }
    *y = sum;
}

#if defined(__CUDACC__)
#define SH_LIST_BLOCK 256
#define SH_ENOUGH_CELLS 1000000 /* threads that keep a device busy */

/* One block a segment: threads stand in `lanes` columns and SH_LIST_BLOCK / lanes rows; lanes is a power of two. */
static __global__ void list_sum_blocks(const sh_list_sum_args a, int64_t segments, int lanes)
{
    __shared__ sh_real part[SH_LIST_BLOCK];
    int column = (int)threadIdx.x % lanes, row = (int)threadIdx.x / lanes, rows = SH_LIST_BLOCK / lanes;
    for (int64_t s = blockIdx.x; s < segments; s += gridDim.x)
        for (int64_t first = 0; first < a.cols; first += lanes) {
            int64_t c = first + column;
            sh_real sum = 0;
            for (int64_t k = a.start[s] + row; c < a.cols && k < a.start[s + 1]; k += rows) {
                int64_t i = a.list ? a.list[k] : k;
                sum += (a.weight ? a.weight[i] : (sh_real)1) * a.x[i * a.cols + c];
            }
            part[threadIdx.x] = sum;
            __syncthreads();
            for (int half = rows / 2; half > 0; half /= 2) {
                if (row < half) part[threadIdx.x] += part[threadIdx.x + half * lanes];
                __syncthreads();
            }
            if (row == 0 && c < a.cols) a.y[s * a.cols + c] = (a.keep ? a.y[s * a.cols + c] : (sh_real)0) + part[threadIdx.x];
            __syncthreads();
        }
}

SH_CUDA_LOOP(list_sum_cells, sh_list_sum_args, 256, args->cols, list_sum_body(i / args.cols, i % args.cols, &args))

extern "C" void sh_list_sum_cuda(const sh_list_sum_args *args, int64_t n);
extern "C" void sh_list_sum_cuda(const sh_list_sum_args *args, int64_t n)
{
    int lanes = 1;
    if (n * args->cols == 0) return;
    if (n * args->cols >= SH_ENOUGH_CELLS) {
        sh_list_sum_cells_cuda(args, n);
        return;
    }
    while (lanes < 32 && lanes < args->cols)
        lanes *= 2;
    list_sum_blocks<<<sh_cuda_blocks(n, 1), SH_LIST_BLOCK, 0, sh_cuda_stream()>>>(*args, n, lanes);
    sh_cuda_launched("list_sum", n);
}
#else
static void add_rows(int64_t s, const sh_list_sum_args *a)
{
    sh_real *y = a->y + s * a->cols;
    if (!a->keep)
        for (int64_t c = 0; c < a->cols; c++)
            y[c] = 0;
    for (int64_t k = a->start[s]; k < a->start[s + 1]; k++) {
        int64_t i = a->list ? a->list[k] : k;
        const sh_real *x = a->x + i * a->cols, scale = a->weight ? a->weight[i] : (sh_real)1;
        for (int64_t c = 0; c < a->cols; c++)
            y[c] += scale * x[c];
    }
}

void sh_list_sum_cpu(const sh_list_sum_args *args, int64_t n);
void sh_list_sum_cpu(const sh_list_sum_args *args, int64_t n)
{
    enum { WIDE = 8 };
    const sh_list_sum_args local = *args;
#pragma omp parallel for schedule(static) if (n > SH_SERIAL_ROWS)
    for (int64_t s = 0; s < n; s++) {
        if (local.cols >= WIDE) {
            add_rows(s, &local);
            continue;
        }
        for (int64_t c = 0; c < local.cols; c++)
            list_sum_body(s, c, &local);
    }
}
#endif
