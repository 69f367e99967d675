/* draw.c -- draws from the policy: a choice among what is allowed, a lattice parameter, a position on the torus. */
#include "args.h"
#include "base/rng.h"
#include "dist.h"

SH_BODY int draw_explores(const sh_draw_numbers *d, int64_t r)
{
    return (d->traj[r] & 1) && (d->epsilon > 0 || d->widen != 1);
}

SH_BODY sh_rng draw_rng(const sh_draw_numbers *d, int64_t r)
{
    sh_rng rng;
    rng.seed = d->seed;
    rng.traj = d->traj[r];
    rng.step = d->step;
    return rng;
}

SH_BODY void draw_categorical_body(int64_t r, const sh_draw_categorical_args *a)
{
    const sh_real *logits = a->logits + r * a->n;
    const uint8_t *mask = a->mask + r * a->mask_stride;
    sh_rng rng = draw_rng(&a->numbers, r);
    double epsilon = draw_explores(&a->numbers, r) ? a->numbers.epsilon : 0, u = sh_rng_u01(&rng, a->numbers.draw);
    double top = -1e300, sum = 0, below = 0;
    int64_t n_allowed = 0, last = -1;
    for (int64_t k = 0; k < a->n; k++) {
        if (!mask[k]) continue;
        n_allowed++;
        if ((double)logits[k] > top) top = (double)logits[k];
    }
    for (int64_t k = 0; k < a->n; k++)
        if (mask[k]) sum += exp((double)logits[k] - top);
    for (int64_t k = 0; k < a->n; k++) {
        if (!mask[k]) continue;
        last = k;
        below += (1 - epsilon) * exp((double)logits[k] - top) / sum + epsilon / (double)n_allowed;
        if (u < below) break;
    }
    a->out[r].choice = last;
    a->out[r].log_p = (double)logits[last] - top - log(sum);
}
SH_KERNEL_ROWS(draw_categorical, sh_draw_categorical_args)

/* The component that u falls into. */
SH_BODY int32_t draw_component(const double *weight, int32_t n, double u)
{
    int32_t k = 0;
    for (double below = weight[0]; k + 1 < n && u >= below; below += weight[k])
        k++;
    return k;
}

SH_BODY double draw_logit(const sh_real *raw, int32_t n, const sh_rng *rng, uint32_t draw, double epsilon, double widen)
{
    double weight[SH_DIST_MAX_MIXTURE], u[2], z[2];
    sh_rng_u01x2(rng, draw, u);
    if (u[1] < epsilon) {
        double flat = u[1] / epsilon; /* uniform in (0,1), independent of u[0] */
        return log(flat) - log1p(-flat);
    }
    sh_mixture_weights(raw, 1, n, weight);
    int32_t k = draw_component(weight, n, u[0]);
    sh_rng_normalx2(rng, draw + 1, z);
    double y = (double)raw[n + k] + widen * sh_mixture_scale((double)raw[2 * n + k]) * z[0];
    return fmin(fmax(y, -30.0), 30.0); /* u stays inside (0,1) in double */
}

SH_BODY void draw_logit_normal_body(int64_t r, const sh_draw_logit_normal_args *a)
{
    if (!a->active[r]) return;
    const sh_real *raw = a->raw + r * 3 * a->n;
    const sh_draw_numbers *d = &a->numbers;
    sh_rng rng = draw_rng(d, r);
    int explores = draw_explores(d, r);
    double y = draw_logit(raw, a->n, &rng, d->draw, explores ? d->epsilon : 0, explores ? d->widen : 1);
    a->out[r].y = y;
    a->out[r].log_p = sh_logit_normal_log_prob(raw, a->n, y, NULL);
}
SH_KERNEL_ROWS(draw_logit_normal, sh_draw_logit_normal_args)

SH_BODY void draw_position(const sh_real *raw, int32_t n, int32_t dim, const sh_rng *rng, uint32_t draw, double epsilon, double widen,
                           double *x)
{
    double weight[SH_DIST_MAX_MIXTURE], u[2], z[4], flat[4];
    sh_rng_u01x2(rng, draw, u);
    double eps = SH_EPS_MIN + (1 - SH_EPS_MIN) * sh_logistic((double)raw[0]);
    eps = 1 - (1 - eps) * (1 - epsilon);
    if (u[0] < eps) {
        sh_rng_u01x2(rng, draw + 1, flat);
        sh_rng_u01x2(rng, draw + 2, flat + 2);
        for (int32_t i = 0; i < dim; i++)
            x[i] = flat[i];
        return;
    }
    sh_mixture_weights(raw + 1, SH_WRAPPED_STRIDE, n, weight);
    const sh_real *component = raw + 1 + SH_WRAPPED_STRIDE * draw_component(weight, n, u[1]);
    sh_rng_normalx2(rng, draw + 3, z);
    sh_rng_normalx2(rng, draw + 4, z + 2);
    double c[6], v[6], norm[3];
    sh_wrapped_cholesky(component + 4, c, v, norm);
    for (int32_t i = 0; i < dim; i++) {
        double sum = (double)component[1 + i];
        for (int32_t j = 0; j <= i; j++)
            sum += widen * c[i * (i + 1) / 2 + j] * z[j];
        x[i] = sum - floor(sum);
        if (x[i] >= 1) x[i] = 0; /* -1e-17 rounds up to 1 */
    }
}

SH_BODY void draw_wrapped_body(int64_t r, const sh_draw_wrapped_args *a)
{
    if (a->dim[r] == 0) return;
    const sh_real *raw = a->raw + r * (1 + (int64_t)a->n * SH_WRAPPED_STRIDE);
    const sh_draw_numbers *d = &a->numbers;
    sh_rng rng = draw_rng(d, r);
    int explores = draw_explores(d, r);
    draw_position(raw, a->n, a->dim[r], &rng, d->draw, explores ? d->epsilon : 0, explores ? d->widen : 1, a->out[r].x);
    a->out[r].log_p = sh_wrapped_log_prob(raw, a->n, a->dim[r], a->out[r].x, NULL);
}
SH_KERNEL_ROWS(draw_wrapped, sh_draw_wrapped_args)
