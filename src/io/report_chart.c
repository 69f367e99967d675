#include "io/report_chart.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* In units of the viewBox, which the page scales to the width there is: some 340 to 480 pixels. */
enum { WIDTH = 460, HEIGHT = 270, LEFT = 58, RIGHT = 14, TOP = 10, BOTTOM = 40, PLOT_W = WIDTH - LEFT - RIGHT,
       PLOT_H = HEIGHT - TOP - BOTTOM };

/* ---- text ---- */

/* Bytes of the character of UTF-8 that begins at p; 0 where there is none. */
static int utf8_length(const unsigned char *p)
{
    int n = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;
    for (int i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80) return 0;
    if (n == 1 && ((p[0] < 0x20 && p[0] != '\n' && p[0] != '\t') || p[0] == 0x7f)) return 0;
    if (n == 3 && p[0] == 0xe0 && p[1] < 0xa0) return 0;                       /* could be shorter */
    if (n == 3 && p[0] == 0xed && p[1] >= 0xa0) return 0;                      /* surrogates */
    if (n == 3 && p[0] == 0xef && p[1] == 0xbf && p[2] >= 0xbe) return 0;      /* U+FFFE, U+FFFF are no characters */
    if (n == 4 && ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] >= 0x90))) return 0;
    return n;
}

void sh_report_text(FILE *f, const char *text)
{
    for (const unsigned char *p = (const unsigned char *)text; *p;) {
        int n = utf8_length(p);
        switch (*p) {
        case '&': fputs("&amp;", f); break;
        case '<': fputs("&lt;", f); break;
        case '>': fputs("&gt;", f); break;
        case '"': fputs("&quot;", f); break;
        case '\'': fputs("&#39;", f); break;
        default:
            if (n)
                fwrite(p, 1, (size_t)n, f);
            else
                fputc('?', f);
        }
        p += n ? n : 1;
    }
}

/* ---- series ---- */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorts the n values. */
static double quantile(double *v, int64_t n, double q)
{
    qsort(v, (size_t)n, sizeof *v, ascending);
    return v[(int64_t)(q * (double)(n - 1) + 0.5)];
}

/* Those with a finite y, in front of px, py (n). */
static int64_t finite_points(const double *x, const double *y, int64_t n, double *px, double *py)
{
    int64_t kept = 0;
    for (int64_t i = 0; i < n; i++) {
        if (!isfinite(y[i])) continue;
        px[kept] = x[i];
        py[kept++] = y[i];
    }
    return kept;
}

/* A median goes in steps: the mean over half as wide a window rounds them. */
static void round_steps(double *y, int64_t n, int64_t half)
{
    double *before = SH_NEW(double, n);
    memcpy(before, y, (size_t)n * sizeof *y);
    for (int64_t k = 0; k < n; k++) {
        int64_t h = half < k ? half : k;
        h = h < n - 1 - k ? h : n - 1 - k;
        double sum = 0;
        for (int64_t i = k - h; i <= k + h; i++)
            sum += before[i];
        y[k] = sum / (double)(2 * h + 1);
    }
    sh_free(before);
}

int64_t sh_report_smooth(const double *x, const double *y, int64_t n, int64_t max_point, double *px, double *py)
{
    double *fx = SH_NEW(double, n), *fy = SH_NEW(double, n), *window = SH_NEW(double, n);
    int64_t m = finite_points(x, y, n, fx, fy), half = m / 30, points = m < max_point ? m : max_point;
    for (int64_t k = 0; k < points; k++) {
        int64_t i = points > 1 ? (int64_t)((double)k * (double)(m - 1) / (double)(points - 1) + 0.5) : 0;
        int64_t h = half < i ? half : i, end = i + h < m ? i + h + 1 : m, size = 0;
        int64_t stride = 1 + (end - i + h) / 2000; /* of a wide window some are enough */
        for (int64_t j = i - h; j < end; j += stride)
            window[size++] = fy[j];
        qsort(window, (size_t)size, sizeof *window, ascending);
        px[k] = fx[i];
        py[k] = (window[(size - 1) / 2] + window[size / 2]) / 2;
    }
    round_steps(py, points, points / 60);
    sh_free(fx);
    sh_free(fy);
    sh_free(window);
    return points;
}

