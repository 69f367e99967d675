#include "gflownet/balance.h"

#include <math.h>

/* A host-side sum over a few thousand numbers: no kernel of its own. */
typedef struct {
    sh_balance_args args;
    const sh_tensor *loss;
    double *grad_ratio;  /* (T) of the loss with respect to each r_t */
    double *grad_flow;   /* (T) and to the flow a transition starts from, SubTB alone */
    double grad_log_z;
} balance_saved;

/* grad (n) of the back-end += the host's numbers. */
static void add_to(sh_tape *t, sh_real *grad, const sh_real *numbers, int64_t n)
{
    const sh_add_args args = {.a = SH_PUT(t->ws, numbers, n), .b = grad, .y = grad};
    t->ws->be->add(&args, n);
}

static void balance_backward(sh_tape *t, const void *saved)
{
    const balance_saved *s = saved;
    const sh_balance_args *a = &s->args;
    sh_real scale;
    t->ws->be->copy_out(&scale, s->loss->grad, sizeof scale);
    for (int p = 0; p < a->n_part; p++) {
        const sh_balance_part *part = &a->part[p];
        if (!part->log_p->grad) continue;
        sh_real *slope = SH_PUSH(t->ws->arena, sh_real, part->log_p->rows), sign = part->backward ? -scale : scale;
        for (int64_t r = 0; r < part->log_p->rows; r++)
            slope[r] = sign * (sh_real)s->grad_ratio[part->transition[r]];
        add_to(t, part->log_p->grad, slope, part->log_p->rows);
    }
    if (sh_wants(a->flow)) {
        sh_real *slope = SH_PUSH_ZERO(t->ws->arena, sh_real, a->flow->rows);
        for (int64_t i = 0; i < a->n; i++)
            for (int64_t k = a->start[i] + 1; k < a->start[i + 1]; k++)
                slope[a->flow_row[k]] += scale * (sh_real)s->grad_flow[k];
        add_to(t, a->flow->grad, slope, a->flow->rows);
    }
    const sh_real of_log_z = scale * (sh_real)s->grad_log_z;
    if (a->log_z->grad) add_to(t, a->log_z->grad, &of_log_z, 1);
}

/* Adds one trajectory of m transitions: r (m), flow (m) of the states they start from with log Z first. */
static double add_subtrajectories(const sh_balance_args *a, const double *r, const double *flow, double target, int64_t m,
                                  double *grad_r, double *grad_flow)
{
    double loss = 0, total = 0;
    for (int64_t d = 1; d <= m; d++)
        total += (double)(m + 1 - d) * pow(a->lambda, (double)d);
    for (int64_t j = 0; j < m; j++) {
        double sum = flow[j];
        for (int64_t k = j + 1; k <= m; k++) {
            sum += r[k - 1];
            double weight = a->scale * pow(a->lambda, (double)(k - j)) / total;
            double bracket = sum - (k == m ? target : flow[k]), slope = 2 * weight * bracket;
            loss += weight * bracket * bracket;
            for (int64_t q = j; q < k; q++)
                grad_r[q] += slope;
            grad_flow[j] += slope;
            if (k < m) grad_flow[k] -= slope;
        }
    }
    return loss;
}

sh_tensor *sh_balance_loss(sh_tape *t, const sh_balance_args *a, const sh_balance *out)
{
    int64_t n_transition = a->start[a->n];
    double *log_pf = SH_PUSH_ZERO(t->ws->arena, double, n_transition), *log_pb = SH_PUSH(t->ws->arena, double, n_transition);
    double *grad_ratio = SH_PUSH_ZERO(t->ws->arena, double, n_transition), *grad_flow = SH_PUSH_ZERO(t->ws->arena, double, n_transition);
    double *bracket = SH_PUSH(t->ws->arena, double, a->n), log_z, loss = 0, mean = 0;
    const sh_real *of_log_z = SH_BRING(t->ws, a->log_z->data, 1);
    double grad_log_z = 0;
    log_z = (double)of_log_z[0];
    const sh_real *of_state = a->flow ? SH_BRING(t->ws, a->flow->data, a->flow->rows) : NULL;
    for (int64_t k = 0; k < n_transition; k++)
        log_pb[k] = a->log_pb[k];
    for (int p = 0; p < a->n_part; p++) {
        const sh_real *log_p = SH_BRING(t->ws, a->part[p].log_p->data, a->part[p].log_p->rows);
        for (int64_t r = 0; r < a->part[p].log_p->rows; r++)
            (a->part[p].backward ? log_pb : log_pf)[a->part[p].transition[r]] += (double)log_p[r];
    }
    for (int64_t i = 0; i < a->n; i++) {
        double forward = 0, backward = 0;
        for (int64_t k = a->start[i]; k < a->start[i + 1]; k++) {
            forward += log_pf[k];
            backward += log_pb[k];
        }
        bracket[i] = forward - backward - a->target[i];
        mean += bracket[i] / (double)a->n;
        if (out->log_pf) out->log_pf[i] = forward;
        if (out->log_pb) out->log_pb[i] = backward;
        if (out->residual) out->residual[i] = log_z + bracket[i];
    }
    if (out->mean) mean = *out->mean;
    for (int64_t i = 0; i < a->n; i++) {
        int64_t first = a->start[i], m = a->start[i + 1] - first;
        if (a->kind == SH_SUBTB) {
            double *ratio = SH_PUSH(t->ws->arena, double, 2 * m), *flow = ratio + m;
            for (int64_t k = 0; k < m; k++) {
                ratio[k] = log_pf[first + k] - log_pb[first + k];
                flow[k] = k ? (double)of_state[a->flow_row[first + k]] : log_z;
            }
            loss += add_subtrajectories(a, ratio, flow, a->target[i], m, grad_ratio + first, grad_flow + first);
            grad_log_z += grad_flow[first];
            continue;
        }
        double with_log_z = log_z + bracket[i], d = a->kind == SH_VARGRAD ? bracket[i] - mean : with_log_z;
        loss += a->scale * d * d;
        grad_log_z += 2 * a->scale * with_log_z;
        for (int64_t k = first; k < first + m; k++)
            grad_ratio[k] = 2 * a->scale * d;
    }
    sh_tensor *y = sh_tape_new(t, 1, 1, true);
    const sh_real value = (sh_real)loss;
    t->ws->be->copy_in(y->data, &value, sizeof value);
    sh_tape_push(t, y, balance_backward, &(balance_saved){*a, y, grad_ratio, grad_flow, grad_log_z}, sizeof(balance_saved));
    return y;
}
