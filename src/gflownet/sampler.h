/* sampler.h -- draws trajectories from the forward policy. All trajectories of a batch advance together; the numbers of
 * one depend on (seed, its number, its states) alone. No tape. */
#ifndef SH_GFLOWNET_SAMPLER_H
#define SH_GFLOWNET_SAMPLER_H

#include "gflownet/policy.h"

/* Exploration: discrete choices mix with the uniform one over what is allowed, continuous ones are widened. Only
 * trajectories with odd numbers explore, so that the others give an unbiased estimate of Z. */
typedef struct {
    double epsilon; /* share of the uniform choice; a position or lattice parameter is uniform with this probability */
    double widen;   /* factor on the standard deviations, >= 1 */
} sh_exploration;

/* Trajectories first_traj .. first_traj + n - 1 into records[0..n) (resized). log_pf is that of the policy itself, of
 * all choices made; result and log_pb are left zero. The workspace takes everything temporary. */
void sh_sample(const sh_policy *policy, sh_workspace *ws, uint64_t seed, uint64_t first_traj, int64_t n,
               const sh_exploration *exploration, sh_records *records);

/* The same into records that are there, zeros at first. */
void sh_sample_there(const sh_policy *policy, sh_workspace *ws, uint64_t seed, uint64_t first_traj, const sh_exploration *exploration,
                     const sh_record_list *records);

#endif
