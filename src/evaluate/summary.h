/* summary.h -- the figures of an evaluation, in sections, for the screen and as JSON. A figure that was not asked for, or of which nothing
 * is known, is there with the reason, never as 0. */
#ifndef SH_EVALUATE_SUMMARY_H
#define SH_EVALUATE_SUMMARY_H

#include <stdio.h>

#include "metrics/sets.h"

typedef enum { SH_FIGURE_VALUE, SH_FIGURE_COUNT, SH_FIGURE_RATE, SH_FIGURE_TEXT, SH_FIGURE_ABSENT } sh_figure_kind;

typedef struct {
    sh_figure_kind kind;
    char key[48], label[64], unit[16];
    double value;    /* of a value; a count */
    sh_rate rate;
    char text[1024]; /* of a text; of what, or why it is absent */
} sh_figure;

typedef struct {
    char key[48], title[64], note[1024];
    int first; /* of its figures */
} sh_section;

enum { SH_MAX_SECTION = 24, SH_MAX_FIGURE = 256 };

typedef struct {
    int n_section, n_figure;
    sh_section section[SH_MAX_SECTION];
    sh_figure figure[SH_MAX_FIGURE];
    char *run;       /* an object of JSON: what it was made of, with and by; NULL: not said */
} sh_summary; /* all zero: empty; large: not for the stack */

void sh_summary_destroy(sh_summary **summary); /* leaves NULL */

/* The figures that follow belong to it. */
void sh_summary_section(sh_summary *s, const char *key, const char *title, const char *note, ...) SH_PRINTF(4, 5);

/* `note` says of what; a value that is not finite is absent, with the note as the reason. */
void sh_summary_value(sh_summary *s, const char *key, const char *label, double value, const char *unit, const char *note, ...)
    SH_PRINTF(6, 7);
void sh_summary_count(sh_summary *s, const char *key, const char *label, int64_t count, const char *note, ...) SH_PRINTF(5, 6);
/* Of n = 0 it is absent. */
void sh_summary_rate(sh_summary *s, const char *key, const char *label, int64_t hits, int64_t n, const char *note, ...) SH_PRINTF(6, 7);
void sh_summary_text(sh_summary *s, const char *key, const char *label, const char *text, ...) SH_PRINTF(4, 5);
void sh_summary_absent(sh_summary *s, const char *key, const char *label, const char *why, ...) SH_PRINTF(4, 5);

/* NULL where there is none. */
const sh_figure *sh_summary_find(const sh_summary *s, const char *section, const char *key);

/* Tables laid out like those of the method's paper, its figures beside them, and how each is defined (tables.c). */
void sh_summary_tables(const sh_summary *s, FILE *out);
/* All figures, a line each. */
void sh_summary_print(const sh_summary *s, FILE *out);
/* An object with an object a section, which has one a figure: {"value"}, {"value", "hits", "of", "low", "high"}, {"text"}; "unit" and
 * "of_what" where there is one; of what is absent "value": null and "reason". */
void sh_summary_json(const sh_summary *s, FILE *out);

#endif
