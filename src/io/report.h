/* report.h -- a page about runs: one HTML file with all that it shows inside, several runs over each other in one colour each.
 * It is well-formed as XML too. */
#ifndef SH_IO_REPORT_H
#define SH_IO_REPORT_H

#include <stdio.h>

#include "io/report_data.h"
#include "io/report_drawing.h"

enum { SH_REPORT_MAX_RUN = 8 }; /* colours that can be told apart */

typedef struct {
    const char *version, *date; /* of the page's head */
} sh_report_opts;

sh_status sh_report_write(FILE *f, const sh_report_run *run, int n, const sh_report_atoms *atoms, const sh_report_opts *opts);

#endif
