/* bench_energy.c -- energies a second of a potential, or values of another model, on real crystals: on the CPU, graphs included,
 * on their sites and on all their atoms; and on a CUDA device where there is one, by kernels, on batches of the same crystals.
 *
 *     bench_energy [CRYSTALS] [ROUNDS] [MODEL]      CRYSTALS in the format of tests/data/efs_energies.txt, default crystals64.txt
 *                                                   here; MODEL a name of `shaft model list`, default m3gnet-efs, or a file
 *                                                   NAME.flat of flat_weights, the only kind that a build of the core alone takes
 *
 * The answer is checked first: quotient and full cell must agree, the device with the CPU, and m3gnet-efs with the reference
 * energies of tests/data. Then each round times both ways one after the other, so that a machine that slows down slows both;
 * medians and quartiles over the rounds are printed, and where the time goes. The device's energies a second are without graphs,
 * and so is the CPU's number in their ratio. */
#define _POSIX_C_SOURCE 200809L

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef _OPENMP
#include <omp.h>
#endif

#include "../tests/read_cells.h"
#include "backend/cuda_module.h"
#include "backend/workspace.h"
#include "base/real.h"
#include "crystal/reduce.h"
#include "crystal/transfer.h"
#include "flat_model.h"
#include "timing.h"
#ifndef SH_CORE_ONLY
#include "io/models.h"
#endif

enum { MAX_ROUND = 1000, N_BATCH = 4 };
static const int64_t BATCHES[N_BATCH] = {4, 16, 64, 256}; /* times the crystals */

/* Of kernels or of the full cell against each other, and of m3gnet-efs against the reference program; eV/atom, or eV. */
static const double WORST = 1e-4, WORST_GOLDEN = 1e-5;

typedef struct {
    sh_crystals crystals;
    double *e_total, *e_form;
    double all[MAX_ROUND], graph[MAX_ROUND]; /* seconds of each round: all, of which graphs */
    int64_t n_edge;
} run;

static _Noreturn void fatal(const char *message)
{
    fprintf(stderr, "bench_energy: %s\n", message);
    exit(1);
}

/* ---- models ---- */

static sh_status load(const char *name, model *m)
{
    if (is_flat(name)) return load_flat(name, m);
#ifdef SH_CORE_ONLY
    return SH_FAIL(SH_EINPUT, "'%s' is no .flat file, and this build reads no others", name);
#else
    sh_model full;
    sh_status status = sh_model_load(name, &full);
    *m = (model){full.weights, full.references, full.potential};
    return status;
#endif
}

/* ---- crystals ---- */

static void reduce(const test_cell *cells, int n, bool full, sh_arena *arena, sh_crystals *out)
{
    sh_cell *views = SH_NEW(sh_cell, n);
    for (int i = 0; i < n; i++)
        views[i] = (sh_cell){.lattice = cells[i].lattice, .n_atom = cells[i].n, .z = cells[i].z, .frac = cells[i].frac};
    sh_crystals_reduce(views, n, 1e-3, full, arena, out);
    sh_free(views);
}

static void evaluate(const sh_potential *p, sh_workspace *ws, const sh_crystals *c, const sh_graph *g, double *e_total,
                     double *e_form)
{
    if (sh_potential_quantity(p) == SH_TOTAL_ENERGY)
        sh_potential_evaluate(p, ws, c, g, NULL, 0, e_total, e_form);
    else
        sh_potential_predict(p, ws, c, g, NULL, 0, e_total);
}

/* How far apart two values of a crystal are: eV/atom, or eV. */
static double apart(const sh_potential *p, const sh_crystals *c, int64_t i, double a, double b)
{
    double n = (double)(c->atom_start[c->site_start[i + 1]] - c->atom_start[c->site_start[i]]);
    return fabs(a - b) / (sh_potential_quantity(p) == SH_TOTAL_ENERGY ? n : 1);
}

/* Repeats until 50 ms have gone by, so that the clock and the start of threads do not matter. */
static void measure(const sh_potential *p, run *r, int round, bool no_classes, sh_arena *arena)
{
    double start = now(), graphs = 0, end;
    int n = 0;
    do {
        sh_graph g;
        sh_arena_reset(arena);
        sh_workspace ws = sh_workspace_host(arena);
        double before = now();
        sh_graph_build(&ws, &r->crystals, &(sh_graph_opts){.cutoff = sh_potential_cutoff(p), .no_classes = no_classes}, &g);
        graphs += now() - before;
        r->n_edge = g.n_edge;
        evaluate(p, &ws, &r->crystals, &g, r->e_total, r->e_form);
        end = now();
        n++;
    } while (end - start < 0.05);
    r->all[round] = (end - start) / n;
    r->graph[round] = graphs / n;
}

