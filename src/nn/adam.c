#include "nn/adam.h"

#include <math.h>

static const double BETA1 = 0.9, BETA2 = 0.999, EPSILON = 1e-8;

enum { SLICES = 1024 }; /* of the norm: a fixed number, so that its bits do not depend on threads */

struct sh_adam {
    sh_params *params;
    const sh_backend *be;
    sh_mirror first, second;
    sh_mirror factor; /* by number */
    double *part;     /* (SLICES,2) where kernels write */
    int64_t steps;
};

sh_adam *sh_adam_create(sh_params *params)
{
    sh_adam *a = SH_NEW(sh_adam, 1);
    int64_t n = sh_params_size(params);
    a->params = params;
    a->be = sh_backend_cpu();
    sh_mirror_create(n, &a->first);
    sh_mirror_create(n, &a->second);
    sh_mirror_create(n, &a->factor);
    a->part = a->be->memory->take(2 * SLICES * sizeof *a->part);
    for (int64_t i = 0; i < n; i++)
        a->factor.host[i] = 1;
    return a;
}

void sh_adam_use(sh_adam *a, const sh_backend *be)
{
    a->be->memory->give(a->part);
    a->part = be->memory->take(2 * SLICES * sizeof *a->part);
    a->be = be;
    sh_mirror_use(&a->first, be);
    sh_mirror_use(&a->second, be);
    sh_mirror_use(&a->factor, be);
}

void sh_adam_destroy(sh_adam **adam)
{
    sh_adam *a = *adam;
    if (!a) return;
    a->be->memory->give(a->part);
    sh_mirror_release(&a->first);
    sh_mirror_release(&a->second);
    sh_mirror_release(&a->factor);
    sh_free(a);
    *adam = NULL;
}

void sh_adam_set_factor(sh_adam *a, const sh_tensor *tensor, double factor)
{
    int64_t offset = sh_params_offset(a->params, tensor);
    if (factor == 1) factor = 1 + 1e-6; /* 1 would mean: none of its own, clipped with the others */
    for (int64_t i = 0; i < sh_size(tensor); i++)
        a->factor.host[offset + i] = (sh_real)factor;
    sh_mirror_push(&a->factor);
}

/* Sums of squares of the numbers with factor 1, and of the others. */
static void squares(const sh_adam *a, double sum[2])
{
    double part[2 * SLICES];
    const sh_square_sums_args args = {.x = sh_params_grad(a->params)->there,
                                      .factor = a->factor.there,
                                      .part = a->part,
                                      .size = sh_params_size(a->params),
                                      .slices = SLICES};
    a->be->square_sums(&args, SLICES);
    a->be->copy_out(part, a->part, sizeof part);
    sum[0] = sum[1] = 0;
    for (int s = 0; s < SLICES; s++) {
        sum[0] += part[2 * s];
        sum[1] += part[2 * s + 1];
    }
}

static double clip_factor(double square, double clip)
{
    double norm = sqrt(square);
    return clip > 0 && norm > clip ? clip / norm : 1;
}

sh_status sh_adam_step(sh_adam *a, double lr, double clip, double *norm)
{
    double square[2];
    squares(a, square);
    *norm = sqrt(square[0] + square[1]);
    if (!isfinite(*norm)) return SH_FAIL(SH_ENUM, "the gradient is not finite");
    a->steps++;
    const sh_adam_args args = {.x = sh_params_data(a->params)->there,
                               .grad = sh_params_grad(a->params)->there,
                               .first = a->first.there,
                               .second = a->second.there,
                               .factor = a->factor.there,
                               .scale = (sh_real)clip_factor(square[0], clip),
                               .scale_apart = (sh_real)clip_factor(square[1], clip),
                               .beta1 = (sh_real)BETA1,
                               .beta2 = (sh_real)BETA2,
                               .rest1 = (sh_real)(1 - BETA1),
                               .rest2 = (sh_real)(1 - BETA2),
                               .step = (sh_real)(lr / (1 - pow(BETA1, (double)a->steps))),
                               .correct = (sh_real)(1 / (1 - pow(BETA2, (double)a->steps))),
                               .epsilon = (sh_real)EPSILON};
    a->be->adam(&args, sh_params_size(a->params));
    return SH_OK;
}

const sh_mirror *sh_adam_first(const sh_adam *a)
{
    return &a->first;
}

const sh_mirror *sh_adam_second(const sh_adam *a)
{
    return &a->second;
}

int64_t sh_adam_steps(const sh_adam *a)
{
    return a->steps;
}

void sh_adam_set_steps(sh_adam *a, int64_t steps)
{
    a->steps = steps;
}
