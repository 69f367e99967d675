#include "tensor/tape.h"

#include <string.h>

#include "base/status.h"

void sh_tape_begin(sh_tape *tape, const sh_backend *be, sh_arena *arena, bool recording)
{
    tape->be = be;
    tape->arena = arena;
    tape->room = be->room ? be->room : arena;
    tape->n_shared = 0;
    tape->recording = recording;
    tape->last = NULL;
    if (be->room) sh_arena_reset(be->room);
}

const void *sh_tape_put(sh_tape *tape, const void *array, size_t bytes)
{
    if (!tape->be->room || !array) return array;
    void *there = sh_arena_push(tape->room, bytes);
    tape->be->copy_in(there, array, bytes);
    return there;
}

const void *sh_tape_share(sh_tape *tape, const void *array, size_t bytes)
{
    if (!tape->be->room || !array) return array;
    for (int i = 0; i < tape->n_shared; i++)
        if (tape->shared[i].host == array && tape->shared[i].bytes == bytes) return tape->shared[i].there;
    const void *there = sh_tape_put(tape, array, bytes);
    if (tape->n_shared < SH_MAX_SHARED) tape->shared[tape->n_shared++] = (sh_shared){array, there, bytes};
    return there;
}

const void *sh_tape_bring(sh_tape *tape, const void *there, size_t bytes)
{
    if (!tape->be->room) return there;
    void *here = sh_arena_push(tape->arena, bytes);
    tape->be->copy_out(here, there, bytes);
    return here;
}

const sh_real *sh_tape_values(sh_tape *tape, const sh_tensor *tensor)
{
    return SH_BRING(tape, tensor->data, sh_size(tensor));
}

sh_tensor *sh_tape_new(sh_tape *tape, int64_t rows, int64_t cols, bool wants_grad)
{
    sh_tensor *t = SH_PUSH(tape->arena, sh_tensor, 1);
    t->rows = rows;
    t->cols = cols;
    t->data = SH_PUSH(tape->room, sh_real, rows * cols);
    t->grad = wants_grad && tape->recording ? SH_PUSH(tape->room, sh_real, rows * cols) : NULL;
    if (t->grad) tape->be->clear(t->grad, (size_t)(rows * cols) * sizeof *t->grad);
    return t;
}

sh_tensor *sh_tape_constant(sh_tape *tape, const sh_real *data, int64_t rows, int64_t cols)
{
    sh_tensor *t = SH_PUSH(tape->arena, sh_tensor, 1);
    const sh_real *there = SH_PUT(tape, data, rows * cols);
    *t = (sh_tensor){.data = (sh_real *)(uintptr_t)there, .rows = rows, .cols = cols};
    return t;
}

void sh_tape_push(sh_tape *tape, const sh_tensor *output, sh_backward_fn backward, const void *saved, size_t bytes)
{
    if (!tape->recording || !output->grad) return;
    sh_tape_entry *entry = SH_PUSH(tape->arena, sh_tape_entry, 1);
    void *copy = sh_arena_push(tape->arena, bytes);
    memcpy(copy, saved, bytes);
    *entry = (sh_tape_entry){.before = tape->last, .backward = backward, .saved = copy};
    tape->last = entry;
}

void sh_tape_backward(sh_tape *tape, sh_tensor *loss)
{
    SH_ASSERT(loss->rows == 1 && loss->cols == 1 && loss->grad);
    const sh_real one = 1;
    tape->be->copy_in(loss->grad, &one, sizeof one);
    for (const sh_tape_entry *entry = tape->last; entry; entry = entry->before)
        entry->backward(tape, entry->saved);
}
