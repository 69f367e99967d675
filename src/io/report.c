#include "io/report.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/report_chart.h"

static const int MOST_GROUPS = 15, MOST_ELEMENTS = 30; /* rows of a chart of bars */

typedef struct {
    FILE *f;
    const sh_report_run *run;
    int n;
    const sh_report_map *map;
    const sh_report_atoms *atoms;
} page;

/* ---- pieces ---- */

static const char style[] =
    ":root{color-scheme:light dark;--back:#fff;--text:#1b1f24;--soft:#5a6470;--line:#c9ced6;--grid:#e9ecf0;--card:#f7f8fa;"
    "--c0:#0068a8;--c1:#c95200;--c2:#007d5a;--c3:#a8458c;--c4:#7d6000;--c5:#4b4bc3;--c6:#59616b;--c7:#9c1f3f}\n"
    "@media(prefers-color-scheme:dark){:root{--back:#14171b;--text:#e4e8ee;--soft:#a3adb9;--line:#434b56;--grid:#282e36;"
    "--card:#1b1f25;--c0:#5cb6f2;--c1:#ff9d5c;--c2:#3fcf9f;--c3:#ee9ad2;--c4:#dcc04f;--c5:#a3a8ff;--c6:#b9c1cb;--c7:#ff8097}}\n"
    "*{box-sizing:border-box}body{margin:0 auto;max-width:1500px;padding:0 16px 40px;background:var(--back);color:var(--text);"
    "font:15px/1.45 system-ui,-apple-system,\"Segoe UI\",Roboto,\"Helvetica Neue\",Arial,sans-serif}\n"
    "h1{font-size:24px;margin:20px 0 2px}h2{font-size:19px;margin:34px 0 4px;border-bottom:1px solid var(--line);"
    "padding-bottom:4px}h3{font-size:16px;margin:22px 0 6px;overflow-wrap:anywhere}p{margin:6px 0}.soft,.none{color:var(--soft)}"
    ".none{font-size:13px;margin:2px 4px}\n"
    ".legend{position:sticky;top:0;z-index:2;display:flex;flex-wrap:wrap;gap:4px 18px;padding:8px 0;background:var(--back);"
    "border-bottom:1px solid var(--line)}.key{display:flex;align-items:center;gap:6px;font-weight:600;overflow-wrap:anywhere;"
    "cursor:pointer}.key input{accent-color:currentColor;margin:0;flex:none}\n"
    ".grid{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(330px,100%),1fr));gap:14px;margin-top:10px}"
    "figure{align-self:start;margin:0;padding:8px 8px 4px;background:var(--card);border-radius:8px;min-width:0}"
    "figcaption{font-weight:600;margin:0 4px 4px}figcaption span{font-weight:400;color:var(--soft);white-space:nowrap;"
    "font-size:13px;margin-left:10px}\n"
    ".chart{display:block;width:100%;height:auto;max-width:640px;margin:0 auto}.chart text{font-size:12px;fill:var(--soft)}"
    ".chart .small{font-size:10px}.end{text-anchor:end}.mid{text-anchor:middle}.grid path.grid,.chart .grid{stroke:var(--grid)}"
    ".axis{stroke:var(--soft);fill:none}\n"
    ".line,.raw,.hist{fill:none;stroke:currentColor;stroke-linejoin:round;stroke-linecap:round}.line{stroke-width:2.2}"
    ".raw{stroke-width:.8;opacity:.3}.dash{stroke-dasharray:6 5}.hist{stroke-width:2;fill:currentColor;fill-opacity:.16}"
    ".hist.first{stroke-width:1.4;stroke-dasharray:4 3;fill-opacity:.04}.bar{fill:currentColor}.bar.first{opacity:.4}"
    ".dots{fill:currentColor;fill-opacity:.7}.dots.first{fill:none;stroke:currentColor;stroke-width:1;opacity:.45}"
    ".map .chart{max-width:900px}"
    ".mark{width:26px;height:9px;vertical-align:middle;margin-right:4px}\n"
    ".wide{overflow-x:auto}table{border-collapse:collapse;width:100%;font-size:14px}th,td{padding:4px 10px;text-align:right;"
    "border-bottom:1px solid var(--grid);white-space:nowrap}th{color:var(--soft);font-weight:600;vertical-align:bottom}"
    "th:first-child,td.name{text-align:left}td.name{white-space:normal;overflow-wrap:anywhere;min-width:120px}\n"
    ".best td{vertical-align:middle}.best .formula{font-weight:600;font-size:16px}.best td.left,.best th.left{text-align:left}"
    ".crystal{display:block;width:170px;height:150px}"
    ".crystal circle{stroke:#0008;stroke-width:.5}.bond{stroke:#8b929b;stroke-width:2.4;stroke-linecap:round;fill:none}"
    ".cell{stroke:var(--soft);stroke-width:.9;fill:none;opacity:.8}.front{opacity:.45}"
    ".over{text-decoration:overline}i{display:inline-block;width:11px;height:11px;border-radius:50%;border:1px solid #0006;"
    "margin:0 4px 0 10px;vertical-align:-1px}.defs{position:absolute}\n"
    "details{margin:8px 0}summary{cursor:pointer;font-weight:600;overflow-wrap:anywhere}"
    "pre{background:var(--card);padding:10px;border-radius:8px;overflow-x:auto;font-size:13px;line-height:1.35}\n"
    "@media(max-width:760px){.best thead{display:none}.best tr{display:grid;grid-template-columns:170px 1fr;padding:8px 0;"
    "border-bottom:1px solid var(--line)}.best td{display:block;border:0;text-align:left;padding:1px 8px;grid-column:2;"
    "white-space:normal}.best td.picture{grid-column:1;grid-row:1/span 9;padding:0}.best td[data-name]::before{"
    "content:attr(data-name) \" \";color:var(--soft)}}\n";

