/* scaling_model.c -- reads what scaling.sh measured: efficiencies, where the time goes, a model of the cost fitted to it, how far that
 * is from each run, and what it says of many workers.
 *
 *     scaling_model SCALING.csv PAGE.html [coordinator=FILE] [KEY=VALUE ...]
 *
 * The keys are printed with their values and where these come from: fitted to the table, measured, given here, or assumed. FILE is what
 * bench_coordinator wrote. The model, for N workers with n new structures each an iteration (and as many replayed):
 *   compute   compute_fixed + compute_each n: of replay, sampling, rewards, telling, gradients and optimizer, part by part
 *   skew      scatter E_N compute, the mean waiting for the slowest: E_N is the expected greatest of N standard normal numbers. Measured:
 *             wait_workers, less what the others wait for rank 0's coordinating where it works too
 *   sum       latency messages(N) + bytes(N) / bandwidth; bytes(N) = 2 (N - 1) / N of the gradient's and 72 N of the report.
 *             On processors every worker sends a piece to each other one, and gathers the sums (comm.h): 2 (N - 1) messages, and log2 N for
 *             the report. On devices NCCL's trees are taken: 2 log2 N, and log2 N
 *   rank 0    rank0_fixed + rank0_worker N. A dedicated one works beside the workers, and the longer of the two is an iteration; one
 *             that works too adds its time to the workers'
 * All fits are least squares of deviations relative to the times (of bench_coordinator's: in seconds), on medians over the repeats; no
 * term is negative. The range of an extrapolated efficiency is that of fits to the single repeats.
 * Files are written beside the iterations and cost rank 0 nothing here; memory and the file system's bandwidth are not modelled, nor is
 * a network that many jobs share, nor cores that share memory: workers that slow each other down show as deviations. */
#define _POSIX_C_SOURCE 200809L

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/csv.h"
#include "fit.h"
#include "io/report_chart.h"
#include "timing.h"

enum { COORDINATE, WAIT_RANK0, REPLAY, SAMPLE, REWARD, TELL, GRADIENT, WAIT_WORKERS, SUM, ADAM, WAIT_FINDINGS, FILES, N_PART };
enum { WHOLE = N_PART, N_TIME }; /* of the rank that takes longest, without files */
enum { STRONG, WEAK, N_MODE, MAX_POINTS = 64, MAX_REPEATS = 64, MAX_LOADS = MAX_POINTS, FIRST_PART = 10 };

static const char header[] = "mode,ranks,batch,repeat,rank,worker,backend,gradient_bytes,iterations,structures,coordinate,wait_rank0,"
                             "replay,sample,reward,tell,gradient,wait_workers,sum,adam,wait_findings,files";
static const char coordinator_header[] = "workers,load,seconds,lower,upper";
static const char *const mode_name[N_MODE] = {"strong", "weak"};
static const char *const part_name[N_PART] = {"rank 0: replay, kinds, metrics", "waiting for rank 0", "drawing from the replay", "sampling",
                                              "rewards", "telling rank 0", "gradients", "waiting for the slowest", "sum of gradients",
                                              "optimizer", "rank 0 waits for workers", "files"};
static const int own_part[] = {REPLAY, SAMPLE, REWARD, TELL, GRADIENT, ADAM}; /* of the compute */
enum { N_OWN = sizeof own_part / sizeof *own_part };

enum { MEDIAN, LOWER, UPPER, N_QUARTILE }; /* columns of bench_coordinator's table from the third on */

/* All runs of one kind and number of ranks. */
typedef struct {
    int mode, ranks, workers, n_repeat;
    int rows[MAX_REPEATS], line[MAX_REPEATS]; /* read so far, and where the last one was */
    double batch, seconds[MAX_REPEATS][N_TIME]; /* s an iteration, means over workers */
} point;

typedef struct {
    int n, n_repeat;
    point point[MAX_POINTS];
    double bytes;
    bool on_devices;
    int n_load; /* of the coordinator alone, the replay full */
    double load_workers[MAX_LOADS], load_seconds[N_QUARTILE][MAX_LOADS];
} table;

/* ---- reading ---- */

/* Where the row belongs. */
static sh_status point_of(const sh_csv *csv, table *t, int mode, int ranks, double batch, point **out)
{
    point *p = t->point;
    while (p < t->point + t->n && (p->mode != mode || p->ranks != ranks))
        p++;
    *out = p;
    if (p < t->point + t->n && p->batch != batch)
        return SH_FAIL(SH_EINPUT, "%s:%d: a batch of %g, where %s runs of %d ranks had %g", csv->path, csv->line, batch, mode_name[mode],
                       ranks, p->batch);
    if (p < t->point + t->n) return SH_OK;
    if (t->n == MAX_POINTS) return SH_FAIL(SH_EINPUT, "%s:%d: more than %d kinds of runs", csv->path, csv->line, MAX_POINTS);
    t->n++;
    *p = (point){.mode = mode, .ranks = ranks, .batch = batch};
    return SH_OK;
}

