#include "backend/cuda/sort.h"

#include <cub/cub.cuh>

#include "cuda_launch.h"

enum { BLOCK = 256, ALIGN = 256 };

size_t sh_cuda_offsets_scratch(int64_t n)
{
    size_t bytes = 0;
    const int64_t *count = NULL;
    int64_t *start = NULL;
    cub::DeviceScan::InclusiveSum(NULL, bytes, count, start, n);
    return bytes ? bytes : 1;
}

cudaError_t sh_cuda_offsets(const int64_t *count, int64_t n, int64_t *start, void *scratch, size_t bytes, cudaStream_t stream)
{
    cudaError_t error = cudaMemsetAsync(start, 0, sizeof *start, stream);
    return error == cudaSuccess && n ? cub::DeviceScan::InclusiveSum(scratch, bytes, count, start + 1, n, stream) : error;
}

static __global__ void count_up(int64_t *list, int64_t n)
{
    for (int64_t i = blockIdx.x * (int64_t)blockDim.x + threadIdx.x; i < n; i += gridDim.x * (int64_t)blockDim.x)
        list[i] = i;
}

/* start[k]: how many of the sorted keys are below k. */
static __global__ void find_starts(const int32_t *sorted, int64_t n, int64_t n_key, int64_t *start)
{
    for (int64_t k = blockIdx.x * (int64_t)blockDim.x + threadIdx.x; k <= n_key; k += gridDim.x * (int64_t)blockDim.x) {
        int64_t lo = 0, hi = n;
        while (lo < hi) {
            int64_t middle = (lo + hi) / 2;
            if (sorted[middle] < k) lo = middle + 1;
            else hi = middle;
        }
        start[k] = lo;
    }
}

static size_t aligned(size_t bytes)
{
    return (bytes + ALIGN - 1) / ALIGN * ALIGN;
}

size_t sh_cuda_sort_scratch(int64_t n)
{
    size_t bytes = 0;
    const int32_t *key = NULL;
    int32_t *sorted = NULL;
    const int64_t *item = NULL;
    int64_t *list = NULL;
    cub::DeviceRadixSort::SortPairs(NULL, bytes, key, sorted, item, list, n);
    return aligned((size_t)n * sizeof *key) + aligned((size_t)n * sizeof *item) + bytes;
}

/* A radix sort keeps the order of equal keys. */
cudaError_t sh_cuda_sort(const int32_t *key, int64_t n, int64_t n_key, int64_t *start, int64_t *list, void *scratch, size_t bytes,
                         cudaStream_t stream)
{
    size_t of_keys = aligned((size_t)n * sizeof *key), of_items = aligned((size_t)n * sizeof *list);
    char *room = (char *)scratch;
    int32_t *sorted = (int32_t *)(void *)room;
    int64_t *item = (int64_t *)(void *)(room + of_keys);
    int bits = 1;
    cudaError_t error = cudaSuccess;
    while (bits < 31 && n_key >> bits)
        bits++;
    if (n > 0) {
        count_up<<<sh_cuda_blocks(n, BLOCK), BLOCK, 0, stream>>>(item, n);
        size_t rest = bytes - of_keys - of_items;
        error = cub::DeviceRadixSort::SortPairs(room + of_keys + of_items, rest, key, sorted, item, list, n, 0, bits, stream);
    }
    find_starts<<<sh_cuda_blocks(n_key + 1, BLOCK), BLOCK, 0, stream>>>(sorted, n, n_key, start);
    return error;
}
