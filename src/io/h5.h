/* h5.h -- the little of HDF5 that is used here: whole datasets and attributes, errors as sh_status with HDF5's reason. */
#ifndef SH_IO_H5_H
#define SH_IO_H5_H

#include <hdf5.h>
#include <stdint.h>

#include "base/status.h"

/* Turns off HDF5's own printing of errors; called by everything here. */
void sh_h5_quiet(void);

/* SH_EIO with the text given, the innermost reason of HDF5's error stack appended. */
sh_status sh_h5_fail(const char *format, ...) SH_PRINTF(1, 2);

sh_status sh_h5_open(const char *path, hid_t *file);   /* for reading */
/* A new file of one process, in memory: a disk that fills up while HDF5 writes leaves it in a state in which it crashes when the
 * program ends. Nothing is at `path` before sh_h5_finish, which writes it there, in place of what there is, and closes. */
typedef struct sh_h5_image sh_h5_image;
typedef struct {
    hid_t id;
    sh_h5_image *image; /* NULL: no file of this kind */
} sh_h5_file;
sh_status sh_h5_create(const char *path, sh_h5_file *file);
sh_status sh_h5_finish(sh_h5_file *file, const char *path);
void sh_h5_drop(sh_h5_file *file); /* closes and forgets; after sh_h5_finish it does nothing */

/* Whole dataset, chunked with Fletcher-32 when it holds anything; intermediate groups are made. */
sh_status sh_h5_write(hid_t file, const char *name, hid_t type, int rank, const hsize_t *dims, const void *data);
/* n texts as strings of one length, that of the longest; of longer ones than SH_H5_TEXTS_MAX bytes the beginning. */
sh_status sh_h5_write_texts(hid_t file, const char *name, char *const *text, int64_t n);
enum { SH_H5_TEXTS_MAX = 65535 };
/* Whole dataset as `type`, into memory for exactly these dimensions; another shape is an error. */
sh_status sh_h5_read(hid_t file, const char *name, hid_t type, int rank, const hsize_t *dims, void *data);
/* Dimensions of a dataset of rank at most 4; *rank comes out. Refused where the file cannot hold that many numbers. */
sh_status sh_h5_dims(hid_t file, const char *name, int *rank, hsize_t dims[4]);
bool sh_h5_has(hid_t file, const char *name);

/* Attributes of an object ("/" the file): scalars, and strings of fixed length. */
sh_status sh_h5_write_attr(hid_t file, const char *object, const char *name, hid_t type, const void *value);
sh_status sh_h5_read_attr(hid_t file, const char *object, const char *name, hid_t type, void *value);
/* One-dimensional: its length, then its values; another number of them than n is an error. */
sh_status sh_h5_attr_size(hid_t file, const char *object, const char *name, int64_t *n);
sh_status sh_h5_read_attrs(hid_t file, const char *object, const char *name, hid_t type, int64_t n, void *values);
sh_status sh_h5_write_text(hid_t file, const char *object, const char *name, const char *text);
sh_status sh_h5_read_text(hid_t file, const char *object, const char *name, char **text); /* caller frees */

#endif
