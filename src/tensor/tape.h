/* tape.h -- tensors and the tape that differentiates them.
 *
 * A tensor is a matrix (rows, cols), row-major, with room for a gradient or without: it wants one iff `grad` is not
 * NULL. An op is a function that takes tensors, pushes its output on the workspace of the tape, computes it, and records how to
 * go back; the output has a gradient iff an input has one and the tape records. sh_tape_backward plays the records
 * from the end; every backward adds (+=) into gradients that were zero at first, so a tensor may be used many times.
 * Networks are therefore forward code only. Shapes that do not fit are our own mistake: SH_ASSERT.
 *
 * Numbers of tensors, and all arrays that ops are given, lie where kernels work (workspace.h); tensors and records themselves are the
 * host's. */
#ifndef SH_TENSOR_TAPE_H
#define SH_TENSOR_TAPE_H

#include <stdbool.h>

#include "backend/workspace.h"
#include "base/real.h"

typedef struct {
    sh_real *data, *grad; /* (rows, cols) each, there */
    int64_t rows, cols;
} sh_tensor;

typedef struct sh_tape sh_tape;
typedef void (*sh_backward_fn)(sh_tape *tape, const void *saved);

typedef struct sh_tape_entry {
    struct sh_tape_entry *before;
    sh_backward_fn backward;
    const void *saved; /* on the arena */
} sh_tape_entry;

struct sh_tape {
    sh_workspace *ws;  /* borrowed */
    bool recording;    /* false: forward only, no gradients anywhere */
    sh_tape_entry *last;
    char *zeros;       /* cleared and not handed out yet, for gradients: one clear serves many small ones */
    size_t n_zero;     /* bytes */
};

void sh_tape_begin(sh_tape *tape, sh_workspace *ws, bool recording);

/* An op's output: uninitialised data; a zeroed gradient iff wanted and recording. */
sh_tensor *sh_tape_new(sh_tape *tape, int64_t rows, int64_t cols, bool wants_grad);

/* Values that are there wrapped as a constant; borrowed, and must outlive the tape. */
sh_tensor *sh_tape_constant(sh_tape *tape, const sh_real *data, int64_t rows, int64_t cols);

/* Records a backward step. Does nothing when the tape does not record or `output` wants no gradient. `saved` is
 * copied to the arena. */
void sh_tape_push(sh_tape *tape, const sh_tensor *output, sh_backward_fn backward, const void *saved, size_t bytes);

/* Plays the tape from its end, from gradients that are there already or that the last records make. */
void sh_tape_play(sh_tape *tape);

/* Sets the gradient of `loss` (1,1) to 1 and plays the tape. */
void sh_tape_backward(sh_tape *tape, sh_tensor *loss);

static inline bool sh_wants(const sh_tensor *t)
{
    return t && t->grad;
}

static inline int64_t sh_size(const sh_tensor *t)
{
    return t->rows * t->cols;
}

#endif