static void put(const page *p, const char *text)
{
    sh_report_text(p->f, text);
}

/* "NaCl3" with its number below the line. */
static void put_formula(FILE *f, const char *formula)
{
    for (const char *c = formula; *c;) {
        size_t digits = strspn(c, "0123456789");
        if (digits)
            fprintf(f, "<sub>%.*s</sub>", (int)digits, c);
        else
            fputc(*c, f);
        c += digits ? digits : 1;
    }
}

/* "P-31m" with a line over the 3, "P6_3/mmc" with the 3 below. */
static void put_symbol(FILE *f, const char *symbol)
{
    for (const char *c = symbol; *c; c++)
        if (*c == '-' && c[1])
            fprintf(f, "<span class=\"over\">%c</span>", *++c);
        else if (*c == '_' && c[1])
            fprintf(f, "<sub>%c</sub>", *++c);
        else
            fputc(*c, f);
}

static void put_number(FILE *f, int digits, double value, const char *unit)
{
    if (isfinite(value))
        fprintf(f, "%.*f%s", digits, value, unit);
    else
        fputs("–", f);
}

static void put_cell(FILE *f, int digits, double value, const char *unit)
{
    fputs("<td>", f);
    put_number(f, digits, value, unit);
    fputs("</td>", f);
}

static void begin_figure(const page *p, const char *title)
{
    fputs("<figure><figcaption>", p->f);
    put(p, title);
}

static void put_mark(FILE *f, bool dashed, const char *name)
{
    fprintf(f, "<span><svg class=\"mark\" viewBox=\"0 0 26 9\" aria-hidden=\"true\"><path class=\"line%s\" d=\"M1 5h24\"/></svg>"
               "%s</span>", dashed ? " dash" : "", name);
}

static void put_dot_mark(FILE *f, bool first, const char *name)
{
    fprintf(f, "<span><svg class=\"mark\" viewBox=\"0 0 26 9\" aria-hidden=\"true\"><g class=\"dots%s\">"
               "<circle cx=\"20\" cy=\"4.5\" r=\"3\"/></g></svg>%s</span>", first ? " first" : "", name);
}

/* "not in metrics.csv: runs/a, runs/b" */
static void put_missing(const page *p, const char *why, const bool *missing)
{
    bool any = false;
    for (int r = 0; r < p->n; r++) {
        if (!missing[r]) continue;
        fprintf(p->f, "%s", any ? ", " : "<p class=\"none\">");
        if (!any) fprintf(p->f, "%s", why);
        if (p->n > 1) fputs(any ? "" : ": ", p->f);
        if (p->n > 1) put(p, p->run[r].path);
        any = true;
    }
    if (any) fputs("</p>", p->f);
}

/* ---- curves ---- */

typedef struct {
    const char *title;
    const char *column[2], *name[2]; /* the second is dashed; names where there are two */
    bool plain[2];     /* not smoothed */
    const char *x;     /* column of the horizontal axis; NULL: iteration */
    bool log, from_zero;
    bool share;        /* from 0 to 1 */
    bool term;         /* of the reward: where it is 0 throughout it is switched off */
} chart_spec;

