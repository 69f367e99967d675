/* put_cols.c -- matrices side by side in a wider one, and gradients out of it again. */
#include "args.h"
#include "kernel.h"

/* The part that column c of all is of; *c becomes the column in it. */
SH_BODY int part_of(int64_t *c, const int64_t *cols)
{
    int k = 0;
    while (*c >= cols[k])
        *c -= cols[k++];
    return k;
}

SH_BODY void put_cols_body(int64_t r, int64_t c, const sh_put_cols_args *a)
{
    sh_real *to = a->whole + r * a->stride + a->first + c;
    int k = part_of(&c, a->part_cols);
    *to = a->part[k][r * a->part_cols[k] + c];
}
SH_KERNEL_CELLS(put_cols, sh_put_cols_args, cols)

SH_BODY void take_cols_body(int64_t r, int64_t c, const sh_take_cols_args *a)
{
    const sh_real *from = a->whole + r * a->stride + a->first + c;
    int k = part_of(&c, a->part_cols);
    if (a->part[k]) a->part[k][r * a->part_cols[k] + c] += *from;
}
SH_KERNEL_CELLS(take_cols, sh_take_cols_args, cols)
