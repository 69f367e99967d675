/* tape.h -- tensors and the tape that differentiates them.
 *
 * A tensor is a matrix (rows, cols), row-major, with room for a gradient or without: it wants one iff `grad` is not
 * NULL. An op is a function that takes tensors, pushes its output on the tape's arena, computes it, and records how to
 * go back; the output has a gradient iff an input has one and the tape records. sh_tape_backward plays the records
 * from the end; every backward adds (+=) into gradients that were zero at first, so a tensor may be used many times.
 * Networks are therefore forward code only. Shapes that do not fit are our own mistake: SH_ASSERT.
 *
 * Numbers of tensors lie in the memory of the back-end, in `room`; what the host works with - tensors and records themselves, index
 * arrays before kernels read them - on `arena`. With a back-end that has no memory of its own both are one, and nothing is copied. */
#ifndef SH_TENSOR_TAPE_H
#define SH_TENSOR_TAPE_H

#include <stdbool.h>

#include "backend/backend.h"
#include "base/memory.h"
#include "base/real.h"

typedef struct {
    sh_real *data, *grad; /* (rows, cols) each */
    int64_t rows, cols;
} sh_tensor;

typedef struct sh_tape sh_tape;
typedef void (*sh_backward_fn)(sh_tape *tape, const void *saved);

typedef struct sh_tape_entry {
    struct sh_tape_entry *before;
    sh_backward_fn backward;
    const void *saved; /* on the arena */
} sh_tape_entry;

enum { SH_MAX_SHARED = 64 };

typedef struct {
    const void *host, *there;
    size_t bytes;
} sh_shared;

struct sh_tape {
    const sh_backend *be;
    sh_arena *arena;   /* of the step, the host's */
    sh_arena *room;    /* of the step, the back-end's */
    int n_shared;
    sh_shared shared[SH_MAX_SHARED];
    bool recording;    /* false: forward only, no gradients anywhere */
    sh_tape_entry *last;
};

/* A tape at the start of a step. The arena is the caller's and was reset by it. A back-end with memory of its own has one tape at a
 * time: beginning one ends what was in its room. */
void sh_tape_begin(sh_tape *tape, const sh_backend *be, sh_arena *arena, bool recording);

/* An op's output: uninitialised data; a zeroed gradient iff wanted and recording. */
sh_tensor *sh_tape_new(sh_tape *tape, int64_t rows, int64_t cols, bool wants_grad);

/* An array of the host for a kernel to read: itself, or its copy in the room. */
const void *sh_tape_put(sh_tape *tape, const void *array, size_t bytes);

/* The same for an array that several ops read and nobody writes to until the tape ends: copied once. */
const void *sh_tape_share(sh_tape *tape, const void *array, size_t bytes);

/* What kernels wrote into the room for the host to read: itself, or a copy on the arena. Waits for it. */
const void *sh_tape_bring(sh_tape *tape, const void *there, size_t bytes);

/* The values of a tensor for the host to read: themselves, or a copy on the arena. Waits for them. */
const sh_real *sh_tape_values(sh_tape *tape, const sh_tensor *tensor);

#define SH_PUT(tape, array, count) sh_tape_put((tape), (array), (size_t)(count) * sizeof *(array))
#define SH_BRING(tape, array, count) sh_tape_bring((tape), (array), (size_t)(count) * sizeof *(array))
#define SH_SHARE(tape, array, count) sh_tape_share((tape), (array), (size_t)(count) * sizeof *(array))

/* Input values of the host wrapped as a constant; data is borrowed and must outlive the tape. */
sh_tensor *sh_tape_constant(sh_tape *tape, const sh_real *data, int64_t rows, int64_t cols);

/* Records a backward step. Does nothing when the tape does not record or `output` wants no gradient. `saved` is
 * copied to the arena. */
void sh_tape_push(sh_tape *tape, const sh_tensor *output, sh_backward_fn backward, const void *saved, size_t bytes);

/* Sets the gradient of `loss` (1,1) to 1 and plays the tape from its end. */
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
