/* run_state.h -- the state of a run in a checkpoint (io/checkpoint.h), RUN/checkpoints/NNNNNN.h5; docs/formats.md names its
 * contents. No path and no time stands in it: two runs of one configuration have equal checkpoints. */
#ifndef SH_TRAIN_RUN_STATE_H
#define SH_TRAIN_RUN_STATE_H

#include "io/checkpoint.h"
#include "train/coordinator.h"
#include "train/setup.h"

/* Rank 0. The state after `iteration` iterations, copied: the run may go on (sh_checkpoint_destroy). */
sh_checkpoint *sh_run_state_take(const sh_setup *setup, const sh_coordinator_state *state, int64_t iteration);
/* Writes it, and prunes to the last run.keep_checkpoints. */
sh_status sh_run_state_write(const sh_checkpoint *file, const sh_config *config, int64_t iteration);

/* Rank 0. From the newest checkpoint that verifies: parameters, moments and steps into setup, the rest into state (NULL:
 * parameters only). *iteration is the number of finished iterations. SH_EINPUT where there is no checkpoint. */
sh_status sh_run_state_read(const char *directory, const sh_setup *setup, sh_coordinator_state *state,
                            int64_t *iteration);

/* Rank 0. Start values from another run: a checkpoint's file, or a run's folder for its newest. Tensors of the same name and
 * shape are taken over, and what the element's head has for elements that both runs have; log Z, moments and steps stay as they
 * are. *taken of *all tensors came over; SH_EINPUT where none did. */
sh_status sh_run_state_init(const char *path, const sh_setup *setup, int64_t *taken, int64_t *all);

/* The configuration a run was started with, from its newest checkpoint; *text is NULL where there is none (sh_free). */
sh_status sh_run_state_config(const char *directory, char **text);

/* Removes what a killed writer left half-written. For who holds the lock of the directory. */
sh_status sh_run_state_clean(const char *directory);

#endif
