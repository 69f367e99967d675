#include "tensor/ops.h"

#include "base/status.h"

typedef struct {
    const sh_tensor *x, *w, *b;
    sh_tensor *y;
} linear_saved;

static void linear_backward(sh_tape *t, const void *saved)
{
    const linear_saved *s = saved;
    const sh_tensor *x = s->x, *w = s->w, *y = s->y;
    if (x->grad)
        t->be->gemm(false, true, x->rows, x->cols, w->cols, 1, y->grad, w->cols, w->data, w->cols, 1, x->grad, x->cols);
    if (w->grad)
        t->be->gemm(true, false, w->rows, w->cols, x->rows, 1, x->data, x->cols, y->grad, w->cols, 1, w->grad, w->cols);
    if (sh_wants(s->b)) {
        const sh_column_sum_args args = {.x = y->grad, .y = s->b->grad, .rows = y->rows, .cols = y->cols};
        t->be->column_sum(&args, y->cols);
    }
}

sh_tensor *sh_linear(sh_tape *t, const sh_tensor *x, const sh_tensor *w, const sh_tensor *b)
{
    SH_ASSERT(x->cols == w->rows && (!b || (b->rows == 1 && b->cols == w->cols)));
    sh_tensor *y = sh_tape_new(t, x->rows, w->cols, x->grad || w->grad || sh_wants(b));
    if (b) {
        const sh_broadcast_row_args args = {.x = b->data, .y = y->data, .cols = y->cols};
        t->be->broadcast_row(&args, y->rows);
    }
    t->be->gemm(false, false, y->rows, y->cols, x->cols, 1, x->data, x->cols, w->data, w->cols, b ? 1 : 0, y->data,
                y->cols);
    sh_tape_push(t, y, linear_backward, &(linear_saved){x, w, b, y}, sizeof(linear_saved));
    return y;
}

typedef struct {
    const sh_tensor *x;
    sh_tensor *y;
    sh_activation kind;
} activation_saved;

static void activation_backward(sh_tape *t, const void *saved)
{
    const activation_saved *s = saved;
    if (!s->x->grad) return;
    const sh_activation_grad_args args = {
        .x = s->x->data, .grad_y = s->y->grad, .grad_x = s->x->grad, .kind = (int32_t)s->kind};
    t->be->activation_grad(&args, sh_size(s->x));
}

sh_tensor *sh_activation_op(sh_tape *t, const sh_tensor *x, sh_activation kind)
{
    sh_tensor *y = sh_tape_new(t, x->rows, x->cols, x->grad);
    const sh_activation_args args = {.x = x->data, .y = y->data, .kind = (int32_t)kind};
    t->be->activation(&args, sh_size(x));
    sh_tape_push(t, y, activation_backward, &(activation_saved){x, y, kind}, sizeof(activation_saved));
    return y;
}

typedef struct {
    const sh_tensor *a, *b;
    sh_tensor *y;
} sum_saved;

static void accumulate(sh_tape *t, const sh_real *x, sh_real *y, int64_t n)
{
    const sh_add_args args = {.x = x, .y = y, .x_scale = 1, .y_scale = 1};
    t->be->add(&args, n);
}

static void sum_backward(sh_tape *t, const void *saved)
{
    const sum_saved *s = saved;
    if (s->a->grad) accumulate(t, s->y->grad, s->a->grad, sh_size(s->a));
    if (s->b->grad) accumulate(t, s->y->grad, s->b->grad, sh_size(s->b));
}

sh_tensor *sh_sum(sh_tape *t, const sh_tensor *a, const sh_tensor *b)
{
    SH_ASSERT(a->rows == b->rows && a->cols == b->cols);
    sh_tensor *y = sh_tape_new(t, a->rows, a->cols, a->grad || b->grad);
    sh_add_args args = {.x = a->data, .y = y->data, .x_scale = 1, .y_scale = 0};
    t->be->add(&args, sh_size(y));
    args = (sh_add_args){.x = b->data, .y = y->data, .x_scale = 1, .y_scale = 1};
    t->be->add(&args, sh_size(y));
    sh_tape_push(t, y, sum_backward, &(sum_saved){a, b, y}, sizeof(sum_saved));
    return y;
}
