/* args.h -- the arguments of every kernel; shapes are (rows, columns), row-major. Passed by value to a launch. */
#ifndef SH_KERNEL_ARGS_H
#define SH_KERNEL_ARGS_H

#include <stdint.h>

#include "args_crystal.h"
#include "args_policy.h"
#include "args_potential.h"
#include "args_reward.h"
#include "base/real.h"

enum { SH_MAX_COUNTS = 4 };

/* to[i] = *from[i]: numbers from several arrays side by side; one item a number. */
typedef struct {
    const int64_t *from[SH_MAX_COUNTS];
    int64_t *to;
} sh_counts_args;

/* to[i] = from[i], i = 0..n, or zero where from[n] is larger than the room; *seen = from[n]. n + 1 items. */
typedef struct {
    const int64_t *from;
    int64_t n, room;
    int64_t *to, *seen;
} sh_fit_args;

/* Keys of a sort: those of the items that are counted, n_key for those that are only room; one item a key. */
typedef struct {
    const int64_t *counted;
    const int32_t *from;
    int64_t n_key;
    int32_t *key;
} sh_counted_keys_args;

/* y[i] = a[i] + b[i]; one item a number. b NULL: a copy. y may be a or b. */
typedef struct {
    const sh_real *a, *b;
    sh_real *y;
} sh_add_args;

typedef enum {
    SH_SWISH,     /* x / (1 + exp(-x)) */
    SH_SIGMOID,   /* 1 / (1 + exp(-x)) */
    SH_TANH,
    SH_RELU,
    SH_ELU,       /* x above 0, exp(x) - 1 below */
    SH_SOFTPLUS2  /* log(1/2 + exp(x)/2), MEGNet's */
} sh_activation;

/* y[i] = f(x[i]); one item a number. */
typedef struct {
    const sh_real *x;
    sh_real *y;
    int32_t kind;
} sh_activation_args;

/* grad_x[i] += grad_y[i] f'(x[i]), y = f(x). */
typedef struct {
    const sh_real *x, *y, *grad_y;
    sh_real *grad_x;
    int32_t kind;
} sh_activation_grad_args;

/* y[c] += sum over rows of x[r,c], rows in ascending order; one item a column. */
typedef struct {
    const sh_real *x;
    sh_real *y;
    int64_t rows, cols;
} sh_column_sum_args;

/* Log-probabilities of the policy's choices and, in the kernels named _grad, their derivatives (+=). One item a row. */
typedef struct {
    const sh_real *logits; /* (R,n) */
    const uint8_t *mask;   /* (R,n), or one row for all where mask_stride is 0, or NULL: everything is allowed */
    int64_t mask_stride;   /* n or 0 */
    const int32_t *choice; /* (R), -1 where nothing was chosen */
    sh_real *log_prob;     /* (R) */
    const sh_real *grad_log_prob;
    sh_real *grad_logits;
    int64_t n;
} sh_dist_categorical_args, sh_dist_categorical_grad_args;

typedef struct {
    const sh_real *raw;    /* (R,3n) */
    const double *y;       /* (R) */
    const uint8_t *active; /* (R) */
    sh_real *log_prob;
    const sh_real *grad_log_prob;
    sh_real *grad_raw;
    int32_t n;
} sh_dist_logit_normal_args, sh_dist_logit_normal_grad_args;

typedef struct {
    const sh_real *raw; /* (R,1+10n) */
    const double *x;    /* (R,3), the first dim of a row are read */
    const uint8_t *dim; /* (R) free parameters, 0..3 */
    sh_real *log_prob;
    const sh_real *grad_log_prob;
    sh_real *grad_raw;
    int32_t n;
} sh_dist_wrapped_args, sh_dist_wrapped_grad_args;

/* y[r,:] = keep y[r,:] + weight[r] x[index[r],:]; one item a row. weight NULL: 1. keep is 0 or 1. */
typedef struct {
    const sh_real *x;
    const int32_t *index;  /* (R) rows of x */
    const sh_real *weight; /* (R) or NULL */
    sh_real *y;            /* (R,C) */
    int64_t cols;
    int32_t keep;
} sh_gather_args;

/* y[s,:] = keep y[s,:] + sum over start[s] <= k < start[s+1] of weight[i] x[i,:], i = list[k]; the adjoint of a gather. One
 * item a segment; rows are added in the order of the list, so the bits do not depend on threads. list NULL: i = k. */
typedef struct {
    const sh_real *x;
    const int64_t *start;  /* (S+1) */
    const int64_t *list;   /* or NULL */
    const sh_real *weight; /* by row of x, or NULL: 1 */
    sh_real *y;            /* (S,C) */
    int64_t cols;
    int32_t keep;
} sh_list_sum_args;

/* pre[r,:] = x[r,:] + bias + p_src[src[r],:] + p_dst[dst[r],:] + p_group[group[r],:], y = f(pre); one item a row. Any of bias and
 * the p_* may be NULL, and pre (x itself may be pre). */
typedef struct {
    const sh_real *x, *bias, *p_src, *p_dst, *p_group;
    const int32_t *src, *dst, *group;
    sh_real *pre, *y;
    int64_t cols;
    int32_t kind; /* sh_activation, or -1: none */
} sh_combine_args;

/* grad_pre = grad_y f'(pre), overwritten, y = f(pre); one item a number. pre is read for swish alone. */
typedef struct {
    const sh_real *pre, *y, *grad_y;
    sh_real *grad_pre;
    int32_t kind;
} sh_combine_grad_args;

/* A dense layer in one: what combine does, of x = input w. out.x is not read. No kernel of the list but an entry of its own in the
 * back-end, as the product is. */
