/* draw.c -- draws from the policy: a choice among what is allowed, a lattice parameter, a position on the torus. */
#include "args.h"
#include "base/rng.h"
#include "dist.h"
#include "step_cell.h"

/* How a row is drawn: epsilon and widen are those of a trajectory that explores, or none. */
typedef struct {
    sh_record *record;
    sh_rng rng;
    double epsilon, widen;
} draw_row;

SH_BODY draw_row draw_begin(const sh_draw *d, int64_t r)
{
    draw_row row;
    row.record = sh_row_record(&d->rows, r);
    row.rng.seed = d->seed;
    row.rng.traj = row.record->traj;
    row.rng.step = (uint32_t)(d->rows.t == SH_T_END ? row.record->n_step : d->rows.t);
    row.epsilon = row.record->traj & 1 ? d->epsilon : 0;
    row.widen = row.record->traj & 1 ? d->widen : 1;
    return row;
}

SH_BODY void draw_categorical_body(int64_t r, const sh_draw_categorical_args *a)
{
    const sh_real *logits = a->logits + r * a->n;
    const uint8_t *mask = a->mask + r * a->mask_stride;
    a->choice[r] = (int32_t)a->n - 1;
    if (sh_row_is_blank(&a->draw.rows, r)) return;
    draw_row row = draw_begin(&a->draw, r);
    double epsilon = row.epsilon, u = sh_rng_u01(&row.rng, a->draw.draw);
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
    a->choice[r] = (int32_t)last;
    row.record->log_pf += (double)logits[last] - top - log(sum);
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
    if (sh_row_is_blank(&a->draw.rows, r)) return;
    draw_row row = draw_begin(&a->draw, r);
    int32_t t = a->draw.rows.t;
    sh_step *step = &row.record->step[t == SH_T_END ? row.record->n_step - 1 : t];
    if (!sh_step_is_free(step, a->d)) return;
    const sh_real *raw = a->raw + r * 3 * a->n;
    double y = draw_logit(raw, a->n, &row.rng, a->draw.draw, row.epsilon, row.widen);
    step->y[a->d] = y;
    row.record->log_pf += sh_logit_normal_log_prob(raw, a->n, y, NULL);
    sh_parameter_code(y, a->code + (r * 6 + a->d) * SH_LATTICE_CODE);
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
    draw_row row = draw_begin(&a->draw, r);
    double *x = row.record->step[a->draw.rows.t].frac;
    draw_position(raw, a->n, a->dim[r], &row.rng, a->draw.draw, row.epsilon, row.widen, x);
    row.record->log_pf += sh_wrapped_log_prob(raw, a->n, a->dim[r], x, NULL);
}
SH_KERNEL_ROWS(draw_wrapped, sh_draw_wrapped_args)
