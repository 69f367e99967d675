/* fresh.h -- new trajectories together with the rewards of their crystals: what a worker does first in every step. */
#ifndef SH_GFLOWNET_FRESH_H
#define SH_GFLOWNET_FRESH_H

#include "gflownet/sampler.h"
#include "reward/reward.h"

/* Where and how: all of it borrowed. */
typedef struct {
    const sh_policy *policy;
    const sh_reward *reward;
    const sh_backend *be;
    sh_arena *arena; /* reset by every draw */
    double *seconds; /* (2) sampling, rewards, added to; NULL: nobody asks, and nothing waits in between */
    sh_sizes *sizes; /* of these passes, with room for sh_fresh_parts; NULL: they are waited for */
} sh_drawing;

/* Parts of the sizes of a policy's draws. */
int sh_fresh_parts(const sh_constraints *constraints);

/* Trajectories first_traj .. first_traj + n - 1 of the stream of `seed`, with results and log_pf; log_pb stays zero. records are
 * resized. */
void sh_draw_fresh(const sh_drawing *drawing, uint64_t seed, uint64_t first_traj, int64_t n, const sh_exploration *exploration,
             sh_records *records);

#endif
