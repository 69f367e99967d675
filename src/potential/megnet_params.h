/* megnet_params.h -- the parameters of a pretrained MEGNet as megnet_model.c and megnet_batch.c want them. */
#ifndef SH_POTENTIAL_MEGNET_PARAMS_H
#define SH_POTENTIAL_MEGNET_PARAMS_H

#include "backend/mirror.h"
#include "potential/megnet_model.h"
#include "potential/pool.h"

enum {
    W = 32,          /* width of features between blocks */
    HIDDEN = 64,     /* and inside a perceptron */
    N_GAUSSIAN = 100,
    NODE_IN = 16,    /* width of the element table */
    STATE_IN = 16,   /* and at most of the crystal's state */
    MAX_ROW = 95,
    N_BLOCK = 3,
    MAX_LAYER = 3,
    OUT_FIRST = 32, OUT_SECOND = 16,
    N_POOLED = 5 * W /* of sites 2W, of edges 2W, state W */
};

/* A layer (in,out), and a perceptron with softplus2 after each. */
typedef struct {
    int64_t in, out;
    sh_mirror matrix, bias;
} dense;

typedef struct {
    int n;
    dense layer[MAX_LAYER];
} perceptron;

typedef struct {
    perceptron edge, node, state;       /* W-64-W before the convolution, none in the first block */
    perceptron on_edge, on_node, on_state; /* on [v_s, v_t, e, u], [v, mean of e, u], [u, mean of e, mean of v] */
} block;

typedef struct {
    int32_t row[SH_WEIGHTS_MAX_Z + 1]; /* of `element`, by atomic number; -1: none */
    sh_real centre[N_GAUSSIAN];
    sh_real element[MAX_ROW * W]; /* of each row of the table, encoded */
    sh_real state[W];             /* of every crystal, encoded */
} tables;

struct sh_megnet_model {
    double cutoff, width, mean, std;
    tables tables;
    perceptron encoder; /* of edges */
    block blocks[N_BLOCK];
    sh_pool pool_sites, pool_edges;
    dense out[3]; /* N_POOLED-32-16-1, the last one open */

    const sh_backend *be; /* whose kernels read the mirrors and `there` */
    tables *there;        /* NULL where these are the CPU's */
};

#endif
