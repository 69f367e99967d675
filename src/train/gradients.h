/* gradients.h -- the gradient of all shards on every worker. */
#ifndef SH_TRAIN_GRADIENTS_H
#define SH_TRAIN_GRADIENTS_H

#include "comm/comm.h"
#include "train/setup.h"

typedef struct {
    sh_real *leaves;  /* (my_shards, P) a gradient for each shard; NULL with one, which is the parameters' own */
    sh_real *scratch;
    sh_real *early; /* (P) there: a part that is being summed while the rest is computed; NULL: none so far */
    bool has_group; /* the devices sum */
    bool has_early;
} sh_gradients;

void sh_gradients_create(const sh_comm *comm, const sh_setup *setup, sh_gradients *out);
void sh_gradients_destroy(sh_gradients *gradients, const sh_setup *setup);

/* Whether sums are the devices', which go on beside the kernels. */
bool sh_gradients_on_devices(const sh_gradients *gradients, const sh_setup *setup);
/* Begins to sum what the parameters' gradient has so far, which becomes zero; sh_gradients_sum adds it. On devices, on all workers or
 * on none. */
void sh_gradients_early(sh_gradients *gradients, const sh_setup *setup);

/* After the pass over shard k: takes the parameters' gradient. */
void sh_gradients_take(const sh_gradients *gradients, const sh_setup *setup, int k);

/* Sums over all shards, into the parameters' gradient. On the devices where the back-end can and the order is free; else on the host,
 * in the order of the shards. Collective over the workers. */
void sh_gradients_sum(sh_gradients *gradients, sh_comm *comm, const sh_setup *setup);

#endif
