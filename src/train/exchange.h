/* exchange.h -- records and replay between the coordinator (rank 0) and the workers.
 *
 * A trajectory belongs to a shard by its place in the batch, shard k of S has the slice [n k / S, n (k+1) / S), and a worker
 * has the slices of its shards (comm.h), one behind the other. Messages do not block: replay(i+1) travels during iteration i,
 * records(i) are on their way while their worker trains. A message as large as these moves only while both ends are inside MPI,
 * and a rank that computes is not. So every receive is posted before its message can come, and where all workers meet anyway, at
 * the sum of the gradients, they see to it that all has arrived (sh_exchange_settle): nobody waits for a message later. Rank 0's
 * own slices, when it works too, are copied.
 * Message bytes are records as they lie in memory: all ranks run one binary. */
#ifndef SH_TRAIN_EXCHANGE_H
#define SH_TRAIN_EXCHANGE_H

#include "comm/comm.h"
#include "gflownet/record.h"

typedef struct sh_exchange sh_exchange;

/* What rank 0 says to every worker with its replay. */
typedef struct {
    int64_t iteration; /* the one this replay is for */
    int64_t n_total;   /* replayed trajectories on all workers together */
    int64_t n;         /* of them in this message */
    int64_t stop;      /* 1: rank 0 was asked to stop; this iteration is the last */
} sh_replay_header;

/* The workers of `comm` must have been set. batch, replay_batch: trajectories of an iteration on all workers. */
sh_exchange *sh_exchange_create(sh_comm *comm, int32_t max_sites, int64_t batch, int64_t replay_batch);
/* Waits for what is under way: every replay that was expected must have been sent. */
void sh_exchange_destroy(sh_exchange **exchange);

/* The slice of this rank's worker. */
void sh_exchange_slice(const sh_comm *comm, int64_t n, int64_t *first, int64_t *count);

/* Rank 0: sends the drawn records out, slice by slice; header->n is filled in. */
void sh_exchange_send_replay(sh_exchange *x, const sh_replay_header *header, const sh_records *drawn);
/* Worker: there will be one more replay. Two may be expected and not waited for. */
void sh_exchange_expect_replay(sh_exchange *x);
/* Worker: waits for its replay, in the order they were sent; `slice` is overwritten. */
void sh_exchange_wait_replay(sh_exchange *x, sh_replay_header *header, sh_records *slice);

/* Rank 0: the fresh records of all workers of one iteration will come into `all`, in the order of trajectories. `all` is
 * resized, and is the exchange's until they are taken; rank 0 expects them before it sends its own. */
void sh_exchange_expect_records(sh_exchange *x, sh_records *all);
/* Worker: sends its fresh records. */
void sh_exchange_send_records(sh_exchange *x, const sh_records *fresh);
/* Rank 0: waits until all have come. */
void sh_exchange_take_records(sh_exchange *x);

/* Worker, about to add up gradients with the others: gets through what is under way. Where rank 0 works too, it has sent its
 * replay and expects the records by now. */
void sh_exchange_settle(sh_exchange *x);

/* A few numbers from the first worker to rank 0, where that is another rank (else a copy). */
void sh_exchange_send_report(sh_exchange *x, const double *numbers, int n); /* first worker */
void sh_exchange_take_report(sh_exchange *x, double *numbers, int n);       /* rank 0 */

#endif
