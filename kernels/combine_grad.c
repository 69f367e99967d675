/* combine_grad.c -- grad_pre = grad_y f'(pre), one number an item; on the CPU in runs, so that the loop of each kind vectorises. */
#include "combine.h"

#if defined(__CUDACC__)
SH_BODY void combine_grad_body(int64_t i, const sh_combine_grad_args *a)
{
    combine_slope(1, a->kind, a->pre + i, a->y + i, a->grad_y + i, a->grad_pre + i);
}
SH_CUDA_KERNEL(combine_grad, sh_combine_grad_args, 256)
#else
void sh_combine_grad_cpu(const sh_combine_grad_args *args, int64_t n);
void sh_combine_grad_cpu(const sh_combine_grad_args *a, int64_t n)
{
    enum { RUN = 1024 };
#pragma omp parallel for schedule(static) if (n > SH_SERIAL_ITEMS)
    for (int64_t first = 0; first < n; first += RUN)
        combine_slope(n - first < RUN ? n - first : RUN, a->kind, a->pre + first, a->y + first, a->grad_y + first,
                      a->grad_pre + first);
}
#endif
