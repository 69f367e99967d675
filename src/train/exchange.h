/* exchange.h -- records and replay between the coordinator (rank 0) and the workers.
 *
 * A trajectory belongs to a worker by its place in the batch: worker w of W has the slice [n w / W, n (w+1) / W). Messages do
 * not block: replay(i+1) travels during iteration i, records(i) are on their way while their worker trains. Rank 0's own
 * slices, when it works too, are copied. Message bytes are records as they lie in memory: all ranks run one binary. */
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
void sh_exchange_destroy(sh_exchange **exchange); /* after the last iteration: nothing may be under way */

/* The slice of this rank's worker. */
void sh_exchange_slice(const sh_comm *comm, int64_t n, int64_t *first, int64_t *count);

/* Rank 0: sends the drawn records out, slice by slice; header->n is filled in. */
void sh_exchange_send_replay(sh_exchange *x, const sh_replay_header *header, const sh_records *drawn);
/* Worker: waits for its replay; `slice` is overwritten. */
void sh_exchange_wait_replay(sh_exchange *x, sh_replay_header *header, sh_records *slice);

/* Worker: sends its fresh records. */
void sh_exchange_send_records(sh_exchange *x, const sh_records *fresh);
/* Rank 0: waits for the fresh records of all workers of one iteration, into `all` in the order of trajectories. */
void sh_exchange_take_records(sh_exchange *x, sh_records *all);

/* A few numbers from the first worker to rank 0, where that is another rank (else a copy). */
void sh_exchange_send_report(sh_exchange *x, const double *numbers, int n); /* first worker */
void sh_exchange_take_report(sh_exchange *x, double *numbers, int n);       /* rank 0 */

#endif
