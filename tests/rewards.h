/* rewards.h -- the reward of crystals that the host has, by the kernels of any back-end. */
#ifndef SH_TEST_REWARDS_H
#define SH_TEST_REWARDS_H

#include <string.h>

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

#endif
