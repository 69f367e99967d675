/* scaling_model.c -- reads what scaling.sh measured: efficiencies, where the time goes, a model of the cost, and what it says of many
 * devices.
 *
 *     scaling_model SCALING.csv PAGE.html [KEY=VALUE ...]        the keys are printed with their values
 *
 * The model, for N workers with n new structures each an iteration (and as many replayed):
 *   compute   n / goal, what is aimed at; beside it a + b n of sampling, rewards and gradients, least squares over all runs here
 *   skew      the slowest of N whose times scatter by a share cv: cv sqrt(2 ln N) of the compute
 *   sum       every worker sends and receives 2 (N - 1) / N of the gradient's bytes. On devices 2 log2 N messages follow each other; on
 *             processors every worker sends a piece to each other one and gathers, 2 (N - 1) messages. Then what is reported, nine
 *             numbers a worker, in log2 N messages. Not fitted: latency and bandwidth are assumed
 *   rank 0    a dedicated one: fixed + per worker, as bench_coordinator measures; it works beside the workers, so an iteration takes
 *             the longer of the two. `sent whole` is what it would be if every record went through rank 0
 * Files are written beside the iterations and cost rank 0 nothing here; memory and the file system's bandwidth are not modelled, nor is
 * a network that many jobs share. */
#define _POSIX_C_SOURCE 200809L

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "base/memory.h"
#include "io/report_chart.h"
#include "timing.h"

enum { COORDINATE, WAIT_RANK0, REPLAY, SAMPLE, REWARD, TELL, GRADIENT, WAIT_WORKERS, SUM, ADAM, WAIT_FINDINGS, FILES, N_PART };
enum { STRONG, WEAK, N_MODE, MAX_RUNS = 4096, MAX_POINTS = 64, FIRST_PART = 8 };

static const char header[] = "mode,ranks,batch,repeat,rank,worker,iterations,structures,coordinate,wait_rank0,replay,sample,reward,tell,"
                             "gradient,wait_workers,sum,adam,wait_findings,files";
static const char *const mode_name[N_MODE] = {"strong", "weak"};
static const char *const part_name[N_PART] = {"rank 0: replay, kinds, metrics", "waiting for rank 0", "drawing from the replay", "sampling",
                                              "rewards", "telling rank 0", "gradients", "waiting for the slowest", "sum of gradients",
                                              "optimizer", "rank 0 waits for workers", "files"};

/* A run: means over its workers, s an iteration. */
typedef struct {
    int mode, ranks, repeat, workers;
    double batch, iterations, seconds[N_PART], whole; /* whole: of the rank that takes longest */
} run;

typedef struct {
    int n;
    run run[MAX_RUNS];
} table;

static struct {
    const char *key;
    double value;
    const char *meaning;
} assumed[] = {
    {"goal", 100000, "new structures/s of one device (what is aimed at, not measured here)"},
    {"per_device", 1024, "new structures of a device an iteration"},
    {"goal_core", 1000, "new structures/s of one core (2,000 on two)"},
    {"per_core", 128, "new structures of a core an iteration"},
    {"bytes", 4.0 * 334619, "of the gradient (configs/battery.yaml, single precision)"},
    {"bandwidth", 25e9, "B/s of a worker's network in each direction (InfiniBand HDR and NDR200: 200 Gbit/s a port)"},
    {"latency", 5e-6, "s a message that waits for another (assumed; MPI on InfiniBand 1 to 2e-6, NCCL some 1e-5 with its kernels)"},
    {"cv", 0.02, "scatter of the workers' times (assumed)"},
    {"rank0_fixed", 3e-4, "s of rank 0 an iteration (bench_coordinator)"},
    {"rank0_worker", 6.5e-6, "s of rank 0 a worker and iteration (bench_coordinator, 1,000 workers)"},
    {"rank0_record", 2.6e-6, "s of rank 0 a record, where every record is sent whole (measured before it was told in short)"},
};
enum { N_ASSUMED = sizeof assumed / sizeof *assumed };

