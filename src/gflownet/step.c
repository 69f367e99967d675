#include "gflownet/step.h"

#include <math.h>

/* Fresh and replayed records in one list, with room for what is said of each. */
typedef struct {
    int64_t n;
    const sh_record **record;
    double *target;
    sh_balance balance;
} batch;

static batch gather(const sh_step_batch *b, sh_arena *arena)
{
    int64_t n = b->fresh->n + b->replay->n;
    batch all = {.n = n, .record = SH_PUSH(arena, const sh_record *, n), .target = SH_PUSH(arena, double, n)};
    all.balance = (sh_balance){
        .log_pf = SH_PUSH(arena, double, n), .log_pb = SH_PUSH(arena, double, n), .residual = SH_PUSH(arena, double, n)};
    for (int64_t i = 0; i < n; i++) {
        bool is_fresh = i < b->fresh->n;
        all.record[i] = is_fresh ? sh_record_at(b->fresh, i) : sh_record_at(b->replay, i - b->fresh->n);
        all.target[i] = is_fresh ? b->target_fresh[i] : b->target_replay[i - b->fresh->n];
    }
    return all;
}

/* The objective of all, slice by slice, each times scale; with its gradients where asked. */
static void pass(const sh_policy *policy, const sh_backend *be, const batch *all, double scale, bool backward, sh_arena *arena)
{
    for (int64_t first = 0; first < all->n; first += SH_STEP_SLICE) {
        int64_t n = all->n - first < SH_STEP_SLICE ? all->n - first : SH_STEP_SLICE;
        const sh_balance balance = {.log_pf = all->balance.log_pf + first,
                                    .log_pb = all->balance.log_pb + first,
                                    .residual = all->balance.residual + first,
                                    .mean = all->balance.mean};
        sh_workspace ws;
        sh_tape tape;
        sh_arena_mark mark = sh_arena_get_mark(arena);
        sh_workspace_begin(&ws, be, arena);
        sh_tape_begin(&tape, &ws, backward);
        sh_tensor *loss = sh_objective(policy, &tape, all->record + first, n, all->target + first, scale, &balance);
        if (backward) sh_tape_backward(&tape, loss);
        sh_arena_release(arena, mark);
    }
}

void sh_train_mean(const sh_policy *policy, const sh_backend *be, const sh_step_batch *b, sh_arena *arena, double sum[2])
{
    batch all = gather(b, arena);
    sum[0] = sum[1] = 0;
    if (all.n == 0) return;
    double log_z = sh_policy_log_z_value(policy);
    pass(policy, be, &all, 1, false, arena);
    for (int64_t i = 0; i < all.n; i++)
        sum[0] += all.balance.residual[i] - log_z;
    sum[1] = (double)all.n;
}

void sh_train_step(const sh_policy *policy, const sh_backend *be, const sh_step_batch *b, sh_arena *arena, sh_step_sums *sums)
{
    *sums = (sh_step_sums){.n_fresh = (double)b->fresh->n, .n_replay = (double)b->replay->n};
    batch all = gather(b, arena);
    if (all.n == 0) return;
    double sum[2], own;
    all.balance.mean = b->mean;
    if (!b->mean && sh_policy_get_options(policy)->objective == SH_VARGRAD && all.n > SH_STEP_SLICE) { /* slices share their mean */
        sh_train_mean(policy, be, b, arena, sum);
        own = sum[0] / sum[1];
        all.balance.mean = &own;
    }
    pass(policy, be, &all, 1 / b->n_total, true, arena);
    for (int64_t i = 0; i < all.n; i++) {
        double residual = all.balance.residual[i];
        if (i >= b->fresh->n) {
            sums->square_replay += residual * residual;
            continue;
        }
        sums->square_fresh += residual * residual;
        sh_record *r = sh_record_at(b->fresh, i);
        r->log_pf = all.balance.log_pf[i];
        r->log_pb = all.balance.log_pb[i];
        if (b->explored && (r->traj & 1)) continue; /* drawn from another distribution */
        sums->weight += exp(fmin(-residual, 700));
        sums->n_weight++;
    }
}
