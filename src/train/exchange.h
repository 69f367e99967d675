/* exchange.h -- findings and replay between the coordinator (rank 0) and the workers.
 *
 * A trajectory belongs to a shard by its place in the batch, shard k of S has the slice [n k / S, n (k+1) / S), and a worker
 * has the slices of its shards (comm.h), one behind the other. Messages do not block: what came into the replay, for iteration i + 1,
 * travels during iteration i, and findings of i are on their way while their worker trains. A message of some size moves only while
 * both ends are inside MPI, and a rank that computes is not. So every receive is posted before its message can come, and where all
 * workers meet anyway, at the sum of the gradients, they see to it that all has arrived (sh_exchange_settle): nobody waits for a
 * message later. Rank 0's own, when it works too, are copied.
 * What came in is a few records once a run is on its way, but thousands, some megabytes, as it begins. Messages of that size to each of
 * many workers would take rank 0 seconds. Then the message is only the header, and the records are broadcast as the next iteration
 * begins: workers would wait for them there anyway, so the collective holds nobody up, and all that rank 0 does is to hand them to a few.
 * Message bytes are records as they lie in memory: all ranks run one binary. */
#ifndef SH_TRAIN_EXCHANGE_H
#define SH_TRAIN_EXCHANGE_H

#include "comm/comm.h"
#include "train/findings.h"

typedef struct sh_exchange sh_exchange;

/* What rank 0 says to every worker, before the records that came into the replay. */
typedef struct {
    int64_t iteration; /* the one this is for */
    int64_t n_total;   /* replayed trajectories in it, on all workers together */
    int64_t n;         /* records in this message */
    int64_t stop;      /* 1: rank 0 was asked to stop; this iteration is the last */
    double files;      /* s that rank 0's thread took for the last checkpoint */
} sh_replay_header;

/* The workers of `comm` must have been set. batch: fresh trajectories of an iteration on all workers; capacity: of the replay. */
sh_exchange *sh_exchange_create(sh_comm *comm, int32_t max_sites, int64_t batch, int64_t capacity);
/* Waits for what is under way: every replay that was expected must have been sent. */
void sh_exchange_destroy(sh_exchange **exchange);

/* The slice of this rank's worker. */
void sh_exchange_slice(const sh_comm *comm, int64_t n, int64_t *first, int64_t *count);

/* Rank 0: tells all workers what came in; header->n is filled in. */
void sh_exchange_send_replay(sh_exchange *x, const sh_replay_header *header, const sh_records *came_in);
/* Rank 0, as an iteration begins: broadcasts what was sent for it, where it is much. The others meet it in sh_exchange_wait_replay, and
 * nobody may be in another collective over all ranks in between. */
void sh_exchange_spread_replay(sh_exchange *x);
/* Worker: there will be one more replay. Two may be expected and not waited for. */
void sh_exchange_expect_replay(sh_exchange *x);
/* Worker: waits for the next, in the order they were sent; `came_in` is overwritten. Of several workers of a rank (comm->per_rank) the
 * first alone is given a broadcast, the others nothing. */
void sh_exchange_wait_replay(sh_exchange *x, sh_replay_header *header, sh_records *came_in);

/* Rank 0: the findings of all workers of one iteration will come; rank 0 expects them before it sends its own. */
void sh_exchange_expect_findings(sh_exchange *x);
/* Worker: sends its own, which are copied. */
void sh_exchange_send_findings(sh_exchange *x, const sh_findings *findings);
/* Rank 0: waits until all have come; they are added to `heard` in the order of workers. */
void sh_exchange_take_findings(sh_exchange *x, sh_heard *heard);

/* Worker, about to add up gradients with the others: gets through what is under way. Where rank 0 works too, it has sent its
 * replay and expects the findings by now. */
void sh_exchange_settle(sh_exchange *x);

/* A few numbers from the first worker to rank 0, where that is another rank (else a copy). */
void sh_exchange_send_report(sh_exchange *x, const double *numbers, int n); /* first worker */
void sh_exchange_take_report(sh_exchange *x, double *numbers, int n);       /* rank 0 */

#endif
