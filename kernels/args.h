/* args.h -- the arguments of every kernel; shapes are (rows, columns), row-major. Passed by value to a launch. */
#ifndef SH_KERNEL_ARGS_H
#define SH_KERNEL_ARGS_H

#include <stdint.h>

#include "base/real.h"

/* y[i] = y_scale * y[i] + x[i] * x_scale; one item a number. y_scale 0 overwrites (y may be uninitialised). */
typedef struct {
    const sh_real *x;
    sh_real *y;
    sh_real x_scale, y_scale;
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

/* grad_x[i] += grad_y[i] f'(x[i]). */
typedef struct {
    const sh_real *x, *grad_y;
    sh_real *grad_x;
    int32_t kind;
} sh_activation_grad_args;

/* y[c] += sum over rows of x[r,c], rows in ascending order; one item a column. */
typedef struct {
    const sh_real *x;
    sh_real *y;
    int64_t rows, cols;
} sh_column_sum_args;

/* y[r,:] = x; one item a row. */
typedef struct {
    const sh_real *x;
    sh_real *y;
    int64_t cols;
} sh_broadcast_row_args;

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
    const double *x;    /* (R,3) */
    const uint8_t *active;
    sh_real *log_prob;
    const sh_real *grad_log_prob;
    sh_real *grad_raw;
    int32_t n;
} sh_dist_wrapped_args, sh_dist_wrapped_grad_args;

#endif
