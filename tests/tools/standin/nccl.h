/* nccl.h -- a stand-in for NCCL where there are no devices: the calls that shaft makes, over MPI, on memory that the host sees. Found
 * before the real one by what includes <nccl.h> for tests. One group a process. */
#ifndef TEST_NCCL_H
#define TEST_NCCL_H

#include <stddef.h>

typedef void *cudaStream_t;
typedef struct ncclComm *ncclComm_t;
typedef struct {
    char internal[128];
} ncclUniqueId;
typedef enum { ncclSuccess, ncclInvalidArgument, ncclInvalidUsage } ncclResult_t;
typedef enum { ncclFloat, ncclDouble } ncclDataType_t;
typedef enum { ncclSum } ncclRedOp_t;

ncclResult_t ncclGetUniqueId(ncclUniqueId *id);
ncclResult_t ncclCommInitRank(ncclComm_t *comm, int size, ncclUniqueId id, int rank);
ncclResult_t ncclAllReduce(const void *from, void *to, size_t count, ncclDataType_t type, ncclRedOp_t op, ncclComm_t comm,
                           cudaStream_t stream);
ncclResult_t ncclCommDestroy(ncclComm_t comm);
const char *ncclGetErrorString(ncclResult_t result);

#endif
