#include "tensor/tape.h"

#include <string.h>

#include "base/status.h"

void sh_tape_begin(sh_tape *tape, sh_workspace *ws, bool recording)
{
    *tape = (sh_tape){.ws = ws, .recording = recording};
}

/* A gradient of zeros. */
static sh_real *new_gradient(sh_tape *tape, int64_t n)
{
    /* where a clear is a launch, larger ones: a device clears a slab in microseconds */
    const size_t slab = tape->ws->be->room ? 1 << 24 : 1 << 18, line = 64;
    size_t bytes = ((size_t)n * sizeof(sh_real) + line - 1) / line * line;
    if (bytes >= slab / 4) return SH_ROOM_ZERO(tape->ws, sh_real, n);
    if (bytes > tape->n_zero) {
        tape->zeros = sh_workspace_zeros(tape->ws, slab);
        tape->n_zero = slab;
    }
    void *at = tape->zeros;
    tape->zeros += bytes;
    tape->n_zero -= bytes;
    return at;
}

sh_tensor *sh_tape_new(sh_tape *tape, int64_t rows, int64_t cols, bool wants_grad)
{
    sh_tensor *t = SH_PUSH(tape->ws->arena, sh_tensor, 1);
    t->rows = rows;
    t->cols = cols;
    t->data = SH_ROOM(tape->ws, sh_real, rows * cols);
    t->grad = wants_grad && tape->recording ? new_gradient(tape, rows * cols) : NULL;
    return t;
}

sh_tensor *sh_tape_constant(sh_tape *tape, const sh_real *data, int64_t rows, int64_t cols)
{
    sh_tensor *t = SH_PUSH(tape->ws->arena, sh_tensor, 1);
    *t = (sh_tensor){.data = (sh_real *)(uintptr_t)data, .rows = rows, .cols = cols};
    return t;
}

void sh_tape_push(sh_tape *tape, const sh_tensor *output, sh_backward_fn backward, const void *saved, size_t bytes)
{
    if (!tape->recording || !output->grad) return;
    sh_tape_entry *entry = SH_PUSH(tape->ws->arena, sh_tape_entry, 1);
    void *copy = sh_arena_push(tape->ws->arena, bytes);
    memcpy(copy, saved, bytes);
    *entry = (sh_tape_entry){.before = tape->last, .backward = backward, .saved = copy};
    tape->last = entry;
}

void sh_tape_play(sh_tape *tape)
{
    for (const sh_tape_entry *entry = tape->last; entry; entry = entry->before)
        entry->backward(tape, entry->saved);
}

void sh_tape_backward(sh_tape *tape, sh_tensor *loss)
{
    SH_ASSERT(loss->rows == 1 && loss->cols == 1 && loss->grad);
    const sh_real one = 1;
    tape->ws->be->copy_in(loss->grad, &one, sizeof one);
    sh_tape_play(tape);
}
