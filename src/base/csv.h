/* csv.h -- small comma-separated tables: comment lines (#), one header line that must match, then rows of fixed width. */
#ifndef SH_BASE_CSV_H
#define SH_BASE_CSV_H

#include <stdio.h>

#include "base/status.h"

enum { SH_CSV_MAX_FIELDS = 24, SH_CSV_MAX_LINE = 1024 };

typedef struct {
    FILE *file;
    const char *path; /* borrowed */
    int line, n_field;
    char text[SH_CSV_MAX_LINE];
    char *field[SH_CSV_MAX_FIELDS];
} sh_csv;

/* `header` is what the first line that is no comment must say. */
sh_status sh_csv_open(sh_csv *csv, const char *path, const char *header);
/* Next row into csv->field; *more is false at the end. */
sh_status sh_csv_next(sh_csv *csv, bool *more);
void sh_csv_close(sh_csv *csv);
/* A whole table: `read` has it open, and goes through its rows. */
sh_status sh_csv_read(const char *path, const char *header, sh_status (*read)(sh_csv *csv, void *user), void *user);

/* A number; an empty field gives `missing`. */
sh_status sh_csv_number(const sh_csv *csv, int field, double missing, double *value);
/* An integer in [lo, hi]; must be there. */
sh_status sh_csv_integer(const sh_csv *csv, int field, int lo, int hi, int *value);

#endif
