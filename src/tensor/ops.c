#include "tensor/ops.h"

#include "base/status.h"

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
        .x = s->x->data, .y = s->y->data, .grad_y = s->y->grad, .grad_x = s->x->grad, .kind = (int32_t)s->kind};
    t->ws->be->activation_grad(&args, sh_size(s->x));
}

sh_tensor *sh_activation_op(sh_tape *t, const sh_tensor *x, sh_activation kind)
{
    sh_tensor *y = sh_tape_new(t, x->rows, x->cols, x->grad);
    const sh_activation_args args = {.x = x->data, .y = y->data, .kind = (int32_t)kind};
    t->ws->be->activation(&args, sh_size(x));
    sh_tape_push(t, y, activation_backward, &(activation_saved){x, y, kind}, sizeof(activation_saved));
    return y;
}

typedef struct {
    const sh_tensor *a, *b;
    sh_tensor *y;
} sum_saved;

static void accumulate(sh_tape *t, const sh_real *x, sh_real *y, int64_t n)
{
    const sh_add_args args = {.a = x, .b = y, .y = y};
    t->ws->be->add(&args, n);
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
    const sh_add_args args = {.a = a->data, .b = b->data, .y = y->data};
    t->ws->be->add(&args, sh_size(y));
    sh_tape_push(t, y, sum_backward, &(sum_saved){a, b, y}, sizeof(sum_saved));
    return y;
}

/* What a dense layer keeps, plain or on edges; its pre-activation for swish alone. */
typedef struct {
    const sh_tensor *x, *w, *b, *p_src, *p_dst, *p_crystal, *y;
    const sh_real *pre;
    const sh_edge_index *index;
    int kind;
} dense_saved;

static void list_sum(sh_tape *t, const sh_real *x, const int64_t *start, const int64_t *list, const sh_tensor *y)
{
    const sh_list_sum_args args = {.x = x, .start = start, .list = list, .y = y->grad, .cols = y->cols, .keep = 1};
    t->ws->be->list_sum(&args, y->rows);
}

static void dense_backward(sh_tape *t, const void *saved)
{
    const dense_saved *s = saved;
    const sh_tensor *x = s->x, *w = s->w, *y = s->y;
    const sh_edge_index *i = s->index;
    sh_workspace_mark mark = sh_workspace_get_mark(t->ws);
    sh_real *grad_pre = s->kind == SH_OPEN ? NULL : SH_ROOM(t->ws, sh_real, sh_size(y));
    const sh_real *grad = grad_pre ? grad_pre : y->grad;
    const sh_dense_grad_args args = {.input = x->data,
                                     .w = w->data,
                                     .pre = s->pre,
                                     .y = y->data,
                                     .grad_y = y->grad,
                                     .grad_pre = grad_pre,
                                     .grad_input = x->grad,
                                     .grad_w = w->grad,
                                     .grad_bias = sh_wants(s->b) ? s->b->grad : NULL,
                                     .k = x->cols,
                                     .cols = w->cols,
                                     .kind = (int32_t)s->kind};
    t->ws->be->dense_grad(&args, x->rows);
    if (sh_wants(s->p_src)) list_sum(t, grad, i->src_start, NULL, s->p_src);
    if (sh_wants(s->p_dst)) list_sum(t, grad, i->dst_start, i->dst_list, s->p_dst);
    if (sh_wants(s->p_crystal)) list_sum(t, grad, i->crystal_start, NULL, s->p_crystal);
    sh_workspace_release(t->ws, mark);
}

static sh_tensor *dense(sh_tape *t, dense_saved s)
{
    const sh_tensor *x = s.x, *w = s.w;
    SH_ASSERT(x->cols == w->rows);
    bool wants = x->grad || w->grad || sh_wants(s.b) || sh_wants(s.p_src) || sh_wants(s.p_dst) || sh_wants(s.p_crystal);
    sh_tensor *y = sh_tape_new(t, x->rows, w->cols, wants);
    bool keep = y->grad && s.kind == SH_SWISH;
    sh_real *pre = keep ? SH_ROOM(t->ws, sh_real, sh_size(y)) : y->data;
    const sh_dense_args args = {.input = x->data,
                                .w = w->data,
                                .k = x->cols,
                                .out = {.bias = s.b ? s.b->data : NULL,
                                        .p_src = s.p_src ? s.p_src->data : NULL,
                                        .p_dst = s.p_dst ? s.p_dst->data : NULL,
                                        .p_group = s.p_crystal ? s.p_crystal->data : NULL,
                                        .src = s.index ? s.index->src : NULL,
                                        .dst = s.index ? s.index->dst : NULL,
                                        .group = s.index ? s.index->crystal : NULL,
                                        .pre = pre,
                                        .y = y->data,
                                        .cols = y->cols,
                                        .kind = (int32_t)s.kind}};
    t->ws->be->dense(&args, y->rows);
    s.y = y;
    s.pre = pre;
    sh_tape_push(t, y, dense_backward, &s, sizeof s);
    return y;
}

