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

/* The same in two parts, for who has work to do in between: where no hardware adds, it waits for rank 0 to enter MPI. One at a time. */
void sh_counter_ask(sh_counter *counter, int which, int64_t amount);
int64_t sh_counter_take(sh_counter *counter);

#endif
