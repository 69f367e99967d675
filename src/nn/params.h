/* params.h -- the trainable numbers of a run: tensors with names in one block, their gradients in another, so that the
 * reduction over ranks, the optimizer and checkpoints see one array. */
#ifndef SH_NN_PARAMS_H
#define SH_NN_PARAMS_H

#include "backend/mirror.h"
#include "tensor/tape.h"

typedef enum {
    SH_INIT_CONSTANT,       /* value */
    SH_INIT_UNIFORM_FAN_IN, /* uniform in +-1/sqrt(rows) */
    SH_INIT_NORMAL          /* standard deviation value */
} sh_init;

typedef struct sh_params sh_params;

sh_params *sh_params_create(void);
void sh_params_destroy(sh_params **params);

/* A tensor (rows, cols). The pointer stays; its data and grad are set by sh_params_commit. The name is copied and must be
 * new. */
sh_tensor *sh_params_add(sh_params *params, const char *name, int64_t rows, int64_t cols, sh_init init, double value);

/* Allocates the blocks and fills in the start values: functions of (seed, number of the tensor, place in it). */
void sh_params_commit(sh_params *params, uint64_t seed);

/* From now on the numbers lie where the kernels of `be` work. */
void sh_params_use(sh_params *params, const sh_backend *be);

int64_t sh_params_size(const sh_params *params); /* numbers in all */
const sh_mirror *sh_params_data(const sh_params *params);
const sh_mirror *sh_params_grad(const sh_params *params);
sh_real *sh_params_values(const sh_params *params, const sh_tensor *tensor); /* the host's side */
void sh_params_zero_grad(sh_params *params);

int64_t sh_params_n_tensor(const sh_params *params);
const char *sh_params_name(const sh_params *params, int64_t index);
sh_tensor *sh_params_tensor(const sh_params *params, int64_t index);
int64_t sh_params_offset(const sh_params *params, const sh_tensor *tensor); /* of its first number in the block */

#endif