/* The gradient and the back-end are the same in all rows. */
static sh_status read_kind(const sh_csv *csv, table *t, bool worker)
{
    double bytes;
    bool on_devices = strcmp(csv->field[6], "cpu") != 0;
    SH_TRY(sh_csv_number(csv, 7, 0, &bytes));
    if (!(bytes > 0)) return SH_FAIL(SH_EINPUT, "%s:%d: a gradient of %s bytes", csv->path, csv->line, csv->field[7]);
    if (t->bytes > 0 && (bytes != t->bytes || (worker && on_devices != t->on_devices)))
        return SH_FAIL(SH_EINPUT, "%s:%d: another gradient or back-end than in the rows before", csv->path, csv->line);
    if (worker) { /* a rank 0 that only coordinates needs no device */
        t->bytes = bytes;
        t->on_devices = on_devices;
    }
    return SH_OK;
}

static sh_status read_row(const sh_csv *csv, table *t)
{
    int mode = -1, ranks, repeat, rank, worker, iterations;
    double batch;
    point *p;
    for (int m = 0; m < N_MODE; m++)
        if (!strcmp(csv->field[0], mode_name[m])) mode = m;
    if (mode < 0) return SH_FAIL(SH_EINPUT, "%s:%d: '%s' is no way of scaling", csv->path, csv->line, csv->field[0]);
    SH_TRY(sh_csv_integer(csv, 1, 1, 1 << 20, &ranks));
    SH_TRY(sh_csv_number(csv, 2, 0, &batch));
    SH_TRY(sh_csv_integer(csv, 3, 1, MAX_REPEATS, &repeat));
    SH_TRY(sh_csv_integer(csv, 4, 0, ranks - 1, &rank));
    SH_TRY(sh_csv_integer(csv, 5, rank ? rank - 1 : -1, rank, &worker));
    SH_TRY(sh_csv_integer(csv, 8, 1, 1 << 30, &iterations));
    if (!(batch > 0)) return SH_FAIL(SH_EINPUT, "%s:%d: a batch of %s", csv->path, csv->line, csv->field[2]);
    SH_TRY(read_kind(csv, t, worker >= 0));
    SH_TRY(point_of(csv, t, mode, ranks, batch, &p));
    int *rows = &p->rows[repeat - 1];
    if (rank != *rows) return SH_FAIL(SH_EINPUT, "%s:%d: rank %d, where rank %d of the run is next", csv->path, csv->line, rank, *rows);
    if (rank == 0 && p->n_repeat == 0) p->workers = ranks + (worker < 0 ? -1 : 0);
    if (worker != rank + p->workers - ranks || p->workers < 1)
        return SH_FAIL(SH_EINPUT, "%s:%d: rank %d of %d is worker %d of %d", csv->path, csv->line, rank, ranks, worker, p->workers);
    if (p->n_repeat < repeat) p->n_repeat = repeat;
    if (t->n_repeat < repeat) t->n_repeat = repeat;
    ++*rows;
    p->line[repeat - 1] = csv->line;

    double *seconds = p->seconds[repeat - 1], whole = 0;
    for (int k = 0; k < N_PART; k++) {
        double s;
        SH_TRY(sh_csv_number(csv, FIRST_PART + k, NAN, &s));
        if (!(s >= 0) || isinf(s)) return SH_FAIL(SH_EINPUT, "%s:%d: '%s' seconds", csv->path, csv->line, csv->field[FIRST_PART + k]);
        s /= iterations;
        if (k != FILES) whole += s; /* once in run.checkpoint_every iterations, and its end is waited for: not of an iteration */
        if (k == COORDINATE || k == WAIT_FINDINGS) seconds[k] += rank == 0 ? s : 0;
        else if (worker >= 0) seconds[k] += s / p->workers;
    }
    seconds[WHOLE] = fmax(seconds[WHOLE], whole);
    return SH_OK;
}

