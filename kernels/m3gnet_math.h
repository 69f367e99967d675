/* m3gnet_math.h -- the formulas of M3GNet that its kernels and the version fused for the CPU (src/potential/m3gnet.c) share. */
#ifndef SH_KERNEL_M3GNET_MATH_H
#define SH_KERNEL_M3GNET_MATH_H

#include "kernel.h"

/* sqrt(1/4pi), sqrt(3/4pi), sqrt(5/16pi) */
static const sh_real SH_Y0 = (sh_real)0.28209479177387814, SH_Y1 = (sh_real)0.4886025119029199,
                     SH_Y2 = (sh_real)0.31539156525252005;

/* 1 / sigmoid(x) = 1 + exp(-x), kept so small that a product of three is finite: the activations below divide once by a product
 * instead of once each, division being the slowest step. What that leaves of a closed gate is below 1e-12. */
SH_BODY sh_real sh_inverse_sigmoid(sh_real x)
{
    const sh_real most = sizeof(sh_real) == 4 ? 28 : 230;
    sh_real y = -most > x ? -most : x; /* in this order NaN stays NaN */
    y = 80 < x ? 80 : y;               /* of x, not y: compilers would make a branch of two comparisons in a row */
    return 1 + sh_exp_inside(-y);
}

/* Of a strip, in a loop of its own, which the compilers then vectorise. */
SH_BODY void sh_inverse_sigmoids(const sh_real x[SH_STRIP], sh_real out[SH_STRIP])
{
    for (int i = 0; i < SH_STRIP; i++)
        out[i] = sh_inverse_sigmoid(x[i]);
}

/* swish(value) sigmoid(gate) radial, and with swish on the radial factor too. */
SH_BODY sh_real sh_gated(sh_real value, sh_real gate, sh_real radial)
{
    return value * radial / (sh_inverse_sigmoid(value) * sh_inverse_sigmoid(gate));
}

SH_BODY sh_real sh_gated_swish(sh_real value, sh_real gate, sh_real radial)
{
    return value * radial / (sh_inverse_sigmoid(value) * sh_inverse_sigmoid(gate) * sh_inverse_sigmoid(radial));
}

/* x = swish(x), y = swish(y). */
SH_BODY void sh_two_swish(sh_real *x, sh_real *y)
{
    sh_real a = *x, b = *y, p = sh_inverse_sigmoid(a), q = sh_inverse_sigmoid(b), r = 1 / (p * q);
    *x = a * (q * r);
    *y = b * (p * r);
}

/* Column c of x (n) times matrix (n,cols). */
SH_BODY sh_real sh_of_column(const sh_real *x, const sh_real *matrix, int64_t n, int64_t cols, int64_t c)
{
    sh_real sum = x[0] * matrix[c];
    for (int64_t k = 1; k < n; k++)
        sum += x[k] * matrix[k * cols + c];
    return sum;
}

/* The same of columns first .. of a strip. */
SH_BODY void sh_of_strip(const sh_real *x, const sh_real *matrix, int64_t n, int64_t cols, int64_t first, sh_real out[SH_STRIP])
{
    for (int i = 0; i < SH_STRIP; i++)
        out[i] = x[0] * matrix[first + i];
    for (int64_t k = 1; k < n; k++)
        for (int i = 0; i < SH_STRIP; i++)
            out[i] += x[k] * matrix[k * cols + first + i];
}

/* u . v, and u T u of a symmetric T: xx yy zz yz xz xy. */
SH_BODY sh_real sh_along(const sh_real *u, const sh_real *v)
{
    return u[0] * v[0] + u[1] * v[1] + u[2] * v[2];
}

SH_BODY sh_real sh_twice_along(const sh_real *u, const sh_real *t)
{
    return u[0] * u[0] * t[0] + u[1] * u[1] * t[1] + u[2] * u[2] * t[2] +
           2 * (u[1] * u[2] * t[3] + u[0] * u[2] * t[4] + u[0] * u[1] * t[5]);
}

/* The last layer of the readout, value and gate of a site, before the gate is closed; value and gate (n), last (2,n), end (2). */
SH_BODY void sh_last_layer(const sh_real *value, const sh_real *gate, const sh_real *last, const sh_real *end, int64_t n, double out[2])
{
    out[0] = (double)end[0];
    out[1] = (double)end[1];
    for (int64_t c = 0; c < n; c++) {
        out[0] += (double)value[c] * (double)last[c];
        out[1] += (double)gate[c] * (double)last[n + c];
    }
}

#endif