static double assume(const char *key)
{
    for (int i = 0; i < N_ASSUMED; i++)
        if (!strcmp(assumed[i].key, key)) return assumed[i].value;
    abort();
}

static sh_status read_row(const sh_csv *csv, table *t)
{
    int mode = -1, ranks, repeat, worker;
    double batch, iterations, whole = 0, seconds[N_PART];
    for (int m = 0; m < N_MODE; m++)
        if (!strcmp(csv->field[0], mode_name[m])) mode = m;
    if (mode < 0) return SH_FAIL(SH_EINPUT, "%s:%d: '%s' is no way of scaling", csv->path, csv->line, csv->field[0]);
    SH_TRY(sh_csv_integer(csv, 1, 1, 1 << 20, &ranks));
    SH_TRY(sh_csv_number(csv, 2, 0, &batch));
    SH_TRY(sh_csv_integer(csv, 3, 1, 1 << 20, &repeat));
    SH_TRY(sh_csv_integer(csv, 5, -1, 1 << 20, &worker));
    SH_TRY(sh_csv_number(csv, 6, 0, &iterations));
    if (!(iterations > 0)) return SH_FAIL(SH_EINPUT, "%s:%d: a run without iterations that count", csv->path, csv->line);
    for (int p = 0; p < N_PART; p++) {
        SH_TRY(sh_csv_number(csv, FIRST_PART + p, 0, &seconds[p]));
        seconds[p] /= iterations;
        if (p != FILES) whole += seconds[p]; /* once in run.checkpoint_every iterations, and its end is waited for: not of an iteration */
    }
    run *r = t->n ? &t->run[t->n - 1] : NULL;
    if (!r || r->mode != mode || r->ranks != ranks || r->repeat != repeat) {
        if (t->n == MAX_RUNS) return SH_FAIL(SH_EINPUT, "%s: more than %d runs", csv->path, MAX_RUNS);
        r = &t->run[t->n++];
        *r = (run){.mode = mode, .ranks = ranks, .repeat = repeat, .batch = batch, .iterations = iterations};
    }
    r->whole = fmax(r->whole, whole);
    if (worker < 0) { /* a dedicated rank 0 is seen where it works */
        r->seconds[COORDINATE] = seconds[COORDINATE];
        r->seconds[WAIT_FINDINGS] = seconds[WAIT_FINDINGS];
        return SH_OK;
    }
    r->workers++;
    for (int p = 0; p < N_PART; p++) /* the mean so far */
        if (p != COORDINATE && p != WAIT_FINDINGS) r->seconds[p] += (seconds[p] - r->seconds[p]) / r->workers;
        else r->seconds[p] = fmax(r->seconds[p], seconds[p]);
    return SH_OK;
}

static sh_status read_table(sh_csv *csv, void *user)
{
    bool more;
    SH_TRY(sh_csv_next(csv, &more));
    while (more) {
        SH_TRY(read_row(csv, user));
        SH_TRY(sh_csv_next(csv, &more));
    }
    return SH_OK;
}

/* ---- what was measured ---- */

static double part_of(const run *r, int part)
{
    return part < N_PART ? r->seconds[part] : r->whole;
}

/* Quantile over the repeats of a mode and number of ranks; part N_PART: the whole. */
static double over_repeats(const table *t, int mode, int ranks, int part, double q)
{
    static double x[MAX_RUNS];
    int n = 0;
    for (int i = 0; i < t->n; i++)
        if (t->run[i].mode == mode && t->run[i].ranks == ranks) x[n++] = part_of(&t->run[i], part);
    return n ? quantile(x, n, q) : NAN;
}

/* The first run of a mode and number of ranks, of each; returns how many. */
static int points_of(const table *t, int mode, const run *point[MAX_POINTS])
{
    int n = 0;
    for (int i = 0; i < t->n; i++) {
        bool is_new = t->run[i].mode == mode && n < MAX_POINTS;
        for (int k = 0; k < n && is_new; k++)
            is_new = point[k]->ranks != t->run[i].ranks;
        if (is_new) point[n++] = &t->run[i];
    }
    return n;
}

