/* bench_forces.c -- forces and stress a second of a model on real crystals, beside its energies alone: on the CPU, on their sites and on
 * all their atoms, without graphs; and on a CUDA device where there is one.
 *
 *     bench_forces [CRYSTALS] [ROUNDS] [MODEL]      as for bench_energy
 *
 * The answer is checked first: quotient and full cell must agree, and the device with the CPU. Each round times energies and forces one
 * after the other; medians over the rounds are printed. */
#define _POSIX_C_SOURCE 200809L

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#ifdef _OPENMP
#include <omp.h>
#endif

#include "../tests/read_cells.h"
#include "backend/cuda_module.h"
#include "backend/workspace.h"
#include "crystal/reduce.h"
#include "crystal/transfer.h"
#include "io/models.h"
#include "potential/forces.h"
#include "timing.h"

enum { MAX_ROUND = 1000 };
static const double WORST = 1e-3; /* eV/Å: the files' positions agree with their groups to 1e-5 Å or so */

static _Noreturn void fatal(const char *message)
{
    fprintf(stderr, "bench_forces: %s\n", message);
    exit(1);
}

/* A batch and what becomes of it, where `ws` works. */
typedef struct {
    sh_workspace ws;
    sh_crystals c;
    sh_graph g;
    double *energy, *force, *stress;
} batch;

static void put(const sh_backend *be, sh_arena *arena, const sh_crystals *c, double cutoff, bool no_classes, batch *b)
{
    sh_workspace host = sh_workspace_host(arena);
    sh_graph g;
    sh_graph_build(&host, c, &(sh_graph_opts){.cutoff = cutoff, .no_classes = no_classes}, &g);
    sh_workspace_begin(&b->ws, be, arena);
    sh_crystals_put(&b->ws, c, &b->c);
    sh_graph_put(&b->ws, &g, &b->c, &b->g);
    b->energy = SH_ROOM(&b->ws, double, c->n_crystal);
    b->force = SH_ROOM(&b->ws, double, 3 * c->n_site);
    b->stress = SH_ROOM(&b->ws, double, 9 * c->n_crystal);
}

/* Seconds of one evaluation; repeated until 50 ms have gone by. */
static double measure(batch *b, const sh_potential *p, sh_forces *f)
{
    double start, end;
    int n = 0;
    b->ws.be->wait();
    start = now();
    do {
        if (f)
            sh_forces_evaluate(f, &b->ws, &b->c, &b->g, NULL, 0, b->energy, b->force, b->stress);
        else
            sh_potential_predict(p, &b->ws, &b->c, &b->g, NULL, 0, b->energy);
        b->ws.be->wait();
        end = now();
        n++;
    } while (end - start < 0.05);
    return (end - start) / n;
}

static void report(const char *what, batch *b, const sh_potential *p, sh_forces *f, int n_round)
{
    static double energies[MAX_ROUND], forces[MAX_ROUND];
    measure(b, p, NULL);
    measure(b, p, f);
    for (int round = 0; round < n_round; round++) {
        energies[round] = measure(b, p, NULL);
        forces[round] = measure(b, p, f);
    }
    double n = (double)b->c.n_crystal, e = quantile(energies, n_round, 0.5), t = quantile(forces, n_round, 0.5);
    printf("%-12s %6lld crystals %6lld sites %7lld edges  energies %8.3f ms, forces %8.3f ms: %7.0f crystals/s, %.2f x\n", what,
           (long long)b->c.n_crystal, (long long)b->c.n_site, (long long)b->g.n_edge, 1e3 * e, 1e3 * t, n / t, t / e);
}

static double apart(const double *a, const double *b, int64_t n)
{
    double worst = 0;
    for (int64_t i = 0; i < n; i++)
        worst = fmax(worst, fabs(a[i] - b[i]));
    return worst;
}

/* Forces of all atoms, on the host. */
static double *all_forces(batch *b)
{
    double *there = SH_ROOM(&b->ws, double, 3 * b->c.n_atom), *out = SH_NEW(double, 3 * b->c.n_atom);
    sh_forces_of_atoms(&b->ws, &b->c, b->force, there);
    memcpy(out, SH_BRING(&b->ws, there, 3 * b->c.n_atom), (size_t)(3 * b->c.n_atom) * sizeof *out);
    return out;
}

static void select_batch(sh_arena *arena, const sh_crystals *c, int64_t n, sh_crystals *out)
{
    sh_workspace host = sh_workspace_host(arena);
    int64_t *index = SH_PUSH(arena, int64_t, n);
    for (int64_t i = 0; i < n; i++)
        index[i] = i % c->n_crystal;
    sh_crystals_select(&host, c, index, n, out);
}

