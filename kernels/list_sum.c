/* list_sum.c -- sums of rows by segment of a list; the way back of gather. */
#include "args.h"
#include "kernel.h"

SH_BODY void list_sum_body(int64_t s, const sh_list_sum_args *a)
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
SH_KERNEL_ROWS(list_sum, sh_list_sum_args)
