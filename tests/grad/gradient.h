/* gradient.h -- compares the gradient of sum(cotangent * output) with central differences, for every number of every
 * input, on the CPU or on a device (device.h). */
#ifndef SH_TEST_GRADIENT_H
#define SH_TEST_GRADIENT_H

#include "device.h"

#include "tensor/tape.h"

#ifdef SH_F64
#define GRADIENT_STEP 1e-5
#define GRADIENT_LIMIT 1e-6 /* relative */
#else
#define GRADIENT_STEP 1e-2
#define GRADIENT_LIMIT 3e-2
#endif

static uint32_t noise_state = 7;

static inline double noise(void) /* in (-1, 1) */
{
    noise_state = noise_state * 1664525u + 1013904223u;
    return (double)(noise_state >> 8) / (1 << 23) - 1;
}

enum { GRADIENT_MAX_INPUT = 8 };

/* The function under test: makes its output from the inputs on the tape. */
typedef const sh_tensor *(*gradient_fn)(sh_tape *tape, sh_tensor *const *input, const void *context);

static inline double gradient_value(gradient_fn f, sh_tensor *const *input, const void *context, sh_arena *arena,
                                    const double *cotangent)
{
    sh_workspace ws;
    sh_tape tape;
    sh_arena_reset(arena);
    sh_workspace_begin(&ws, be, arena);
    sh_tape_begin(&tape, &ws, false);
    const sh_tensor *y = f(&tape, input, context);
    double sum = 0;
    be->wait();
    for (int64_t i = 0; i < sh_size(y); i++)
        sum += cotangent[i] * (double)y->data[i];
    return sum;
}

/* At most `most` numbers of each input are moved (0: all). Inputs must have gradients (allocated, any content). */
static inline void check_gradient(gradient_fn f, sh_tensor *const *input, int n_input, const void *context, int64_t most)
{
    sh_arena *arena = sh_arena_create(1 << 16);
    sh_workspace ws;
    sh_tape tape;
    for (int k = 0; k < n_input; k++)
        memset(input[k]->grad, 0, (size_t)sh_size(input[k]) * sizeof(sh_real));
    sh_workspace_begin(&ws, be, arena);
    sh_tape_begin(&tape, &ws, true);
    const sh_tensor *y = f(&tape, input, context);
    double *cotangent = SH_NEW(double, sh_size(y));
    be->wait();
    for (int64_t i = 0; i < sh_size(y); i++) {
        cotangent[i] = noise();
        y->grad[i] = (sh_real)cotangent[i];
    }
    for (const sh_tape_entry *e = tape.last; e; e = e->before)
        e->backward(&tape, e->saved);
    be->wait();
    double largest = 0;
    for (int k = 0; k < n_input; k++)
        for (int64_t i = 0; i < sh_size(input[k]); i++)
            largest = fmax(largest, fabs((double)input[k]->grad[i]));
    for (int k = 0; k < n_input; k++) {
        sh_tensor *x = input[k];
        sh_real *grad = x->grad;
        int64_t stride = most && sh_size(x) > most ? sh_size(x) / most : 1;
        for (int64_t i = 0; i < sh_size(x); i += stride) {
            sh_real kept = x->data[i];
            x->data[i] = (sh_real)((double)kept + GRADIENT_STEP);
            double high = (double)x->data[i], above = gradient_value(f, input, context, arena, cotangent);
            x->data[i] = (sh_real)((double)kept - GRADIENT_STEP);
            double below = gradient_value(f, input, context, arena, cotangent);
            double slope = (above - below) / (high - (double)x->data[i]);
            x->data[i] = kept;
            double scale = fmax(fabs(slope), fmax(0.1 * largest, 1e-2));
            if (!(fabs((double)grad[i] - slope) <= GRADIENT_LIMIT * scale))
                print_error("input %d, number %lld: gradient %.12g, difference quotient %.12g\n", k, (long long)i,
                            (double)grad[i], slope);
            assert_true(fabs((double)grad[i] - slope) <= GRADIENT_LIMIT * scale);
        }
    }
    sh_free(cotangent);
    sh_arena_destroy(&arena);
}

/* A tensor of noise with a gradient; free_noise releases it. */
static inline sh_tensor *noise_tensor(int64_t rows, int64_t cols)
{
    sh_tensor *t = SH_NEW(sh_tensor, 1);
    *t = (sh_tensor){.data = device_take((size_t)(rows * cols) * sizeof(sh_real)),
                     .grad = device_take((size_t)(rows * cols) * sizeof(sh_real)),
                     .rows = rows,
                     .cols = cols};
    for (int64_t i = 0; i < rows * cols; i++)
        t->data[i] = (sh_real)noise();
    return t;
}

static inline void free_noise(sh_tensor *t)
{
    device_give(t->data);
    device_give(t->grad);
    sh_free(t);
}

#endif
