/* balance.c -- trajectory balance, SubTB and VarGrad of a batch, forward and backward: a few numbers a transition, in double. */
#include "args.h"
#include "gflownet/options.h"
#include "kernel.h"

SH_BODY void balance_sums_body(int64_t i, const sh_balance_sums_args *a)
{
    double forward = 0, backward = 0;
    for (int64_t k = a->start[i]; k < a->start[i + 1]; k++) {
        double log_pf = 0, log_pb = a->log_pb[k];
        for (int32_t p = 0; p < a->n_part; p++) {
            int32_t row = a->part[p].row[k];
            double log_p = row < 0 ? 0 : (double)a->part[p].log_p[row];
            if (a->part[p].backward) log_pb += log_p;
            else log_pf += log_p;
        }
        a->ratio[k] = log_pf - log_pb;
        forward += log_pf;
        backward += log_pb;
    }
    a->forward[i] = forward;
    a->backward[i] = backward;
    a->residual[i] = (double)a->log_z[0] + (forward - backward - a->target[i]);
}
SH_KERNEL_ROWS(balance_sums, sh_balance_sums_args)

SH_BODY double balance_bracket(int64_t i, const sh_balance_sums_args *a)
{
    return a->forward[i] - a->backward[i] - a->target[i];
}

SH_BODY void balance_mean_body(int64_t item, const sh_balance_mean_args *a)
{
    double mean = 0;
    for (int64_t i = 0; i < a->n; i++)
        mean += balance_bracket(i, a) / (double)a->n;
    a->mean[item] = mean;
}
SH_KERNEL_ROWS(balance_mean, sh_balance_mean_args)

/* One trajectory of m transitions from `first` on; the flow of s_0 is log Z. */
SH_BODY void balance_subtrajectories(int64_t i, const sh_balance_terms_args *a)
{
    int64_t first = a->start[i], m = a->start[i + 1] - first;
    double loss = 0, total = 0, log_z = (double)a->log_z[0];
    for (int64_t d = 1; d <= m; d++)
        total += (double)(m + 1 - d) * pow(a->lambda, (double)d);
    for (int64_t k = first; k < first + m; k++)
        a->slope[k] = a->slope_flow[k] = 0;
    for (int64_t j = 0; j < m; j++) {
        double sum = j ? (double)a->flow[a->flow_row[first + j]] : log_z;
        for (int64_t k = j + 1; k <= m; k++) {
            sum += a->ratio[first + k - 1];
            double weight = a->scale * pow(a->lambda, (double)(k - j)) / total;
            double bracket = sum - (k == m ? a->target[i] : (double)a->flow[a->flow_row[first + k]]), slope = 2 * weight * bracket;
            loss += weight * bracket * bracket;
            for (int64_t q = j; q < k; q++)
                a->slope[first + q] += slope;
            a->slope_flow[first + j] += slope;
            if (k < m) a->slope_flow[first + k] -= slope;
        }
    }
    a->loss[i] = loss;
    a->slope_log_z[i] = a->slope_flow[first];
}

SH_BODY void balance_terms_body(int64_t i, const sh_balance_terms_args *a)
{
    if (a->kind == SH_SUBTB) {
        balance_subtrajectories(i, a);
        return;
    }
    double d = a->kind == SH_VARGRAD ? balance_bracket(i, a) - a->mean[0] : a->residual[i];
    a->loss[i] = a->scale * d * d;
    a->slope_log_z[i] = 2 * a->scale * a->residual[i];
    for (int64_t k = a->start[i]; k < a->start[i + 1]; k++)
        a->slope[k] = 2 * a->scale * d;
}
SH_KERNEL_ROWS(balance_terms, sh_balance_terms_args)

SH_BODY void balance_total_body(int64_t item, const sh_balance_total_args *a)
{
    double loss = 0, slope = 0;
    for (int64_t i = 0; i < a->n; i++) {
        loss += a->loss[i];
        slope += a->slope_log_z[i];
    }
    a->value[item] = (sh_real)loss;
    a->sum_log_z[item] = slope;
}
SH_KERNEL_ROWS(balance_total, sh_balance_total_args)

/* Rows of a part, and states whose flow is asked for, belong to one trajectory each. */
SH_BODY void balance_slopes_body(int64_t i, const sh_balance_slopes_args *a)
{
    const sh_real scale = a->grad[0];
    for (int64_t k = a->start[i]; k < a->start[i + 1]; k++) {
        for (int32_t p = 0; p < a->n_part; p++) {
            int32_t row = a->part[p].row[k];
            if (row < 0 || !a->part[p].grad) continue;
            a->part[p].grad[row] += (a->part[p].backward ? -scale : scale) * (sh_real)a->slope[k];
        }
        if (a->grad_flow && k > a->start[i]) a->grad_flow[a->flow_row[k]] += scale * (sh_real)a->slope_flow[k];
    }
    if (i == 0 && a->grad_log_z) a->grad_log_z[0] += scale * (sh_real)a->sum_log_z[0];
}
SH_KERNEL_ROWS(balance_slopes, sh_balance_slopes_args)