static sh_status read_table(sh_csv *csv, void *user)
{
    table *t = user;
    bool more;
    SH_TRY(sh_csv_next(csv, &more));
    while (more) {
        SH_TRY(read_row(csv, t));
        SH_TRY(sh_csv_next(csv, &more));
    }
    if (t->n == 0) return SH_FAIL(SH_EINPUT, "%s:%d: no runs in the table", csv->path, csv->line);
    for (const point *p = t->point; p < t->point + t->n; p++)
        for (int k = 0; k < t->n_repeat; k++) {
            if (p->rows[k] == 0)
                return SH_FAIL(SH_EINPUT, "%s:%d: no repeat %d of the %s run of %d ranks", csv->path, csv->line, k + 1, mode_name[p->mode],
                               p->ranks);
            if (p->rows[k] != p->ranks)
                return SH_FAIL(SH_EINPUT, "%s:%d: the run ends after %d of %d ranks", csv->path, p->line[k], p->rows[k], p->ranks);
        }
    return SH_OK;
}

static sh_status read_loads(sh_csv *csv, void *user)
{
    table *t = user;
    bool more;
    SH_TRY(sh_csv_next(csv, &more));
    for (; more && t->n_load < MAX_LOADS;) {
        int workers;
        double seconds[N_QUARTILE];
        SH_TRY(sh_csv_integer(csv, 0, 1, 1 << 20, &workers));
        for (int q = 0; q < N_QUARTILE; q++) {
            SH_TRY(sh_csv_number(csv, 2 + q, 0, &seconds[q]));
            if (!(seconds[q] > 0)) return SH_FAIL(SH_EINPUT, "%s:%d: '%s' seconds", csv->path, csv->line, csv->field[2 + q]);
        }
        if (!strcmp(csv->field[1], "full")) {
            t->load_workers[t->n_load] = workers;
            for (int q = 0; q < N_QUARTILE; q++)
                t->load_seconds[q][t->n_load] = seconds[q];
            t->n_load++;
        }
        SH_TRY(sh_csv_next(csv, &more));
    }
    if (t->n_load < 2) return SH_FAIL(SH_EINPUT, "%s:%d: fewer than two numbers of workers with a full replay", csv->path, csv->line);
    return SH_OK;
}

/* ---- what was measured ---- */

/* A time of one repeat, or for repeat -1 the median over all. */
static double time_of(const point *p, int part, int repeat)
{
    double x[MAX_REPEATS];
    if (repeat >= 0) return p->seconds[repeat][part];
    for (int k = 0; k < p->n_repeat; k++)
        x[k] = p->seconds[k][part];
    return quantile(x, p->n_repeat, 0.5);
}

static const point *first_of(const table *t, int mode)
{
    for (const point *p = t->point; p < t->point + t->n; p++)
        if (p->mode == mode) return p;
    return NULL;
}

/* Structures/s of a worker over those of a worker of the mode's first point, both in the same repeat: quantile q of the repeats. */
static double efficiency(const table *t, const point *p, double q)
{
    const point *first = first_of(t, p->mode);
    double x[MAX_REPEATS];
    for (int k = 0; k < p->n_repeat; k++)
        x[k] = p->batch / (p->seconds[k][WHOLE] * p->workers) / (first->batch / (first->seconds[k][WHOLE] * first->workers));
    return quantile(x, p->n_repeat, q);
}

static void show_measured(const table *t)
{
    printf("MEASURED on %s, %d repeats, a gradient of %.0f bytes\n"
           "efficiency: structures/s of a worker over those of a worker of the mode's first line, in the same repeat; strong, one batch\n"
           "for all: t(first) workers(first) / (t workers); weak, a batch each: t(first) / t\n"
           "t: s an iteration of the slowest rank without files; median [smallest, largest] of the repeats\n",
           t->on_devices ? "devices" : "processors", t->n_repeat, t->bytes);
    for (int mode = 0; mode < N_MODE; mode++)
        for (const point *p = t->point; p < t->point + t->n; p++) {
            double x[MAX_REPEATS], median = time_of(p, WHOLE, -1);
            if (p->mode != mode) continue;
            for (int k = 0; k < p->n_repeat; k++)
                x[k] = p->seconds[k][WHOLE];
            printf("%-6s %4d ranks %4d workers, batch %6.0f: %9.2f ms [%.2f, %.2f] %9.0f structures/s, efficiency %.3f [%.3f, %.3f]\n",
                   mode_name[mode], p->ranks, p->workers, p->batch, 1e3 * median, 1e3 * quantile(x, p->n_repeat, 0),
                   1e3 * quantile(x, p->n_repeat, 1), p->batch / median, efficiency(t, p, 0.5), efficiency(t, p, 0), efficiency(t, p, 1));
        }
    printf("\nwhere the time goes, ms an iteration, mean of the workers, median of the repeats\n%-30s", "");
    for (const point *p = t->point; p < t->point + t->n; p++)
        printf(" %6s%6d", mode_name[p->mode], p->workers);
    for (int k = 0; k < N_PART; k++) {
        printf("\n%-30s", part_name[k]);
        for (const point *p = t->point; p < t->point + t->n; p++)
            printf(" %12.3f", 1e3 * time_of(p, k, -1));
    }
    printf("\n");
}

