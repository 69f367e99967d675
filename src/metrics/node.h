/* node.h -- what of its machine a rank may take: threads and memory.
 *
 * Ranks of one machine that together have more threads than it has processors slow dense algebra down by a factor of a hundred
 * (each waits for threads that do not run), and whoever evaluates a potential has BLAS on one thread. So the routines here that
 * live on BLAS take the rank's share of the processors for as long as they run. */
#ifndef SH_METRICS_NODE_H
#define SH_METRICS_NODE_H

#include "comm/comm.h"

typedef struct {
    int omp, blas; /* as they were */
} sh_threads;

/* Threads of OpenMP and BLAS become min(omp_get_max_threads(), processors that the ranks of this machine may run on / their
 * number), at least 1. Collective over all. */
sh_threads sh_threads_share(const sh_comm *comm);
void sh_threads_restore(sh_threads before);

/* Half of the memory that the system calls available, divided by the ranks of the machine; the least of all ranks, in bytes.
 * Collective over all. A limit that a batch system sets below that is not seen. */
int64_t sh_memory_share(const sh_comm *comm);

#endif
