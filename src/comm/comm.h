/* comm.h -- ranks: who there is, failing together, sums whose bits do not depend on timing, messages that do not block.
 *
 * Two groups: all ranks, and the workers (all ranks, or all but rank 0 when it only coordinates). MPI is initialised by
 * sh_comm_create with MPI_THREAD_FUNNELED; a process started without a launcher is one rank. */
#ifndef SH_COMM_COMM_H
#define SH_COMM_COMM_H

#include <mpi.h>
#include <stdbool.h>
#include <stdint.h>

#include "backend/backend.h"
#include "base/real.h"
#include "base/status.h"

typedef struct {
    int rank, size;       /* among all */
    MPI_Comm all;
    MPI_Comm workers;     /* MPI_COMM_NULL on a rank that does not work */
    int worker, n_worker; /* index among the workers, -1 on a rank that is none */
    bool dedicated;       /* rank 0 only coordinates */
    bool has_group;       /* the workers' devices have joined for sums of their own */
    int per_rank;         /* workers of a rank: 1, but where ranks stand for many, to see what rank 0 bears */
    /* Work is cut into shards, and sums are those of the shards: one for each worker, or a fixed number whatever the ranks, so
     * that bits do not depend on them. A worker has neighbouring shards. */
    int n_shard, first_shard, my_shards;
} sh_comm;

sh_status sh_comm_create(int *argc, char ***argv, sh_comm **out);
/* Chooses the workers; collective. dedicated with one rank alone is refused. */
sh_status sh_comm_set_workers(sh_comm *comm, bool dedicated);
/* n_shard 0: one for each worker, as after sh_comm_set_workers. More workers than shards are refused. */
sh_status sh_comm_set_shards(sh_comm *comm, int n_shard);
/* The shards of a worker, and what a shard has of n things in a row. */
void sh_comm_shards_of(const sh_comm *comm, int worker, int *first, int *count);
void sh_comm_shard_slice(const sh_comm *comm, int64_t n, int shard, int64_t *first, int64_t *count);
void sh_comm_destroy(sh_comm **comm); /* finalises MPI */

/* All ranks leave with one status: that of the lowest rank that failed, its texts too. Its number is put into the
 * message; ranks other than 0 keep no message, so it is printed once. Collective over all. */
sh_status sh_comm_agree(sh_comm *comm, sh_status status);
/* Ends the program on every rank at once, with this thread's message: for failures with collectives in flight. */
_Noreturn void sh_comm_abort(const sh_comm *comm, sh_status status);

sh_status sh_comm_bcast(sh_comm *comm, void *data, int64_t bytes, int root); /* over all */

/* Sums over all shards; data (my_shards, n), the result is its first row. Pieces are exchanged, added in a binary tree over
 * the shards, and gathered: the bits depend on the number of shards alone. Collective over the workers. */
void sh_comm_sum_real(sh_comm *comm, sh_real *data, int64_t n, sh_real *scratch);
int64_t sh_comm_sum_scratch(const sh_comm *comm, int64_t n); /* numbers of scratch that takes */
void sh_comm_sum_double(sh_comm *comm, double *data, int n); /* few numbers, in the order of the shards: n <= 64 */

/* The workers as a group of the back-end's, for its sums on the devices, no two on one. Collective over the workers; nothing where it has
 * none. */
void sh_comm_join_group(sh_comm *comm, const sh_backend *be);

/* Messages between two ranks of `all`. The buffer belongs to the message until it is complete. */
typedef MPI_Request sh_request;
#define SH_REQUEST_NONE MPI_REQUEST_NULL
void sh_comm_isend(sh_comm *comm, const void *data, int64_t bytes, int rank, int tag, sh_request *request);
void sh_comm_irecv(sh_comm *comm, void *data, int64_t bytes, int rank, int tag, sh_request *request);
int64_t sh_comm_wait(sh_request *request); /* returns the bytes received; nothing where there is no message */
bool sh_comm_done(sh_request *request);    /* true when complete; also drives progress */

#endif