static bool bench_device(sh_potential *p, const sh_crystals *c, const double *want, int n_round)
{
    static const int64_t copies[] = {1, 4, 16};
    const sh_cuda_state *cuda = sh_cuda_look();
    const sh_backend *be;
    sh_forces *f;
    bool right = true;
    if (!cuda->n_device) {
        printf("no device: %s\n", cuda->why);
        return true;
    }
    if (sh_cuda_open(&(sh_cuda_options){.fatal = fatal}, &be) != SH_OK) fatal(sh_error_message());
    sh_potential_use(p, be);
    if (sh_forces_create(p, &f) != SH_OK) fatal(sh_error_message());
    sh_arena *arena = sh_arena_create(1 << 20);
    for (int k = 0; k < 3; k++) {
        batch b;
        sh_crystals some;
        sh_arena_reset(arena);
        select_batch(arena, c, copies[k] * c->n_crystal, &some);
        put(be, arena, &some, sh_potential_cutoff(p), false, &b);
        report("device", &b, p, f, n_round);
        double *got = all_forces(&b), worst = apart(got, want, 3 * c->n_atom);
        printf("  within %.2g eV/Å of the CPU's\n", worst);
        right = right && worst < WORST;
        sh_free(got);
    }
    sh_forces_destroy(&f);
    sh_potential_use(p, sh_backend_cpu());
    sh_arena_destroy(&arena);
    sh_cuda_close();
    return right;
}

static int bench(const char *path, int n_round, const char *name)
{
    int n;
    test_cell *cells = read_cells(path, &n);
    sh_model m;
    sh_forces *f;
    if (sh_model_load(name, &m) != SH_OK || sh_forces_create(m.potential, &f) != SH_OK) fatal(sh_error_message());
    sh_arena *keep = sh_arena_create(1 << 20), *arena[2] = {sh_arena_create(1 << 20), sh_arena_create(1 << 20)};
    sh_cell *views = SH_NEW(sh_cell, n);
    sh_crystals c[2];
    batch b[2];
    double *all[2];
    for (int i = 0; i < n; i++)
        views[i] = (sh_cell){.lattice = cells[i].lattice, .n_atom = cells[i].n, .z = cells[i].z, .frac = cells[i].frac};
    for (int k = 0; k < 2; k++) {
        sh_crystals_reduce(views, n, 1e-3, true, keep, &c[k]);
        if (k == 0) sh_crystals_reduce(views, n, 1e-3, false, keep, &c[k]);
        put(sh_backend_cpu(), arena[k], &c[k], sh_potential_cutoff(m.potential), k == 1, &b[k]);
        measure(&b[k], m.potential, f);
        all[k] = all_forces(&b[k]);
    }
    /* atoms stand in the order of their sites: squares of lengths, added up by crystal, do not mind */
    double worst = apart(b[0].stress, b[1].stress, 9 * n);
    printf("%s: stress on quotient and full cell within %.2g eV/Å^3\n", name, worst);
    bool right = worst < WORST;
#ifdef _OPENMP
    printf("%d threads, sh_real of %d bytes, %d rounds\n", omp_get_max_threads(), (int)sizeof(sh_real), n_round);
#endif
    report("sites", &b[0], m.potential, f, n_round);
    report("all atoms", &b[1], m.potential, f, n_round);
    for (int64_t size = 16; size <= 256; size *= 16) {
        batch some;
        sh_crystals picked;
        sh_arena *mine = sh_arena_create(1 << 20);
        select_batch(mine, &c[0], size, &picked);
        put(sh_backend_cpu(), mine, &picked, sh_potential_cutoff(m.potential), false, &some);
        report("sites", &some, m.potential, f, n_round);
        sh_arena_destroy(&mine);
    }
    sh_forces_destroy(&f);
    right = right && bench_device(m.potential, &c[0], all[0], n_round);
    for (int k = 0; k < 2; k++) {
        sh_free(all[k]);
        sh_arena_destroy(&arena[k]);
    }
    sh_arena_destroy(&keep);
    sh_free(views);
    free_cells(cells, n);
    sh_model_release(&m);
    return !right;
}

int main(int argc, char **argv)
{
    int n_round = argc > 2 ? atoi(argv[2]) : 11;
    if (argc > 4 || n_round < 1 || n_round > MAX_ROUND) {
        fprintf(stderr, "usage: bench_forces [CRYSTALS] [ROUNDS] [MODEL]\n");
        return 2;
    }
    return bench(argc > 1 ? argv[1] : SH_SOURCE_DIR "/benchmarks/crystals64.txt", n_round, argc > 3 ? argv[3] : "m3gnet-efs");
}
