/* samples.h -- crystals that were drawn, in HDF5: one array a quantity, a row a crystal; docs/formats.md lists them.
 *
 * A file holds what is needed to make the trajectories again, and the crystals as they are (lattice, representative atoms on
 * their positions), which no reader has to compute. A run writes segments, one file a checkpoint interval: what is on the disk
 * is never opened for writing again, so nothing that kills a run can damage it. An index of virtual datasets makes them one. */
#ifndef SH_IO_SAMPLES_H
#define SH_IO_SAMPLES_H

#include <mpi.h>

#include "gflownet/state.h"

/* What a command drew them from: a SHA-256 by which it is known when it is given again, the checkpoint, and its options. */
typedef struct {
    char job[65];
    int64_t checkpoint, seed, number;
} sh_samples_origin;

/* Which of the records of all ranks those of this one are: `n_block` blocks of `block` records, the first at `first`, `stride`
 * apart, of `n_row` in all. A block is an iteration, the first of them `iteration`. Where `traj` is not 0, which are from any
 * place: those from trajectory `traj` on, in ascending order, in one block. */
typedef struct {
    int64_t n_row;
    int64_t first, stride, block, n_block;
    int64_t iteration;
    uint64_t traj;
    const sh_samples_origin *origin; /* NULL: of training */
} sh_samples_layout;

/* Whether a crystal may be written: no pair of atoms below 0.5 Å (*overlap where there is one), at most max_atoms, and nothing
 * that could not be computed. */
bool sh_samples_may_write(const sh_reward_result *result, bool *overlap);

/* Writes one file; collective over `comm` (MPI_COMM_NULL: this process alone). Rows are the records that may be written, in the
 * order of the layout: the file does not depend on the number of ranks. `path` appears when the file is whole and on the disk.
 * A rank returns its own failure: agree on it. config: the text of the configuration, kept as an attribute. */
sh_status sh_samples_write(const char *path, MPI_Comm comm, const sh_space *space, const char *config,
                           const sh_records *records, const sh_samples_layout *layout);

/* What `shaft sample` says that a file is from; false where it is no such file. */
bool sh_samples_origin_read(const char *path, sh_samples_origin *origin);

/* What a segment's name says: crystals of the iterations first .. last - 1, part `part` (from 0) of `n_part` where workers wrote
 * files of their own. */
typedef struct {
    int64_t first, last;
    int32_t part, n_part;
} sh_segment;

enum { SH_SEGMENT_NAME = 80 };
/* 000000-000200.h5, or 000000-000200-0003of0016.h5 for the part 3 of 16. */
void sh_segment_name(const sh_segment *segment, char name[SH_SEGMENT_NAME]);
bool sh_segment_parse(const char *name, sh_segment *segment); /* false: the file is no segment */

/* One file of virtual datasets that shows the segments of a folder as one, in the order of their iterations and parts: index.h5,
 * replaced in one move. Nothing where there is no segment. */
sh_status sh_samples_index(const char *folder);

/* Records, and the text of the configuration (sh_free), of a samples file; of an index, the folder of a run or its folder of
 * samples: of all segments, in the order of trajectories. Checksums are verified, and steps are within their ranges. */
sh_status sh_samples_read(const char *path, sh_records *records, char **config);

#endif
