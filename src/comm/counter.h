/* counter.h -- a few counters that all ranks share: whoever wants work takes the next number, without asking a rank that is busy. On
 * rank 0, by one-sided MPI. */
#ifndef SH_COMM_COUNTER_H
#define SH_COMM_COUNTER_H

#include "comm/comm.h"

enum { SH_COUNTERS = 8 };

typedef struct sh_counter sh_counter;

/* All 0. Collective, and so is the end. */
sh_status sh_counter_create(sh_comm *comm, sh_counter **out);
void sh_counter_destroy(sh_counter **counter);

/* Adds to counter `which`; returns what it was before. From the thread that initialised MPI. */
int64_t sh_counter_add(sh_counter *counter, int which, int64_t amount);

/* Rank 0, now and then: answers those who wait, where no hardware does. */
void sh_counter_serve(sh_counter *counter);

#endif