/* Of a point against the first one of its mode. */
static double efficiency(const table *t, const run *first, const run *r)
{
    double before = over_repeats(t, first->mode, first->ranks, N_PART, 0.5), now_takes = over_repeats(t, r->mode, r->ranks, N_PART, 0.5);
    return r->mode == STRONG ? before * first->workers / (now_takes * r->workers) : before / now_takes;
}

static void show_measured(const table *t)
{
    printf("MEASURED\nefficiency, strong: t(first) workers(first) / (t workers), one batch for all; weak: t(first) / t, a batch each;\n"
           "t: s an iteration of the slowest rank without files, median [smallest, largest] of the repeats\n");
    for (int mode = 0; mode < N_MODE; mode++) {
        const run *point[MAX_POINTS];
        int n = points_of(t, mode, point);
        for (int i = 0; i < n; i++) {
            const run *r = point[i];
            double median = over_repeats(t, mode, r->ranks, N_PART, 0.5);
            printf("%-6s %4d ranks %4d workers, batch %6.0f: %9.2f ms [%.2f, %.2f] %9.0f structures/s, efficiency %.3f\n",
                   mode_name[mode], r->ranks, r->workers, r->batch, 1e3 * median, 1e3 * over_repeats(t, mode, r->ranks, N_PART, 0),
                   1e3 * over_repeats(t, mode, r->ranks, N_PART, 1), r->batch / median, efficiency(t, point[0], r));
        }
    }
    printf("\nwhere the time goes, weak, ms an iteration, mean of the workers, median of the repeats\n%-32s", "");
    const run *point[MAX_POINTS];
    int n = points_of(t, WEAK, point);
    for (int i = 0; i < n; i++)
        printf(" %6d ranks", point[i]->ranks);
    for (int p = 0; p < N_PART; p++) {
        printf("\n  %-30s", part_name[p]);
        for (int i = 0; i < n; i++)
            printf(" %12.3f", 1e3 * over_repeats(t, WEAK, point[i]->ranks, p, 0.5));
    }
    printf("\n");
}

/* ---- the model ---- */

/* Least squares of y = a + b x; without scatter in x, b = y / x. */
static void fit_line(const double *x, const double *y, int n, double *a, double *b, double *rms)
{
    double mx = 0, my = 0, xx = 0, xy = 0;
    for (int i = 0; i < n; i++) {
        mx += x[i] / n;
        my += y[i] / n;
    }
    for (int i = 0; i < n; i++) {
        xx += (x[i] - mx) * (x[i] - mx);
        xy += (x[i] - mx) * (y[i] - my);
    }
    *b = xx > 0 ? xy / xx : my / mx;
    *a = my - *b * mx;
    *rms = 0;
    for (int i = 0; i < n; i++)
        *rms += (y[i] - *a - *b * x[i]) * (y[i] - *a - *b * x[i]) / n;
    *rms = sqrt(*rms);
}

static double sum_seconds(double workers, bool on_devices)
{
    double hops = workers > 1 ? log2(workers) : 0, messages = hops + 2 * (on_devices ? hops : workers - 1);
    double share = workers > 1 ? 2 * (workers - 1) / workers : 0;
    const double report = 9 * sizeof(double);
    return share * assume("bytes") / assume("bandwidth") + messages * assume("latency") + workers * report / assume("bandwidth");
}

static void show_fit(const table *t)
{
    static const int part[] = {SAMPLE, REWARD, GRADIENT};
    static double x[MAX_RUNS], y[MAX_RUNS];
    printf("\nFITTED to all runs above: s an iteration of a worker with n new structures\n");
    for (int k = 0; k < 3; k++) {
        double a, b, rms;
        for (int i = 0; i < t->n; i++) {
            x[i] = t->run[i].batch / t->run[i].workers;
            y[i] = t->run[i].seconds[part[k]];
        }
        fit_line(x, y, t->n, &a, &b, &rms);
        printf("  %-10s %8.3f ms + %8.2f us a structure, rms %.3f ms\n", part_name[part[k]], 1e3 * a, 1e6 * b, 1e3 * rms);
    }
    for (int i = 0; i < t->n; i++) {
        const run *r = &t->run[i];
        if (r->mode != WEAK || r->workers < 2 || r->repeat != 1) continue;
        double seconds = over_repeats(t, WEAK, r->ranks, SUM, 0.5), sent = 2 * (r->workers - 1.0) / r->workers * assume("bytes");
        printf("  sum over %d workers %.3f ms, %.3g B/s of the %.3g B that each sends\n", r->workers, 1e3 * seconds, sent / seconds, sent);
    }
}

