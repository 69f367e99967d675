/* ops.h -- the differentiable operations. Each returns its output, made on the tape's workspace; see tape.h. Arrays of
 * indices and weights are there, and borrowed until the backward pass. */
#ifndef SH_TENSOR_OPS_H
#define SH_TENSOR_OPS_H

#include "tensor/tape.h"

enum { SH_OPEN = -1 }; /* no activation */

/* y (B,O) = x (B,I) w (I,O) + b (1,O); b may be NULL. */
sh_tensor *sh_linear(sh_tape *tape, const sh_tensor *x, const sh_tensor *w, const sh_tensor *b);

/* y = f(x w + b): linear, bias and activation (or SH_OPEN) in one. */
sh_tensor *sh_dense(sh_tape *tape, const sh_tensor *x, const sh_tensor *w, const sh_tensor *b, int kind);

/* y = f(x), by number. */
sh_tensor *sh_activation_op(sh_tape *tape, const sh_tensor *x, sh_activation kind);

/* y = a + b, equal shapes. */
sh_tensor *sh_sum(sh_tape *tape, const sh_tensor *a, const sh_tensor *b);

/* Columns side by side; the same number of rows. */
sh_tensor *sh_concat_cols(sh_tape *tape, const sh_tensor *const *x, int n);

/* Rows first .. first + n - 1 of w as a tensor of its own: same data, same gradient, nothing is computed. */
sh_tensor *sh_rows_view(sh_tape *tape, const sh_tensor *w, int64_t first, int64_t n);

/* y[r] = x[index[r]], r < n. */
sh_tensor *sh_gather_rows(sh_tape *tape, const sh_tensor *x, const int32_t *index, int64_t n);
/* Of them *counted (there) are rows, the others room in a planned pass. */
sh_tensor *sh_gather_counted(sh_tape *tape, const sh_tensor *x, const int32_t *index, int64_t n, const int64_t *counted);

/* y[s] = sum of weight[r] x[r] over start[s] <= r < start[s+1], s < n; weight NULL: 1. The segments have all rows of x, and that of
 * row r is segment[r]. */
sh_tensor *sh_segment_sum(sh_tape *tape, const sh_tensor *x, const int64_t *start, const int32_t *segment, int64_t n,
                          const sh_real *weight);

/* The structure that edge ops need, and the lists that bring gradients back without atomics. Edges stand sorted by
 * source and by crystal. */
typedef struct {
    int64_t n_edge, n_site, n_crystal;
    const int32_t *src, *dst, *crystal; /* (E) */
    const int64_t *src_start;           /* (S+1) edges of a site */
    const int64_t *dst_start, *dst_list;/* (S+1), (E) edges by far end */
    const int64_t *crystal_start;       /* (C+1) edges of a crystal */
} sh_edge_index;

/* y[e] = f(x[e] w + p_src[src] + p_dst[dst] + p_crystal[crystal]): the first layer of a perceptron on [v_s, v_t, e, u], split. */
sh_tensor *sh_edge_dense(sh_tape *tape, const sh_tensor *x, const sh_tensor *w, const sh_tensor *p_src,
                         const sh_tensor *p_dst, const sh_tensor *p_crystal, const sh_edge_index *index, int kind);

/* Set2set's attention: r (C,d) of rows x (R,d), queries q (C,d), multiplicities m (R), start (C+1). */
sh_tensor *sh_attend(sh_tape *tape, const sh_tensor *x, const sh_tensor *q, const sh_real *m, const int64_t *start);

/* LSTM cell: z (C,4d), c_before (C,d) or NULL for zeros; returns h, *c the new cell state. */
sh_tensor *sh_lstm_cell(sh_tape *tape, const sh_tensor *z, const sh_tensor *c_before, sh_tensor **c);

/* (n,k): exp(-width (x - centre)^2); a constant. The centres (k) are the host's. */
sh_tensor *sh_gaussians(sh_tape *tape, const double *x, int64_t n, const sh_real *centre, int64_t k, double width);

#endif
