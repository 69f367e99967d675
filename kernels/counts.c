/* counts.c -- counts and the rooms they lead into. */
#include "args.h"
#include "kernel.h"

/* Numbers from several arrays side by side, so that the host waits for them once. */
SH_BODY void counts_body(int64_t i, const sh_counts_args *a)
{
    a->to[i] = *a->from[i];
}
SH_KERNEL_ROWS(counts, sh_counts_args)

SH_BODY void fit_body(int64_t i, const sh_fit_args *a)
{
    int64_t all = a->from[a->n];
    a->to[i] = all > a->room ? 0 : a->from[i];
    if (i == a->n) *a->seen = all;
}
SH_KERNEL(fit, sh_fit_args)

SH_BODY void counted_keys_body(int64_t i, const sh_counted_keys_args *a)
{
    a->key[i] = i < *a->counted ? a->from[i] : (int32_t)a->n_key;
}
SH_KERNEL(counted_keys, sh_counted_keys_args)
