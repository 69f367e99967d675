/* collective.h -- the sum of gradients over devices, by NCCL. Compiled twice: into the CUDA back-end, and for tests against a
 * stand-in for NCCL with the same calls, so that what joins, sums and leaves runs where there is no device. */
#ifndef SH_BACKEND_CUDA_COLLECTIVE_H
#define SH_BACKEND_CUDA_COLLECTIVE_H

#include <stdint.h>

#include "base/real.h"

#ifdef __cplusplus
extern "C" {
#endif

/* `fatal` is called with a message where a call fails and does not return. */
void sh_collective_begin(void (*fatal)(const char *message));
void sh_collective_id(char *id); /* SH_GROUP_ID bytes */
void sh_collective_join(const char *id, int rank, int size);
void sh_collective_sum(sh_real *data, int64_t n, void *stream);
void sh_collective_leave(void);

#ifdef __cplusplus
}
#endif

#endif
