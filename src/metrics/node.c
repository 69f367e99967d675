#define _GNU_SOURCE
#include "metrics/node.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cblas.h>
#include <omp.h>

/* Ranks of this machine, and the processors that they may run on together: bound ranks have their own, others all the same. */
static void look_at_node(const sh_comm *comm, int *ranks, int *processors)
{
    cpu_set_t mine, all;
    MPI_Comm node;
    CPU_ZERO(&mine);
    CPU_ZERO(&all);
    if (sched_getaffinity(0, sizeof mine, &mine)) CPU_SET(0, &mine);
    MPI_Comm_split_type(comm->all, MPI_COMM_TYPE_SHARED, comm->rank, MPI_INFO_NULL, &node);
    MPI_Comm_size(node, ranks);
    MPI_Allreduce(&mine, &all, (int)sizeof mine, MPI_BYTE, MPI_BOR, node);
    MPI_Comm_free(&node);
    *processors = CPU_COUNT(&all);
}

sh_threads sh_threads_share(const sh_comm *comm)
{
    sh_threads before = {omp_get_max_threads(), openblas_get_num_threads()};
    int ranks, processors;
    look_at_node(comm, &ranks, &processors);
    int share = processors / ranks;
    if (share > before.omp) share = before.omp;
    if (share < 1) share = 1;
    openblas_set_num_threads(share);
    omp_set_num_threads(share);
    return before;
}

void sh_threads_restore(sh_threads before)
{
    openblas_set_num_threads(before.blas);
    omp_set_num_threads(before.omp);
}

static int64_t available_bytes(void)
{
    static const char NAME[] = "MemAvailable:";
    char line[256];
    long long kib = 0;
    FILE *f = fopen("/proc/meminfo", "r");
    while (f && kib == 0 && fgets(line, sizeof line, f))
        if (!strncmp(line, NAME, sizeof NAME - 1)) kib = strtoll(line + sizeof NAME - 1, NULL, 10);
    if (f) fclose(f);
    if (kib > 0) return kib * 1024;
    return (int64_t)sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE); /* no Linux */
}

int64_t sh_memory_share(const sh_comm *comm)
{
    int ranks, processors;
    look_at_node(comm, &ranks, &processors);
    int64_t mine = available_bytes() / 2 / ranks, least;
    MPI_Allreduce(&mine, &least, 1, MPI_INT64_T, MPI_MIN, comm->all);
    return least;
}
