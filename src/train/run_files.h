/* run_files.h -- what a run puts on the disk while it goes on: segments of samples (run_samples.h) and the state (run_state.h).
 *
 * At a checkpoint everybody hands over what is to be written, copied, and goes on with the next iteration. A thread of each process
 * (io/writer.h) writes: the workers their segments, and rank 0, when it has heard that all segments are on the disk, the index and
 * the state. So the newest checkpoint always has its samples, and a kill at any moment leaves the checkpoint before. Who hands over
 * before all is written waits. A failure comes out of the next call that waits; a worker that has one asks all to stop. */
#ifndef SH_TRAIN_RUN_FILES_H
#define SH_TRAIN_RUN_FILES_H

#include "train/run_samples.h"
#include "train/run_state.h"

typedef struct sh_run_files sh_run_files;

/* `space` is that of a rank's setup. */
sh_run_files *sh_run_files_create(sh_comm *comm, const sh_config *config, const sh_space *space);
void sh_run_files_destroy(sh_run_files **files); /* waits for this rank's thread; NULL is fine */

/* As sh_run_samples_begin: `first` iterations are finished. */
sh_status sh_run_files_begin(sh_run_files *files, int64_t first);

/* Worker: its records of an iteration, for the samples. */
void sh_run_files_add(sh_run_files *files, const sh_records *records);

/* Collective: the state after `done` iterations. `state`: rank 0's. last: nothing comes after, so it returns when all is written. */
sh_status sh_run_files_checkpoint(sh_run_files *files, const sh_setup *setup, const sh_coordinator_state *state, int64_t done,
                                  bool last);

/* Collective: returns when all that was handed over is on the disk. */
sh_status sh_run_files_finish(sh_run_files *files);

/* What this rank's thread is at; a failure is what the run should be stopped for. */
sh_writer_state sh_run_files_look(const sh_run_files *files);
/* s that this rank's thread took for the last checkpoint that is on the disk: what an end has to wait for. */
double sh_run_files_seconds(const sh_run_files *files);
/* Rank 0, once an iteration: all_idle says that no worker's thread was busy or had failed in it. */
void sh_run_files_go_on(sh_run_files *files, bool all_idle);

#endif