/* ---- the model ---- */

typedef enum {
    COMPUTE_FIXED, COMPUTE_EACH, STRUCTURES, SCATTER, BYTES, LATENCY, BANDWIDTH, RANK0_FIXED, RANK0_WORKER,
    DEVICE_RATE, DEVICE_STRUCTURES, DEVICE_SCATTER, NETWORK_LATENCY, NETWORK_BANDWIDTH, N_KEY
} key;

/* What is not fitted, measured or given is as here; rank 0 as bench_coordinator found it with 1,000 workers (docs/results.md). */
static const struct {
    const char *name;
    double value;
    const char *meaning;
} keys[N_KEY] = {
    {"compute_fixed", 0, "s of a worker an iteration"},
    {"compute_each", 0, "s of a worker a structure"},
    {"structures", 128, "new structures of a worker an iteration, weak runs"},
    {"scatter", 0.02, "standard deviation of the workers' times over their mean"},
    {"bytes", 0, "of the gradient"},
    {"latency", 5e-6, "s a message that waits for another, where it was measured"},
    {"bandwidth", 25e9, "B/s of a worker in the sum, with its copies and additions, where it was measured"},
    {"rank0_fixed", 3e-4, "s of rank 0 an iteration"},
    {"rank0_worker", 6.5e-6, "s of rank 0 a worker and iteration"},
    {"device_rate", 100000, "new structures/s of one device: what is aimed at"},
    {"device_structures", 1024, "new structures of a device an iteration"},
    {"device_scatter", 0.02, "as scatter, of devices"},
    {"network_latency", 5e-6, "s a message (MPI on InfiniBand 1 to 2e-6, NCCL some 1e-5 with its kernels)"},
    {"network_bandwidth", 25e9, "B/s of a worker in each direction (InfiniBand HDR and NDR200: 200 Gbit/s a port)"},
};

static double given[N_KEY]; /* 0: not */

typedef struct {
    double value[N_KEY];
    const char *from[N_KEY];
} model;

static void set(model *m, key k, double value, const char *from)
{
    m->value[k] = given[k] > 0 ? given[k] : value;
    m->from[k] = given[k] > 0 ? "given" : from;
}

/* Expected greatest of n standard normal numbers: the integral of 1 - F^n over the positive axis less that of F^n over the other. */
static double expected_greatest(double n)
{
    const double step = 1e-3;
    double sum = 0;
    for (double x = step / 2; x < 9; x += step)
        sum += 1 - pow(1 - erfc(x / sqrt(2)) / 2, n) - pow(erfc(x / sqrt(2)) / 2, n);
    return sum * step;
}

static double hops(double workers)
{
    return workers > 1 ? log2(workers) : 0;
}

static double messages_of(double workers, bool on_devices)
{
    return hops(workers) + 2 * (on_devices ? hops(workers) : workers - 1);
}

static double bytes_of(double workers, double gradient)
{
    const double report = 9 * sizeof(double);
    return workers > 1 ? 2 * (workers - 1) / workers * gradient + workers * report : 0;
}

static double compute_of(const point *p, int repeat)
{
    double s = 0;
    for (int k = 0; k < N_OWN; k++)
        s += time_of(p, own_part[k], repeat);
    return s;
}

static bool is_dedicated(const point *p)
{
    return p->workers < p->ranks;
}

static double skew_of(const point *p, int repeat)
{
    double delay = is_dedicated(p) ? 0 : time_of(p, COORDINATE, repeat) * (p->workers - 1) / p->workers;
    return fmax(0, time_of(p, WAIT_WORKERS, repeat) - delay);
}

/* One part of the compute. */
static void fit_compute(const table *t, int part, int repeat, double *fixed, double *each)
{
    double one[MAX_POINTS], n[MAX_POINTS], y[MAX_POINTS], size[MAX_POINTS];
    for (int i = 0; i < t->n; i++) {
        const point *p = &t->point[i];
        one[i] = 1;
        n[i] = p->batch / p->workers;
        y[i] = time_of(p, part, repeat);
        size[i] = compute_of(p, repeat);
    }
    fit_terms(one, n, y, size, t->n, fixed, each);
}

