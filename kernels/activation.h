/* activation.h -- the activations and their derivatives, for every kernel that applies one. With a constant `kind` the
 * branches fold away and the loop around it vectorises. */
#ifndef SH_KERNEL_ACTIVATION_H
#define SH_KERNEL_ACTIVATION_H

#include "args.h"
#include "kernel.h"

/* log(1 + t) for 0 <= t <= 1. In float: with s = t / (2 + t) in [0, 1/3], log(1 + t) = 2 artanh s =
 * 2 (s + s^3/3 + s^5/5 + ...); six terms leave 2e-8. Vectorises, which log1pf does not. */
SH_BODY sh_real sh_log1p_unit(sh_real t)
{
#ifdef SH_F64
    return log1p(t);
#else
    float s = t / (2.0f + t), q = s * s;
    float p = 1.0f / 13.0f;
    p = p * q + 1.0f / 11.0f;
    p = p * q + 1.0f / 9.0f;
    p = p * q + 1.0f / 7.0f;
    p = p * q + 1.0f / 5.0f;
    p = p * q + 1.0f / 3.0f;
    p = p * q + 1.0f;
    return 2.0f * s * p;
#endif
}

SH_BODY sh_real sh_activate(sh_real x, int32_t kind)
{
    switch (kind) {
    case SH_SWISH:
        return x * sh_sigmoid(x);
    case SH_SIGMOID:
        return sh_sigmoid(x);
    case SH_TANH:
        return (sh_real)2 * sh_sigmoid((sh_real)2 * x) - (sh_real)1;
    case SH_RELU:
        return x > 0 ? x : (sh_real)0;
    case SH_ELU:
        return x > 0 ? x : sh_exp(x) - (sh_real)1;
    default: { /* SH_SOFTPLUS2: max(x,0) + log1p(exp(-|x|)) - log 2 */
        sh_real magnitude = x > 0 ? x : -x;
        return (x > 0 ? x : (sh_real)0) + sh_log1p_unit(sh_exp(-magnitude)) - (sh_real)0.69314718055994530942;
    }
    }
}

/* f'(x), with y = f(x): only swish looks at x, the others' derivatives are functions of their value, mostly without an
 * exponential. */
SH_BODY sh_real sh_activate_grad(sh_real x, sh_real y, int32_t kind)
{
    sh_real s;
    switch (kind) {
    case SH_SWISH:
        s = sh_sigmoid(x);
        return s * ((sh_real)1 + x * ((sh_real)1 - s));
    case SH_SIGMOID:
        return y * ((sh_real)1 - y);
    case SH_TANH:
        return (sh_real)1 - y * y;
    case SH_RELU:
        return y > 0 ? (sh_real)1 : (sh_real)0;
    case SH_ELU:
        return y > 0 ? (sh_real)1 : y + (sh_real)1;
    default: /* 1 / (1 + exp(-x)) = 1 - 1 / (1 + exp(x)), and exp(y) is half the denominator */
        return (sh_real)1 - (sh_real)0.5 * sh_exp(-y);
    }
}

#endif