typedef struct {
    double iteration, workers_take, rank0, sum, skew, efficiency, load, rate;
} estimate;

/* Of devices or of processors' cores; n_worker last. */
typedef struct {
    double goal, per_worker;
    bool on_devices, whole;
} scenario;

static estimate estimate_of(const scenario *s, double n_worker)
{
    double compute = s->per_worker / s->goal;
    estimate e = {.sum = sum_seconds(n_worker, s->on_devices), .skew = n_worker > 1 ? compute * assume("cv") * sqrt(2 * log(n_worker)) : 0};
    e.workers_take = compute + e.skew + e.sum;
    e.rank0 = assume("rank0_fixed") + n_worker * (s->whole ? s->per_worker * assume("rank0_record") : assume("rank0_worker"));
    e.iteration = fmax(e.workers_take, e.rank0);
    e.efficiency = compute / e.iteration;
    e.load = e.rank0 / e.workers_take;
    e.rate = n_worker * s->per_worker / e.iteration;
    return e;
}

/* Workers up to which rank 0 is not what is waited for. */
static double saturation(const scenario *s)
{
    double lo = 0, hi = 1e9;
    for (int i = 0; i < 200; i++) {
        double middle = (lo + hi) / 2;
        if (estimate_of(s, middle).load < 1) lo = middle;
        else hi = middle;
    }
    return lo;
}

static const double many[] = {8, 64, 512, 4096};
static const char *const way[] = {"told in short", "sent whole"};

static void show_estimates(const char *of, scenario s)
{
    printf("\nEXTRAPOLATED to many %s, weak: %.0f structures each an iteration, %.0f/s each alone, of which efficiency is the share\n", of,
           s.per_worker, s.goal);
    for (int whole = 0; whole < 2; whole++) {
        s.whole = whole;
        for (int i = 0; i < 4; i++) {
            estimate e = estimate_of(&s, many[i]);
            printf("  %-14s %5.0f: %8.3f ms (skew %.3f, sum %.3f), rank 0 %9.3f ms: load %6.1f %%; efficiency %.3f, %.3g structures/s\n",
                   way[whole], many[i], 1e3 * e.iteration, 1e3 * e.skew, 1e3 * e.sum, 1e3 * e.rank0, 100 * e.load, e.efficiency, e.rate);
        }
        printf("  %-14s rank 0 saturates at %.0f workers\n", way[whole], saturation(&s));
    }
}

/* ---- the page ---- */

