/* checkpoint.h -- named arrays, numbers and texts in one HDF5 file that is either whole or not there.
 *
 * Written under a temporary name, flushed to the disk, renamed, read back and compared. Every array carries Fletcher-32, all
 * else the checksums of HDF5's metadata, so a file that reads is the file that was written. No time and no path of the
 * program's own stands in it: equal contents are equal bytes. docs/formats.md describes the file. */
#ifndef SH_IO_CHECKPOINT_H
#define SH_IO_CHECKPOINT_H

#include <stdint.h>

#include "base/status.h"

typedef struct sh_checkpoint sh_checkpoint;

typedef enum { SH_ARRAY_U8, SH_ARRAY_I32, SH_ARRAY_I64, SH_ARRAY_U64, SH_ARRAY_F32, SH_ARRAY_F64, SH_N_ARRAY } sh_array_type;

#ifdef SH_F64
#define SH_ARRAY_REAL SH_ARRAY_F64 /* the type of sh_real */
#else
#define SH_ARRAY_REAL SH_ARRAY_F32
#endif

enum { SH_ARRAY_MAX_DIM = 4 };

sh_checkpoint *sh_checkpoint_create(void);
void sh_checkpoint_destroy(sh_checkpoint **checkpoint);

/* Names may have groups: "replay/records". The data are borrowed until the checkpoint is destroyed; texts are copied. A
 * name is put once. */
void sh_checkpoint_put(sh_checkpoint *c, const char *name, sh_array_type type, int n_dim, const int64_t *dims,
                       const void *data);
void sh_checkpoint_put_integer(sh_checkpoint *c, const char *name, int64_t value);
void sh_checkpoint_put_number(sh_checkpoint *c, const char *name, double value);
void sh_checkpoint_put_text(sh_checkpoint *c, const char *name, const char *text); /* below 60 kB */

/* Copies what is borrowed: the caller's arrays may change from now on. */
void sh_checkpoint_own(sh_checkpoint *c);

/* FOLDER/000400.h5 for iteration 400; the folder is made where it is missing. Then all but the newest `keep` are removed. */
sh_status sh_checkpoint_write(const sh_checkpoint *c, const char *folder, int64_t iteration, int64_t keep);

/* Everything of a file into memory, all checksums verified. */
sh_status sh_checkpoint_read(const char *path, sh_checkpoint **out);

/* The newest checkpoint of the folder that reads; warn: each that was skipped is named. The folder is left as it is: it may be of a
 * run at work. *out is NULL, with SH_OK, where there is no checkpoint at all; SH_EIO where none reads. */
sh_status sh_checkpoint_find(const char *folder, bool warn, sh_checkpoint **out, int64_t *iteration);

/* What was read. Another type or shape than asked for is an error; a dimension of -1 takes any, and comes out. */
sh_status sh_checkpoint_array(const sh_checkpoint *c, const char *name, sh_array_type type, int n_dim, int64_t *dims,
                              const void **data);
sh_status sh_checkpoint_copy(const sh_checkpoint *c, const char *name, sh_array_type type, int n_dim, const int64_t *dims,
                             void *data);
sh_status sh_checkpoint_integer(const sh_checkpoint *c, const char *name, int64_t *value);
sh_status sh_checkpoint_number(const sh_checkpoint *c, const char *name, double *value);
sh_status sh_checkpoint_text(const sh_checkpoint *c, const char *name, const char **text); /* lives with the checkpoint */

#endif
