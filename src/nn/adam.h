/* adam.h -- Adam (Kingma and Ba, arXiv 1412.6980) over the block of parameters, with clipping by the norm. */
#ifndef SH_NN_ADAM_H
#define SH_NN_ADAM_H

#include <stdbool.h>

#include "base/status.h"
#include "nn/params.h"

typedef struct sh_adam sh_adam;

sh_adam *sh_adam_create(sh_params *params); /* borrowed; after its commit */
void sh_adam_use(sh_adam *adam, const sh_backend *be); /* the back-end that the parameters use */
void sh_adam_destroy(sh_adam **adam);

/* The tensor's learning rate is `factor` times that of a step. */
void sh_adam_set_factor(sh_adam *adam, const sh_tensor *tensor, double factor);

/* Clips the gradient to `clip` (0: not at all) and takes one step; *norm is the norm before clipping. SH_ENUM and no step
 * where the gradient is not finite. Tensors with a factor of their own are clipped apart, so that a far-off log Z does not
 * hold back the networks. */
sh_status sh_adam_step(sh_adam *adam, double lr, double clip, double *norm);

/* Asks whether the gradient is finite as it is now, and answers; nobody waits in between. Two questions may be open, 0 and 1. */
void sh_adam_look(sh_adam *adam, int question);
bool sh_adam_saw_finite(sh_adam *adam, int question);

/* For checkpoints: first and second moments (as many numbers as parameters) and the count of steps. */
const sh_mirror *sh_adam_first(const sh_adam *adam);
const sh_mirror *sh_adam_second(const sh_adam *adam);
int64_t sh_adam_steps(const sh_adam *adam);
void sh_adam_set_steps(sh_adam *adam, int64_t steps);

#endif
