/* list_sum.c -- sums of rows by segment of a list; the way back of gather. On a device each column of a segment has a thread; on the
 * CPU rows are added to rows, which is one stream of memory. Both add in the order of the list. */
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
SH_CUDA_CELLS(list_sum, sh_list_sum_args, cols)
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