static void fit_scatter(const table *t, int repeat, model *m)
{
    double zero[MAX_POINTS] = {0}, x[MAX_POINTS], y[MAX_POINTS], size[MAX_POINTS], none, scatter;
    int n = 0;
    for (const point *p = t->point; p < t->point + t->n; p++) {
        if (p->workers < 2) continue;
        size[n] = compute_of(p, repeat);
        x[n] = expected_greatest(p->workers) * size[n];
        y[n++] = skew_of(p, repeat);
    }
    if (n) fit_terms(zero, x, y, size, n, &none, &scatter);
    if (n) set(m, SCATTER, scatter, "fitted");
}

/* Of one number of workers a latency cannot be told from a bandwidth: it is assumed then. */
static void fit_sum(const table *t, int repeat, model *m)
{
    double u[MAX_POINTS], v[MAX_POINTS], y[MAX_POINTS], size[MAX_POINTS], latency, per_byte;
    int n = 0, least = 0, most = 0;
    for (const point *p = t->point; p < t->point + t->n; p++) {
        if (p->workers < 2 || !(time_of(p, SUM, repeat) > 0)) continue;
        u[n] = messages_of(p->workers, t->on_devices);
        v[n] = bytes_of(p->workers, m->value[BYTES]);
        y[n] = size[n] = time_of(p, SUM, repeat);
        least = n && least < p->workers ? least : p->workers;
        most = most > p->workers ? most : p->workers;
        n++;
    }
    bool knows_latency = least == most || given[LATENCY] > 0, knows_bandwidth = given[BANDWIDTH] > 0;
    for (int i = 0; i < n; i++) {
        if (knows_latency) y[i] -= m->value[LATENCY] * u[i];
        if (knows_bandwidth) y[i] -= v[i] / given[BANDWIDTH];
        if (knows_latency) u[i] = 0;
        if (knows_bandwidth) v[i] = 0;
    }
    if (n == 0 || (knows_latency && knows_bandwidth)) return;
    fit_terms(u, v, y, size, n, &latency, &per_byte);
    if (!knows_latency) set(m, LATENCY, fmax(latency, 0), "fitted");
    if (!knows_bandwidth && (per_byte > 0 || !knows_latency)) set(m, BANDWIDTH, 1 / fmax(per_byte, 0), "fitted");
}

/* What a worker adds is told by bench_coordinator, of which one quartile is taken, or by runs whose numbers of workers are far apart; else
 * only what is fixed is fitted. */
static void fit_rank0(const table *t, int repeat, int quartile, model *m)
{
    enum { FAR = 8 };
    double one[MAX_POINTS], x[MAX_POINTS], y[MAX_POINTS], size[MAX_POINTS], fixed, each;
    int n = t->n_load ? t->n_load : t->n, least = t->point->workers, most = least;
    const char *from = t->n_load ? "bench_coordinator" : "fitted";
    for (int i = 0; i < n; i++) {
        one[i] = 1;
        x[i] = t->n_load ? t->load_workers[i] : t->point[i].workers;
        y[i] = t->n_load ? t->load_seconds[quartile][i] : fmax(time_of(&t->point[i], COORDINATE, repeat), 1e-9);
        size[i] = t->n_load ? 1 : y[i]; /* loads are of many workers and of few: the many count */
    }
    for (int i = 0; i < t->n; i++) {
        least = least < t->point[i].workers ? least : t->point[i].workers;
        most = most > t->point[i].workers ? most : t->point[i].workers;
    }
    bool knows_each = given[RANK0_WORKER] > 0 || (!t->n_load && most < FAR * least);
    for (int i = 0; i < n && knows_each; i++) {
        y[i] -= m->value[RANK0_WORKER] * x[i];
        x[i] = 0;
    }
    fit_terms(one, x, y, size, n, &fixed, &each);
    set(m, RANK0_FIXED, fixed, from);
    if (!knows_each) set(m, RANK0_WORKER, each, from);
}

static model fit(const table *t, int repeat)
{
    model m;
    double fixed = 0, each = 0;
    for (int k = 0; k < N_KEY; k++)
        set(&m, k, keys[k].value, "assumed");
    for (int k = 0; k < N_OWN; k++) {
        double a, b;
        fit_compute(t, own_part[k], repeat, &a, &b);
        fixed += a;
        each += b;
    }
    set(&m, COMPUTE_FIXED, fixed, "fitted");
    set(&m, COMPUTE_EACH, each, "fitted");
    const point *weak = first_of(t, WEAK);
    if (weak) set(&m, STRUCTURES, weak->batch / weak->workers, "measured");
    set(&m, BYTES, t->bytes, "measured");
    fit_scatter(t, repeat, &m);
    fit_sum(t, repeat, &m);
    fit_rank0(t, repeat, MEDIAN, &m);
    return m;
}

/* ---- what the model says ---- */

