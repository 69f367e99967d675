/* column_sum.c -- y[c] += sum of x[r,c] over the rows in ascending order, one column an item. A block of columns is
 * walked together on the CPU, where reading down one column would touch a cache line for each number. */
#include "args.h"
#include "kernel.h"

SH_BODY void column_sum_body(int64_t c, const sh_column_sum_args *a)
{
    sh_real sum = 0;
    for (int64_t r = 0; r < a->rows; r++)
        sum += a->x[r * a->cols + c];
    a->y[c] += sum;
}

SH_CUDA_KERNEL(column_sum, sh_column_sum_args, 32)

#if !defined(__CUDACC__)
void sh_column_sum_cpu(const sh_column_sum_args *args, int64_t n);
void sh_column_sum_cpu(const sh_column_sum_args *a, int64_t n)
{
    enum { BLOCK = 32 };
    int64_t whole = n / BLOCK * BLOCK;
#pragma omp parallel for schedule(static) if (a->rows * n > SH_SERIAL_ITEMS)
    for (int64_t first = 0; first < whole; first += BLOCK) {
        sh_real sum[BLOCK] = {0};
        for (int64_t r = 0; r < a->rows; r++)
            for (int64_t c = 0; c < BLOCK; c++)
                sum[c] += a->x[r * a->cols + first + c];
        for (int64_t c = 0; c < BLOCK; c++)
            a->y[first + c] += sum[c];
    }
    for (int64_t c = whole; c < n; c++)
        column_sum_body(c, a);
}
#endif
