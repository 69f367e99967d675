/* ops.h -- the differentiable operations. Each returns its output, made on the tape's arena; see tape.h. */
#ifndef SH_TENSOR_OPS_H
#define SH_TENSOR_OPS_H

#include "tensor/tape.h"

/* y (B,O) = x (B,I) w (I,O) + b (1,O); b may be NULL. */
sh_tensor *sh_linear(sh_tape *tape, const sh_tensor *x, const sh_tensor *w, const sh_tensor *b);

/* y = f(x), by number. */
sh_tensor *sh_activation_op(sh_tape *tape, const sh_tensor *x, sh_activation kind);

/* y = a + b, equal shapes. */
sh_tensor *sh_sum(sh_tape *tape, const sh_tensor *a, const sh_tensor *b);

#endif