/* Workers alike. */
typedef struct {
    double compute, scatter, bytes, latency, bandwidth, rank0_fixed, rank0_worker;
    bool on_devices;
} machine;

typedef struct {
    double skew, messages, sum, rank0, dedicated, working; /* s; the last two are an iteration's, by what rank 0 does */
} estimate;

static estimate estimate_of(const machine *a, double workers)
{
    estimate e = {.skew = workers > 1 ? a->compute * a->scatter * expected_greatest(workers) : 0,
                  .messages = a->latency * messages_of(workers, a->on_devices),
                  .rank0 = a->rank0_fixed + a->rank0_worker * workers};
    e.sum = e.messages + bytes_of(workers, a->bytes) / a->bandwidth;
    double take = a->compute + e.skew + e.sum;
    e.dedicated = fmax(take, e.rank0);
    e.working = take + e.rank0;
    return e;
}

typedef enum { AS_MEASURED, OVER_NETWORK, DEVICES_ASSUMED, N_SCENE } scene;

static machine machine_of(const model *m, const table *t, scene s, double structures)
{
    const double *v = m->value;
    machine a = {v[COMPUTE_FIXED] + v[COMPUTE_EACH] * structures, v[SCATTER], v[BYTES], v[LATENCY], v[BANDWIDTH],
                 v[RANK0_FIXED], v[RANK0_WORKER], t->on_devices};
    if (s == AS_MEASURED) return a;
    a.latency = v[NETWORK_LATENCY];
    a.bandwidth = v[NETWORK_BANDWIDTH];
    if (s == OVER_NETWORK) return a;
    a.compute = structures / v[DEVICE_RATE];
    a.scatter = v[DEVICE_SCATTER];
    a.on_devices = true;
    return a;
}

static bool uses(scene s, key k)
{
    if (k >= NETWORK_LATENCY) return s != AS_MEASURED;
    if (k >= DEVICE_RATE) return s == DEVICES_ASSUMED;
    if (k == LATENCY || k == BANDWIDTH) return s == AS_MEASURED;
    return k > SCATTER || s != DEVICES_ASSUMED;
}

static void show_model(const table *t, const model *m)
{
    printf("\nMODEL\nparts of the compute, ms an iteration + us a new structure of a worker:");
    for (int k = 0; k < N_OWN; k++) {
        double fixed, each;
        fit_compute(t, own_part[k], -1, &fixed, &each);
        printf("%s %s %.3f + %.2f", k ? ";" : "", part_name[own_part[k]], 1e3 * fixed, 1e6 * each);
    }
    printf("\n");
    for (int k = 0; k < N_KEY; k++)
        printf("  %-18s %12.5g  %-17s  %s\n", keys[k].name, m->value[k], m->from[k], keys[k].meaning);
}

static void show_deviations(const table *t, const model *m)
{
    double largest = 0;
    printf("\nPREDICTED AGAINST MEASURED, ms an iteration, medians\n");
    for (const point *p = t->point; p < t->point + t->n; p++) {
        machine a = machine_of(m, t, AS_MEASURED, p->batch / p->workers);
        estimate e = estimate_of(&a, p->workers);
        double predicted = is_dedicated(p) ? e.dedicated : e.working, took = time_of(p, WHOLE, -1), deviation = predicted / took - 1;
        printf("  %-6s %4d workers, batch %6.0f: %9.2f of %9.2f, %+.1f %%; compute %.2f of %.2f, skew %.2f of %.2f, sum %.3f of %.3f\n",
               mode_name[p->mode], p->workers, p->batch, 1e3 * predicted, 1e3 * took, 100 * deviation, 1e3 * a.compute,
               1e3 * compute_of(p, -1), 1e3 * e.skew, 1e3 * skew_of(p, -1), 1e3 * e.sum, 1e3 * time_of(p, SUM, -1));
        largest = fmax(largest, fabs(deviation));
    }
    printf("  largest deviation %.1f %%\n", 100 * largest);
    for (int i = 0; i < t->n_load; i++)
        printf("  rank 0 alone, %5.0f workers: %.3f of %.3f\n", t->load_workers[i],
               1e3 * (m->value[RANK0_FIXED] + m->value[RANK0_WORKER] * t->load_workers[i]), 1e3 * t->load_seconds[MEDIAN][i]);
}

/* How many workers keep rank 0 busy for as long as they compute. */
static double saturation(const machine *a)
{
    return fmax(0, (a->compute - a->rank0_fixed) / a->rank0_worker);
}

