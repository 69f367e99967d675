/* cuda_launch.h -- the launch of a kernel: grid-stride over the items, on the back-end's stream; arguments by value. */
#ifndef SH_KERNEL_CUDA_LAUNCH_H
#define SH_KERNEL_CUDA_LAUNCH_H

#include <cuda_runtime.h>
#include <stdint.h>

cudaStream_t sh_cuda_stream(void);
void sh_cuda_launched(const char *kernel, int64_t items); /* ends the program where the launch failed; see src/backend/cuda/cuda.cu */

/* Blocks of a grid-stride loop over n items. */
static inline unsigned sh_cuda_blocks(int64_t n, int64_t items_of_a_block)
{
    const int64_t most = 65536;
    int64_t blocks = (n + items_of_a_block - 1) / items_of_a_block;
    return (unsigned)(blocks < 1 ? 1 : blocks < most ? blocks : most);
}

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
        int64_t cells = n * (width);                                                               \
        if (cells == 0) return;                                                                    \
        name##_kernel<<<sh_cuda_blocks(cells, block), (block), 0, sh_cuda_stream()>>>(*args, cells);\
        sh_cuda_launched(#name, n);                                                                \
    }

#define SH_CUDA_KERNEL(name, args_type, block) SH_CUDA_LOOP(name, args_type, block, 1, name##_body(i, &args))
/* For a body of (row, column): n rows of args.columns cells each. */
#define SH_CUDA_CELLS(name, args_type, columns)                                                    \
    SH_CUDA_LOOP(name, args_type, 256, args->columns, name##_body(i / args.columns, i % args.columns, &args))

#endif
