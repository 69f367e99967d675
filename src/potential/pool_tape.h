/* pool_tape.h -- what networks with one value for a crystal end in, on a tape: set2set, and the last layer. */
#ifndef SH_POTENTIAL_POOL_TAPE_H
#define SH_POTENTIAL_POOL_TAPE_H

#include "potential/pool.h"
#include "tensor/ops.h"

/* y (n,2d) as from sh_pool_batch, of all rows of x. */
sh_tensor *sh_pool_forward(sh_tape *tape, const sh_pool *pool, const sh_tensor *x, const sh_real *m, const int64_t *start, int64_t n);

/* The values of crystals, args as for the kernel but for x; and the seed of the way back: the derivative of value times atoms, of
 * n crystals. mult (S) are the multiplicities of their sites. */
void sh_read_crystals(sh_tape *tape, const sh_tensor *x, const sh_crystal_value_args *args, const double *mult, int64_t n);

#endif