int64_t sh_report_thin(const double *x, const double *y, int64_t n, int64_t max_point, double *px, double *py)
{
    double *fx = SH_NEW(double, n), *fy = SH_NEW(double, n);
    int64_t m = finite_points(x, y, n, fx, fy), points = 0, bins = max_point / 2;
    for (int64_t i = 0; m <= max_point && i < m; i++, points++) {
        px[i] = fx[i];
        py[i] = fy[i];
    }
    for (int64_t b = 0; m > max_point && b < bins; b++) {
        int64_t start = b * m / bins, end = (b + 1) * m / bins, least = start, greatest = start;
        for (int64_t i = start; i < end; i++) {
            if (fy[i] < fy[least]) least = i;
            if (fy[i] > fy[greatest]) greatest = i;
        }
        int64_t pair[2] = {least < greatest ? least : greatest, least < greatest ? greatest : least};
        for (int k = 0; k < 2; k++, points++) {
            px[points] = fx[pair[k]];
            py[points] = fy[pair[k]];
        }
    }
    sh_free(fx);
    sh_free(fy);
    return points;
}

/* ---- axes ---- */

typedef struct {
    double x0, x1, y0, y1; /* of y: logarithms to base 10 where the axis is logarithmic */
    bool log;
} frame;

static double at_x(const frame *fr, double x)
{
    return (x - fr->x0) / (fr->x1 - fr->x0) * PLOT_W;
}

static double at_y(const frame *fr, double y)
{
    return (fr->y1 - y) / (fr->y1 - fr->y0) * PLOT_H;
}

/* 1, 2 or 5 times a power of ten: between some four and eight steps. */
static double nice_step(double range)
{
    double power = pow(10, floor(log10(range / 5))), rest = range / 5 / power;
    return power * (rest < 1.5 ? 1 : rest < 3.5 ? 2 : rest < 7.5 ? 5 : 10);
}

/* A number of an axis whose ticks are `step` apart; an exact zero where it is one but for rounding. */
static void tick_text(double value, double step, char text[32])
{
    if (fabs(value) < step * 1e-6) value = 0;
    int digits = (int)fmax(0, fmin(12, -floor(log10(step) + 1e-9)));
    if (fabs(value) >= 1e6 || (fabs(value) >= 1e4 && step >= 1e3))
        snprintf(text, 32, "%.4g%s", fabs(value) >= 1e6 ? value / 1e6 : value / 1e3, fabs(value) >= 1e6 ? "M" : "k");
    else
        snprintf(text, 32, "%.*f", digits, value);
}

