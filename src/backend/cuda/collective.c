#define _POSIX_C_SOURCE 200809L /* setenv */
#include "backend/cuda/collective.h"

#include <nccl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct {
    void (*fatal)(const char *message);
    ncclComm_t comm;
    int rank, size;
} group;

static void check(ncclResult_t result, const char *what)
{
    char message[256];
    if (result == ncclSuccess) return;
    snprintf(message, sizeof message, "NCCL, worker %d of %d: %s: %s", group.rank, group.size, what, ncclGetErrorString(result));
    group.fatal(message);
    abort();
}

void sh_collective_begin(void (*fatal)(const char *message))
{
    group.fatal = fatal;
}

void sh_collective_id(char *id)
{
    ncclUniqueId unique;
    check(ncclGetUniqueId(&unique), "making a group");
    memcpy(id, &unique, sizeof unique);
}

/* One algorithm whatever the size of the message, and no summing in switches: the same bits in every run on the same devices. */
void sh_collective_join(const char *id, int rank, int size)
{
    ncclUniqueId unique;
    memcpy(&unique, id, sizeof unique);
    setenv("NCCL_ALGO", "Ring", 0);
    setenv("NCCL_NVLS_ENABLE", "0", 0);
    group.rank = rank;
    group.size = size;
    check(ncclCommInitRank(&group.comm, size, unique, rank), "joining the group");
}

void sh_collective_sum(sh_real *data, int64_t n, void *stream)
{
    ncclDataType_t type = sizeof(sh_real) == sizeof(float) ? ncclFloat : ncclDouble;
    check(ncclAllReduce(data, data, (size_t)n, type, ncclSum, group.comm, (cudaStream_t)stream), "sum of gradients");
}

void sh_collective_leave(void)
{
    if (group.comm) check(ncclCommDestroy(group.comm), "leaving the group");
    group.comm = NULL;
}
