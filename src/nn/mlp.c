#include "nn/mlp.h"

#include <stdio.h>

sh_mlp *sh_mlp_create(sh_params *params, const char *name, const int64_t *sizes, int n_size)
{
    sh_mlp *m = SH_NEW(sh_mlp, 1);
    m->n_layer = n_size - 1;
    m->w = SH_NEW(sh_tensor *, m->n_layer);
    m->b = SH_NEW(sh_tensor *, m->n_layer);
    for (int i = 0; i < m->n_layer; i++) {
        char full[160];
        snprintf(full, sizeof full, "%s.%d.w", name, i);
        m->w[i] = sh_params_add(params, full, sizes[i], sizes[i + 1], SH_INIT_UNIFORM_FAN_IN, 0);
        snprintf(full, sizeof full, "%s.%d.b", name, i);
        m->b[i] = sh_params_add(params, full, 1, sizes[i + 1], SH_INIT_CONSTANT, 0);
    }
    return m;
}

void sh_mlp_destroy(sh_mlp **mlp)
{
    if (!*mlp) return;
    sh_free((*mlp)->w);
    sh_free((*mlp)->b);
    sh_free(*mlp);
    *mlp = NULL;
}

sh_tensor *sh_mlp_forward(sh_tape *t, const sh_mlp *m, const sh_tensor *x, sh_activation kind, bool last)
{
    sh_tensor *y = NULL;
    for (int i = 0; i < m->n_layer; i++)
        x = y = sh_dense(t, x, m->w[i], m->b[i], i + 1 < m->n_layer || last ? (int)kind : SH_OPEN);
    return y;
}
