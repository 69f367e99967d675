/* sort.h -- scans and sorts of a device, by CUB: the entries `offsets` and `sort_by_key` of a back-end. Scratch is the caller's, of
 * at least the bytes that the functions named so say. */
#ifndef SH_CUDA_SORT_H
#define SH_CUDA_SORT_H

#include <cuda_runtime.h>
#include <stddef.h>
#include <stdint.h>

size_t sh_cuda_offsets_scratch(int64_t n);
cudaError_t sh_cuda_offsets(const int64_t *count, int64_t n, int64_t *start, void *scratch, size_t bytes, cudaStream_t stream);

size_t sh_cuda_sort_scratch(int64_t n);
cudaError_t sh_cuda_sort(const int32_t *key, int64_t n, int64_t n_key, int64_t *start, int64_t *list, void *scratch, size_t bytes,
                         cudaStream_t stream);

#endif
