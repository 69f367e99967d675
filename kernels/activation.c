/* activation.c -- y = f(x), one number an item. */
#include "activation.h"

SH_BODY void activation_body(int64_t i, const sh_activation_args *a)
{
    a->y[i] = sh_activate(a->x[i], a->kind);
}
SH_KERNEL(activation, sh_activation_args)