/* Also of the quartiles of bench_coordinator, or else of fits to single repeats. */
static void show_saturation(const table *t, const model *m, scene s, double structures)
{
    machine a = machine_of(m, t, s, structures);
    double x[MAX_REPEATS];
    int n = 0;
    for (int k = 0; k < (t->n_load ? 2 : t->n_repeat); k++) {
        model one = t->n_load ? *m : fit(t, k);
        if (t->n_load) fit_rank0(t, -1, k ? LOWER : UPPER, &one);
        machine b = machine_of(&one, t, s, structures);
        x[n++] = saturation(&b);
    }
    printf("  rank 0 takes as long as a worker's compute at %.0f workers [%.0f, %.0f], of %s\n", saturation(&a), quantile(x, n, 0),
           quantile(x, n, 1), t->n_load ? "the quartiles of bench_coordinator" : "fits to single repeats");
}

static const double many[] = {8, 64, 512, 4096};

static void show_estimates(const table *t, const model *m, scene s)
{
    static const char *const of[N_SCENE] = {"as they were measured", "as they were measured, over the network that is assumed",
                                            "as they are assumed, with what was fitted of rank 0"};
    const char *what = t->on_devices || s == DEVICES_ASSUMED ? "devices" : "cores";
    double structures = m->value[s == DEVICES_ASSUMED ? DEVICE_STRUCTURES : STRUCTURES];
    machine a = machine_of(m, t, s, structures);
    estimate alone = estimate_of(&a, 1);
    printf("\nto many %s, %s; %.0f new structures each an iteration; assumed or given:", what, of[s], structures);
    for (int k = 0; k < N_KEY; k++)
        if (uses(s, k) && (!strcmp(m->from[k], "assumed") || given[k] > 0)) printf(" %s", keys[k].name);
    printf("\n"
           "%9s %10s %10s %10s %10s %10s %10s %8s %10s %18s %8s %14s\n",
           "workers", "compute", "skew", "sum", "messages", "rank 0", "t", "load", "efficiency", "", "working",
           "structures/s");
    for (int i = 0; i < 4; i++) {
        estimate e = estimate_of(&a, many[i]);
        double x[MAX_REPEATS];
        for (int k = 0; k < t->n_repeat; k++) {
            model one = fit(t, k);
            machine b = machine_of(&one, t, s, structures);
            x[k] = estimate_of(&b, 1).dedicated / estimate_of(&b, many[i]).dedicated;
        }
        printf("%9.0f %10.3f %10.3f %10.3f %10.3f %10.3f %10.3f %8.3f %10.3f   [%.3f, %.3f] %8.3f %14.3g\n", many[i], 1e3 * a.compute,
               1e3 * e.skew, 1e3 * e.sum, 1e3 * e.messages, 1e3 * e.rank0, 1e3 * e.dedicated, e.rank0 / (a.compute + e.skew + e.sum),
               alone.dedicated / e.dedicated, quantile(x, t->n_repeat, 0), quantile(x, t->n_repeat, 1), alone.working / e.working,
               many[i] * structures / e.dedicated);
    }
    show_saturation(t, m, s, structures);
    if (a.on_devices) return;
    printf("  messages of the sum take a tenth of the compute at %.0f workers; of %.0f workers they take %.3f ms, by halves (2 log2 N) "
           "%.3f ms\n",
           1 + a.compute / 10 / (2 * a.latency), many[3], 1e3 * a.latency * messages_of(many[3], false),
           1e3 * a.latency * messages_of(many[3], true));
}

/* ---- the page ---- */

