#include "train/step.h"

#include <math.h>

void sh_train_step(const sh_policy *policy, const sh_backend *be, sh_records *fresh, const double *target_fresh,
                   const sh_records *replay, const double *target_replay, double n_total, bool explored,
                   sh_arena *arena, sh_step_sums *sums)
{
    *sums = (sh_step_sums){.n_fresh = (double)fresh->n, .n_replay = (double)replay->n};
    int64_t n = fresh->n + replay->n;
    if (n == 0) return;
    const sh_record **record = SH_PUSH(arena, const sh_record *, n);
    double *target = SH_PUSH(arena, double, n);
    sh_balance balance = {
        .log_pf = SH_PUSH(arena, double, n), .log_pb = SH_PUSH(arena, double, n), .residual = SH_PUSH(arena, double, n)};
    for (int64_t i = 0; i < n; i++) {
        bool is_fresh = i < fresh->n;
        record[i] = is_fresh ? sh_record_at(fresh, i) : sh_record_at(replay, i - fresh->n);
        target[i] = is_fresh ? target_fresh[i] : target_replay[i - fresh->n];
    }
    sh_tape tape;
    sh_tape_begin(&tape, be, arena, true);
    sh_tape_backward(&tape, sh_objective(policy, &tape, record, n, target, 1 / n_total, &balance));
    for (int64_t i = 0; i < n; i++) {
        double square = balance.residual[i] * balance.residual[i];
        if (i >= fresh->n) {
            sums->square_replay += square;
            continue;
        }
        sums->square_fresh += square;
        sh_record *r = sh_record_at(fresh, i);
        r->log_pf = balance.log_pf[i];
        r->log_pb = balance.log_pb[i];
        if (explored && (r->traj & 1)) continue; /* drawn from another distribution */
        sums->weight += exp(fmin(-balance.residual[i], 700));
        sums->n_weight++;
    }
}
