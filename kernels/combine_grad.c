/* combine_grad.c -- grad_pre = grad_y f'(pre), one number an item; a loop for each kind, so that each vectorises. */
#include "activation.h"

SH_BODY void combine_grad_body(int64_t i, const sh_combine_grad_args *a)
{
    a->grad_pre[i] = a->kind < 0 ? a->grad_y[i] : a->grad_y[i] * sh_activate_grad(a->pre[i], a->kind);
}

void sh_combine_grad_cpu(const sh_combine_grad_args *args, int64_t n);
void sh_combine_grad_cpu(const sh_combine_grad_args *args, int64_t n)
{
    sh_combine_grad_args a = *args;
#define SH_CASE(constant)                                                                          \
    case constant:                                                                                 \
        a.kind = constant;                                                                         \
        _Pragma("omp parallel for simd schedule(static) if (n > SH_SERIAL_ITEMS)")                 \
        for (int64_t i = 0; i < n; i++)                                                            \
            a.grad_pre[i] = a.grad_y[i] * sh_activate_grad(a.pre[i], constant);                    \
        break;
    switch (args->kind) {
        SH_CASE(SH_SWISH)
        SH_CASE(SH_SIGMOID)
        SH_CASE(SH_TANH)
        SH_CASE(SH_RELU)
        SH_CASE(SH_ELU)
        SH_CASE(SH_SOFTPLUS2)
    default:
        for (int64_t i = 0; i < n; i++)
            combine_grad_body(i, &a);
    }
#undef SH_CASE
}
