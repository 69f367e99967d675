/* report_drawing.h -- a crystal as inline SVG: its cell seen along a and a little from above, atoms as shaded balls. */
#ifndef SH_IO_REPORT_DRAWING_H
#define SH_IO_REPORT_DRAWING_H

#include <stdio.h>

#include "io/structure.h"
#include "reward/tables.h"

/* What an atom looks like. */
typedef struct {
    double radius[SH_MAX_Z + 1]; /* covalent, Å; 1.5 where the table has none */
    sh_tables *tables;           /* mean distances of pairs, and metals */
} sh_report_atoms;

/* `folder`: of the data tables. */
sh_status sh_report_atoms_create(const char *folder, sh_report_atoms *out);
void sh_report_atoms_destroy(sh_report_atoms *atoms);

/* The shading of the elements that are drawn, once a page before all drawings, and the rules that say who has which. */
void sh_report_draw_shades(FILE *f, const bool used[SH_MAX_Z + 1]);
void sh_report_draw_style(FILE *f, const bool used[SH_MAX_Z + 1]);

/* Atoms of the cell, those on its faces on all of them while that makes no more than 200; bonds between atoms drawn that are
 * closer than the table's mean + 0.1 Å and the sum of their radii + 0.45 Å, none between two metals where there are others. */
void sh_report_draw(FILE *f, const sh_report_atoms *atoms, const sh_structure *s, const char *title);

/* "#ff0d0d", as Jmol colours elements. */
const char *sh_report_color(int z, char text[8]);

#endif
