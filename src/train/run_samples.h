/* run_samples.h -- the crystals a run draws, in files: a segment for each checkpoint interval, and an index that makes them one;
 * docs/formats.md.
 *
 * Workers keep their records in memory until the interval ends. Then neighbours bring them together in files of some size - one in
 * all where they are few, one a worker where they are many - and the first of each such group writes its file on a thread of its own,
 * while the run goes on. A file appears under its name when it is whole. */
#ifndef SH_TRAIN_RUN_SAMPLES_H
#define SH_TRAIN_RUN_SAMPLES_H

#include "comm/comm.h"
#include "gflownet/state.h"
#include "io/config.h"
#include "io/writer.h"

typedef struct sh_run_samples sh_run_samples;

/* file_bytes: of records that are worth a file of their own; 0: SH_SEGMENT_BYTES. */
enum { SH_SEGMENT_BYTES = 64 << 20 };
sh_run_samples *sh_run_samples_create(sh_comm *comm, const sh_config *config, const sh_space *space, int64_t file_bytes);
void sh_run_samples_destroy(sh_run_samples **samples);

/* Segments of iterations from `first` on are of a run that was cut off: rank 0 deletes them. NULL is fine in all of these. A warning
 * says so where samples of earlier iterations are missing. */
sh_status sh_run_samples_begin(sh_run_samples *samples, int64_t first);
/* Worker: keeps its records of an iteration. */
void sh_run_samples_add(sh_run_samples *samples, const sh_records *records);
/* Collective: the segment ends before iteration `done`. Its records go to those who write, and `writer`, which is idle, begins to. */
void sh_run_samples_hand_over(sh_run_samples *samples, int64_t done, sh_writer *writer);
/* Makes the index anew, when all files are there. */
sh_status sh_run_samples_index(const sh_run_samples *samples);

#endif
