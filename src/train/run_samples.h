/* run_samples.h -- the crystals a run draws, in files: one segment for each checkpoint interval, written by the workers
 * together, and an index that makes them one; docs/formats.md. A segment appears under its name when it is whole. */
#ifndef SH_TRAIN_RUN_SAMPLES_H
#define SH_TRAIN_RUN_SAMPLES_H

#include "comm/comm.h"
#include "gflownet/state.h"
#include "io/config.h"

typedef struct sh_run_samples sh_run_samples;

sh_run_samples *sh_run_samples_create(sh_comm *comm, const sh_config *config, const sh_space *space);
void sh_run_samples_destroy(sh_run_samples **samples);

/* Collective: segments of iterations from `first` on are of a run that was cut off: they are deleted. NULL is fine in all of
 * these. A warning says so where samples of earlier iterations are missing. */
sh_status sh_run_samples_begin(sh_run_samples *samples, int64_t first);
/* Worker: keeps its records of an iteration. */
void sh_run_samples_add(sh_run_samples *samples, const sh_records *records);
/* Collective: writes the segment that ends before iteration `done`, and the index. */
sh_status sh_run_samples_write(sh_run_samples *samples, int64_t done);

#endif
