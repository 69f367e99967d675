/* report_chart.h -- charts as inline SVG. A run is a colour: its marks have the class r0, r1, ..., by which the page's style
 * gives them one and hides them. Text and lines take their colours from the style too, so that a page can be light or dark. */
#ifndef SH_IO_REPORT_CHART_H
#define SH_IO_REPORT_CHART_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum {
    SH_REPORT_MAX_RAW = 600,    /* points of a curve as it is; of longer ones least and greatest of each of half as many bins */
    SH_REPORT_MAX_SMOOTH = 240, /* points of a smoothed curve */
    SH_REPORT_N_BIN = 40        /* of a histogram */
};

/* Text of HTML and of attributes: & < > " ' escaped, what is no printable UTF-8 replaced by '?'. */
void sh_report_text(FILE *f, const char *text);

typedef enum {
    SH_REPORT_SMOOTH, /* a running median, what it was taken of behind it */
    SH_REPORT_PLAIN   /* as it is: what counts up, and parameters */
} sh_report_look;

typedef struct {
    int run;
    sh_report_look look;
    bool dashed;
    int64_t n;
    const double *x, *y; /* (n) x ascending; where y is not finite there is no point */
} sh_report_series;

typedef struct {
    const char *title, *x_label;
    bool log;      /* of y; what is not positive is no point */
    double lo, hi; /* of y; NaN: from the data */
} sh_report_axes;

/* Nothing is drawn outside the axes: without a given range they hold the smoothed curves and 98 % of the points. */
void sh_report_curves(FILE *f, const sh_report_axes *axes, const sh_report_series *series, int n);

typedef struct {
    int run;
    bool first;  /* of the first part of a run: drawn faint */
    int64_t n;
    const double *value; /* (n) finite */
} sh_report_sample;

/* Shares of the values in equal bins, outlines over each other; in a range that holds most of each (99 %
 * of last parts), cut to `limit`. Returns the largest share of a sample that lies outside. */
double sh_report_histogram(FILE *f, const char *title, const char *x_label, const double limit[2], const sh_report_sample *sample,
                           int n);

typedef struct {
    int run;
    bool first; /* of the first part of a run: rings, pale */
    int64_t n;
    const double *place; /* (n,2) finite */
} sh_report_dots;

/* Every dot inside the axes, the rings behind. */
void sh_report_scatter(FILE *f, const char *title, const char *x_label, const char *y_label, const sh_report_dots *dots, int n);

/* A row for each label and in it, for each run, the bar of the first part over that of the last. share (n, n_run, 2), in
 * [0, 1]; negative: there is none. label: text of SVG. */
void sh_report_bars(FILE *f, const char *title, const char *const *label, int n, const double *share, const int *run, int n_run);

/* Running median of the finite y over a fifteenth of them, less towards the first, at up to max_point points, its steps rounded;
 * returns how many. px, py (max_point). */
int64_t sh_report_smooth(const double *x, const double *y, int64_t n, int64_t max_point, double *px, double *py);

/* The finite y themselves where they are at most max_point; otherwise of each of max_point / 2 stretches the least and the
 * greatest, in their order. */
int64_t sh_report_thin(const double *x, const double *y, int64_t n, int64_t max_point, double *px, double *py);

#endif
