/* put_cols.c -- columns into a wider matrix, and their gradients out of it again. */
#include "args.h"
#include "kernel.h"

SH_BODY void put_cols_body(int64_t r, int64_t c, const sh_put_cols_args *a)
{
    a->y[r * a->stride + a->first + c] = a->x[r * a->cols + c];
}
SH_KERNEL_CELLS(put_cols, sh_put_cols_args, cols)

/* x is the wide one, y the narrow one that is added to. */
SH_BODY void take_cols_body(int64_t r, int64_t c, const sh_take_cols_args *a)
{
    a->y[r * a->cols + c] += a->x[r * a->stride + a->first + c];
}
SH_KERNEL_CELLS(take_cols, sh_take_cols_args, cols)
