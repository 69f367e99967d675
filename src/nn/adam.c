#include "nn/adam.h"

#include <math.h>

#include "kernel.h"

static const double BETA1 = 0.9, BETA2 = 0.999, EPSILON = 1e-8;

enum { SLICES = 64 }; /* of the norm: a fixed number, so that its bits do not depend on threads */

struct sh_adam {
    sh_params *params;
    sh_real *first, *second;
    float *factor; /* by number */
    int64_t steps;
};

sh_adam *sh_adam_create(sh_params *params)
{
    sh_adam *a = SH_NEW(sh_adam, 1);
    int64_t n = sh_params_size(params);
    a->params = params;
    a->first = SH_NEW(sh_real, n);
    a->second = SH_NEW(sh_real, n);
    a->factor = SH_NEW(float, n);
    for (int64_t i = 0; i < n; i++)
        a->factor[i] = 1;
    return a;
}

void sh_adam_destroy(sh_adam **adam)
{
    if (!*adam) return;
    sh_free((*adam)->first);
    sh_free((*adam)->second);
    sh_free((*adam)->factor);
    sh_free(*adam);
    *adam = NULL;
}

void sh_adam_set_factor(sh_adam *a, const sh_tensor *tensor, double factor)
{
    int64_t offset = sh_params_offset(a->params, tensor);
    for (int64_t i = 0; i < sh_size(tensor); i++)
        a->factor[offset + i] = (float)factor;
}

/* Sums of squares of the numbers with factor 1, and of the others. */
static void squares(const sh_adam *a, const sh_real *grad, int64_t n, double sum[2])
{
    double part[SLICES][2];
#pragma omp parallel for schedule(static)
    for (int s = 0; s < SLICES; s++) {
        double plain = 0, all = 0;
#pragma omp simd reduction(+ : plain, all)
        for (int64_t i = n * s / SLICES; i < n * (s + 1) / SLICES; i++) {
            double square = (double)grad[i] * (double)grad[i];
            plain += a->factor[i] == 1 ? square : 0;
            all += a->factor[i] == 1 ? 0 : square;
        }
        part[s][0] = plain;
        part[s][1] = all;
    }
    sum[0] = sum[1] = 0;
    for (int s = 0; s < SLICES; s++) {
        sum[0] += part[s][0];
        sum[1] += part[s][1];
    }
}

static double clip_factor(double square, double clip)
{
    double norm = sqrt(square);
    return clip > 0 && norm > clip ? clip / norm : 1;
}

static inline sh_real root(sh_real x)
{
#ifdef SH_F64
    return sqrt(x);
#else
    return sqrtf(x);
#endif
}

sh_status sh_adam_step(sh_adam *a, double lr, double clip, double *norm)
{
    int64_t n = sh_params_size(a->params);
    sh_real *x = sh_params_data(a->params);
    const sh_real *grad = sh_params_grad(a->params);
    double square[2];
    squares(a, grad, n, square);
    *norm = sqrt(square[0] + square[1]);
    if (!isfinite(*norm)) return SH_FAIL(SH_ENUM, "the gradient is not finite");
    a->steps++;
    /* in sh_real, which vectorises: moments are kept in it anyway */
    const sh_real scale = (sh_real)clip_factor(square[0], clip), scale_apart = (sh_real)clip_factor(square[1], clip);
    const sh_real beta1 = (sh_real)BETA1, beta2 = (sh_real)BETA2, rest1 = (sh_real)(1 - BETA1), rest2 = (sh_real)(1 - BETA2);
    const sh_real step = (sh_real)(lr / (1 - pow(BETA1, (double)a->steps))), epsilon = (sh_real)EPSILON;
    const sh_real correct = (sh_real)(1 / (1 - pow(BETA2, (double)a->steps)));
    sh_real *first = a->first, *second = a->second;
    const float *factor = a->factor;
#pragma omp parallel for simd schedule(static) if (n > SH_SERIAL_ITEMS)
    for (int64_t i = 0; i < n; i++) {
        sh_real g = grad[i] * (factor[i] == 1 ? scale : scale_apart);
        first[i] = beta1 * first[i] + rest1 * g;
        second[i] = beta2 * second[i] + rest2 * g * g;
        x[i] -= step * (sh_real)factor[i] * first[i] / (root(second[i] * correct) + epsilon);
    }
    return SH_OK;
}

sh_real *sh_adam_first(const sh_adam *a)
{
    return a->first;
}

sh_real *sh_adam_second(const sh_adam *a)
{
    return a->second;
}

int64_t sh_adam_steps(const sh_adam *a)
{
    return a->steps;
}

void sh_adam_set_steps(sh_adam *a, int64_t steps)
{
    a->steps = steps;
}
