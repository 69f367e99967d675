#include "gflownet/dist_ops.h"

#include "base/status.h"
#include "dist.h"

typedef struct {
    sh_dist_categorical_args args;
    int64_t rows;
    const sh_tensor *logits, *log_prob;
} categorical_saved;

static void categorical_backward(sh_tape *t, const void *saved)
{
    const categorical_saved *s = saved;
    sh_dist_categorical_grad_args args = s->args;
    args.grad_log_prob = s->log_prob->grad;
    args.grad_logits = s->logits->grad;
    t->ws->be->dist_categorical_grad(&args, s->rows);
}

sh_tensor *sh_log_prob_categorical(sh_tape *t, const sh_tensor *logits, const uint8_t *mask, int64_t mask_stride,
                                   const int32_t *choice)
{
    sh_tensor *y = sh_tape_new(t, logits->rows, 1, logits->grad);
    sh_dist_categorical_args args = {.logits = logits->data,
                                     .mask = mask,
                                     .mask_stride = mask_stride,
                                     .choice = choice,
                                     .log_prob = y->data,
                                     .n = logits->cols};
    t->ws->be->dist_categorical(&args, y->rows);
    sh_tape_push(t, y, categorical_backward, &(categorical_saved){args, y->rows, logits, y}, sizeof(categorical_saved));
    return y;
}

typedef struct {
    sh_dist_logit_normal_args args;
    const sh_tensor *raw, *log_prob;
} logit_normal_saved;

static void logit_normal_backward(sh_tape *t, const void *saved)
{
    const logit_normal_saved *s = saved;
    sh_dist_logit_normal_grad_args args = s->args;
    args.grad_log_prob = s->log_prob->grad;
    args.grad_raw = s->raw->grad;
    t->ws->be->dist_logit_normal_grad(&args, s->raw->rows);
}

sh_tensor *sh_log_prob_logit_normal(sh_tape *t, const sh_tensor *raw, const double *y, const uint8_t *active)
{
    SH_ASSERT(raw->cols % 3 == 0 && raw->cols / 3 <= SH_DIST_MAX_MIXTURE);
    sh_tensor *out = sh_tape_new(t, raw->rows, 1, raw->grad);
    sh_dist_logit_normal_args args = {
        .raw = raw->data,
        .y = y,
        .active = active,
        .log_prob = out->data,
        .n = (int32_t)(raw->cols / 3)};
    t->ws->be->dist_logit_normal(&args, raw->rows);
    sh_tape_push(t, out, logit_normal_backward, &(logit_normal_saved){args, raw, out}, sizeof(logit_normal_saved));
    return out;
}

typedef struct {
    sh_dist_wrapped_args args;
    const sh_tensor *raw, *log_prob;
} wrapped_saved;

static void wrapped_backward(sh_tape *t, const void *saved)
{
    const wrapped_saved *s = saved;
    sh_dist_wrapped_grad_args args = s->args;
    args.grad_log_prob = s->log_prob->grad;
    args.grad_raw = s->raw->grad;
    t->ws->be->dist_wrapped_grad(&args, s->raw->rows);
}

sh_tensor *sh_log_prob_wrapped(sh_tape *t, const sh_tensor *raw, const double *x, const uint8_t *dim)
{
    int64_t n = (raw->cols - 1) / SH_WRAPPED_STRIDE;
    SH_ASSERT(raw->cols == 1 + n * SH_WRAPPED_STRIDE && n <= SH_DIST_MAX_MIXTURE);
    sh_tensor *out = sh_tape_new(t, raw->rows, 1, raw->grad);
    sh_dist_wrapped_args args = {
        .raw = raw->data,
        .x = x,
        .dim = dim,
        .log_prob = out->data,
        .n = (int32_t)n};
    t->ws->be->dist_wrapped(&args, raw->rows);
    sh_tape_push(t, out, wrapped_backward, &(wrapped_saved){args, raw, out}, sizeof(wrapped_saved));
    return out;
}

typedef struct {
    const sh_tensor *a, *b, *y;
} concat_rows_saved;

static void copy(sh_tape *t, const sh_real *x, sh_real *y, int64_t n, bool keep)
{
    const sh_add_args args = {.a = x, .b = keep ? y : NULL, .y = y};
    t->ws->be->add(&args, n);
}

static void concat_rows_backward(sh_tape *t, const void *saved)
{
    const concat_rows_saved *s = saved;
    if (s->a->grad) copy(t, s->y->grad, s->a->grad, sh_size(s->a), true);
    if (s->b->grad) copy(t, s->y->grad + sh_size(s->a), s->b->grad, sh_size(s->b), true);
}

sh_tensor *sh_concat_rows(sh_tape *t, const sh_tensor *a, const sh_tensor *b)
{
    SH_ASSERT(a->cols == b->cols);
    sh_tensor *y = sh_tape_new(t, a->rows + b->rows, a->cols, a->grad || b->grad);
    copy(t, a->data, y->data, sh_size(a), false);
    copy(t, b->data, y->data + sh_size(a), sh_size(b), false);
    sh_tape_push(t, y, concat_rows_backward, &(concat_rows_saved){a, b, y}, sizeof(concat_rows_saved));
    return y;
}
