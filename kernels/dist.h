/* dist.h -- the densities of the policy, shared by the kernels that differentiate them and by the sampler.
 *
 * All in double: a row costs little beside the network that made it, and log-densities are differences of large numbers.
 *
 * Lattice parameter (docs/equations.md): u in (0,1), y = logit u, K logit-Gaussians
 *     p(u) = sum_k w_k N(y; m_k, s_k) / (u (1 - u)),   log u(1-u) = -softplus(y) - softplus(-y)
 * raw row: K weight logits, K means, K raw scales; s = SH_SCALE_MIN + softplus(raw).
 *
 * Position on the torus of dimension 1 to 3: p(x) = eps + (1 - eps) sum_k w_k WN_k(x), WN a Gaussian with Cholesky factor C
 * wrapped over the nearest images, 27 in three dimensions; fewer dimensions read the leading part of means and factor. raw row:
 * logit of eps, then for each component its weight logit, 3 means, 6 entries of C (00, 10, 11, 20, 21, 22). A row of C is SH_ROW_NORM v / sqrt(1 + |v|^2), its diagonal entry of v 0.02 + softplus(raw): norms stay below
 * 0.3, where the images left out weigh 2e-6. */
#ifndef SH_KERNEL_DIST_H
#define SH_KERNEL_DIST_H

#include "kernel.h"

#define SH_SCALE_MIN 0.02
#define SH_ROW_NORM 0.3
#define SH_EPS_MIN 0.01
#define SH_DIST_MAX_MIXTURE 32
#define SH_WRAPPED_STRIDE 10 /* raw numbers of a component */
#define SH_LOG_2PI 1.83787706640934548356

SH_BODY double sh_logistic(double x)
{
    return 1 / (1 + exp(-x));
}

SH_BODY double sh_mixture_scale(double raw)
{
    return SH_SCALE_MIN + sh_softplus(raw);
}

/* weight[k] = softmax of the logits raw[k * stride]. */
SH_BODY void sh_mixture_weights(const sh_real *raw, int32_t stride, int32_t n, double *weight)
{
    double top = (double)raw[0], sum = 0;
    for (int32_t k = 1; k < n; k++)
        top = (double)raw[k * stride] > top ? (double)raw[k * stride] : top;
    for (int32_t k = 0; k < n; k++)
        sum += weight[k] = exp((double)raw[k * stride] - top);
    for (int32_t k = 0; k < n; k++)
        weight[k] /= sum;
}

/* log p(u) at y = logit u. grad (3 n) or NULL: derivatives with respect to the raw row. */
SH_BODY double sh_logit_normal_log_prob(const sh_real *raw, int32_t n, double y, double *grad)
{
    double weight[SH_DIST_MAX_MIXTURE], part[SH_DIST_MAX_MIXTURE];
    sh_mixture_weights(raw, 1, n, weight);
    double top = -1e300, sum = 0;
    for (int32_t k = 0; k < n; k++) {
        double s = sh_mixture_scale((double)raw[2 * n + k]), z = (y - (double)raw[n + k]) / s;
        part[k] = log(weight[k] + 1e-300) - 0.5 * z * z - log(s) - 0.5 * SH_LOG_2PI;
        top = part[k] > top ? part[k] : top;
    }
    for (int32_t k = 0; k < n; k++)
        sum += exp(part[k] - top);
    if (grad) {
        for (int32_t k = 0; k < n; k++) {
            double share = exp(part[k] - top) / sum; /* of component k in p */
            double s = sh_mixture_scale((double)raw[2 * n + k]), z = (y - (double)raw[n + k]) / s;
            grad[k] = share - weight[k];
            grad[n + k] = share * z / s;
            grad[2 * n + k] = share * (z * z - 1) / s * sh_logistic((double)raw[2 * n + k]);
        }
    }
    return top + log(sum) + sh_softplus(y) + sh_softplus(-y);
}

/* The Cholesky factor of a component from its six raw numbers; v and norm = sqrt(1 + |v|^2) of each row for the chain
 * rule. Entries in the order 00, 10, 11, 20, 21, 22: row i starts at i (i + 1) / 2. */
SH_BODY void sh_wrapped_cholesky(const sh_real *raw, double c[6], double v[6], double norm[3])
{
    for (int32_t i = 0; i < 3; i++) {
        int32_t first = i * (i + 1) / 2;
        double square = 1;
        for (int32_t j = 0; j <= i; j++) {
            double entry = (double)raw[first + j];
            v[first + j] = j == i ? 0.02 + sh_softplus(entry) : entry;
            square += v[first + j] * v[first + j];
        }
        norm[i] = sqrt(square);
        for (int32_t j = 0; j <= i; j++)
            c[first + j] = SH_ROW_NORM * v[first + j] / norm[i];
    }
}