static const chart_spec curves[] = {
    {.title = "Loss", .column = {"loss"}, .log = true},
    {.title = "Loss of replayed trajectories", .column = {"loss_replay"}, .log = true},
    {.title = "log Z", .column = {"log_z", "log_z_estimate"}, .name = {"learned", "estimated"}, .plain = {true, false}},
    {.title = "Reward", .column = {"reward_mean", "reward_best"}, .name = {"mean", "best so far"}, .plain = {false, true}},
    {.title = "Formation energy term", .column = {"formation_energy"}, .term = true},
    {.title = "Bond term", .column = {"bond"}, .term = true},
    {.title = "Density term", .column = {"density"}, .term = true},
    {.title = "Validity term", .column = {"validity"}, .term = true},
    {.title = "Share of valid crystals", .column = {"valid_composition", "valid_structure"}, .name = {"composition", "structure"},
     .share = true},
    {.title = "Share with negative formation energy", .column = {"e_form_negative"}, .share = true},
    {.title = "Median formation energy, eV/atom", .column = {"e_form_median"}},
    {.title = "Modes found", .column = {"modes"}, .plain = {true}, .x = "trajectories", .from_zero = true},
    {.title = "Structures per second", .column = {"structures_per_second"}, .from_zero = true}};

enum { N_CURVE = sizeof curves / sizeof *curves };

static bool any_finite(const double *value, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (isfinite(value[i])) return true;
    return false;
}

/* Zero in every row: a term that is switched off, a reason that never was one. */
static bool all_zero(const double *value, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        if (value[i] != 0) return false;
    return true;
}

static void write_chart(const page *p, const chart_spec *c)
{
    sh_report_series series[2 * SH_REPORT_MAX_RUN];
    bool missing[SH_REPORT_MAX_RUN], off[SH_REPORT_MAX_RUN];
    int n = 0;
    for (int r = 0; r < p->n; r++) {
        const sh_report_metrics *m = &p->run[r].metrics;
        const double *x = sh_report_column(m, c->x ? c->x : "iteration");
        missing[r] = true;
        off[r] = false;
        for (int k = 0; k < 2 && c->column[k]; k++) {
            const double *y = sh_report_column(m, c->column[k]);
            if (!x || !y || !any_finite(y, m->n_row)) continue;
            missing[r] = false;
            off[r] = c->term && all_zero(y, m->n_row);
            if (off[r]) continue;
            series[n++] = (sh_report_series){r, c->plain[k] ? SH_REPORT_PLAIN : SH_REPORT_SMOOTH, k == 1, m->n_row, x, y};
        }
    }
    begin_figure(p, c->title);
    for (int k = 0; k < 2 && c->name[k]; k++)
        put_mark(p->f, k == 1, c->name[k]);
    fputs("</figcaption>\n", p->f);
    if (n)
        sh_report_curves(p->f,
                         &(sh_report_axes){c->title, c->x ? c->x : "iteration", c->log, c->share || c->from_zero ? 0 : NAN,
                                           c->share ? 1.02 : NAN}, series, n);
    put_missing(p, "nothing in metrics.csv", missing);
    put_missing(p, "switched off", off);
    fputs("</figure>\n", p->f);
}

