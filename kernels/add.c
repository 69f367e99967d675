/* add.c -- y = y_scale y + x_scale x. */
#include "args.h"
#include "kernel.h"

SH_BODY void add_body(int64_t i, const sh_add_args *a)
{
    sh_real kept = a->y_scale != 0 ? a->y_scale * a->y[i] : (sh_real)0;
    a->y[i] = kept + a->x_scale * a->x[i];
}
SH_KERNEL(add, sh_add_args)
