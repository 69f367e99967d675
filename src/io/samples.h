/* samples.h -- crystals that were drawn, in HDF5: one array a quantity, a row a crystal; docs/formats.md. */
#ifndef SH_IO_SAMPLES_H
#define SH_IO_SAMPLES_H

#include <mpi.h>

#include "gflownet/state.h"

/* Where the rows of this rank lie in the file: `n_block` blocks of `block` rows, the first at `first`, `stride` apart. The
 * records stand in that order. */
typedef struct {
    int64_t n_row; /* of the whole file */
    int64_t first, stride, block, n_block;
} sh_samples_layout;

/* Writes one file; collective over `comm` (MPI_COMM_NULL: this process alone). `path` appears when it is whole. config: the
 * text of the configuration, kept as an attribute. */
sh_status sh_samples_write(const char *path, MPI_Comm comm, const sh_space *space, const char *config,
                           const sh_records *records, const sh_samples_layout *layout);

/* One file of virtual datasets that shows the segments of a folder, in the order of their names, as one: index.h5, replaced
 * in one move. Nothing where there is no segment. */
sh_status sh_samples_index(const char *folder);

/* Records, and the text of the configuration (sh_free), of a samples file, an index, or the folder of a run. */
sh_status sh_samples_read(const char *path, sh_records *records, char **config);

/* Whether the file is one of samples. */
bool sh_samples_is(const char *path);

#endif
