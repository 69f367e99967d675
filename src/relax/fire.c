#include "relax/fire.h"

#include <math.h>
#include <string.h>

static const double DT_START = 0.1, DT_MAX = 1, GROW = 1.1, SHRINK = 0.5, ALPHA_START = 0.1, ALPHA_SHRINK = 0.99, LONGEST_STEP = 0.2;
enum { WAIT = 5 };

sh_fire sh_fire_start(void)
{
    return (sh_fire){.dt = DT_START, .alpha = ALPHA_START};
}

static double inner(int64_t n, const double *weight, const double *a, const double *b)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        sum += weight[i] * (a[3 * i] * b[3 * i] + a[3 * i + 1] * b[3 * i + 1] + a[3 * i + 2] * b[3 * i + 2]);
    return sum;
}

static void turn(sh_fire *f, int64_t n, const double *weight, const double *force, double *v)
{
    if (inner(n, weight, force, v) > 0) {
        double keep = 1 - f->alpha, along = f->alpha * sqrt(inner(n, weight, v, v) / inner(n, weight, force, force));
        for (int64_t i = 0; i < 3 * n; i++)
            v[i] = keep * v[i] + along * force[i];
        if (f->n_uphill_free > WAIT) {
            f->dt = fmin(GROW * f->dt, DT_MAX);
            f->alpha *= ALPHA_SHRINK;
        }
        f->n_uphill_free++;
        return;
    }
    memset(v, 0, (size_t)(3 * n) * sizeof *v);
    f->alpha = ALPHA_START;
    f->dt *= SHRINK;
    f->n_uphill_free = 0;
}

void sh_fire_step(sh_fire *f, int64_t n, const double *weight, const double *force, double *v, double *step)
{
    if (f->moving)
        turn(f, n, weight, force, v);
    else
        memset(v, 0, (size_t)(3 * n) * sizeof *v);
    f->moving = true;
    for (int64_t i = 0; i < 3 * n; i++) {
        v[i] += f->dt * force[i];
        step[i] = f->dt * v[i];
    }
    double length = sqrt(inner(n, weight, step, step));
    for (int64_t i = 0; i < 3 * n && length > LONGEST_STEP; i++)
        step[i] *= LONGEST_STEP / length;
}
