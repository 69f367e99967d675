/* reward.h -- R = max(r_min, sum of w_k S_k) of a batch of crystals; docs/equations.md says each term. A term is one
 * file with one function on a batch. The graph is built once and serves them all. */
#ifndef SH_REWARD_REWARD_H
#define SH_REWARD_REWARD_H

#include <stdbool.h>

#include "base/memory.h"
#include "crystal/crystal.h"
#include "potential/potential.h"
#include "reward/plugin_library.h"
#include "reward/result.h"
#include "reward/tables.h"

typedef struct {
    double weight[SH_N_TERM]; /* 0 switches a term off */
    double beta;              /* exponent: the target is R^beta */
    double r_min;             /* floor, 1e-5 */
    double log_floor;         /* beta log R is floored here, -30 */
    double density_mean, density_std; /* g/cm^3 */
    double gap_target, gap_width; /* eV */
    double guard_density[2];  /* g/cm^3; outside, E_f counts as +10 */
    int32_t guard_atoms;      /* fewer than this many */
    double guard_distance;    /* Å, 0.5 */
    double guard_energy;      /* eV/atom; below, no E_f is believed */
    int32_t max_atoms;        /* of constraints: more have the floor */
    bool wanted[SH_MAX_Z + 1]; /* by atomic number: crystals will hold these elements; none: nothing is known of that */
} sh_reward_options;

typedef struct sh_reward sh_reward;

/* `potential` may be NULL when the weight of the formation energy is 0. Tables and potential are borrowed. SH_EINPUT where the
 * model or a table that has a weight knows nothing of a wanted element: every crystal with it would have the floor. */
sh_status sh_reward_create(const sh_reward_options *options, const sh_tables *tables, const sh_potential *potential,
                           sh_reward **out);

/* The model of the term of the band gap, before the first evaluation where that has a weight; borrowed. SH_EINPUT where it predicts
 * something else, or does not know a wanted element. */
sh_status sh_reward_use_gap_model(sh_reward *reward, const sh_potential *model);
/* Likewise the library of the user's own term; borrowed. */
void sh_reward_use_plugin(sh_reward *reward, const sh_plugin *plugin);
void sh_reward_destroy(sh_reward **reward);

/* `outside_guard`: also compute e_total and e_form of crystals outside the guard (for `shaft score`; the terms and the
 * reward are the same). results (C). Everything temporary is on `arena`. Never fails: see the reasons. */
void sh_reward_evaluate(const sh_reward *reward, const sh_crystals *crystals, bool outside_guard, sh_arena *arena,
                        sh_reward_result *results);

/* max(beta log R, log_floor): what trajectory balance wants to match. */
double sh_reward_log_target(const sh_reward_options *options, const sh_reward_result *result);

#endif
