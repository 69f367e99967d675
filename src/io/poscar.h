/* poscar.h -- POSCAR and CONTCAR files of VASP 5 and later. */
#ifndef SH_IO_POSCAR_H
#define SH_IO_POSCAR_H

#include <stdio.h>

#include "io/structure.h"

/* Appends one structure or one error. Velocities and whatever else follows the positions are not read. */
void sh_poscar_parse(const char *path, const char *text, size_t size, sh_structures *out);

/* Atoms are grouped by element, in order of first appearance. `comment` NULL: the formula. */
sh_status sh_poscar_write(FILE *f, const sh_structure *s, const char *comment);

#endif
