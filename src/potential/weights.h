/* weights.h -- the tensors of a weight file by name, with what the file says about them. Filled by src/io/weights_h5.c. */
#ifndef SH_POTENTIAL_WEIGHTS_H
#define SH_POTENTIAL_WEIGHTS_H

#include <stdbool.h>
#include <stdint.h>

#include "args_potential.h"
#include "base/real.h"
#include "base/status.h"

typedef struct {
    char *name;
    int64_t rows, cols; /* a vector is (1, n) */
    float *data;
} sh_weight;

typedef struct sh_weights {
    char model[64], source[128], basis[16], aggregate[16], threebody_from[16], target[16];
    double cutoff, threebody_cutoff, mean, std;
    /* of a model with one value for a crystal (target "intensive"), otherwise 0: */
    double gauss_width;
    int64_t set2set_steps, set2set_layers;
    int64_t n_fidelity;      /* rows of the table of fidelities, 0 where there is none */
    int64_t fidelity;        /* the row that is wanted; 0 unless somebody asks for another */
    int64_t n_row;           /* embedding rows */
    int32_t *element_number; /* (n_row) atomic number of each, 0 unused */
    double *element_ref;     /* (n_row) eV, added for each atom */
    int64_t n;
    sh_weight *tensor; /* in the order of the source file */
} sh_weights;

void sh_weights_destroy(sh_weights **weights);

/* As one run of bytes, for machines of the same kind without HDF5. SH_EIO, SH_EINPUT: not such a file, or cut off. */
sh_status sh_weights_write_flat(const sh_weights *weights, const char *path);
sh_status sh_weights_read_flat(const char *path, sh_weights **out);

/* SH_EINPUT where the tensor is not there or has another shape. */
sh_status sh_weights_get(const sh_weights *weights, const char *name, int64_t rows, int64_t cols, const float **data);

/* The same as sh_real (rows,cols) in `to`; `transposed`: the file has it as (cols,rows), as torch keeps its matrices. */
sh_status sh_weights_copy(const sh_weights *weights, const char *name, int64_t rows, int64_t cols, bool transposed, sh_real *to);

/* What is trained: all numbers but the centres of a basis. */
int64_t sh_weights_n_parameter(const sh_weights *weights);

/* The row of the element table of each atomic number, -1 where there is none. SH_EINPUT where an element stands twice. */
enum { SH_WEIGHTS_MAX_Z = SH_Z_ROWS - 1 };
sh_status sh_weights_rows(const sh_weights *weights, int32_t row[SH_WEIGHTS_MAX_Z + 1]);

#endif
