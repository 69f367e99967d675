/* broadcast_row.c -- y[r,:] = x, one row an item. */
#include "args.h"
#include "kernel.h"

SH_BODY void broadcast_row_body(int64_t r, const sh_broadcast_row_args *a)
{
    sh_real *y = a->y + r * a->cols;
    for (int64_t c = 0; c < a->cols; c++)
        y[c] = a->x[c];
}
SH_KERNEL_ROWS(broadcast_row, sh_broadcast_row_args)
