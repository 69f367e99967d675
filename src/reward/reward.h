/* reward.h -- R = max(r_min, sum of w_k S_k) of a batch of crystals; docs/equations.md says each term. What is
 * asked of each crystal are the kernels of kernels/reward.c. The graph is built once and serves them all. */
#ifndef SH_REWARD_REWARD_H
#define SH_REWARD_REWARD_H

#include <stdbool.h>

#include "backend/workspace.h"
#include "crystal/crystal.h"
#include "potential/potential.h"
#include "reward/options.h"
#include "reward/plugin_library.h"
#include "reward/result.h"
#include "reward/tables.h"

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

/* Options and tables to where kernels of `be` (borrowed) read them; at first those of the CPU, for which nothing is copied. The
 * copies go when it is used on another back-end: on the CPU's before this one closes. The models go there by themselves. */
void sh_reward_use(sh_reward *reward, const sh_backend *be);

/* `outside_guard`: also compute e_total and e_form of crystals outside the guard (for `shaft score`; the terms and the
 * reward are the same). All arrays are there: those of the crystals, results (C), what is temporary. Beside what selections, graph
 * and models wait for, it waits for the number of crystals that have a graph, of those whose energy is wanted, and of those
 * without the floor where the gap or the user's own score is a term; a user's function is the host's, and what it is shown comes
 * here: a wait for each array of the crystals. Never fails: see the reasons. */
void sh_reward_evaluate(const sh_reward *reward, sh_workspace *ws, const sh_crystals *crystals, bool outside_guard,
                        sh_reward_result *results);

/* max(beta log R, log_floor): what trajectory balance wants to match. */
double sh_reward_log_target(const sh_reward_options *options, const sh_reward_result *result);

#endif