sh_tensor *sh_dense(sh_tape *t, const sh_tensor *x, const sh_tensor *w, const sh_tensor *b, int kind)
{
    SH_ASSERT(!b || (b->rows == 1 && b->cols == w->cols));
    return dense(t, (dense_saved){.x = x, .w = w, .b = b, .kind = kind});
}

sh_tensor *sh_linear(sh_tape *t, const sh_tensor *x, const sh_tensor *w, const sh_tensor *b)
{
    return sh_dense(t, x, w, b, SH_OPEN);
}

sh_tensor *sh_edge_dense(sh_tape *t, const sh_tensor *x, const sh_tensor *w, const sh_tensor *p_src,
                         const sh_tensor *p_dst, const sh_tensor *p_crystal, const sh_edge_index *index, int kind)
{
    SH_ASSERT(x->rows == index->n_edge && (!p_src || (p_src->rows == index->n_site && p_src->cols == w->cols)) &&
              (!p_dst || (p_dst->rows == index->n_site && p_dst->cols == w->cols)) &&
              (!p_crystal || (p_crystal->rows == index->n_crystal && p_crystal->cols == w->cols)));
    return dense(t, (dense_saved){.x = x,
                                  .w = w,
                                  .p_src = p_src,
                                  .p_dst = p_dst,
                                  .p_crystal = p_crystal,
                                  .index = index,
                                  .kind = kind});
}

typedef struct {
    const sh_tensor *x[SH_MAX_JOINED], *y;
    int n;
} concat_saved;

/* Data, or gradients. */
static sh_put_cols_args columns(const sh_tensor *const *x, int n, sh_real *whole, bool gradients)
{
    sh_put_cols_args args = {.whole = whole};
    for (int i = 0; i < n; i++) {
        args.part[i] = gradients ? x[i]->grad : x[i]->data;
        args.part_cols[i] = x[i]->cols;
        args.cols += x[i]->cols;
    }
    args.stride = args.cols;
    return args;
}

static void concat_backward(sh_tape *t, const void *saved)
{
    const concat_saved *s = saved;
    const sh_take_cols_args args = columns(s->x, s->n, s->y->grad, true);
    t->ws->be->take_cols(&args, s->y->rows);
}

sh_tensor *sh_concat_cols(sh_tape *t, const sh_tensor *const *x, int n)
{
    SH_ASSERT(n >= 1 && n <= SH_MAX_JOINED);
    concat_saved s = {.n = n};
    bool wants = false;
    for (int i = 0; i < n; i++) {
        SH_ASSERT(x[i]->rows == x[0]->rows);
        s.x[i] = x[i];
        wants = wants || x[i]->grad;
    }
    sh_put_cols_args args = columns(x, n, NULL, false);
    sh_tensor *y = sh_tape_new(t, x[0]->rows, args.cols, wants);
    args.whole = y->data;
    t->ws->be->put_cols(&args, y->rows);
    s.y = y;
    sh_tape_push(t, y, concat_backward, &s, sizeof s);
    return y;
}

sh_tensor *sh_rows_view(sh_tape *t, const sh_tensor *w, int64_t first, int64_t n)
{
    SH_ASSERT(first >= 0 && first + n <= w->rows);
    sh_tensor *view = SH_PUSH(t->ws->arena, sh_tensor, 1);
    *view = (sh_tensor){.data = w->data + first * w->cols,
                        .grad = w->grad && t->recording ? w->grad + first * w->cols : NULL,
                        .rows = n,
                        .cols = w->cols};
    return view;
}

typedef struct {
    const sh_tensor *x, *y;
    const int32_t *index;
    const int64_t *counted;
} gather_saved;

/* Row s of x has the sum over the rows that read it. */
static void gather_backward(sh_tape *t, const void *saved)
{
    const gather_saved *s = saved;
    if (!s->x->grad) return;
    sh_workspace_mark mark = sh_workspace_get_mark(t->ws);
    int64_t n_key = s->x->rows, n = s->y->rows, *start = SH_ROOM(t->ws, int64_t, n_key + 2), *list = SH_ROOM(t->ws, int64_t, n);
    sh_workspace_sort(t->ws, s->index, n, s->counted, n_key, start, list);
    list_sum(t, s->y->grad, start, list, s->x);
    sh_workspace_release(t->ws, mark);
}

sh_tensor *sh_gather_rows(sh_tape *t, const sh_tensor *x, const int32_t *index, int64_t n)
{
    return sh_gather_counted(t, x, index, n, NULL);
}

