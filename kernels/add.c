/* add.c -- y = a + b, or a copy of a. Memory decides: one pass. */
#include "args.h"
#include "kernel.h"

SH_BODY void add_body(int64_t i, const sh_add_args *a)
{
    a->y[i] = a->b ? a->a[i] + a->b[i] : a->a[i];
}
SH_KERNEL(add, sh_add_args)
