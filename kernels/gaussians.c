/* gaussians.c -- a length as Gaussians around fixed centres. */
#include "args.h"
#include "kernel.h"

SH_BODY void gaussians_body(int64_t r, int64_t k, const sh_gaussians_args *a)
{
    sh_real d = (sh_real)a->x[r] - a->centre[k];
    a->y[r * a->cols + k] = sh_exp(-(sh_real)a->width * d * d);
}
SH_KERNEL_CELLS(gaussians, sh_gaussians_args, cols)
