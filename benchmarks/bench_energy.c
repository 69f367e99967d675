/* bench_energy.c -- energies a second of a potential, or values of another model, graphs included, on real crystals: on their sites
 * and on all their atoms.
 *
 *     bench_energy [CRYSTALS] [ROUNDS] [MODEL]      CRYSTALS in the format of tests/data/efs_energies.txt, default crystals64.txt
 *                                                   here; MODEL a name of `shaft model list`, default m3gnet-efs
 *
 * The answer is checked first: quotient and full cell must agree. Then each round times both ways one after the other, so that
 * a machine that slows down slows both; medians and quartiles over the rounds are printed, and where the time goes. */
#define _POSIX_C_SOURCE 200809L

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef _OPENMP
#include <omp.h>
#endif

#include "../tests/read_cells.h"
#include "backend/workspace.h"
#include "base/real.h"
#include "crystal/reduce.h"
#include "io/models.h"
#include "timing.h"

enum { MAX_ROUND = 1000 };

typedef struct {
    sh_crystals crystals;
    double *e_total, *e_form;
    double all[MAX_ROUND], graph[MAX_ROUND]; /* seconds of each round: all, of which graphs */
    int64_t n_edge;
} run;

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
        if (sh_potential_quantity(p) == SH_TOTAL_ENERGY)
            sh_potential_evaluate(p, &ws, &r->crystals, &g, NULL, 0, r->e_total, r->e_form);
        else
            sh_potential_predict(p, &ws, &r->crystals, &g, NULL, 0, r->e_total);
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

static int bench(const char *path, int n_round, const char *name)
{
    int n;
    test_cell *cells = read_cells(path, &n);
    sh_model model;
    if (sh_model_load(name, &model) != SH_OK) {
        fprintf(stderr, "%s\n  hint: %s\n", sh_error_message(), sh_error_hints());
        return 1;
    }
    sh_arena *keep = sh_arena_create(1 << 20), *arena = sh_arena_create(1 << 20);
    sh_cell *views = SH_NEW(sh_cell, n);
    run *quotient = SH_NEW(run, 1), *full = SH_NEW(run, 1), *both[2] = {quotient, full};
    for (int i = 0; i < n; i++)
        views[i] = (sh_cell){.lattice = cells[i].lattice, .n_atom = cells[i].n, .z = cells[i].z, .frac = cells[i].frac};
    sh_crystals_reduce(views, n, 1e-3, false, keep, &quotient->crystals);
    sh_crystals_reduce(views, n, 1e-3, true, keep, &full->crystals);
    for (int k = 0; k < 2; k++) {
        both[k]->e_total = SH_NEW(double, n);
        both[k]->e_form = SH_NEW(double, n);
        measure(model.potential, both[k], 0, k == 1, arena);
    }
    double worst = 0;
    for (int i = 0; i < n; i++)
        worst = fmax(worst, fabs(quotient->e_total[i] - full->e_total[i]) /
                                (sh_potential_quantity(model.potential) == SH_TOTAL_ENERGY ? cells[i].n : 1));
    printf("%s, %d crystals: quotient and full cell within %.2g\n", name, n, worst); /* eV/atom, or eV */
    int wrong = !(worst < 1e-4); /* the files' positions agree with their groups to 1e-5 Å or so */
    for (int round = 0; !wrong && round < n_round; round++)
        for (int k = 0; k < 2; k++)
            measure(model.potential, both[k], round, k == 1, arena);
    if (!wrong) {
#ifdef _OPENMP
        printf("%d threads, ", omp_get_max_threads());
#endif
        printf("sh_real of %d bytes, %d rounds\n", (int)sizeof(sh_real), n_round);
        report("quotient", quotient, n_round);
        report("full cell", full, n_round);
        printf("ratio %.2f\n", quantile(full->all, n_round, 0.5) / quantile(quotient->all, n_round, 0.5));
    }
    for (int k = 0; k < 2; k++) {
        sh_free(both[k]->e_total);
        sh_free(both[k]->e_form);
        sh_free(both[k]);
    }
    sh_free(views);
    free_cells(cells, n);
    sh_model_release(&model);
    sh_arena_destroy(&keep);
    sh_arena_destroy(&arena);
    return wrong;
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
