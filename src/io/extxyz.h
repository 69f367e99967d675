/* extxyz.h -- extended XYZ: any number of frames, each a count, a line of key=value pairs with Lattice="..." and
 * Properties=..., and one line an atom. */
#ifndef SH_IO_EXTXYZ_H
#define SH_IO_EXTXYZ_H

#include <stdio.h>

#include "io/cif.h"
#include "io/structure.h"

/* Appends one structure, or one error, for each frame. */
void sh_extxyz_parse(const char *path, const char *text, size_t size, sh_structures *out);

/* `items` become further key=value pairs. */
sh_status sh_extxyz_write(FILE *f, const sh_structure *s, const sh_cif_item *items, int n_item);

#endif
