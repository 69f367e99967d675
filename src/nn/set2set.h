/* set2set.h -- a set of rows as one row that does not depend on their order (Vinyals et al., arXiv 1511.06391), one LSTM layer.
 *
 *     q = LSTM(y),  w_j = m_j exp(q . x_j) / sum_k m_k exp(q . x_k),  y = [q, sum_j w_j x_j],   repeated; y = 0 at first
 */
#ifndef SH_NN_SET2SET_H
#define SH_NN_SET2SET_H

#include "nn/params.h"
#include "tensor/ops.h"

typedef struct {
    sh_tensor *w_input, *w_hidden, *bias; /* (2d,4d), (d,4d), (1,4d); gates in the order i f g o */
    int64_t d;
} sh_set2set;

void sh_set2set_create(sh_params *params, const char *name, int64_t d, sh_set2set *out);

/* (n,2d) of rows x (R,d) with multiplicities m (R), start (n+1). */
sh_tensor *sh_set2set_forward(sh_tape *tape, const sh_set2set *s, const sh_tensor *x, const sh_real *m,
                              const int64_t *start, int64_t n, int steps);

#endif