sh_tensor *sh_gather_counted(sh_tape *t, const sh_tensor *x, const int32_t *index, int64_t n, const int64_t *counted)
{
    sh_tensor *y = sh_tape_new(t, n, x->cols, x->grad);
    const sh_gather_args args = {.x = x->data, .index = index, .y = y->data, .cols = x->cols};
    t->ws->be->gather(&args, n);
    sh_tape_push(t, y, gather_backward, &(gather_saved){x, y, index, counted}, sizeof(gather_saved));
    return y;
}

typedef struct {
    const sh_tensor *x, *y;
    const int32_t *segment;
    const sh_real *weight;
} segment_saved;

static void segment_backward(sh_tape *t, const void *saved)
{
    const segment_saved *s = saved;
    const sh_gather_args args = {
        .x = s->y->grad, .index = s->segment, .weight = s->weight, .y = s->x->grad, .cols = s->x->cols, .keep = 1};
    t->ws->be->gather(&args, s->x->rows);
}

sh_tensor *sh_segment_sum(sh_tape *t, const sh_tensor *x, const int64_t *start, const int32_t *segment, int64_t n,
                          const sh_real *weight)
{
    sh_tensor *y = sh_tape_new(t, n, x->cols, x->grad);
    const sh_list_sum_args args = {.x = x->data, .start = start, .weight = weight, .y = y->data, .cols = x->cols};
    t->ws->be->list_sum(&args, n);
    sh_tape_push(t, y, segment_backward, &(segment_saved){x, y, segment, weight}, sizeof(segment_saved));
    return y;
}

typedef struct {
    sh_attend_args args;
    const sh_tensor *x, *q, *r;
} attend_saved;

static void attend_backward(sh_tape *t, const void *saved)
{
    const attend_saved *s = saved;
    sh_attend_grad_args args = s->args;
    args.grad_r = s->r->grad;
    args.grad_x = s->x->grad;
    args.grad_q = s->q->grad;
    t->ws->be->attend_grad(&args, s->r->rows);
}

sh_tensor *sh_attend(sh_tape *t, const sh_tensor *x, const sh_tensor *q, const sh_real *m, const int64_t *start)
{
    SH_ASSERT(x->cols == q->cols);
    sh_tensor *r = sh_tape_new(t, q->rows, q->cols, x->grad || q->grad);
    sh_attend_args args = {.x = x->data,
                           .q = q->data,
                           .m = m,
                           .start = start,
                           .w = SH_ROOM(t->ws, sh_real, x->rows),
                           .r = r->data,
                           .d = x->cols};
    t->ws->be->attend(&args, r->rows);
    sh_tape_push(t, r, attend_backward, &(attend_saved){args, x, q, r}, sizeof(attend_saved));
    return r;
}

typedef struct {
    sh_lstm_cell_args args;
    const sh_tensor *z, *c_before, *h, *c;
} lstm_saved;

static void lstm_backward(sh_tape *t, const void *saved)
{
    const lstm_saved *s = saved;
    sh_lstm_cell_grad_args args = s->args;
    args.grad_h = s->h->grad;
    args.grad_c = s->c->grad;
    args.grad_z = s->z->grad;
    args.grad_c_before = s->c_before ? s->c_before->grad : NULL;
    if (s->z->grad) t->ws->be->lstm_cell_grad(&args, s->h->rows);
}

sh_tensor *sh_lstm_cell(sh_tape *t, const sh_tensor *z, const sh_tensor *c_before, sh_tensor **c)
{
    int64_t d = z->cols / 4;
    SH_ASSERT(z->cols == 4 * d && (!c_before || (c_before->rows == z->rows && c_before->cols == d)));
    sh_tensor *h = sh_tape_new(t, z->rows, d, z->grad);
    *c = sh_tape_new(t, z->rows, d, z->grad);
    sh_lstm_cell_args args = {.z = z->data,
                              .c_before = c_before ? c_before->data : NULL,
                              .c = (*c)->data,
                              .h = h->data,
                              .d = d};
    t->ws->be->lstm_cell(&args, z->rows);
    sh_tape_push(t, h, lstm_backward, &(lstm_saved){args, z, c_before, h, *c}, sizeof(lstm_saved));
    return h;
}

sh_tensor *sh_gaussians(sh_tape *t, const double *x, int64_t n, const sh_real *centre, int64_t k, double width)
{
    sh_tensor *y = sh_tape_new(t, n, k, false);
    const sh_gaussians_args args = {.x = x, .centre = SH_PUT(t->ws, centre, k), .y = y->data, .cols = k, .width = width};
    t->ws->be->gaussians(&args, n);
    return y;
}
