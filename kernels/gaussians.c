/* gaussians.c -- a length as Gaussians around fixed centres, one row an item. */
#include "args.h"
#include "kernel.h"

SH_BODY void gaussians_body(int64_t r, const sh_gaussians_args *a)
{
    sh_real x = (sh_real)a->x[r], width = (sh_real)a->width;
    sh_real *y = a->y + r * a->cols;
    for (int64_t k = 0; k < a->cols; k++) {
        sh_real d = x - a->centre[k];
        y[k] = sh_exp(-width * d * d);
    }
}
SH_KERNEL_ROWS(gaussians, sh_gaussians_args)