static void write_page(FILE *f, const table *t, const model *m)
{
    enum { N = 49 };
    static double x[N_MODE][MAX_POINTS], y[N_MODE][MAX_POINTS], logs[N], value[4][N];
    sh_report_series series[4];
    fputs("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/><title>Scaling</title>\n<style>\n"
          "body{font:14px sans-serif;max-width:50em;margin:2em auto}svg.chart{width:100%}.grid{stroke:#ddd}.axis{stroke:#666;fill:none}\n"
          "text{font-size:11px;fill:#444}.end{text-anchor:end}.mid{text-anchor:middle}.raw{display:none}\n"
          ".line{fill:none;stroke:currentColor;stroke-width:2;stroke-linecap:round}.dash{stroke-dasharray:5 4}\n"
          ".r0{color:#1f6fb4}.r1{color:#c6552b}</style></head>\n<body>\n<h1>Scaling</h1>\n", f);
    int n_series = 0;
    for (int mode = 0; mode < N_MODE; mode++) {
        int n = 0;
        for (const point *p = t->point; p < t->point + t->n; p++) {
            if (p->mode != mode) continue;
            x[mode][n] = p->workers;
            y[mode][n++] = efficiency(t, p, 0.5);
        }
        if (n) series[n_series++] = (sh_report_series){.run = mode, .look = SH_REPORT_PLAIN, .n = n, .x = x[mode], .y = y[mode]};
    }
    fputs("<p>Measured: <span class=\"r0\">strong</span> and <span class=\"r1\">weak</span> efficiency over workers.</p>\n", f);
    sh_report_curves(f, &(sh_report_axes){.title = "efficiency", .x_label = "workers", .lo = 0, .hi = 1.2}, series, n_series);
    for (int k = 0; k < 2; k++) {
        const machine a = k ? machine_of(m, t, DEVICES_ASSUMED, m->value[DEVICE_STRUCTURES])
                            : machine_of(m, t, AS_MEASURED, m->value[STRUCTURES]);
        double alone = estimate_of(&a, 1).dedicated;
        for (int i = 0; i < N; i++) {
            logs[i] = 12.0 * i / (N - 1);
            estimate e = estimate_of(&a, exp2(logs[i]));
            value[k][i] = alone / e.dedicated;
            value[2 + k][i] = e.rank0 / (a.compute + e.skew + e.sum);
        }
    }
    for (int k = 0; k < 4; k++)
        series[k] = (sh_report_series){.run = k % 2, .look = SH_REPORT_PLAIN, .dashed = true, .n = N, .x = logs, .y = value[k]};
    fprintf(f, "<p>Extrapolated, not measured: weak efficiency, and the load of a rank 0 that only coordinates (1: it is waited for), of "
               "<span class=\"r0\">%s as they were measured</span> and of <span class=\"r1\">devices as they are assumed</span>.</p>\n",
            t->on_devices ? "devices" : "cores");
    const sh_report_axes efficiencies = {.title = "efficiency", .x_label = "log2 of the number of workers", .lo = 0, .hi = 1.2};
    const sh_report_axes loads = {.title = "load of rank 0", .x_label = efficiencies.x_label, .log = true, .lo = NAN, .hi = NAN};
    sh_report_curves(f, &efficiencies, series, 2);
    sh_report_curves(f, &loads, series + 2, 2);
    fputs("</body></html>\n", f);
}

static bool take_value(const char *text)
{
    const char *equal = strchr(text, '=');
    char *end;
    for (int k = 0; equal && k < N_KEY; k++) {
        size_t n = strlen(keys[k].name);
        if (n != (size_t)(equal - text) || strncmp(text, keys[k].name, n)) continue;
        given[k] = strtod(equal + 1, &end);
        return end != equal + 1 && !*end && given[k] > 0 && isfinite(given[k]);
    }
    return false;
}

int main(int argc, char **argv)
{
    static const char coordinator[] = "coordinator=";
    static table t;
    const char *loads = NULL;
    bool good = argc >= 3;
    for (int i = 3; i < argc && good; i++)
        if (!strncmp(argv[i], coordinator, strlen(coordinator))) loads = argv[i] + strlen(coordinator);
        else if (!(good = take_value(argv[i]))) fprintf(stderr, "scaling_model: '%s' is no KEY=VALUE with a value above 0\n", argv[i]);
    if (!good) {
        fprintf(stderr, "usage: scaling_model SCALING.csv PAGE.html [coordinator=FILE] [KEY=VALUE ...]\n"
                        "FILE: of bench_coordinator; keys, and what they are if neither fitted, measured nor given:\n");
        for (int k = 0; k < N_KEY; k++)
            fprintf(stderr, "  %-18s %12g  %s\n", keys[k].name, keys[k].value, keys[k].meaning);
        return 2;
    }
    if (sh_csv_read(argv[1], header, read_table, &t) != SH_OK ||
        (loads && sh_csv_read(loads, coordinator_header, read_loads, &t) != SH_OK)) {
        fprintf(stderr, "scaling_model: %s\n", sh_error_message());
        return 1;
    }
    const model m = fit(&t, -1);
    show_measured(&t);
    show_model(&t, &m);
    show_deviations(&t, &m);
    printf("\nEXTRAPOLATED, weak, ms an iteration; rank 0 only coordinates; efficiency: t of one worker alone / t [of fits to single\n"
           "repeats]; load: rank 0's time over the workers'; working: efficiency where rank 0 works too\n");
    show_estimates(&t, &m, AS_MEASURED);
    show_estimates(&t, &m, OVER_NETWORK);
    if (!t.on_devices) show_estimates(&t, &m, DEVICES_ASSUMED);
    FILE *f = fopen(argv[2], "w");
    if (f) write_page(f, &t, &m);
    if (!f || fclose(f)) {
        fprintf(stderr, "scaling_model: cannot write '%s'\n", argv[2]);
        return 1;
    }
    return 0;
}
