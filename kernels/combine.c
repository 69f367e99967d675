/* combine.c -- the end of a dense layer: bias and the parts of a split first layer added, activation applied. */
#include "combine.h"

SH_BODY void combine_body(int64_t r, const sh_combine_args *a)
{
    sh_real *y = a->y + r * a->cols, *pre = a->pre ? a->pre + r * a->cols : y;
    combine_rows(r, a->x + r * a->cols, a, pre);
    combine_activate(a->cols, a->kind, pre, y);
}
SH_KERNEL_ROWS(combine, sh_combine_args)
