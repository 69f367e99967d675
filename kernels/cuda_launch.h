/* cuda_launch.h -- the launch of a kernel: grid-stride over the items, on the back-end's stream; arguments by value. */
#ifndef SH_KERNEL_CUDA_LAUNCH_H
#define SH_KERNEL_CUDA_LAUNCH_H

#include <cuda_runtime.h>
#include <stdint.h>

cudaStream_t sh_cuda_stream(void);
void sh_cuda_launched(const char *kernel, int64_t items); /* ends the program where the launch failed; see src/backend/cuda.cu */

#define SH_CUDA_MOST_BLOCKS 65536

#define SH_CUDA_KERNEL(name, args_type, block)                                                     \
    static __global__ void name##_kernel(const args_type args, int64_t n)                          \
    {                                                                                              \
        for (int64_t i = blockIdx.x * (int64_t)blockDim.x + threadIdx.x; i < n; i += gridDim.x * (int64_t)blockDim.x) \
            name##_body(i, &args);                                                                 \
    }                                                                                              \
    extern "C" void sh_##name##_cuda(const args_type *args, int64_t n);                            \
    extern "C" void sh_##name##_cuda(const args_type *args, int64_t n)                             \
    {                                                                                              \
        if (n == 0) return;                                                                        \
        int64_t blocks = (n + (block)-1) / (block);                                                \
        name##_kernel<<<(unsigned)(blocks < SH_CUDA_MOST_BLOCKS ? blocks : SH_CUDA_MOST_BLOCKS), (block), 0, sh_cuda_stream()>>>(*args, n); \
        sh_cuda_launched(#name, n);                                                                \
    }

/* The same for a body of (row, column): n rows of args.columns items each. */
#define SH_CUDA_CELLS(name, args_type, columns)                                                    \
    static __global__ void name##_kernel(const args_type args, int64_t n)                          \
    {                                                                                              \
        int64_t cells = n * args.columns;                                                          \
        for (int64_t i = blockIdx.x * (int64_t)blockDim.x + threadIdx.x; i < cells; i += gridDim.x * (int64_t)blockDim.x) \
            name##_body(i / args.columns, i % args.columns, &args);                                \
    }                                                                                              \
    extern "C" void sh_##name##_cuda(const args_type *args, int64_t n);                            \
    extern "C" void sh_##name##_cuda(const args_type *args, int64_t n)                             \
    {                                                                                              \
        if (n == 0 || args->columns == 0) return;                                                  \
        int64_t blocks = (n * args->columns + 255) / 256;                                          \
        name##_kernel<<<(unsigned)(blocks < SH_CUDA_MOST_BLOCKS ? blocks : SH_CUDA_MOST_BLOCKS), 256, 0, sh_cuda_stream()>>>(*args, n); \
        sh_cuda_launched(#name, n);                                                                \
    }

#endif
