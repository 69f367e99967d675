/* kernel.h -- the one place where C and CUDA differ.
 *
 * A kernel is a body, a small function of one index and its arguments, written once in kernels/<name>.c:
 *
 *     SH_BODY void scale_body(int64_t item, const sh_scale_args *a) { a->y[item] = a->x[item] * a->factor; }
 *     SH_KERNEL(scale, sh_scale_args)
 *
 * Compiled as C, SH_KERNEL makes `sh_scale_cpu(args, n)`, an OpenMP loop over the items; compiled by nvcc, a
 * grid-stride launch `sh_scale_cuda(args, n)`. Bodies keep to what C11 and C++ share, cannot fail (inputs are
 * checked before the launch) and never write to what another item writes: no atomics, so the bits do not depend on
 * threads. Five flavours: SH_KERNEL for one item = one number (vectorised over items); SH_KERNEL_ROWS for one item = one row,
 * site or crystal with loops of its own inside; SH_KERNEL_UNEVEN for such items of which some take many times as long as others;
 * SH_KERNEL_CELLS where the columns of a row do not need each other: the body is one of (row, column), a loop in a loop on the
 * CPU, and on a device neighbouring threads have neighbouring columns; and SH_KERNEL_STRIPS for such bodies that the compiler would not
 * vectorise over columns: the body does the SH_STRIP columns from the one given on, one on a device, with loops of that constant length
 * inside over arrays of its own; the number of columns is a multiple of SH_STRIP. */
#ifndef SH_KERNEL_H
#define SH_KERNEL_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/real.h"

/* Below this many units of work a loop is not worth a team of threads. */
#define SH_SERIAL_ITEMS 8192
#define SH_SERIAL_ROWS 16

#if defined(__CUDACC__)
#include "cuda_launch.h"
#define SH_KERNEL(name, args_type) SH_CUDA_KERNEL(name, args_type, 256)
#define SH_KERNEL_ROWS(name, args_type) SH_CUDA_KERNEL(name, args_type, 64)
#define SH_KERNEL_UNEVEN(name, args_type) SH_KERNEL_ROWS(name, args_type)
#define SH_KERNEL_CELLS(name, args_type, columns) SH_CUDA_CELLS(name, args_type, columns)
#define SH_STRIP 1
#define SH_KERNEL_STRIPS(name, args_type, columns) SH_CUDA_CELLS(name, args_type, columns)
#else
#define SH_CUDA_KERNEL(name, args_type, block) /* for kernels whose loop on the CPU is their own */
#define SH_KERNEL(name, args_type)                                                                 \
    void sh_##name##_cpu(const args_type *args, int64_t n);                                        \
    void sh_##name##_cpu(const args_type *args, int64_t n)                                         \
    {                                                                                              \
        const args_type local = *args;                                                             \
        _Pragma("omp parallel for simd schedule(static) if (n > SH_SERIAL_ITEMS)")                 \
        for (int64_t i = 0; i < n; i++)                                                            \
            name##_body(i, &local);                                                                \
    }
#define SH_PRAGMA(...) _Pragma(#__VA_ARGS__)
#define SH_CPU_ROWS(name, args_type, SCHEDULE, WORK)                                               \
    void sh_##name##_cpu(const args_type *args, int64_t n);                                        \
    void sh_##name##_cpu(const args_type *args, int64_t n)                                         \
    {                                                                                              \
        const args_type local = *args;                                                             \
        SH_PRAGMA(omp parallel for schedule SCHEDULE if (n > SH_SERIAL_ROWS))                      \
        for (int64_t i = 0; i < n; i++)                                                            \
            WORK;                                                                                  \
    }
#define SH_KERNEL_ROWS(name, args_type) SH_CPU_ROWS(name, args_type, (static), name##_body(i, &local))
#define SH_KERNEL_UNEVEN(name, args_type) SH_CPU_ROWS(name, args_type, (dynamic, 8), name##_body(i, &local))
#define SH_KERNEL_CELLS(name, args_type, columns)                                                  \
    SH_CPU_ROWS(name, args_type, (static), for (int64_t c = 0; c < local.columns; c++) name##_body(i, c, &local))
#define SH_STRIP 16
#define SH_KERNEL_STRIPS(name, args_type, columns)                                                 \
    SH_CPU_ROWS(name, args_type, (static), for (int64_t c = 0; c < local.columns; c += SH_STRIP) name##_body(i, c, &local))
#endif

/* exp(x) for -87.3 <= x <= 88.3. In float: x = k ln 2 + r with |r| <= ln 2 / 2 (ln 2 in two parts, Cody and Waite 1980), k by
 * adding 1.5 2^23, which rounds and leaves k in the low bits; polynomial of degree 6 in r (Remez, relative error 3e-9), scaled by
 * 2^k through its exponent bits; relative error below 1.2e-7. Branch-free, so that loops around it vectorise. In double: the
 * library's, for every x. */
SH_BODY sh_real sh_exp_inside(sh_real x)
{
#ifdef SH_F64
    return exp(x);
#else
    const float magic = 12582912.0f;
    float shifted = x * 1.44269504088896341f + magic, k = shifted - magic;
    float r = (x - k * 0.693359375f) - k * -2.12194440e-4f;
    float p = 1.38145988e-3f;
    p = p * r + 8.36871658e-3f;
    p = p * r + 4.16683890e-2f;
    p = p * r + 1.66665211e-1f;
    p = p * r + 4.99999940e-1f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    uint32_t bits, exponent;
    memcpy(&bits, &p, sizeof bits);
    memcpy(&exponent, &shifted, sizeof exponent);
    bits += exponent << 23;
    memcpy(&p, &bits, sizeof p);
    return p;
#endif
}

/* exp(x), in float clamped to the range above. */
SH_BODY sh_real sh_exp(sh_real x)
{
#ifndef SH_F64
    x = x < -87.3f ? -87.3f : x > 88.3f ? 88.3f : x;
#endif
    return sh_exp_inside(x);
}

/* log(1 + exp(x)), exact for both signs: the derivative of softplus is sh_sigmoid. Not for inner loops. */
SH_BODY double sh_softplus(double x)
{
    return (x > 0 ? x : 0) + log1p(exp(-fabs(x)));
}

SH_BODY sh_real sh_sigmoid(sh_real x)
{
    return (sh_real)1 / ((sh_real)1 + sh_exp(-x));
}

#endif