/* z = C^-1 v for the leading part of the lower triangle c. */
SH_BODY void sh_lower_solve(const double c[6], int32_t dim, const double v[3], double z[3])
{
    z[0] = v[0] / c[0];
    if (dim > 1) z[1] = (v[1] - c[1] * z[0]) / c[2];
    if (dim > 2) z[2] = (v[2] - c[3] * z[0] - c[4] * z[1]) / c[5];
}

/* y = C^-T z. */
SH_BODY void sh_upper_solve(const double c[6], int32_t dim, const double z[3], double y[3])
{
    y[2] = dim > 2 ? z[2] / c[5] : 0;
    y[1] = dim > 1 ? (z[1] - c[4] * y[2]) / c[2] : 0;
    y[0] = (z[0] - c[1] * y[1] - c[3] * y[2]) / c[0];
}

/* log p(x), x (dim) on the torus, dim 1 to 3. grad (1 + 10 n) or NULL: derivatives with respect to the raw row. */
SH_BODY double sh_wrapped_log_prob(const sh_real *raw, int32_t n, int32_t dim, const double *x, double *grad)
{
    int32_t n_image = dim == 1 ? 3 : dim == 2 ? 9 : 27;
    double weight[SH_DIST_MAX_MIXTURE], density[SH_DIST_MAX_MIXTURE];
    sh_mixture_weights(raw + 1, SH_WRAPPED_STRIDE, n, weight);
    double gate = sh_logistic((double)raw[0]), eps = SH_EPS_MIN + (1 - SH_EPS_MIN) * gate, mixed = 0;
    for (int32_t k = 0; k < n; k++) {
        const sh_real *component = raw + 1 + k * SH_WRAPPED_STRIDE;
        double *g = grad ? grad + 1 + k * SH_WRAPPED_STRIDE : NULL;
        double c[6], v[6], norm[3], delta[3] = {0, 0, 0}, grad_mean[3] = {0, 0, 0}, grad_c[6] = {0, 0, 0, 0, 0, 0};
        sh_wrapped_cholesky(component + 4, c, v, norm);
        for (int32_t i = 0; i < dim; i++) {
            delta[i] = x[i] - (double)component[1 + i];
            delta[i] -= floor(delta[i] + 0.5);
        }
        double volume = c[0] * (dim > 1 ? c[2] : 1) * (dim > 2 ? c[5] : 1);
        double log_norm = -0.5 * dim * SH_LOG_2PI - log(volume), sum = 0;
        for (int32_t image = 0; image < n_image; image++) {
            double shifted[3] = {delta[0] + image % 3 - 1, delta[1] + image / 3 % 3 - 1, delta[2] + image / 9 - 1};
            double z[3] = {0, 0, 0}, y[3];
            sh_lower_solve(c, dim, shifted, z);
            double square = z[0] * z[0] + z[1] * z[1] + z[2] * z[2];
            if (square > 200) continue; /* exp(-100) of the peak */
            double value = exp(log_norm - 0.5 * square);
            sum += value;
            if (!g) continue;
            sh_upper_solve(c, dim, z, y);
            for (int32_t i = 0; i < dim; i++) {
                grad_mean[i] += value * y[i];
                for (int32_t j = 0; j <= i; j++) {
                    int32_t at = i * (i + 1) / 2 + j;
                    grad_c[at] += value * (y[i] * z[j] - (i == j ? 1 / c[at] : 0));
                }
            }
        }
        density[k] = sum;
        mixed += weight[k] * sum;
        if (!g) continue;
        for (int32_t i = 0; i < 3; i++) {
            int32_t first = i * (i + 1) / 2;
            g[1 + i] = grad_mean[i];
            double along = 0; /* v . dC over the row, for the derivative of the norm */
            for (int32_t j = 0; j <= i; j++)
                along += v[first + j] * grad_c[first + j];
            for (int32_t j = 0; j <= i; j++) {
                double slope = SH_ROW_NORM / norm[i] * (grad_c[first + j] - v[first + j] * along / (norm[i] * norm[i]));
                g[4 + first + j] = j == i ? slope * sh_logistic((double)component[4 + first + j]) : slope;
            }
        }
    }
    double p = eps + (1 - eps) * mixed;
    if (grad) {
        grad[0] = (1 - mixed) * (1 - SH_EPS_MIN) * gate * (1 - gate) / p;
        for (int32_t k = 0; k < n; k++) {
            double *g = grad + 1 + k * SH_WRAPPED_STRIDE, share = (1 - eps) * weight[k] / p;
            g[0] = share * (density[k] - mixed);
            for (int32_t i = 1; i < SH_WRAPPED_STRIDE; i++)
                g[i] *= share;
        }
    }
    return log(p);
}

#endif
