/* cif.h -- crystallographic information files. Read: any number of data blocks, loops, quoted and semicolon texts, cell,
 * atom sites, operations (or a space group that names its setting). Written: the space group that spglib finds, its
 * operations and the asymmetric unit with Wyckoff letters, or P1. */
#ifndef SH_IO_CIF_H
#define SH_IO_CIF_H

#include <stdio.h>

#include "io/structure.h"

/* Appends one structure, or one error, for each data block with a structure. `path` is for messages; the list's current
 * file is the caller's affair (sh_structures_add_file). */
void sh_cif_parse(const char *path, const char *text, size_t size, sh_structures *out);

typedef struct {
    const char *key, *value; /* "_shaft_reward", "0.93" */
} sh_cif_item;

/* Where a sample is from: the group it was drawn in, its reward, and whose energies that had; what is known of it. Writers of CIF and
 * of extended XYZ write these, and the readers bring them back. */
typedef struct {
    int n;
    sh_cif_item item[3]; /* the texts are in here or the structure's */
    char group[16], reward[32];
} sh_cif_origin;

void sh_cif_origin_of(const sh_structure *s, sh_cif_origin *out); /* which must not be copied */

typedef struct {
    const char *name;        /* of the data block; NULL: the formula */
    bool p1;                 /* all atoms, no symmetry */
    const sh_cif_item *item; /* further data items */
    int n_item;
} sh_cif_opts;

/* The group is that found at 1e-3 Å, in its standard setting. What is written is expanded and compared with the
 * structure first; where it differs (or spglib finds no group) the file is P1. *sg_number, if not NULL, is the group
 * written. */
sh_status sh_cif_write(FILE *f, const sh_structure *s, const sh_cif_opts *opts, int *sg_number);

#endif
