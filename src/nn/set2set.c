#include "nn/set2set.h"

#include <stdio.h>

void sh_set2set_create(sh_params *params, const char *name, int64_t d, sh_set2set *out)
{
    char full[160];
    out->d = d;
    snprintf(full, sizeof full, "%s.w_input", name);
    out->w_input = sh_params_add(params, full, 2 * d, 4 * d, SH_INIT_UNIFORM_FAN_IN, 0);
    snprintf(full, sizeof full, "%s.w_hidden", name);
    out->w_hidden = sh_params_add(params, full, d, 4 * d, SH_INIT_UNIFORM_FAN_IN, 0);
    snprintf(full, sizeof full, "%s.bias", name);
    out->bias = sh_params_add(params, full, 1, 4 * d, SH_INIT_CONSTANT, 0);
}

sh_tensor *sh_set2set_forward(sh_tape *t, const sh_set2set *s, const sh_tensor *x, const sh_real *m,
                              const int64_t *start, int64_t n, int steps)
{
    sh_tensor *h = NULL, *c = NULL;
    sh_tensor *y = sh_tape_constant(t, SH_PUSH_ZERO(t->arena, sh_real, n * 2 * s->d), n, 2 * s->d);
    for (int step = 0; step < steps; step++) {
        sh_tensor *z = sh_linear(t, y, s->w_input, s->bias);
        if (h) z = sh_sum(t, z, sh_linear(t, h, s->w_hidden, NULL));
        h = sh_lstm_cell(t, z, c, &c);
        y = sh_concat_cols(t, (const sh_tensor *[]){h, sh_attend(t, x, h, m, start)}, 2);
    }
    return y;
}