static void write_page(FILE *f, const table *t)
{
    enum { N = 49 };
    static double x[2][MAX_POINTS], y[2][MAX_POINTS], gpus[N], value[4][N];
    sh_report_series series[4];
    fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/><title>Scaling</title>\n<style>\n"
          "body{font:14px sans-serif;max-width:50em;margin:2em auto}svg.chart{width:100%}.grid{stroke:#ddd}.axis{stroke:#666;fill:none}\n"
          "text{font-size:11px;fill:#444}.end{text-anchor:end}.mid{text-anchor:middle}.raw{display:none}\n"
          ".line{fill:none;stroke:currentColor;stroke-width:2;stroke-linecap:round}.dash{stroke-dasharray:5 4}\n"
          ".r0{color:#1f6fb4}.r1{color:#c6552b}</style></head>\n<body>\n<h1>Scaling</h1>\n", f);
    int n_series = 0;
    for (int mode = 0; mode < N_MODE; mode++) {
        const run *point[MAX_POINTS];
        int n = points_of(t, mode, point);
        for (int i = 0; i < n; i++) {
            x[mode][i] = point[i]->workers;
            y[mode][i] = efficiency(t, point[0], point[i]);
        }
        if (n) series[n_series++] = (sh_report_series){.run = mode, .look = SH_REPORT_PLAIN, .n = n, .x = x[mode], .y = y[mode]};
    }
    fputs("<p>Measured: <span class=\"r0\">strong</span> and <span class=\"r1\">weak</span> efficiency over workers.</p>\n", f);
    sh_report_curves(f, &(sh_report_axes){.title = "efficiency", .x_label = "workers", .lo = 0, .hi = 1.2}, series, n_series);
    for (int whole = 0; whole < 2; whole++)
        for (int i = 0; i < N; i++) {
            const scenario s = {assume("goal"), assume("per_device"), true, whole};
            gpus[i] = 12.0 * i / (N - 1);
            estimate e = estimate_of(&s, exp2(gpus[i]));
            value[whole][i] = e.efficiency;
            value[2 + whole][i] = e.load;
        }
    for (int k = 0; k < 4; k++)
        series[k] = (sh_report_series){.run = k % 2, .look = SH_REPORT_PLAIN, .dashed = true, .n = N, .x = gpus, .y = value[k]};
    fputs("<p>Extrapolated, not measured: weak efficiency of devices, and the load of rank 0 (1: it is waited for), where records are "
          "<span class=\"r0\">told in short</span> and where they are <span class=\"r1\">sent whole</span>.</p>\n", f);
    const sh_report_axes efficiencies = {.title = "efficiency", .x_label = "log2 of the number of devices", .lo = 0, .hi = 1.2};
    const sh_report_axes loads = {
        .title = "load of rank 0", .x_label = efficiencies.x_label, .log = true, .lo = NAN, .hi = NAN};
    sh_report_curves(f, &efficiencies, series, 2);
    sh_report_curves(f, &loads, series + 2, 2);
    fputs("</body></html>\n", f);
}

static bool take_assumption(const char *text)
{
    const char *equal = strchr(text, '=');
    char *end;
    for (int i = 0; equal && i < N_ASSUMED; i++) {
        size_t n = strlen(assumed[i].key);
        if (n != (size_t)(equal - text) || strncmp(text, assumed[i].key, n)) continue;
        assumed[i].value = strtod(equal + 1, &end);
        return end != equal + 1 && !*end && assumed[i].value > 0;
    }
    return false;
}

int main(int argc, char **argv)
{
    static table t;
    bool good = argc >= 3;
    for (int i = 3; i < argc && good; i++)
        good = take_assumption(argv[i]);
    if (!good) {
        fprintf(stderr, "usage: scaling_model SCALING.csv PAGE.html [KEY=VALUE ...]; keys and what they are if not given:\n");
        for (int i = 0; i < N_ASSUMED; i++)
            fprintf(stderr, "  %-13s %12g  %s\n", assumed[i].key, assumed[i].value, assumed[i].meaning);
        return 2;
    }
    if (sh_csv_read(argv[1], header, read_table, &t) != SH_OK || !t.n) {
        fprintf(stderr, "scaling_model: %s\n", t.n ? sh_error_message() : "no runs in the table");
        return 1;
    }
    show_measured(&t);
    show_fit(&t);
    printf("\nASSUMED\n");
    for (int i = 0; i < N_ASSUMED; i++)
        printf("  %-13s %12g  %s\n", assumed[i].key, assumed[i].value, assumed[i].meaning);
    show_estimates("devices", (scenario){assume("goal"), assume("per_device"), true, false});
    show_estimates("cores", (scenario){assume("goal_core"), assume("per_core"), false, false});
    FILE *f = fopen(argv[2], "w");
    if (f) write_page(f, &t);
    if (!f || fclose(f)) {
        fprintf(stderr, "scaling_model: cannot write '%s'\n", argv[2]);
        return 1;
    }
    return 0;
}