static void report(const char *what, run *r, int n_round)
{
    double n = (double)r->crystals.n_crystal, graph = quantile(r->graph, n_round, 0.5), all = quantile(r->all, n_round, 0.5);
    printf("%-9s %5lld nodes %6lld edges  %8.3f ms (quartiles %.3f .. %.3f)  %7.0f energies/s  graphs %2.0f %%\n", what,
           (long long)r->crystals.n_site, (long long)r->n_edge, 1e3 * all, 1e3 * quantile(r->all, n_round, 0.25),
           1e3 * quantile(r->all, n_round, 0.75), n / all, 100 * graph / all);
}

/* ---- by kernels ---- */

/* Values of crystals on a device, on the arena, and the seconds of each round. */
static const double *by_kernels(const sh_backend *be, const sh_potential *p, const sh_crystals *c, int n_round, double *seconds,
                                sh_arena *arena, const double **e_form)
{
    sh_workspace ws, host = sh_workspace_host(arena);
    sh_crystals crystals;
    sh_graph here, graph;
    sh_graph_build(&host, c, &(sh_graph_opts){.cutoff = sh_potential_cutoff(p)}, &here);
    for (int round = -1; round < n_round; round++) { /* the first one is not counted */
        sh_workspace_begin(&ws, be, arena);
        sh_crystals_put(&ws, c, &crystals);
        sh_graph_put(&ws, &here, &crystals, &graph);
        double *e_total = SH_ROOM(&ws, double, c->n_crystal), *form = SH_ROOM(&ws, double, c->n_crystal), start, end;
        int n = 0;
        be->wait();
        start = now();
        do {
            evaluate(p, &ws, &crystals, &graph, e_total, form);
            be->wait();
            end = now();
            n++;
        } while (end - start < 0.05);
        if (round >= 0) seconds[round] = (end - start) / n;
        if (round < n_round - 1) continue;
        *e_form = SH_BRING(&ws, form, c->n_crystal);
        return SH_BRING(&ws, e_total, c->n_crystal);
    }
    return NULL;
}

/* m3gnet-efs against the reference energies of tests/data. Returns whether they are right. */
static bool golden(const sh_backend *be, const sh_potential *p, sh_arena *arena)
{
    int n;
    double worst = 0, worst_form = 0, seconds;
    const double *e_form;
    test_cell *cells = read_cells(SH_SOURCE_DIR "/tests/data/efs_energies.txt", &n);
    sh_crystals c;
    sh_arena_reset(arena);
    reduce(cells, n, true, arena, &c);
    const double *e_total = by_kernels(be, p, &c, 1, &seconds, arena, &e_form);
    for (int i = 0; i < n; i++) {
        worst = fmax(worst, apart(p, &c, i, e_total[i], cells[i].value[0]));
        if (!isnan(cells[i].value[1])) worst_form = fmax(worst_form, fabs(e_form[i] - cells[i].value[1]));
    }
    printf("%d reference energies within %.2g eV/atom, formation energies within %.2g\n", n, worst, worst_form);
    free_cells(cells, n);
    return worst < WORST_GOLDEN && worst_form < WORST_GOLDEN;
}

