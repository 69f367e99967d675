/* rewards.h -- the reward of crystals that the host has, by the kernels of any back-end. */
#ifndef SH_TEST_REWARDS_H
#define SH_TEST_REWARDS_H

#include "test.h"

#include "backend/recorder.h"
#include "crystal/transfer.h"
#include "reward/reward.h"

/* results (C). The reward is one of that back-end's from then on. */
static inline void evaluate_on(const sh_backend *back_end, sh_reward *reward, const sh_crystals *crystals, bool outside_guard,
                               sh_arena *arena, sh_reward_result *results)
{
    sh_workspace ws;
    sh_crystals there;
    int64_t n = crystals->n_crystal;
    sh_reward_use(reward, back_end);
    sh_workspace_begin(&ws, back_end, arena);
    sh_crystals_put(&ws, crystals, &there);
    sh_reward_result *x = SH_ROOM(&ws, sh_reward_result, n);
    sh_reward_evaluate(reward, &ws, &there, outside_guard, x);
    memcpy(results, SH_BRING(&ws, x, n), (size_t)n * sizeof *x);
}

/* What an evaluation asks of the open recorder, crystals and results there; printed. */
static inline sh_recorder_counts count_evaluation(const sh_backend *recorder, sh_reward *reward, const sh_crystals *crystals,
                                                  sh_arena *arena)
{
    sh_workspace ws;
    sh_crystals there;
    sh_reward_use(reward, recorder);
    sh_workspace_begin(&ws, recorder, arena);
    sh_crystals_put(&ws, crystals, &there);
    sh_reward_result *results = SH_ROOM(&ws, sh_reward_result, crystals->n_crystal);
    sh_recorder_clear();
    sh_reward_evaluate(reward, &ws, &there, false, results);
    sh_recorder_counts c = sh_recorder_read();
    print_message("%lld launches, %lld clears, %lld copies in, %lld out, %lld waits\n", (long long)c.launches, (long long)c.clears,
                  (long long)c.copies_in, (long long)c.copies_out, (long long)c.waits);
    return c;
}

#endif