static void power_text(int power, char text[32])
{
    static const char *const digit[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
    char plain[16];
    if (power >= -3 && power <= 4) {
        snprintf(text, 32, "%.*f", power < 0 ? -power : 0, pow(10, power));
        return;
    }
    snprintf(plain, sizeof plain, "%d", abs(power));
    snprintf(text, 32, "10%s", power < 0 ? "⁻" : "");
    for (const char *p = plain; *p; p++)
        snprintf(text + strlen(text), 32 - strlen(text), "%s", digit[*p - '0']);
}

static void y_tick(FILE *f, const frame *fr, double y, const char *text)
{
    fprintf(f, "<path class=\"grid\" d=\"M%d %.1fh%d\"/><text class=\"end\" x=\"%d\" y=\"%.1f\">%s</text>\n", LEFT,
            TOP + at_y(fr, y), PLOT_W, LEFT - 6, TOP + at_y(fr, y) + 4, text);
}

/* Decades; where there are few of them, some steps between. */
static void log_ticks(FILE *f, const frame *fr)
{
    static const double few[] = {1, 2, 5}, many[] = {1, 1.5, 2, 3, 4, 5, 6, 8};
    double decades = fr->y1 - fr->y0;
    const double *between = decades < 1.1 ? many : few;
    int every = (int)ceil(decades / 8), n_between = decades < 1.1 ? 8 : decades < 2.5 ? 3 : 1;
    char text[32];
    for (int power = (int)floor(fr->y0); power <= (int)ceil(fr->y1); power++)
        for (int k = 0; k < n_between; k++) {
            double y = power + log10(between[k]);
            if (y < fr->y0 - 1e-9 || y > fr->y1 + 1e-9 || power % every) continue;
            if (k == 0 || power < -3 || power > 4)
                power_text(power, text);
            else
                snprintf(text, sizeof text, "%.6g", between[k] * pow(10, power));
            if (k == 0 || (power >= -3 && power <= 4)) y_tick(f, fr, y, text);
        }
}

static void draw_axes(FILE *f, const frame *fr, const char *x_label, bool percent)
{
    char text[32];
    double step = nice_step(fr->y1 - fr->y0);
    if (fr->log) log_ticks(f, fr);
    for (double y = ceil(fr->y0 / step - 1e-9) * step; !fr->log && y <= fr->y1 + 1e-9 * step; y += step) {
        tick_text(percent ? 100 * y : y, percent ? 100 * step : step, text);
        if (percent) strcat(text, " %");
        y_tick(f, fr, y, text);
    }
    step = nice_step(fr->x1 - fr->x0);
    for (double x = ceil(fr->x0 / step - 1e-9) * step; x <= fr->x1 + 1e-9 * step; x += step) {
        tick_text(x, step, text);
        fprintf(f, "<path class=\"axis\" d=\"M%.1f %dv4\"/><text class=\"mid\" x=\"%.1f\" y=\"%d\">%s</text>\n",
                LEFT + at_x(fr, x), TOP + PLOT_H, LEFT + at_x(fr, x), TOP + PLOT_H + 17, text);
    }
    fprintf(f, "<path class=\"axis\" d=\"M%d %dh%d\"/><text class=\"end\" x=\"%d\" y=\"%d\">", LEFT, TOP + PLOT_H, PLOT_W,
            WIDTH - RIGHT, HEIGHT - 6);
    sh_report_text(f, x_label);
    fputs("</text>\n", f);
}

static void begin_svg(FILE *f, const char *title, int height)
{
    fprintf(f, "<svg class=\"chart\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", WIDTH, height);
    sh_report_text(f, title);
    fputs("\">\n", f);
}

/* ---- curves ---- */

typedef struct {
    int64_t n_raw, n_line;
    double *raw_x, *raw_y, *x, *y; /* what lies behind the line (nothing for plain ones), and the line */
} curve;

static curve make_curve(const sh_report_series *s, bool is_log)
{
    double *y = SH_NEW(double, s->n);
    curve c = {.raw_x = SH_NEW(double, SH_REPORT_MAX_RAW), .raw_y = SH_NEW(double, SH_REPORT_MAX_RAW),
               .x = SH_NEW(double, SH_REPORT_MAX_RAW), .y = SH_NEW(double, SH_REPORT_MAX_RAW)};
    for (int64_t i = 0; i < s->n; i++)
        y[i] = !is_log ? s->y[i] : s->y[i] > 0 ? log10(s->y[i]) : NAN;
    if (s->look == SH_REPORT_SMOOTH) {
        c.n_raw = sh_report_thin(s->x, y, s->n, SH_REPORT_MAX_RAW, c.raw_x, c.raw_y);
        c.n_line = sh_report_smooth(s->x, y, s->n, SH_REPORT_MAX_SMOOTH, c.x, c.y);
    } else {
        c.n_line = sh_report_thin(s->x, y, s->n, SH_REPORT_MAX_RAW, c.x, c.y);
    }
    sh_free(y);
    return c;
}

static void release_curve(curve *c)
{
    sh_free(c->raw_x);
    sh_free(c->raw_y);
    sh_free(c->x);
    sh_free(c->y);
}

static void widen(double *lo, double *hi, double value)
{
    *lo = fmin(*lo, value);
    *hi = fmax(*hi, value);
}

static frame fit(const sh_report_axes *a, const curve *c, int n)
{
    frame fr = {INFINITY, -INFINITY, INFINITY, -INFINITY, a->log};
    double sorted[SH_REPORT_MAX_RAW];
    for (int i = 0; i < n; i++) {
        for (int64_t k = 0; k < c[i].n_line; k++) {
            widen(&fr.x0, &fr.x1, c[i].x[k]);
            widen(&fr.y0, &fr.y1, c[i].y[k]);
        }
        if (!c[i].n_raw) continue;
        memcpy(sorted, c[i].raw_y, (size_t)c[i].n_raw * sizeof *sorted);
        widen(&fr.y0, &fr.y1, quantile(sorted, c[i].n_raw, 0.01));
        widen(&fr.y0, &fr.y1, quantile(sorted, c[i].n_raw, 0.99));
    }
    double margin = 0.04 * (fr.y1 - fr.y0);
    if (!(margin > 1e-9 * (1 + fabs(fr.y0)))) margin = a->log ? 0.2 : 0.1 * (fabs(fr.y0) + 1); /* all the same */
    fr.y0 = isfinite(a->lo) ? a->lo : fr.y0 - margin;
    fr.y1 = isfinite(a->hi) ? a->hi : fr.y1 + margin;
    if (!(fr.y1 > fr.y0)) fr.y1 = fr.y0 + 1;
    if (!(fr.x1 > fr.x0)) fr.x0 -= 0.5, fr.x1 = fr.x0 + 1;
    return fr;
}

static void draw_line(FILE *f, const frame *fr, const char *class, const double *x, const double *y, int64_t n)
{
    if (!n) return;
    fprintf(f, "<path class=\"%s\" d=\"", class);
    for (int64_t i = 0; i < n; i++) /* far outside it is cut, so that the numbers stay short */
        fprintf(f, "%c%.1f %.1f", i ? 'L' : 'M', at_x(fr, x[i]), fmax(-PLOT_H, fmin(2 * PLOT_H, at_y(fr, y[i]))));
    if (n == 1) fputs("h.1", f); /* a dot, by its round cap */
    fputs("\"/>\n", f);
}

void sh_report_curves(FILE *f, const sh_report_axes *a, const sh_report_series *s, int n)
{
    curve *c = SH_NEW(curve, n);
    for (int i = 0; i < n; i++)
        c[i] = make_curve(&s[i], a->log);
    frame fr = fit(a, c, n);
    begin_svg(f, a->title, HEIGHT);
    draw_axes(f, &fr, a->x_label, false);
    fprintf(f, "<svg x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\">\n", LEFT, TOP, PLOT_W, PLOT_H);
    for (int pass = 0; pass < 2; pass++) /* all lines over all that is behind them */
        for (int i = 0; i < n; i++) {
            fprintf(f, "<g class=\"r%d\">", s[i].run);
            if (pass == 0)
                draw_line(f, &fr, "raw", c[i].raw_x, c[i].raw_y, c[i].n_raw);
            else
                draw_line(f, &fr, s[i].dashed ? "line dash" : "line", c[i].x, c[i].y, c[i].n_line);
            fputs("</g>\n", f);
        }
    fputs("</svg>\n</svg>\n", f);
    for (int i = 0; i < n; i++)
        release_curve(&c[i]);
    sh_free(c);
}

/* ---- histograms ---- */

static void common_range(const sh_report_sample *s, int n, const double limit[2], double *lo, double *hi)
{
    *lo = INFINITY;
    *hi = -INFINITY;
    for (int i = 0; i < n; i++) {
        if (!s[i].n) continue;
        double *sorted = SH_NEW(double, s[i].n);
        memcpy(sorted, s[i].value, (size_t)s[i].n * sizeof *sorted);
        widen(lo, hi, quantile(sorted, s[i].n, 0.005));
        widen(lo, hi, quantile(sorted, s[i].n, s[i].first ? 0.9 : 0.99)); /* an untrained policy is often far off */
        sh_free(sorted);
    }
    *lo = fmax(*lo, limit[0]);
    *hi = fmin(*hi, limit[1]);
    if (!(*hi - *lo > 1e-9 * (1 + fabs(*lo)))) *lo -= 0.5, *hi = *lo + 1;
}

double sh_report_histogram(FILE *f, const char *title, const char *x_label, const double limit[2],
                           const sh_report_sample *s, int n)
{
    enum { N_BIN = SH_REPORT_N_BIN };
    frame fr = {0};
    double(*share)[N_BIN] = sh_calloc((size_t)n, sizeof *share), outside = 0;
    common_range(s, n, limit, &fr.x0, &fr.x1);
    for (int i = 0; i < n; i++) {
        double out = 0;
        for (int64_t k = 0; k < s[i].n; k++) {
            double at = (s[i].value[k] - fr.x0) / (fr.x1 - fr.x0) * N_BIN;
            if (at < 0 || at > N_BIN)
                out += 1 / (double)s[i].n;
            else
                share[i][(int)fmin(at, N_BIN - 1)] += 1 / (double)s[i].n;
        }
        outside = fmax(outside, out);
        for (int b = 0; b < N_BIN; b++)
            fr.y1 = fmax(fr.y1, share[i][b]);
    }
    fr.y1 = fr.y1 > 0 ? 1.05 * fr.y1 : 1;
    begin_svg(f, title, HEIGHT);
    draw_axes(f, &fr, x_label, true);
    fprintf(f, "<svg x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\">\n", LEFT, TOP, PLOT_W, PLOT_H);
    for (int i = 0; i < n; i++) {
        if (!s[i].n) continue;
        fprintf(f, "<g class=\"r%d\"><path class=\"%s\" d=\"M0 %d", s[i].run, s[i].first ? "hist first" : "hist", PLOT_H);
        for (int b = 0; b < N_BIN; b++)
            fprintf(f, "V%.1fH%.1f", at_y(&fr, share[i][b]), (double)PLOT_W * (b + 1) / N_BIN);
        fprintf(f, "V%d\"/></g>\n", PLOT_H);
    }
    fputs("</svg>\n</svg>\n", f);
    sh_free(share);
    return outside;
}

/* ---- dots ---- */

/* 4 % more than from the least to the greatest on each side; some width where all are the same. */
static void add_margin(double *lo, double *hi)
{
    double margin = 0.04 * (*hi - *lo);
    if (!(margin > 1e-9 * (1 + fabs(*lo)))) margin = 0.5;
    *lo -= margin;
    *hi += margin;
}

void sh_report_scatter(FILE *f, const char *title, const char *x_label, const char *y_label, const sh_report_dots *dots, int n)
{
    frame fr = {INFINITY, -INFINITY, INFINITY, -INFINITY, false};
    int64_t total = 0;
    for (int i = 0; i < n; i++)
        for (int64_t k = 0; k < dots[i].n; k++, total++) {
            widen(&fr.x0, &fr.x1, dots[i].place[2 * k]);
            widen(&fr.y0, &fr.y1, dots[i].place[2 * k + 1]);
        }
    if (!total) fr = (frame){0};
    add_margin(&fr.x0, &fr.x1);
    add_margin(&fr.y0, &fr.y1);
    begin_svg(f, title, HEIGHT);
    draw_axes(f, &fr, x_label, false);
    fprintf(f, "<text class=\"end\" transform=\"translate(13 %d)rotate(-90)\">", TOP);
    sh_report_text(f, y_label);
    fputs("</text>\n", f);
    for (int last = 0; last < 2; last++)
        for (int i = 0; i < n; i++) {
            if (dots[i].first == last) continue;
            fprintf(f, "<g class=\"r%d\"><g class=\"%s\">\n", dots[i].run, last ? "dots" : "dots first");
            for (int64_t k = 0; k < dots[i].n; k++)
                fprintf(f, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"2\"/>\n", LEFT + at_x(&fr, dots[i].place[2 * k]),
                        TOP + at_y(&fr, dots[i].place[2 * k + 1]));
            fputs("</g></g>\n", f);
        }
    fputs("</svg>\n", f);
}

/* ---- bars ---- */

void sh_report_bars(FILE *f, const char *title, const char *const *label, int n, const double *share, const int *run, int n_run)
{
    enum { LABEL_W = 96, VALUE_W = 52, BAR_W = WIDTH - LABEL_W - VALUE_W };
    double most = 0;
    int bar = n_run == 1 ? 8 : n_run == 2 ? 6 : 4, row = 2 * n_run * bar + 8;
    if (row < 20) row = 20;
    for (int i = 0; i < 2 * n * n_run; i++)
        most = fmax(most, share[i]);
    if (!(most > 0)) most = 1;
    begin_svg(f, title, n * row + 4);
    for (int i = 0; i < n; i++) {
        int top = i * row + 2, bars = 2 * n_run * bar;
        fprintf(f, "<text class=\"end\" x=\"%d\" y=\"%d\">%s</text>\n", LABEL_W - 6, top + bars / 2 + 4, label[i]);
        for (int k = 0; k < n_run; k++)
            for (int part = 0; part < 2; part++) {
                double value = share[(i * n_run + k) * 2 + part];
                if (!(value >= 0)) continue;
                int y = top + (2 * k + part) * bar;
                fprintf(f, "<g class=\"r%d\"><rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\"/>", run[k],
                        part ? "bar" : "bar first", LABEL_W, y, fmax(0.5, value / most * BAR_W), bar - (part ? 1 : 0));
                if (part && n_run <= 2) /* of more there is no room for numbers */
                    fprintf(f, "<text class=\"small\" x=\"%.1f\" y=\"%d\">%.1f %%</text>",
                            LABEL_W + fmax(value, share[(i * n_run + k) * 2]) / most * BAR_W + 4, y + bar - 1, 100 * value);
                fputs("</g>\n", f);
            }
    }
    fprintf(f, "<path class=\"axis\" d=\"M%d 0v%d\"/>\n</svg>\n", LABEL_W, n * row);
}
