/* gradients.h -- the gradient of all shards on every worker. */
#ifndef SH_TRAIN_GRADIENTS_H
#define SH_TRAIN_GRADIENTS_H

#include "comm/comm.h"
#include "train/setup.h"

typedef struct {
    sh_real *leaves;  /* (my_shards, P) a gradient for each shard; NULL with one, which is the parameters' own */
    sh_real *scratch;
} sh_gradients;

void sh_gradients_create(const sh_comm *comm, const sh_setup *setup, sh_gradients *out);
void sh_gradients_destroy(sh_gradients *gradients);

/* After the pass over shard k: takes the parameters' gradient. */
void sh_gradients_take(const sh_gradients *gradients, const sh_setup *setup, int k);

/* Sums over all shards, into the parameters' gradient. On the devices where the back-end can and the order is free; else on the host,
 * in the order of the shards. Collective over the workers. */
void sh_gradients_sum(const sh_gradients *gradients, sh_comm *comm, const sh_setup *setup);

#endif
