#include "potential/pool_tape.h"

sh_tensor *sh_pool_forward(sh_tape *t, const sh_pool *p, const sh_tensor *x, const sh_real *m, const int64_t *start, int64_t n)
{
    int64_t d = p->d;
    sh_tensor *h[SH_POOL_LAYERS] = {NULL}, *c[SH_POOL_LAYERS] = {NULL}, *y = NULL;
    for (int64_t step = 0; step < p->n_step; step++) {
        const sh_tensor *input = y ? y : sh_tape_constant(t, SH_ROOM_ZERO(t->ws, sh_real, n * 2 * d), n, 2 * d);
        for (int64_t layer = 0; layer < p->n_layer; layer++) {
            const sh_tensor *w = sh_tape_constant(t, p->w_input[layer].there, input->cols, 4 * d);
            sh_tensor *z = sh_linear(t, input, w, sh_tape_constant(t, p->bias[layer].there, 1, 4 * d));
            if (h[layer])
                z = sh_sum(t, z, sh_linear(t, h[layer], sh_tape_constant(t, p->w_hidden[layer].there, d, 4 * d), NULL));
            h[layer] = sh_lstm_cell(t, z, c[layer], &c[layer]);
            input = h[layer];
        }
        const sh_tensor *parts[2] = {input, sh_attend(t, x, input, m, start)};
        y = sh_concat_cols(t, parts, 2);
    }
    return y;
}

typedef struct {
    const sh_tensor *x;
    sh_crystal_value_grad_args args;
    int64_t n;
} read_saved;

static void read_backward(sh_tape *t, const void *saved)
{
    const read_saved *s = saved;
    sh_crystal_value_grad_args args = s->args;
    args.grad_x = s->x->grad;
    t->ws->be->crystal_value_grad(&args, s->n);
}

void sh_read_crystals(sh_tape *t, const sh_tensor *x, const sh_crystal_value_args *a, const double *mult, int64_t n)
{
    sh_crystal_value_args args = *a;
    args.x = x->data;
    args.n = x->cols;
    t->ws->be->crystal_value(&args, n);
    const read_saved s = {.x = x,
                          .args = {.wanted = a->wanted,
                                   .site_start = a->elements.site_start,
                                   .mult = mult,
                                   .last = a->last,
                                   .std = a->std,
                                   .cols = x->cols},
                          .n = n};
    sh_tape_push(t, x, read_backward, &s, sizeof s);
}
