/* pool.h -- set2set of the pretrained networks, forward only: the rows of each crystal as one row that does not depend on their
 * order (Vinyals et al., arXiv 1511.06391), with a stack of LSTM layers.
 *
 *     q = LSTM(y),  w_j = m_j exp(q . x_j) / sum_k m_k exp(q . x_k),  y = [q, sum_j w_j x_j],   repeated; y = 0 at first
 */
#ifndef SH_POTENTIAL_POOL_H
#define SH_POTENTIAL_POOL_H

#include <stddef.h>

#include "backend/mirror.h"
#include "backend/workspace.h"
#include "potential/weights.h"

enum { SH_POOL_LAYERS = 4 };

typedef struct {
    int64_t d;
    int64_t n_layer, n_step;
    sh_mirror w_input[SH_POOL_LAYERS];  /* (2d,4d), in later layers (d,4d); gates in the order i f g o */
    sh_mirror w_hidden[SH_POOL_LAYERS]; /* (d,4d) */
    sh_mirror bias[SH_POOL_LAYERS];     /* (4d) */
} sh_pool;

/* From tensors "<stem>.weight_ih_l0" and so on; layers and steps as the weights say. What was made is there to be released on
 * errors too. */
sh_status sh_pool_create(const sh_weights *weights, const char *stem, int64_t d, sh_pool *out);
void sh_pool_release(sh_pool *pool);
void sh_pool_use(sh_pool *pool, const sh_backend *be); /* the weights go where its kernels read them */

/* On the CPU, for part of a batch: y (n,2d) of rows x (R,d) with multiplicities m (R), start (n+1). scratch: sh_pool_scratch
 * bytes, aligned to 64. */
size_t sh_pool_scratch(const sh_pool *pool, int64_t n, int64_t n_row);
void sh_pool_apply(const sh_pool *pool, const sh_real *x, const sh_real *m, const int64_t *start, int64_t n, void *scratch,
                   sh_real *y);

/* By kernels, of all crystals: into columns first .. first + 2d - 1 of y (n,stride). All arrays are there. */
void sh_pool_batch(const sh_pool *pool, sh_workspace *ws, const sh_real *x, const sh_real *m, const int64_t *start, int64_t n,
                   int64_t n_row, sh_real *y, int64_t first, int64_t stride);

#endif
