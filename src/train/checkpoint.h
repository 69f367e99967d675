/* checkpoint.h -- the state of a run in one HDF5 file, RUN/checkpoints/NNNNNN.h5; docs/formats.md.
 *
 * Written under another name, flushed to the disk, renamed, read back; every dataset has a Fletcher-32. Reading takes the
 * newest that verifies and says so when it skipped one. No path and no time stands in the file: two runs of one
 * configuration have equal checkpoints. */
#ifndef SH_TRAIN_CHECKPOINT_H
#define SH_TRAIN_CHECKPOINT_H

#include "train/coordinator.h"
#include "train/setup.h"

/* Rank 0. `iteration` iterations are finished; the state is that of rank 0 and the parameters in setup. Prunes to the last
 * run.keep_checkpoints. */
sh_status sh_checkpoint_write(const char *directory, const sh_setup *setup, const sh_coordinator_state *state,
                              int64_t iteration);

/* Rank 0. The newest checkpoint that verifies: parameters, moments and steps into setup, the rest into state. *iteration is
 * the number of finished iterations. SH_EINPUT where there is none, or where it is of another configuration. state may be
 * NULL: parameters only. */
sh_status sh_checkpoint_read(const char *directory, const sh_setup *setup, sh_coordinator_state *state,
                             int64_t *iteration);

/* The configuration a run was started with, from its newest checkpoint that verifies (sh_free). */
sh_status sh_checkpoint_config(const char *directory, char **text);

/* Whether the directory holds checkpoints. */
bool sh_checkpoint_exists(const char *directory);

#endif
