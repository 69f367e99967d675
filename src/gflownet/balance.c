#include "gflownet/balance.h"

static void balance_backward(sh_tape *t, const void *saved)
{
    const sh_balance_slopes_args *args = saved;
    t->ws->be->balance_slopes(args, args->n);
}

sh_tensor *sh_balance_loss(sh_tape *t, const sh_balance_args *a, const sh_balance *out)
{
    sh_workspace *ws = t->ws;
    const sh_tensor *flow = a->kind == SH_SUBTB ? a->flow : NULL;
    sh_tensor *y = sh_tape_new(t, 1, 1, true);
    sh_balance_sums_args args = {.kind = (int32_t)a->kind,
                                 .n_part = a->n_part,
                                 .lambda = a->lambda,
                                 .scale = a->scale,
                                 .n = a->n,
                                 .start = a->start,
                                 .log_pb = a->log_pb,
                                 .target = a->target,
                                 .log_z = a->log_z->data,
                                 .grad_log_z = a->log_z->grad,
                                 .flow = flow ? flow->data : NULL,
                                 .grad_flow = flow ? flow->grad : NULL,
                                 .flow_row = a->flow_row,
                                 .forward = out->log_pf,
                                 .backward = out->log_pb,
                                 .residual = out->residual,
                                 .ratio = SH_ROOM(ws, double, a->n_transition),
                                 .slope = SH_ROOM(ws, double, a->n_transition),
                                 .slope_flow = SH_ROOM(ws, double, a->n_transition),
                                 .loss = SH_ROOM(ws, double, a->n),
                                 .slope_log_z = SH_ROOM(ws, double, a->n),
                                 .sum_log_z = SH_ROOM(ws, double, 1),
                                 .value = y->data,
                                 .grad = y->grad};
    for (int p = 0; p < a->n_part; p++) {
        const sh_balance_part *part = &a->part[p];
        args.part[p] = (sh_balance_column){part->log_p->data, part->log_p->grad, part->row, part->backward};
    }
    ws->be->balance_sums(&args, a->n);
    if (a->kind == SH_VARGRAD) {
        args.mean = out->mean ? (double *)(uintptr_t)SH_PUT(ws, out->mean, 1) : SH_ROOM(ws, double, 1);
        if (!out->mean) ws->be->balance_mean(&args, 1);
    }
    ws->be->balance_terms(&args, a->n);
    ws->be->balance_total(&args, 1);
    sh_tape_push(t, y, balance_backward, &args, sizeof args);
    return y;
}
