/* adam.c -- the optimizer's step and the norm it clips by. */
#include "args.h"
#include "kernel.h"

SH_BODY sh_real adam_root(sh_real x)
{
#ifdef SH_F64
    return sqrt(x);
#else
    return sqrtf(x);
#endif
}

SH_BODY void adam_body(int64_t i, const sh_adam_args *a)
{
    if (!a->clipped->is_finite) return;
    sh_real g = a->grad[i] * (a->factor[i] == 1 ? a->clipped->scale : a->clipped->scale_apart);
    a->first[i] = a->beta1 * a->first[i] + a->rest1 * g;
    a->second[i] = a->beta2 * a->second[i] + a->rest2 * g * g;
    a->x[i] -= a->step * a->factor[i] * a->first[i] / (adam_root(a->second[i] * a->correct) + a->epsilon);
}
SH_KERNEL(adam, sh_adam_args)

SH_BODY void square_sums_body(int64_t s, const sh_square_sums_args *a)
{
    double plain = 0, apart = 0;
#if !defined(__CUDACC__)
#pragma omp simd reduction(+ : plain, apart)
#endif
    for (int64_t i = a->size * s / a->slices; i < a->size * (s + 1) / a->slices; i++) {
        double square = (double)a->x[i] * (double)a->x[i];
        plain += a->factor[i] == 1 ? square : 0;
        apart += a->factor[i] == 1 ? 0 : square;
    }
    a->part[2 * s] = plain;
    a->part[2 * s + 1] = apart;
}
SH_KERNEL_ROWS(square_sums, sh_square_sums_args)

SH_BODY sh_real clip_factor(double square, double clip)
{
    double norm = sqrt(square);
    return (sh_real)(clip > 0 && norm > clip ? clip / norm : 1);
}

SH_BODY void clip_body(int64_t i, const sh_clip_args *a)
{
    sh_clipped *out = a->out + i;
    out->square = out->square_apart = 0;
    for (int64_t s = 0; s < a->slices; s++) {
        out->square += a->part[2 * s];
        out->square_apart += a->part[2 * s + 1];
    }
    out->scale = clip_factor(out->square, a->clip);
    out->scale_apart = clip_factor(out->square_apart, a->clip);
    out->is_finite = isfinite(out->square + out->square_apart);
}
SH_KERNEL_ROWS(clip, sh_clip_args)
