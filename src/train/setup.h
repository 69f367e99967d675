/* setup.h -- all that a rank needs to draw crystals and say what they are worth, made from a configuration. */
#ifndef SH_TRAIN_SETUP_H
#define SH_TRAIN_SETUP_H

#include "gflownet/fresh.h"
#include "io/config.h"
#include "io/models.h"
#include "nn/adam.h"

typedef struct {
    const sh_config *config; /* borrowed */
    sh_groups *groups;
    sh_tables *tables;
    sh_model model, gap_model;
    sh_plugin *plugin;
    sh_reward *reward;
    sh_space space;
    sh_params *params;
    sh_policy *policy;
    sh_adam *adam;
    const sh_backend *be;
    sh_arena *arena; /* of a step */
    double *draw_seconds; /* (2) fresh.h; NULL: not taken */
    sh_sizes *draw_sizes, *learn_sizes; /* of its passes: sampling with rewards, gradients; NULL: they are waited for */
} sh_setup;

/* The reward alone: tables, models, terms. Pieces it does not make stay NULL. energies: the model of energies is there even where
 * the reward gives them no weight. */
sh_status sh_setup_reward(const sh_config *config, bool energies, sh_setup *out);
/* Everything; parameters at the start values of run.seed. */
sh_status sh_setup_create(const sh_config *config, sh_setup *out);
void sh_setup_destroy(sh_setup *setup);

/* All that kernels read or write for a whole run - parameters, moments, tables, models - to where those of `be` (borrowed) work. */
void sh_setup_use(sh_setup *setup, const sh_backend *be);

/* The host's side of parameters and moments: pull before reading it, push after writing to it. */
void sh_setup_pull(const sh_setup *setup);
void sh_setup_push(const sh_setup *setup);

/* n new trajectories from first_traj on, with their rewards; log_pb stays zero. Resets the arena. */
void sh_setup_draw(const sh_setup *setup, uint64_t seed, uint64_t first_traj, int64_t n, const sh_exploration *exploration,
                   sh_records *records);

#endif
