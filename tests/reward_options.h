/* reward_options.h -- the published reward as a starting point: what a test is about, it sets itself. */
#ifndef SH_TEST_REWARD_OPTIONS_H
#define SH_TEST_REWARD_OPTIONS_H

#include "reward/reward.h"

static inline sh_reward_options reward_options(void)
{
    return (sh_reward_options){.weight = {0.2, 0.5, 0.2, 0.1},
                               .beta = 8,
                               .r_min = 1e-5,
                               .log_floor = -30,
                               .density_mean = 3,
                               .density_std = 1,
                               .gap_width = 0.5,
                               .guard_density = {1.5, 5},
                               .guard_atoms = 100,
                               .guard_distance = 0.5,
                               .guard_energy = -5,
                               .max_atoms = 200};
}

#endif
