/* team.h -- kernels in which a team of threads works on one item together, for items that are few and long. A body has its lane and the
 * number of lanes, shares what `shared` points to and the item's arrays, and meets the others at SH_TEAM_MEET: what was written
 * before is seen after it. All lanes of a team take the same way from one meeting to the next.
 *
 *     SH_TEAM_BODY void find_body(int64_t item, const sh_find_args *a, sh_team team, find_shared *shared) {...}
 *     SH_TEAM_KERNEL(find, sh_find_args, find_shared)
 *
 * On a device the team is a warp, and this is kernel `find`. Compiled as C it is `sh_find_team(args, n, lanes)` with a thread a lane, for
 * tests that hold it to the body by one thread, which is the kernel of the CPU. */
#ifndef SH_KERNEL_TEAM_H
#define SH_KERNEL_TEAM_H

#include <stdbool.h>

#include "kernel.h"

typedef struct {
    int lane, lanes;
} sh_team;

enum { SH_TEAM_LANES = 32 }; /* of a team at most */

/* Of a number that every lane has. */
typedef struct {
    int64_t before, all; /* sums over the lanes before this one, and over all */
} sh_team_count;

#if defined(__CUDACC__)
#define SH_TEAM_BODY static __device__ inline
#define SH_TEAM_MEET() __syncthreads()
#define SH_TEAM_KERNEL(name, args_type, shared_type)                                               \
    static __global__ void name##_kernel(const args_type args, int64_t n)                          \
    {                                                                                              \
        __shared__ shared_type shared;                                                             \
        const sh_team team = {(int)threadIdx.x, (int)blockDim.x};                                  \
        for (int64_t i = blockIdx.x; i < n; i += gridDim.x) {                                      \
            name##_body(i, &args, team, &shared);                                                  \
            __syncthreads();                                                                       \
        }                                                                                          \
    }                                                                                              \
    extern "C" void sh_##name##_cuda(const args_type *args, int64_t n);                            \
    extern "C" void sh_##name##_cuda(const args_type *args, int64_t n)                             \
    {                                                                                              \
        if (n == 0) return;                                                                        \
        name##_kernel<<<sh_cuda_blocks(n, 1), SH_TEAM_LANES, 0, sh_cuda_stream()>>>(*args, n);     \
        sh_cuda_launched(#name, n);                                                                \
    }
#else
#include <omp.h>
#define SH_TEAM_BODY SH_BODY
#define SH_TEAM_MEET() _Pragma("omp barrier")
#define SH_TEAM_KERNEL(name, args_type, shared_type)                                               \
    void sh_##name##_team(const args_type *args, int64_t n, int lanes);                            \
    void sh_##name##_team(const args_type *args, int64_t n, int lanes)                             \
    {                                                                                              \
        shared_type shared;                                                                        \
        _Pragma("omp parallel num_threads(lanes)")                                                 \
        {                                                                                          \
            const sh_team team = {omp_get_thread_num(), omp_get_num_threads()};                    \
            for (int64_t i = 0; i < n; i++) {                                                      \
                name##_body(i, args, team, &shared);                                               \
                SH_TEAM_MEET()                                                                     \
            }                                                                                      \
        }                                                                                          \
    }
#endif

/* Counts of all lanes by way of `shared` (SH_TEAM_LANES). Two meetings. */
SH_TEAM_BODY sh_team_count sh_team_sum(sh_team team, int64_t count, int64_t *shared)
{
    sh_team_count sum = {0, 0};
    shared[team.lane] = count;
    SH_TEAM_MEET();
    for (int i = 0; i < team.lanes; i++) {
        sum.before += i < team.lane ? shared[i] : 0;
        sum.all += shared[i];
    }
    SH_TEAM_MEET();
    return sum;
}

#endif
