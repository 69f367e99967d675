#include "nn/adam.h"

#include <math.h>

static const double BETA1 = 0.9, BETA2 = 0.999, EPSILON = 1e-8;

enum { SLICES = 1024 }; /* of the norm: a fixed number, so that its bits do not depend on threads */

struct sh_adam {
    sh_params *params;
    const sh_backend *be;
    sh_mirror first, second;
    sh_mirror factor; /* by number */
    double *part;        /* (SLICES,2) where kernels write */
    sh_clipped *clipped; /* (1+2) likewise: of the step, of the questions */
    int64_t steps;
};

static void take_memory(sh_adam *a, const sh_backend *be)
{
    a->be = be;
    a->part = be->memory->take(2 * SLICES * sizeof *a->part);
    a->clipped = be->memory->take(3 * sizeof *a->clipped);
}

static void give_memory(const sh_adam *a)
{
    a->be->memory->give(a->part);
    a->be->memory->give(a->clipped);
}

sh_adam *sh_adam_create(sh_params *params)
{
    sh_adam *a = SH_NEW(sh_adam, 1);
    int64_t n = sh_params_size(params);
    a->params = params;
    sh_mirror_create(n, &a->first);
    sh_mirror_create(n, &a->second);
    sh_mirror_create(n, &a->factor);
    take_memory(a, sh_backend_cpu());
    for (int64_t i = 0; i < n; i++)
        a->factor.host[i] = 1;
    return a;
}

void sh_adam_use(sh_adam *a, const sh_backend *be)
{
    give_memory(a);
    take_memory(a, be);
    sh_mirror_use(&a->first, be);
    sh_mirror_use(&a->second, be);
    sh_mirror_use(&a->factor, be);
}

void sh_adam_destroy(sh_adam **adam)
{
    sh_adam *a = *adam;
    if (!a) return;
    give_memory(a);
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

/* Of the gradient: its norm, and how much is taken of it. Stays there. */
static void take_norm(sh_adam *a, double clip, sh_clipped *out)
{
    const sh_square_sums_args squares = {.x = sh_params_grad(a->params)->there,
                                         .factor = a->factor.there,
                                         .part = a->part,
                                         .size = sh_params_size(a->params),
                                         .slices = SLICES};
    a->be->square_sums(&squares, SLICES);
    a->be->clip(&(sh_clip_args){a->part, SLICES, clip, out}, 1);
}

void sh_adam_look(sh_adam *a, int question)
{
    take_norm(a, 1, a->clipped + 1 + question);
}

bool sh_adam_saw_finite(sh_adam *a, int question)
{
    sh_clipped clipped;
    a->be->copy_out(&clipped, a->clipped + 1 + question, sizeof clipped);
    return clipped.is_finite;
}

/* The norm goes from kernel to kernel; the host looks at it when everything has been asked for. */
sh_status sh_adam_step(sh_adam *a, double lr, double clip, double *norm)
{
    sh_clipped clipped;
    take_norm(a, clip, a->clipped);
    double steps = (double)(a->steps + 1);
    const sh_adam_args args = {.x = sh_params_data(a->params)->there,
                               .grad = sh_params_grad(a->params)->there,
                               .first = a->first.there,
                               .second = a->second.there,
                               .factor = a->factor.there,
                               .clipped = a->clipped,
                               .beta1 = (sh_real)BETA1,
                               .beta2 = (sh_real)BETA2,
                               .rest1 = (sh_real)(1 - BETA1),
                               .rest2 = (sh_real)(1 - BETA2),
                               .step = (sh_real)(lr / (1 - pow(BETA1, steps))),
                               .correct = (sh_real)(1 / (1 - pow(BETA2, steps))),
                               .epsilon = (sh_real)EPSILON};
    a->be->adam(&args, sh_params_size(a->params));
    a->be->copy_out(&clipped, a->clipped, sizeof clipped);
    *norm = sqrt(clipped.square + clipped.square_apart);
    if (!clipped.is_finite) return SH_FAIL(SH_ENUM, "the gradient is not finite");
    a->steps++;
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
