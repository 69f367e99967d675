/* activation_grad.c -- grad_x += grad_y f'(x), one number an item. */
#include "activation.h"

SH_BODY void activation_grad_body(int64_t i, const sh_activation_grad_args *a)
{
    a->grad_x[i] += a->grad_y[i] * sh_activate_grad(a->x[i], a->y[i], a->kind);
}
SH_KERNEL(activation_grad, sh_activation_grad_args)
