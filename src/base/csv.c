#include "base/csv.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The next line that is neither empty nor a comment, without its end; false at the end of the file. */
static sh_status next_line(sh_csv *c, bool *more)
{
    while ((*more = fgets(c->text, sizeof c->text, c->file) != NULL)) {
        size_t n = strlen(c->text);
        c->line++;
        if (n + 1 == sizeof c->text && c->text[n - 1] != '\n')
            return SH_FAIL(SH_EINPUT, "%s:%d: the line is longer than %d characters", c->path, c->line, SH_CSV_MAX_LINE - 2);
        while (n && isspace((unsigned char)c->text[n - 1]))
            c->text[--n] = '\0';
        if (n && c->text[0] != '#') return SH_OK;
    }
    if (ferror(c->file)) return SH_FAIL(SH_EIO, "cannot read '%s': %s", c->path, strerror(errno));
    return SH_OK;
}

static void split(sh_csv *c)
{
    char *at = c->text;
    c->n_field = 0;
    while (at && c->n_field < SH_CSV_MAX_FIELDS) {
        char *comma = strchr(at, ',');
        c->field[c->n_field++] = at;
        if (comma) *comma++ = '\0';
        at = comma;
    }
}

sh_status sh_csv_open(sh_csv *c, const char *path, const char *header)
{
    *c = (sh_csv){.path = path, .file = fopen(path, "r")};
    if (!c->file) return SH_FAIL(SH_EINPUT, "cannot open table '%s': %s", path, strerror(errno));
    bool more;
    sh_status status = next_line(c, &more);
    if (status == SH_OK && (!more || strcmp(c->text, header)))
        status = SH_FAIL(SH_EINPUT, "%s:%d: the header must be '%s'", path, c->line, header);
    c->n_field = 1;
    for (const char *h = header; *h; h++)
        c->n_field += *h == ',';
    if (status != SH_OK) sh_csv_close(c);
    return status;
}

sh_status sh_csv_next(sh_csv *c, bool *more)
{
    int want = c->n_field;
    SH_TRY(next_line(c, more));
    if (!*more) return SH_OK;
    split(c);
    if (c->n_field != want)
        return SH_FAIL(SH_EINPUT, "%s:%d: %d fields where the header has %d", c->path, c->line, c->n_field, want);
    return SH_OK;
}

void sh_csv_close(sh_csv *c)
{
    if (c->file) fclose(c->file);
    c->file = NULL;
}

sh_status sh_csv_number(const sh_csv *c, int field, double missing, double *value)
{
    char *end;
    *value = missing;
    if (!c->field[field][0]) return SH_OK;
    *value = strtod(c->field[field], &end);
    if (*end) return SH_FAIL(SH_EINPUT, "%s:%d: field %d, '%s', is no number", c->path, c->line, field + 1, c->field[field]);
    return SH_OK;
}

sh_status sh_csv_integer(const sh_csv *c, int field, int lo, int hi, int *value)
{
    char *end;
    long number = strtol(c->field[field], &end, 10);
    if (*end || end == c->field[field] || number < lo || number > hi)
        return SH_FAIL(SH_EINPUT, "%s:%d: field %d, '%s', is no integer from %d to %d", c->path, c->line, field + 1,
                       c->field[field], lo, hi);
    *value = (int)number;
    return SH_OK;
}

sh_status sh_csv_read(const char *path, const char *header, sh_status (*read)(sh_csv *csv, void *user), void *user)
{
    sh_csv csv;
    SH_TRY(sh_csv_open(&csv, path, header));
    sh_status status = read(&csv, user);
    sh_csv_close(&csv);
    return status;
}