/* Batches of the crystals of the CPU's run. Returns whether the values are right. */
static bool bench_device(model *m, run *on_cpu, int n_round, sh_arena *arena)
{
    const sh_cuda_state *cuda = sh_cuda_look();
    const sh_backend *be;
    char text[SH_CUDA_TEXT];
    static double seconds[MAX_ROUND];
    bool right = true;
    if (!cuda->n_device) {
        printf("no device: %s\n", cuda->why);
        return true;
    }
    cuda->entry->describe(0, text);
    if (sh_cuda_open(&(sh_cuda_options){.fatal = fatal}, &be) != SH_OK) fatal(sh_error_message());
    sh_potential_use(m->potential, be);
    printf("%s\n", text);
    if (!strcmp(m->weights->model, "m3gnet.M3GNet")) right = golden(be, m->potential, arena);
    int64_t n = on_cpu->crystals.n_crystal;
    double cpu_rate = (double)n / (quantile(on_cpu->all, n_round, 0.5) - quantile(on_cpu->graph, n_round, 0.5));
    for (int k = 0; k < N_BATCH; k++) {
        sh_crystals c;
        double worst = 0;
        const double *e_form;
        sh_arena_reset(arena);
        int64_t n_batch = n * BATCHES[k], *index = SH_PUSH(arena, int64_t, n_batch);
        for (int64_t i = 0; i < n_batch; i++)
            index[i] = i % n;
        sh_workspace host = sh_workspace_host(arena);
        sh_crystals_select(&host, &on_cpu->crystals, index, n_batch, &c);
        const double *value = by_kernels(be, m->potential, &c, n_round, seconds, arena, &e_form);
        for (int64_t i = 0; i < n_batch; i++)
            worst = fmax(worst, apart(m->potential, &c, i, value[i], on_cpu->e_total[i % n]));
        double median = quantile(seconds, n_round, 0.5), rate = (double)n_batch / median;
        printf("batch %5lld  %8.3f ms (quartiles %.3f .. %.3f)  %9.0f energies/s  %.1f x CPU, within %.2g of it\n",
               (long long)n_batch, 1e3 * median, 1e3 * quantile(seconds, n_round, 0.25), 1e3 * quantile(seconds, n_round, 0.75),
               rate, rate / cpu_rate, worst);
        right = right && worst < WORST;
    }
    sh_potential_use(m->potential, sh_backend_cpu());
    sh_cuda_close();
    return right;
}

static int bench(const char *path, int n_round, const char *name)
{
    int n;
    test_cell *cells = read_cells(path, &n);
    model m;
    if (load(name, &m) != SH_OK) {
        fprintf(stderr, "%s\n  hint: %s\n", sh_error_message(), sh_error_hints());
        return 1;
    }
    sh_arena *keep = sh_arena_create(1 << 20), *arena = sh_arena_create(1 << 20);
    run *quotient = SH_NEW(run, 1), *full = SH_NEW(run, 1), *both[2] = {quotient, full};
    for (int k = 0; k < 2; k++) {
        reduce(cells, n, k == 1, keep, &both[k]->crystals);
        both[k]->e_total = SH_NEW(double, n);
        both[k]->e_form = SH_NEW(double, n);
        measure(m.potential, both[k], 0, k == 1, arena);
    }
    double worst = 0;
    for (int i = 0; i < n; i++)
        worst = fmax(worst, apart(m.potential, &full->crystals, i, quotient->e_total[i], full->e_total[i]));
    printf("%s, %d crystals: quotient and full cell within %.2g\n", name, n, worst);
    bool right = worst < WORST; /* the files' positions agree with their groups to 1e-5 Å or so */
    for (int round = 0; right && round < n_round; round++)
        for (int k = 0; k < 2; k++)
            measure(m.potential, both[k], round, k == 1, arena);
    if (right) {
#ifdef _OPENMP
        printf("%d threads, ", omp_get_max_threads());
#endif
        printf("sh_real of %d bytes, %d rounds\n", (int)sizeof(sh_real), n_round);
        report("quotient", quotient, n_round);
        report("full cell", full, n_round);
        printf("ratio %.2f\n", quantile(full->all, n_round, 0.5) / quantile(quotient->all, n_round, 0.5));
        right = bench_device(&m, quotient, n_round, arena);
    }
    for (int k = 0; k < 2; k++) {
        sh_free(both[k]->e_total);
        sh_free(both[k]->e_form);
        sh_free(both[k]);
    }
    free_cells(cells, n);
    release(&m);
    sh_arena_destroy(&keep);
    sh_arena_destroy(&arena);
    return !right;
}

int main(int argc, char **argv)
{
    int n_round = argc > 2 ? atoi(argv[2]) : 21;
    if (argc > 4 || n_round < 1 || n_round > MAX_ROUND) {
        fprintf(stderr, "usage: bench_energy [CRYSTALS] [ROUNDS] [MODEL]\n");
        return 2;
    }
    return bench(argc > 1 ? argv[1] : SH_SOURCE_DIR "/benchmarks/crystals64.txt", n_round, argc > 3 ? argv[3] : "m3gnet-efs");
}
