/* put_cols.c -- columns into a wider matrix, and their gradients out of it again; one row an item. */
#include "args.h"
#include "kernel.h"

SH_BODY void put_cols_body(int64_t r, const sh_put_cols_args *a)
{
    for (int64_t c = 0; c < a->cols; c++)
        a->y[r * a->stride + a->first + c] = a->x[r * a->cols + c];
}
SH_KERNEL_ROWS(put_cols, sh_put_cols_args)

/* x is the wide one, y the narrow one that is added to. */
SH_BODY void take_cols_body(int64_t r, const sh_take_cols_args *a)
{
    for (int64_t c = 0; c < a->cols; c++)
        a->y[r * a->cols + c] += a->x[r * a->stride + a->first + c];
}
SH_KERNEL_ROWS(take_cols, sh_take_cols_args)
