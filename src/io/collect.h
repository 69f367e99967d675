/* collect.h -- the structures of files and folders, for the commands that take any of them. */
#ifndef SH_IO_COLLECT_H
#define SH_IO_COLLECT_H

#include "io/structure.h"

typedef enum { SH_FORMAT_UNKNOWN, SH_FORMAT_CIF, SH_FORMAT_POSCAR, SH_FORMAT_EXTXYZ, SH_FORMAT_HDF5, SH_FORMAT_JSONL } sh_format;

/* By the file's name (.cif, .vasp, .poscar, .xyz, .extxyz, .h5, .jsonl, .jsonl.gz, POSCAR*, CONTCAR*), NULL content; otherwise by what is in
 * it. HDF5 is always known by its content. */
sh_format sh_format_of(const char *path, const char *text, size_t size);

/* Appends the structures of one file of an HDF5 format (samples). */
typedef void (*sh_hdf5_reader)(const char *path, sh_structures *out);

/* Appends the structures of each path: a file, or a folder, of which all files with a structure's name are read, folders
 * inside it too, in the order of their names. Of a run's folder (it has samples/index.h5), or one with index.h5, that index
 * alone is read. What cannot be read, be it a missing path, takes one place with its error text. `hdf5` may be NULL: such files
 * are then errors. */
void sh_collect(const char *const *paths, int n_path, sh_hdf5_reader hdf5, sh_structures *out);

/* Whether sh_collect of these paths, with a reader of HDF5, opens `file`. */
bool sh_collect_reads(const char *const *paths, int n_path, const char *file);

#endif