static bool is_drawn(const char *column)
{
    static const char *const others[] = {"iteration", "trajectories", "seconds"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (!strcmp(column, others[i])) return true;
    for (int i = 0; i < N_CURVE; i++)
        for (int k = 0; k < 2; k++)
            if (curves[i].column[k] && !strcmp(column, curves[i].column[k])) return true;
    return false;
}

/* Whatever else is in metrics.csv: columns come and go. */
static void write_other_columns(const page *p)
{
    fputs("<details><summary>All other columns of metrics.csv</summary>\n<div class=\"grid\">\n", p->f);
    bool constant = false;
    for (int zero = 0; zero < 2; zero++) /* charts first, then the names of what never was anything but zero */
        for (int r = 0; r < p->n; r++)
            for (int c = 0; c < p->run[r].metrics.n_column; c++) {
                const char *name = p->run[r].metrics.name[c];
                bool seen = is_drawn(name), is_zero = true;
                for (int q = 0; q < r; q++)
                    seen = seen || sh_report_column(&p->run[q].metrics, name);
                for (int k = 0; k < c; k++)
                    seen = seen || !strcmp(p->run[r].metrics.name[k], name);
                for (int q = r; q < p->n && !seen; q++) {
                    const double *value = sh_report_column(&p->run[q].metrics, name);
                    is_zero = is_zero && (!value || all_zero(value, p->run[q].metrics.n_row));
                }
                if (seen || is_zero != zero) continue;
                if (!zero) write_chart(p, &(chart_spec){.title = name, .column = {name}});
                if (zero) fputs(constant ? ", " : "</div>\n<p class=\"none\">Zero throughout: ", p->f);
                if (zero) put(p, name);
                constant = constant || zero;
            }
    fputs(constant ? "</p>\n</details>\n" : "</div>\n</details>\n", p->f);
}

static void write_curves(const page *p)
{
    fputs("<h2>Training</h2>\n<p class=\"soft\">Lines are running medians, over a fifteenth of the run; the thin lines behind "
          "them are the iterations themselves.</p>\n<div class=\"grid\">\n", p->f);
    for (int i = 0; i < N_CURVE; i++)
        write_chart(p, &curves[i]);
    fputs("</div>\n", p->f);
    write_other_columns(p);
}

/* ---- summary ---- */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Median of the finite values among the last tenth of a column's rows; NaN where there is none. */
static double late_median(const sh_report_metrics *m, const char *name)
{
    const double *value = sh_report_column(m, name);
    int64_t first = m->n_row - (m->n_row + 9) / 10, n = 0;
    double *late = SH_NEW(double, m->n_row - first), median = NAN;
    for (int64_t i = first; value && i < m->n_row; i++)
        if (isfinite(value[i])) late[n++] = value[i];
    if (n) {
        qsort(late, (size_t)n, sizeof *late, ascending);
        median = (late[(n - 1) / 2] + late[n / 2]) / 2;
    }
    sh_free(late);
    return median;
}

static double last_value(const sh_report_metrics *m, const char *name)
{
    const double *value = sh_report_column(m, name);
    return value ? value[m->n_row - 1] : NAN;
}

static void put_time(FILE *f, const sh_report_metrics *m)
{
    const double *seconds = sh_report_column(m, "seconds");
    double sum = 0;
    for (int64_t i = 0; seconds && i < m->n_row; i++)
        sum += isfinite(seconds[i]) ? seconds[i] : 0;
    int64_t s = (int64_t)(sum + 0.5);
    if (seconds)
        fprintf(f, "<td>%lld:%02d:%02d</td>", (long long)(s / 3600), (int)(s / 60 % 60), (int)(s % 60));
    else
        fputs("<td>–</td>", f);
}

static void write_summary(const page *p)
{
    fputs("<h2>Summary</h2>\n<p class=\"soft\">Reward, loss, log Z, shares and speed: medians over the last tenth of the "
          "iterations. E<sub>f</sub>: formation energy, where it was computed.</p>\n<div class=\"wide\"><table class=\"summary\">"
          "<thead><tr><th>run</th><th>iterations</th><th>trajectories</th><th>time<br/>h:mm:ss</th><th>structures<br/>per second"
          "</th><th>loss</th><th>log Z</th><th>reward<br/>mean</th><th>reward<br/>best</th><th>E<sub>f</sub> &lt; 0</th><th>median E"
          "<sub>f</sub><br/>eV/atom</th><th>valid<br/>composition</th><th>modes</th></tr></thead>\n<tbody>\n", p->f);
    for (int r = 0; r < p->n; r++) {
        const sh_report_metrics *m = &p->run[r].metrics;
        fputs("<tr><td class=\"name\">", p->f);
        put(p, p->run[r].path);
        fputs("</td>", p->f);
        put_cell(p->f, 0, last_value(m, "iteration") + 1, "");
        put_cell(p->f, 0, last_value(m, "trajectories"), "");
        put_time(p->f, m);
        put_cell(p->f, 0, late_median(m, "structures_per_second"), "");
        put_cell(p->f, 3, late_median(m, "loss"), "");
        put_cell(p->f, 2, late_median(m, "log_z"), "");
        put_cell(p->f, 4, late_median(m, "reward_mean"), "");
        put_cell(p->f, 4, last_value(m, "reward_best"), "");
        put_cell(p->f, 1, 100 * late_median(m, "e_form_negative"), " %");
        put_cell(p->f, 3, late_median(m, "e_form_median"), "");
        put_cell(p->f, 1, 100 * late_median(m, "valid_composition"), " %");
        put_cell(p->f, 0, last_value(m, "modes"), "");
        fputs("</tr>\n", p->f);
    }
    fputs("</tbody></table></div>\n", p->f);
}

/* ---- samples ---- */

static const struct {
    const char *title, *x_label;
    double limit[2];
} values[SH_REPORT_N_VALUE] = {
    [SH_REPORT_REWARD] = {"Reward of samples", "reward", {-INFINITY, INFINITY}},
    [SH_REPORT_E_FORM] = {"Formation energy of samples", "eV/atom, where it was computed", {-5, 5}},
    [SH_REPORT_DENSITY] = {"Density of samples", "g/cm³", {0, 25}},
    [SH_REPORT_BOND] = {"Bond score of samples", "0 is best", {0, INFINITY}}};

static void write_histogram(const page *p, sh_report_value v)
{
    sh_report_sample sample[2 * SH_REPORT_MAX_RUN];
    bool missing[SH_REPORT_MAX_RUN];
    int n = 0;
    for (int r = 0; r < p->n; r++) {
        missing[r] = p->run[r].n_sample > 0;
        for (int k = 0; k < 2; k++) {
            const sh_report_part *part = &p->run[r].part[k];
            if (!part->n_value[v]) continue;
            missing[r] = false;
            sample[n++] = (sh_report_sample){r, k == 0, part->n_value[v], part->value[v]};
        }
    }
    begin_figure(p, values[v].title);
    put_mark(p->f, true, "first tenth");
    put_mark(p->f, false, "last tenth");
    fputs("</figcaption>\n", p->f);
    if (n) {
        double outside = sh_report_histogram(p->f, values[v].title, values[v].x_label, values[v].limit, sample, n);
        if (outside > 0.005) fprintf(p->f, "<p class=\"none\">up to %.1f %% of the crystals lie outside</p>", 100 * outside);
    }
    put_missing(p, "not known of any sample", missing);
    fputs("</figure>\n", p->f);
}

/* Crystals of each of n kinds in a part. */
typedef const int64_t *(*kind_counts)(const sh_report_part *part);
typedef void (*kind_label)(const page *p, int kind, char text[32]);

static const int64_t *family_counts(const sh_report_part *part)
{
    return part->family;
}

static const int64_t *group_counts(const sh_report_part *part)
{
    return part->group;
}

static const int64_t *element_counts(const sh_report_part *part)
{
    return part->element;
}

typedef struct {
    int kind;
    double most; /* largest share of a run, of the last part if there is any */
} ranked;

static int by_share(const void *a, const void *b)
{
    const ranked *p = a, *q = b;
    if (p->most != q->most) return p->most > q->most ? -1 : 1;
    return p->kind - q->kind;
}

static int by_kind(const void *a, const void *b)
{
    return ((const ranked *)a)->kind - ((const ranked *)b)->kind;
}

/* Kinds nobody drew are left out, then all but `most` of the others. */
static void write_bars(const page *p, const char *title, kind_counts counts, int n_kind, kind_label label, int most,
                       bool in_order)
{
    ranked list[SH_N_GROUP];
    int n = 0, run[SH_REPORT_MAX_RUN], n_run = 0, shown;
    for (int r = 0; r < p->n; r++)
        if (p->run[r].n_sample) run[n_run++] = r;
    for (int kind = 0; kind < n_kind; kind++) {
        ranked one = {kind, 0};
        for (int k = 0; k < 2 * n_run; k++) {
            const sh_report_part *part = &p->run[run[k / 2]].part[k % 2];
            double share = part->n ? (double)counts(part)[kind] / (double)part->n : 0;
            one.most = fmax(one.most, k % 2 ? share : 1e-3 * share);
        }
        if (one.most > 0) list[n++] = one;
    }
    if (n) qsort(list, (size_t)n, sizeof *list, by_share);
    shown = n < most ? n : most;
    if (shown && in_order) qsort(list, (size_t)shown, sizeof *list, by_kind);
    double *share = SH_NEW(double, 2 * shown *n_run);
    char(*text)[32] = sh_calloc((size_t)shown, sizeof *text);
    const char **labels = (const char **)sh_calloc((size_t)shown, sizeof *labels);
    for (int i = 0; i < shown; i++) {
        label(p, list[i].kind, text[i]);
        labels[i] = text[i];
        for (int k = 0; k < 2 * n_run; k++) {
            const sh_report_part *part = &p->run[run[k / 2]].part[k % 2];
            share[2 * n_run * i + k] = part->n ? (double)counts(part)[list[i].kind] / (double)part->n : -1;
        }
    }
    begin_figure(p, title);
    fputs("</figcaption>\n", p->f);
    if (shown) sh_report_bars(p->f, title, labels, shown, share, run, n_run);
    if (n > shown) fprintf(p->f, "<p class=\"none\">and %d that were drawn less often</p>", n - shown);
    fputs("</figure>\n", p->f);
    sh_free(share);
    sh_free(text);
    sh_free((void *)labels);
}

static void family_label(const page *p, int kind, char text[32])
{
    (void)p;
    snprintf(text, 32, "%s", sh_family_name((sh_family)kind));
}

static void group_label(const page *p, int kind, char text[32])
{
    const char *symbol = "";
    for (int r = 0; r < p->n; r++)
        if (p->run[r].symbol) symbol = p->run[r].symbol[kind];
    size_t n = 0;
    for (const char *c = symbol; *c && n < 20; c++)
        if (*c == '_' && c[1] >= '0' && c[1] <= '9')
            n += (size_t)snprintf(text + n, 32 - n, "\xe2\x82%c", 0x80 + (*++c - '0')); /* a digit below the line */
        else
            text[n++] = *c;
    snprintf(text + n, 32 - n, " (%d)", kind + 1);
}

static void element_label(const page *p, int kind, char text[32])
{
    (void)p;
    snprintf(text, 32, "%s", sh_element_symbol(kind));
}

static void write_samples(const page *p)
{
    bool missing[SH_REPORT_MAX_RUN], any = false;
    for (int r = 0; r < p->n; r++) {
        missing[r] = !p->run[r].n_sample;
        any = any || !missing[r];
    }
    fputs("<h2>Samples</h2>\n", p->f);
    if (any) {
        fputs("<p class=\"soft\">Crystals of the first tenth of the iterations (dashed, pale) against those of the last tenth "
              "(solid): before and after training. Crystals with two atoms closer than 0.5 Å or with too many atoms are not "
              "among the samples. Groups are those that were sampled.</p>\n", p->f);
        for (int r = 0; r < p->n; r++) {
            const sh_report_run *run = &p->run[r];
            if (!run->n_sample) continue;
            fputs("<p class=\"none\">", p->f);
            put(p, run->path);
            fprintf(p->f, ": %lld samples; iterations %lld to %lld: %lld; iterations %lld to %lld: %lld</p>\n",
                    (long long)run->n_sample, (long long)run->part[0].first, (long long)run->part[0].last - 1,
                    (long long)run->part[0].n, (long long)run->part[1].first, (long long)run->part[1].last - 1,
                    (long long)run->part[1].n);
        }
    }
    put_missing(p, "no samples were kept (run.save_samples: false), or no checkpoint has been reached yet", missing);
    if (!any) return;
    fputs("<div class=\"grid\">\n", p->f);
    for (int v = 0; v < SH_REPORT_N_VALUE; v++)
        write_histogram(p, (sh_report_value)v);
    write_bars(p, "Crystal families", family_counts, SH_N_FAMILY, family_label, SH_N_FAMILY, true);
    write_bars(p, "Samples that hold an element", element_counts, SH_MAX_Z + 1, element_label, MOST_ELEMENTS, true);
    write_bars(p, "Most frequent space groups", group_counts, SH_N_GROUP, group_label, MOST_GROUPS, false);
    fputs("</div>\n", p->f);
}

/* ---- map ---- */

static void axis_label(int axis, double share, char text[64])
{
    if (isfinite(share))
        snprintf(text, 64, "component %d: %.1f %% of the variance", axis, 100 * share);
    else
        snprintf(text, 64, "component %d", axis); /* all structures are alike */
}

static void write_map_chart(const page *p)
{
    static const char title[] = "Structures by their fingerprints";
    sh_report_dots dots[2 * SH_REPORT_MAX_RUN];
    char label[2][64];
    int n = 0;
    int64_t shown = 0, left_out = 0;
    bool missing[SH_REPORT_MAX_RUN];
    for (int r = 0; r < p->n; r++) {
        const sh_report_map_part *part = p->map->part[r];
        missing[r] = p->run[r].n_sample > 0 && !part[0].n && !part[1].n;
        for (int k = 0; k < 2; k++) {
            shown += part[k].n;
            left_out += part[k].n_left_out;
            if (part[k].n) dots[n++] = (sh_report_dots){r, k == 0, part[k].n, part[k].place};
        }
    }
    for (int a = 0; a < 2; a++)
        axis_label(a + 1, p->map->share[a], label[a]);
    begin_figure(p, title);
    put_dot_mark(p->f, true, "first tenth");
    put_dot_mark(p->f, false, "last tenth");
    fputs("</figcaption>\n", p->f);
    if (n) sh_report_scatter(p->f, title, label[0], label[1], dots, n);
    fprintf(p->f, "<p class=\"none\">%lld structures; left out, since they have no fingerprint: %lld</p>\n", (long long)shown,
            (long long)left_out);
    put_missing(p, "no structure with a fingerprint", missing);
    fputs("</figure>\n", p->f);
}

static void write_map_table(const page *p)
{
    fputs("<div class=\"wide\"><table class=\"diversity\"><thead><tr><th>run</th><th>iterations</th><th>structures</th>"
          "<th>without<br/>fingerprint</th><th>mean<br/>distance</th><th>Vendi<br/>score</th></tr></thead>\n<tbody>\n", p->f);
    for (int r = 0; r < p->n; r++)
        for (int k = 0; k < 2 && p->run[r].n_sample; k++) {
            const sh_report_map_part *part = &p->map->part[r][k];
            const sh_report_part *of = &p->run[r].part[k];
            fprintf(p->f, "<tr class=\"run%d\"><td class=\"name\">", r);
            put(p, p->run[r].path);
            fprintf(p->f, "</td><td>%lld to %lld</td>", (long long)of->first, (long long)of->last - 1);
            put_cell(p->f, 0, (double)part->n, "");
            put_cell(p->f, 0, (double)part->n_left_out, "");
            put_cell(p->f, 3, part->distance, "");
            put_cell(p->f, 2, part->vendi, "");
            fputs("</tr>\n", p->f);
        }
    fputs("</tbody></table></div>\n", p->f);
}

static void write_map(const page *p)
{
    bool missing[SH_REPORT_MAX_RUN], any = false;
    for (int r = 0; r < p->n; r++) {
        missing[r] = !p->run[r].n_sample;
        any = any || !missing[r];
    }
    fputs("<h2>Map of structures</h2>\n", p->f);
    if (any) {
        fprintf(p->f,
                "<p class=\"soft\">Up to %d samples of the first tenth of the iterations (rings) and of the last (dots), in the plane "
                "in which the structures of this page differ most: the first two principal components of the CrystalNN "
                "fingerprint, 61 numbers that say how many neighbours atoms have and how these are arranged. What lies close is "
                "coordinated alike, whatever the elements. Mean distance: of all pairs of fingerprints. Vendi score: how many "
                "different structures there are, by the cosine between fingerprints; from 1, all alike, up to the number of "
                "structures, with which it grows: compare sets of one size.</p>\n<div class=\"map\">\n", SH_REPORT_SHOWN);
        write_map_chart(p);
        fputs("</div>\n", p->f);
        write_map_table(p);
    }
    put_missing(p, "no samples, so no map", missing);
}

/* ---- crystals ---- */

static void write_elements(const page *p, const sh_structure *s)
{
    int32_t z[SH_MAX_Z];
    int64_t count[SH_MAX_Z];
    int n = sh_structure_composition(s, z, count);
    for (int e = 0; e < n; e++)
        fprintf(p->f, "<i class=\"e%d\"></i>%s", (int)z[e], sh_element_symbol(z[e]));
}

static void write_crystal(const page *p, const sh_report_crystal *c, int64_t rank)
{
    FILE *f = p->f;
    char title[128];
    snprintf(title, sizeof title, "%s, space group %d", c->formula, (int)c->group);
    fputs("<tr><td class=\"picture\">", f);
    sh_report_draw(f, p->atoms, &c->structure, title);
    fprintf(f, "</td><td data-name=\"rank\">%lld</td><td class=\"left\"><span class=\"formula\">", (long long)rank);
    put_formula(f, c->formula);
    fputs("</span>", f);
    write_elements(p, &c->structure);
    fputs("</td><td class=\"left\" data-name=\"group\">", f);
    put_symbol(f, c->symbol);
    if (c->group)
        fprintf(f, " (%d)", (int)c->group);
    else
        fputs("none found", f);
    fprintf(f, "</td><td class=\"left\" data-name=\"sites\">%s</td><td data-name=\"atoms\">%lld</td><td data-name=\"density\">",
            c->sites, (long long)c->structure.n_atom);
    put_number(f, 3, c->result.density, "");
    fputs("</td><td data-name=\"E_f\">", f);
    put_number(f, 4, c->result.e_form, "");
    fprintf(f, "</td><td data-name=\"reward\">%.5f</td></tr>\n", c->result.reward);
}

static void write_crystals(const page *p)
{
    bool any = false;
    for (int r = 0; r < p->n; r++)
        any = any || p->run[r].n_crystal;
    if (!any) return;
    fputs("<h2>Best distinct crystals</h2>\n<p class=\"soft\">By reward, chosen as shaft export does: samples of one crystal count "
          "as one. Group and Wyckoff letters as found at 0.1 Å. Atoms on a face of the cell are drawn on all of them; bonds join "
          "drawn atoms that are closer than the mean of known crystals + 0.1 Å and their covalent radii + 0.45 Å.</p>\n", p->f);
    for (int r = 0; r < p->n; r++) {
        const sh_report_run *run = &p->run[r];
        if (!run->n_crystal) continue;
        fprintf(p->f, "<div class=\"run%d\"><h3><span class=\"r%d\">■</span> ", r, r);
        put(p, run->path);
        fputs("</h3>\n<div class=\"wide\"><table class=\"best\"><thead><tr><th></th><th>rank</th><th class=\"left\">formula</th>"
              "<th class=\"left\">group</th><th class=\"left\">Wyckoff letters</th><th>atoms</th><th>density<br/>g/cm³</th>"
              "<th>E<sub>f</sub><br/>eV/atom</th><th>reward</th></tr></thead>\n<tbody>\n", p->f);
        for (int64_t i = 0; i < run->n_crystal; i++)
            write_crystal(p, &run->crystal[i], i + 1);
        fputs("</tbody></table></div></div>\n", p->f);
    }
}

/* ---- settings ---- */

/* The value of a key in a run's settings; NULL where it has none. */
static const char *setting(const sh_report_run *run, const char *key, sh_report_keys *keys)
{
    *keys = (sh_report_keys){.at = run->config ? run->config : ""};
    while (sh_report_keys_next(keys))
        if (!strcmp(keys->key, key)) return keys->value;
    return NULL;
}

/* A row of the table of differences, if the runs differ in the key and no run before this one has it (then it was there). */
static void write_difference(const page *p, int first, const char *key, bool *any)
{
    sh_report_keys *keys = SH_NEW(sh_report_keys, p->n);
    const char *value[SH_REPORT_MAX_RUN];
    bool differ = false;
    for (int r = 0; r < p->n; r++) {
        value[r] = setting(&p->run[r], key, &keys[r]);
        if (r < first && value[r]) goto done;
        differ = differ || (p->run[r].config && (!value[r] || !value[first] || strcmp(value[r], value[first]) != 0));
    }
    if (!differ && first == 0) goto done;
    if (!*any) {
        fputs("<h3>Settings in which the runs differ</h3>\n<div class=\"wide\"><table><thead><tr><th>key</th>", p->f);
        for (int r = 0; r < p->n; r++) {
            fputs("<th>", p->f);
            put(p, p->run[r].path);
            fputs("</th>", p->f);
        }
        fputs("</tr></thead>\n<tbody>\n", p->f);
        *any = true;
    }
    fputs("<tr><td class=\"name\">", p->f);
    put(p, key);
    for (int r = 0; r < p->n; r++) {
        fputs("</td><td>", p->f);
        put(p, value[r] ? value[r] : "–");
    }
    fputs("</td></tr>\n", p->f);
done:
    sh_free(keys);
}

static void write_settings(const page *p)
{
    bool missing[SH_REPORT_MAX_RUN], any = false;
    fputs("<h2>Settings</h2>\n", p->f);
    for (int r = 0; r < p->n; r++) {
        sh_report_keys keys = {.at = p->run[r].config ? p->run[r].config : ""};
        missing[r] = !p->run[r].config;
        while (p->n > 1 && sh_report_keys_next(&keys))
            if (strcmp(keys.key, "run.directory") != 0) write_difference(p, r, keys.key, &any);
    }
    if (any) fputs("</tbody></table></div>\n", p->f);
    for (int r = 0; r < p->n; r++) {
        if (missing[r]) continue;
        fputs("<details><summary>", p->f);
        put(p, p->run[r].path);
        fputs("</summary>\n<pre>", p->f);
        put(p, p->run[r].config);
        fputs("</pre></details>\n", p->f);
    }
    put_missing(p, "there is no config.yaml", missing);
}

/* ---- page ---- */

static void write_head(const page *p, const sh_report_opts *opts, const bool used[SH_MAX_Z + 1])
{
    FILE *f = p->f;
    fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n<title>shaft: ", f);
    for (int r = 0; r < p->n; r++) {
        if (r) fputs(", ", f);
        put(p, p->run[r].path);
    }
    fputs("</title>\n<style>\n", f);
    fputs(style, f);
    for (int r = 0; r < p->n; r++)
        fprintf(f, ".r%d{color:var(--c%d)}body:has(#t%d:not(:checked)) :is(g.r%d,.run%d){display:none}\n", r, r, r, r, r);
    sh_report_draw_style(f, used);
    fputs("</style></head>\n<body>\n", f);
    sh_report_draw_shades(f, used);
    fprintf(f, "<h1>%s</h1>\n<p class=\"soft\">shaft ", p->n > 1 ? "Training runs" : "Training run");
    put(p, opts->version);
    fputs(", ", f);
    put(p, opts->date);
    fputs("</p>\n<div class=\"legend\">\n", f);
    for (int r = 0; r < p->n; r++) {
        fprintf(f, "<label class=\"key r%d\"><input type=\"checkbox\" id=\"t%d\" checked=\"checked\"/>", r, r);
        put(p, p->run[r].path);
        fputs("</label>\n", f);
    }
    fputs("</div>\n", f);
}

sh_status sh_report_write(FILE *f, const sh_report_run *run, int n, const sh_report_map *map, const sh_report_atoms *atoms,
                          const sh_report_opts *opts)
{
    page p = {f, run, n, map, atoms};
    bool used[SH_MAX_Z + 1] = {false};
    SH_ASSERT(n >= 1 && n <= SH_REPORT_MAX_RUN);
    for (int r = 0; r < n; r++)
        for (int64_t i = 0; i < run[r].n_crystal; i++)
            for (int64_t a = 0; a < run[r].crystal[i].structure.n_atom; a++)
                used[run[r].crystal[i].structure.z[a]] = true;
    write_head(&p, opts, used);
    write_summary(&p);
    write_curves(&p);
    write_samples(&p);
    write_map(&p);
    write_crystals(&p);
    write_settings(&p);
    fputs("</body></html>\n", f);
    return ferror(f) ? SH_FAIL(SH_EIO, "the report cannot be written: %s", strerror(errno)) : SH_OK;
}
