/* text.h -- strict reading of text files: spans of a buffer that is not ended by NUL, lines, words, numbers. A number is
 * a number from its first to its last character or it is an error; nothing depends on the locale. */
#ifndef SH_IO_TEXT_H
#define SH_IO_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef struct {
    const char *p;
    size_t n;
} sh_span;

typedef struct {
    const char *path;  /* for messages */
    const char *p, *end;
    int64_t line;      /* number of the line last given out, from 1 */
} sh_lines;

/* The whole of a regular file, with a NUL after its end; the caller frees. A file of more than 1 GiB is refused. */
sh_status sh_text_read(const char *path, char **text, size_t *size);

/* Skips a byte order mark. */
void sh_lines_start(sh_lines *lines, const char *path, const char *text, size_t size);
bool sh_lines_next(sh_lines *lines, sh_span *line); /* without its end (\n, \r\n or \r); false at the end */

sh_span sh_span_of(const char *text);
bool sh_span_word(sh_span *rest, sh_span *word); /* next word, blanks and tabs between; false where none is left */
bool sh_span_blank(sh_span s);
bool sh_span_is(sh_span s, const char *text);      /* equal */
bool sh_span_is_nocase(sh_span s, const char *text); /* equal but for the case of ASCII letters */
bool sh_span_starts_nocase(sh_span s, const char *text);
char *sh_span_copy(sh_span s); /* the caller frees */

bool sh_span_number(sh_span s, double *value);  /* decimal, with exponent (e or d); finite */
bool sh_span_integer(sh_span s, int64_t *value);

/* Element of "Na", "NA", "na"; 0 where there is none. D and T are hydrogen. */
int sh_span_element(sh_span s);

/* For messages: at most 40 bytes, what does not print replaced by '?'. The text lives in `buffer`. */
typedef struct {
    char text[48];
} sh_shown;
const char *sh_span_show(sh_span s, sh_shown *buffer);
#define SH_SHOW(span) sh_span_show((span), &(sh_shown){{0}})

/* Characters to insert, delete or replace to make a of b: for "did you mean". */
size_t sh_text_distance(const char *a, const char *b);

#endif
