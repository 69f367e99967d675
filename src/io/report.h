/* report.h -- a page about runs: one HTML file with all that it shows inside, several runs over each other in one colour each.
 * It is well-formed as XML too. */
#ifndef SH_IO_REPORT_H
#define SH_IO_REPORT_H

#include <stdio.h>

#include "io/report_data.h"
#include "io/report_drawing.h"

enum { SH_REPORT_MAX_RUN = 8 }; /* colours that can be told apart */

/* The structures that a page shows (sh_report_part.shown), in one plane for all its runs. */
typedef struct {
    int64_t n, n_left_out; /* with a fingerprint and without */
    const double *place;   /* (n,2) */
    double distance;       /* mean over pairs of fingerprints; NaN: not known */
    double vendi;          /* how many different ones; NaN: not known */
} sh_report_map_part;

typedef struct {
    double share[2]; /* of the variance, along each axis; NaN: there is none */
    sh_report_map_part part[SH_REPORT_MAX_RUN][2]; /* the first tenth and the last of each run */
} sh_report_map;

typedef struct {
    const char *version, *date; /* of the page's head */
} sh_report_opts;

sh_status sh_report_write(FILE *f, const sh_report_run *run, int n, const sh_report_map *map, const sh_report_atoms *atoms,
                          const sh_report_opts *opts);

#endif
