/* cuda_launch.h -- the launch of a kernel: grid-stride over the items, on the back-end's stream; arguments by value. */
#ifndef SH_KERNEL_CUDA_LAUNCH_H
#define SH_KERNEL_CUDA_LAUNCH_H

#include <cuda_runtime.h>
#include <stdint.h>

cudaStream_t sh_cuda_stream(void);
void sh_cuda_launched(const char *kernel, int64_t items); /* ends the program where the launch failed; see src/backend/cuda/cuda.cu */

#define SH_CUDA_MOST_BLOCKS 65536

/* n items of args; each is `width` cells of its own, and CALL is the body of cell i. */
#define SH_CUDA_LOOP(name, args_type, block, width, CALL)                                          \
    static __global__ void name##_kernel(const args_type args, int64_t cells)                      \
    {                                                                                              \
        for (int64_t i = blockIdx.x * (int64_t)blockDim.x + threadIdx.x; i < cells; i += gridDim.x * (int64_t)blockDim.x) \
            CALL;                                                                                  \
    }                                                                                              \
    extern "C" void sh_##name##_cuda(const args_type *args, int64_t n);                            \
    extern "C" void sh_##name##_cuda(const args_type *args, int64_t n)                             \
    {                                                                                              \
        int64_t cells = n * (width), blocks = (cells + (block)-1) / (block);                       \
        if (cells == 0) return;                                                                    \
        name##_kernel<<<(unsigned)(blocks < SH_CUDA_MOST_BLOCKS ? blocks : SH_CUDA_MOST_BLOCKS), (block), 0, sh_cuda_stream()>>>(*args, \
                                                                                                                      cells); \
        sh_cuda_launched(#name, n);                                                                \
    }

#define SH_CUDA_KERNEL(name, args_type, block) SH_CUDA_LOOP(name, args_type, block, 1, name##_body(i, &args))
/* For a body of (row, column): n rows of args.columns cells each. */
#define SH_CUDA_CELLS(name, args_type, columns)                                                    \
    SH_CUDA_LOOP(name, args_type, 256, args->columns, name##_body(i / args.columns, i % args.columns, &args))

#endif
