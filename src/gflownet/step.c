#include "gflownet/step.h"

#include <math.h>
#include <string.h>

static sh_step_values make_room(const sh_step_batch *b, sh_arena *arena)
{
    int64_t n = b->fresh->n + b->replay->n;
    return (sh_step_values){n, SH_PUSH(arena, double, n), SH_PUSH(arena, double, n), SH_PUSH(arena, double, n)};
}

static const double *targets(const sh_step_batch *b, sh_workspace *ws, int64_t first, int64_t n)
{
    double *target = SH_PUSH(ws->arena, double, n);
    for (int64_t i = 0; i < n; i++)
        target[i] = first + i < b->fresh->n ? b->target_fresh[first + i] : b->target_replay[first + i - b->fresh->n];
    return SH_PUT(ws, target, n);
}

int64_t sh_step_slice(const sh_step_batch *b, const sh_backend *be)
{
    return b->slice ? b->slice : be->room ? SH_STEP_SLICE_THERE : SH_STEP_SLICE;
}

/* y = x, the gradient's n numbers there. */
static void copy_gradient(const sh_backend *be, const sh_real *x, sh_real *y, int64_t n)
{
    const sh_add_args args = {.a = x, .y = y};
    be->add(&args, n);
}

/* The objective of the records first .. first + n - 1, each times scale, with its gradient where asked. False: there was no room for
 * something; the parameters' gradient is as it was. */
static bool try_slice(const sh_policy *policy, const sh_backend *be, const sh_step_batch *b, int64_t first, int64_t n, const double *mean,
                      double scale, bool backward, sh_arena *arena, sh_step_values *out)
{
    sh_workspace ws;
    sh_tape tape;
    const sh_mirror *grad = sh_params_grad(sh_policy_params(policy));
    sh_arena_mark mark = sh_arena_get_mark(arena);
    sh_workspace_begin(&ws, be, arena);
    sh_workspace_plan(&ws, b->sizes);
    sh_tape_begin(&tape, &ws, backward);
    sh_real *before = backward && sh_workspace_is_planned(&ws) ? SH_ROOM(&ws, sh_real, grad->n) : NULL;
    if (before) copy_gradient(be, grad->there, before, grad->n);
    double *numbers = SH_ROOM(&ws, double, 3 * n);
    const sh_record_list records = sh_records_there(&ws, b->fresh, b->replay, first, n);
    const sh_balance balance = {.log_pf = numbers, .log_pb = numbers + n, .residual = numbers + 2 * n, .mean = mean};
    sh_tensor *loss = sh_objective(policy, &tape, &records, targets(b, &ws, first, n), scale, &balance);
    if (backward) sh_tape_backward(&tape, loss);
    sh_workspace_fetch(&ws, out->log_pf + first, balance.log_pf, (size_t)n * sizeof(double));
    sh_workspace_fetch(&ws, out->log_pb + first, balance.log_pb, (size_t)n * sizeof(double));
    sh_workspace_fetch(&ws, out->residual + first, balance.residual, (size_t)n * sizeof(double));
    bool fits = sh_workspace_settle(&ws);
    if (!fits && before) copy_gradient(be, before, grad->there, grad->n);
    sh_arena_release(arena, mark);
    return fits;
}

static void pass(const sh_policy *policy, const sh_backend *be, const sh_step_batch *b, const double *mean, double scale, bool backward,
                 sh_arena *arena, sh_step_values *out)
{
    int64_t slice = sh_step_slice(b, be);
    for (int64_t first = 0; first < out->n; first += slice) {
        int64_t n = out->n - first < slice ? out->n - first : slice;
        if (backward && b->before_last && first + n == out->n) b->before_last(b->context);
        while (!try_slice(policy, be, b, first, n, mean, scale, backward, arena, out))
            continue;
    }
}

void sh_step_values_of(const sh_policy *policy, const sh_backend *be, const sh_step_batch *b, sh_arena *arena, sh_step_values *out)
{
    *out = make_room(b, arena);
    if (out->n) pass(policy, be, b, NULL, 1, false, arena, out);
}

static void add_up(const sh_policy *policy, const sh_step_values *all, double sum[2])
{
    double log_z = sh_policy_log_z_value(policy);
    sum[0] = 0;
    for (int64_t i = 0; i < all->n; i++)
        sum[0] += all->residual[i] - log_z;
    sum[1] = (double)all->n;
}

void sh_train_mean(const sh_policy *policy, const sh_backend *be, const sh_step_batch *b, sh_arena *arena, double sum[2])
{
    sh_step_values all;
    sum[0] = sum[1] = 0;
    sh_step_values_of(policy, be, b, arena, &all);
    if (all.n) add_up(policy, &all, sum);
}

void sh_train_step(const sh_policy *policy, const sh_backend *be, const sh_step_batch *b, sh_arena *arena, sh_step_sums *sums)
{
    *sums = (sh_step_sums){.n_fresh = (double)b->fresh->n, .n_replay = (double)b->replay->n};
    sh_step_values all = make_room(b, arena);
    if (all.n == 0 && b->before_last) b->before_last(b->context);
    if (all.n == 0) return;
    double sum[2], own;
    const double *mean = b->mean;
    if (!mean && sh_policy_get_options(policy)->objective == SH_VARGRAD && all.n > sh_step_slice(b, be)) { /* slices share their mean */
        sh_train_mean(policy, be, b, arena, sum);
        own = sum[0] / sum[1];
        mean = &own;
    }
    pass(policy, be, b, mean, 1 / b->n_total, true, arena, &all);
    for (int64_t i = 0; i < all.n; i++) {
        double residual = all.residual[i];
        if (i >= b->fresh->n) {
            sums->square_replay += residual * residual;
            continue;
        }
        sums->square_fresh += residual * residual;
        sh_record *r = sh_record_at(b->fresh, i);
        r->log_pf = all.log_pf[i];
        r->log_pb = all.log_pb[i];
        if (b->explored && (r->traj & 1)) continue; /* drawn from another distribution */
        sums->weight += exp(fmin(-residual, 700));
        sums->n_weight++;
    }
}
