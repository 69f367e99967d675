/* mlp.h -- a perceptron: dense layers with one activation between them. */
#ifndef SH_NN_MLP_H
#define SH_NN_MLP_H

#include "nn/params.h"
#include "tensor/ops.h"

typedef struct {
    int n_layer;
    sh_tensor **w, **b; /* (in,out), (1,out) of each layer */
} sh_mlp;

/* sizes (n_size): input, hidden, ..., output. Parameters are named NAME.0.w, NAME.0.b, ... */
sh_mlp *sh_mlp_create(sh_params *params, const char *name, const int64_t *sizes, int n_size);
void sh_mlp_destroy(sh_mlp **mlp);

/* last: the activation follows the last layer too. */
sh_tensor *sh_mlp_forward(sh_tape *tape, const sh_mlp *mlp, const sh_tensor *x, sh_activation kind, bool last);

static inline sh_tensor *sh_mlp_last_bias(const sh_mlp *mlp)
{
    return mlp->b[mlp->n_layer - 1];
}

#endif