typedef struct {
    const sh_real *input; /* (R,k) */
    const sh_real *w;     /* (k,C) */
    int64_t k;
    sh_combine_args out;  /* of C columns; pre not NULL */
} sh_dense_args;

/* grad_pre = grad_y f'(pre), overwritten; pre is read for swish alone, otherwise y = f(pre) (kind -1: grad_y itself is it, and
 * grad_pre is not read); grad_input += grad_pre w^T, grad_w += input^T grad_pre, grad_bias += the sum of its rows. Each of the last
 * three may be NULL. */
typedef struct {
    const sh_real *input, *w, *pre, *y, *grad_y;
    sh_real *grad_pre;                      /* (R,C) */
    sh_real *grad_input, *grad_w, *grad_bias; /* (R,k), (k,C), (C) */
    int64_t k, cols;
    int32_t kind;
} sh_dense_grad_args;

/* Attention of one query for each crystal over its rows (set2set): w_j = m_j exp(q.x_j) / sum, r = sum_j w_j x_j; one item a
 * crystal. A crystal without rows gets 0. In _grad: grad_x, grad_q += from grad_r. */
typedef struct {
    const sh_real *x;      /* (R,d) */
    const sh_real *q;      /* (C,d) */
    const sh_real *m;      /* (R) */
    const int64_t *start;  /* (C+1) */
    sh_real *w;            /* (R) kept for the way back */
    sh_real *r;            /* (C,d) */
    const sh_real *grad_r;
    sh_real *grad_x, *grad_q; /* or NULL */
    int64_t d;
} sh_attend_args, sh_attend_grad_args;

/* LSTM cell: z (C,4d) in the order i f g o, c <- g(z_f) c + g(z_i) tanh(z_g), h = g(z_o) tanh(c); one item a crystal. */
typedef struct {
    const sh_real *z, *c_before; /* c_before NULL: 0 */
    sh_real *c, *h;
    const sh_real *grad_h;
    const sh_real *grad_c;       /* what came back to c from the next step */
    sh_real *grad_z, *grad_c_before;
    int64_t d;
} sh_lstm_cell_args, sh_lstm_cell_grad_args;

/* What a gradient is scaled by: clip / norm where its norm is larger and clip > 0. The numbers whose factor is not 1 have a norm of
 * their own. */
typedef struct {
    double square, square_apart; /* sums of squares */
    sh_real scale, scale_apart;
    int32_t is_finite;
} sh_clipped;

/* From the parts of square_sums; one item. */
typedef struct {
    const double *part; /* (slices,2) */
    int64_t slices;
    double clip;
    sh_clipped *out;
} sh_clip_args;

/* One step of Adam, by number: g = grad scale (scale_apart where factor is not 1), first and second its running moments,
 * x -= step factor first / (sqrt(correct second) + epsilon). Nothing where the gradient is not finite. */
typedef struct {
    sh_real *x, *first, *second;
    const sh_real *grad, *factor;
    const sh_clipped *clipped;
    sh_real beta1, beta2, rest1, rest2, step, correct, epsilon;
} sh_adam_args;

/* part[s,0] = sum of x^2 over slice s of the numbers with factor 1, part[s,1] of the others; one item a slice, in order. */
typedef struct {
    const sh_real *x, *factor;
    double *part; /* (slices,2) */
    int64_t size, slices;
} sh_square_sums_args;

/* Shares that make sums over a quotient graph means over its cell. */
typedef struct {
    sh_real *edge_of_site, *edge_of_crystal; /* (E) of an edge among those of its site, its crystal */
    sh_real *site_of_crystal;                /* (S) */
    sh_real *edge_mult, *site_mult;          /* (E), (S): how many the cell has */
} sh_graph_shares;

/* One item a crystal, and one after the last that ends crystal_start. */
typedef struct {
    const int64_t *site_start, *edge_start; /* (C+1), (S+1) */
    const double *edge_count, *mult;        /* (E), (S) */
    int64_t n_crystal;
    int32_t *edge_crystal;  /* (E) */
    int64_t *crystal_start; /* (C+1) edges */
    sh_graph_shares shares;
} sh_graph_shares_args;

/* The matrix D^-1/2 (A + I) D^-1/2 of a quotient graph as lists, and each site's share of its crystal. First the degrees, one item
 * a site; then the lists, one item a site and one after the last that ends `start`. */
typedef struct {
    const int64_t *edge_start;
    const int32_t *edge_dst;
    const double *edge_count;
    const int64_t *site_start;
    const int32_t *site_crystal;
    const double *mult;
    int64_t n_site;
    double *degree;          /* (S) edges of an atom and one */
    int64_t *start;          /* (S+1) */
    int32_t *site, *far_end; /* (E+S) row and column; the diagonal comes last in a row */
    sh_real *weight;         /* (E+S) */
    sh_real *share;          /* (S) */
} sh_adjacency_args, sh_adjacency_degree_args;

/* y[r,k] = exp(-width (x[r] - centre[k])^2); one item a row. */
typedef struct {
    const double *x;
    const sh_real *centre;
    sh_real *y;
    int64_t cols;
    double width;
} sh_gaussians_args;

/* Matrices side by side in a wider one, from its column `first` on, and its gradient back to theirs (+=); one item a row. */
enum { SH_MAX_JOINED = 4 };
typedef struct {
    sh_real *part[SH_MAX_JOINED]; /* (n,part_cols) each; put_cols reads them; one that is NULL takes nothing back */
    int64_t part_cols[SH_MAX_JOINED];
    sh_real *whole;              /* (n,stride); take_cols reads it */
    int64_t cols, first, stride; /* cols: of all parts */
} sh_put_cols_args, sh_take_cols_args;

#endif
