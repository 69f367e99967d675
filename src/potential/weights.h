/* weights.h -- the tensors of a weight file by name, with what the file says about them. Filled by src/io/weights_h5.c. */
#ifndef SH_POTENTIAL_WEIGHTS_H
#define SH_POTENTIAL_WEIGHTS_H

#include <stdint.h>

#include "base/status.h"

typedef struct {
    char *name;
    int64_t rows, cols; /* a vector is (1, n) */
    float *data;
} sh_weight;

typedef struct sh_weights {
    char model[64], source[128], basis[16], aggregate[16], threebody_from[16], target[16];
    double cutoff, threebody_cutoff, mean, std;
    int64_t n_row;           /* embedding rows */
    int32_t *element_number; /* (n_row) atomic number of each, 0 unused */
    double *element_ref;     /* (n_row) eV, added for each atom */
    int64_t n;
    sh_weight *tensor; /* in the order of the source file */
} sh_weights;

void sh_weights_destroy(sh_weights **weights);

/* SH_EINPUT where the tensor is not there or has another shape. */
sh_status sh_weights_get(const sh_weights *weights, const char *name, int64_t rows, int64_t cols, const float **data);

#endif
