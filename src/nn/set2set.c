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

/* The first query comes from the bias alone and is one for all crystals, so what does not read r is done on one row. */
sh_tensor *sh_set2set_forward(sh_tape *t, const sh_set2set *s, const sh_tensor *x, const sh_real *m,
                              const int64_t *start, int64_t n, int steps)
{
    int32_t *all_zero = SH_ROOM_ZERO(t->ws, int32_t, n);
    sh_tensor *c, *first = sh_lstm_cell(t, s->bias, NULL, &c), *h = sh_gather_rows(t, first, all_zero, n);
    sh_tensor *r = sh_attend(t, x, h, m, start);
    for (int step = 1; step < steps; step++) {
        const sh_tensor *of_h = sh_rows_view(t, s->w_input, 0, s->d), *of_r = sh_rows_view(t, s->w_input, s->d, s->d);
        const sh_tensor *before = step == 1 ? first : h;
        sh_tensor *z = sh_sum(t, sh_linear(t, before, of_h, s->bias), sh_linear(t, before, s->w_hidden, NULL));
        if (step == 1) {
            z = sh_linear(t, r, of_r, z);
            c = sh_gather_rows(t, c, all_zero, n);
        } else {
            z = sh_sum(t, z, sh_linear(t, r, of_r, NULL));
        }
        h = sh_lstm_cell(t, z, c, &c);
        r = sh_attend(t, x, h, m, start);
    }
    return sh_concat_cols(t, (const sh_tensor *[]){h, r}, 2);
}
