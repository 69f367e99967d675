/* attend.c -- set2set's attention, forward and backward, one crystal an item. On a device a crystal has a warp, whose lanes stand in the
 * columns. */
#include "args.h"
#include "kernel.h"

#if !defined(__CUDACC__)
SH_BODY void attend_body(int64_t i, const sh_attend_args *a)
{
    const sh_real *q = a->q + i * a->d;
    sh_real *r = a->r + i * a->d, top = 0, sum = 0;
    for (int64_t c = 0; c < a->d; c++)
        r[c] = 0;
    for (int64_t j = a->start[i]; j < a->start[i + 1]; j++) {
        sh_real dot = 0;
        for (int64_t c = 0; c < a->d; c++)
            dot += q[c] * a->x[j * a->d + c];
        a->w[j] = dot;
        if (j == a->start[i] || dot > top) top = dot;
    }
    for (int64_t j = a->start[i]; j < a->start[i + 1]; j++)
        sum += a->w[j] = a->m[j] * sh_exp(a->w[j] - top);
    for (int64_t j = a->start[i]; j < a->start[i + 1]; j++) {
        a->w[j] /= sum;
        for (int64_t c = 0; c < a->d; c++)
            r[c] += a->w[j] * a->x[j * a->d + c];
    }
}
SH_KERNEL_ROWS(attend, sh_attend_args)

/* With b_j = grad_r . x_j: d/d(q.x_j) = w_j (b_j - sum_k w_k b_k). */
SH_BODY void attend_grad_body(int64_t i, const sh_attend_grad_args *a)
{
    const sh_real *q = a->q + i * a->d, *grad_r = a->grad_r + i * a->d;
    sh_real mean = 0;
    for (int64_t c = 0; c < a->d; c++)
        mean += grad_r[c] * a->r[i * a->d + c]; /* r = sum w x, so this is sum w b */
    for (int64_t j = a->start[i]; j < a->start[i + 1]; j++) {
        const sh_real *x = a->x + j * a->d;
        sh_real b = 0;
        for (int64_t c = 0; c < a->d; c++)
            b += grad_r[c] * x[c];
        sh_real slope = a->w[j] * (b - mean);
        if (a->grad_x)
            for (int64_t c = 0; c < a->d; c++)
                a->grad_x[j * a->d + c] += a->w[j] * grad_r[c] + slope * q[c];
        if (a->grad_q)
            for (int64_t c = 0; c < a->d; c++)
                a->grad_q[i * a->d + c] += slope * x[c];
    }
}
SH_KERNEL_ROWS(attend_grad, sh_attend_grad_args)

#else

#define SH_WARP 32
#define SH_WARPS 4 /* in a block */

/* The same sum in all lanes. */
static __device__ sh_real warp_sum(sh_real x)
{
    for (int step = SH_WARP / 2; step > 0; step /= 2)
        x += __shfl_xor_sync(0xffffffffu, x, step);
    return x;
}

static __device__ sh_real warp_dot(const sh_real *a, const sh_real *b, int64_t d, int lane)
{
    sh_real sum = 0;
    for (int64_t c = lane; c < d; c += SH_WARP)
        sum += a[c] * b[c];
    return warp_sum(sum);
}

static __global__ void attend_warps(const sh_attend_args a, int64_t n)
{
    int lane = (int)threadIdx.x % SH_WARP;
    for (int64_t i = blockIdx.x * (int64_t)SH_WARPS + threadIdx.x / SH_WARP; i < n; i += gridDim.x * (int64_t)SH_WARPS) {
        int64_t first = a.start[i], last = a.start[i + 1];
        sh_real top = 0, sum = 0;
        for (int64_t j = first; j < last; j++) {
            sh_real dot = warp_dot(a.q + i * a.d, a.x + j * a.d, a.d, lane);
            if (lane == 0) a.w[j] = dot;
            if (j == first || dot > top) top = dot;
        }
        __syncwarp();
        for (int64_t j = first + lane; j < last; j += SH_WARP)
            sum += a.w[j] = a.m[j] * sh_exp(a.w[j] - top);
        sum = warp_sum(sum);
        for (int64_t j = first + lane; j < last; j += SH_WARP)
            a.w[j] /= sum;
        __syncwarp();
        for (int64_t c = lane; c < a.d; c += SH_WARP) {
            sh_real r = 0;
            for (int64_t j = first; j < last; j++)
                r += a.w[j] * a.x[j * a.d + c];
            a.r[i * a.d + c] = r;
        }
    }
}

static __global__ void attend_grad_warps(const sh_attend_grad_args a, int64_t n)
{
    int lane = (int)threadIdx.x % SH_WARP;
    for (int64_t i = blockIdx.x * (int64_t)SH_WARPS + threadIdx.x / SH_WARP; i < n; i += gridDim.x * (int64_t)SH_WARPS) {
        const sh_real *q = a.q + i * a.d, *grad_r = a.grad_r + i * a.d;
        sh_real mean = warp_dot(grad_r, a.r + i * a.d, a.d, lane);
        for (int64_t j = a.start[i]; j < a.start[i + 1]; j++) {
            const sh_real *x = a.x + j * a.d;
            sh_real slope = a.w[j] * (warp_dot(grad_r, x, a.d, lane) - mean);
            for (int64_t c = lane; c < a.d; c += SH_WARP) {
                if (a.grad_x) a.grad_x[j * a.d + c] += a.w[j] * grad_r[c] + slope * q[c];
                if (a.grad_q) a.grad_q[i * a.d + c] += slope * x[c];
            }
        }
    }
}

#define SH_CUDA_WARPS(name)                                                                        \
    extern "C" void sh_##name##_cuda(const sh_##name##_args *args, int64_t n);                     \
    extern "C" void sh_##name##_cuda(const sh_##name##_args *args, int64_t n)                      \
    {                                                                                              \
        if (n == 0) return;                                                                        \
        name##_warps<<<sh_cuda_blocks(n, SH_WARPS), SH_WARP * SH_WARPS, 0, sh_cuda_stream()>>>(*args, n);\
        sh_cuda_launched(#name, n);                                                                \
    }
SH_CUDA_WARPS(attend)
SH_CUDA_WARPS(attend_grad)
#endif
