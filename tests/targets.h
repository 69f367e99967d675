/* targets.h -- new trajectories and what a step trains them towards. */
#ifndef SH_TEST_TARGETS_H
#define SH_TEST_TARGETS_H

#include "train/setup.h"

/* n from first on, without exploration, and beta log R of each. */
static inline void draw_with_targets(sh_setup *s, uint64_t first, int64_t n, sh_records *fresh, double *target)
{
    static const sh_exploration none = {.epsilon = 0, .widen = 1};
    sh_setup_draw(s, 1, first, n, &none, fresh);
    for (int64_t i = 0; i < n; i++)
        target[i] = sh_reward_log_target(&s->config->reward, &sh_record_at(fresh, i)->result);
}

#endif
