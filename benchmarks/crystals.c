/* crystals.c -- what it costs to make a batch of crystals and their quotient graphs on one core.
 *
 *     crystals [batch [sites]]
 *
 * Sites anywhere, groups of every family as often as they occur among the 230, 15 Å^3 an atom; only crystals of at most
 * 100 atoms count, as in training. Prints the median of 15 rounds and their spread. */
#define _POSIX_C_SOURCE 200809L

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>

#include "backend/workspace.h"
#include "base/rng.h"
#include "crystal/graph.h"
#include "crystal/lattice.h"
#include "crystal/orbit.h"
#include "timing.h"

enum { ROUNDS = 15, MAX_ATOMS = 100 };

static void report(const char *what, double *seconds, double n_crystal, double n_edge)
{
    double unit = 1e6 / n_crystal;
    printf("%-24s %7.1f us a crystal (%.1f..%.1f)", what, unit * quantile(seconds, ROUNDS, 0.5), unit * quantile(seconds, ROUNDS, 0),
           unit * quantile(seconds, ROUNDS, 1));
    if (n_edge > 0) printf(", %.1f edges a crystal", n_edge / n_crystal);
    printf("\n");
}

int main(int argc, char **argv)
{
    int64_t n = argc > 1 ? atoll(argv[1]) : 512, sites = argc > 2 ? atoll(argv[2]) : 3;
    sh_groups *groups;
    if (n < 1 || sites < 1 || sh_groups_create(&groups) != SH_OK) return 1;
    omp_set_num_threads(1);
    sh_arena *arena = sh_arena_create(1 << 20);
    sh_workspace ws = sh_workspace_host(arena);
    sh_group_tables tables;
    sh_group_tables_create(groups, ws.be, &tables);
    int32_t *number = SH_NEW(int32_t, n), *z = SH_NEW(int32_t, n * sites);
    int64_t *start = SH_NEW(int64_t, n + 1);
    double *lattice = SH_NEW(double, 9 * n), *x = SH_NEW(double, 3 * n * sites);
    sh_rng rng = {.seed = 1};
    for (int64_t i = 0; i < n;) {
        rng.traj++;
        number[i] = 1 + (int32_t)(230 * sh_rng_u01(&rng, 0));
        double p[6] = {1, 0.7 + 0.6 * sh_rng_u01(&rng, 1), 0.7 + 0.6 * sh_rng_u01(&rng, 2), 90, 90, 90};
        sh_family family = sh_group_family(number[i]);
        if (family >= SH_TETRAGONAL) p[1] = 1;
        if (family == SH_CUBIC) p[2] = 1;
        if (family == SH_HEXAGONAL) p[5] = 120;
        if (family <= SH_MONOCLINIC) p[4] = 80 + 50 * sh_rng_u01(&rng, 3);
        if (family == SH_TRICLINIC) p[3] = 80 + 40 * sh_rng_u01(&rng, 4);
        for (int64_t k = 0; k < 3 * sites; k++) { /* half of the coordinates are special ones */
            uint32_t draw = 5 + 2 * (uint32_t)k;
            double u = sh_rng_u01(&rng, draw + 1);
            x[3 * sites * i + k] = sh_rng_u01(&rng, draw) < 0.5 ? floor(4 * u) / 4 : u;
        }
        for (int64_t k = 0; k < sites; k++)
            z[sites * i + k] = 3 + (int32_t)k;
        start[i + 1] = start[i] + sites;
        sh_crystals c;
        double scale = 8;
        for (int pass = 0; pass < 3; pass++) { /* the number of atoms depends a little on the size */
            double q[6] = {scale * p[0], scale * p[1], scale * p[2], p[3], p[4], p[5]};
            sh_lattice_matrix(q, lattice + 9 * i);
            sh_arena_reset(arena);
            sh_crystals_make(&ws, &tables, &(sh_descriptions){1, sites, number + i, lattice + 9 * i, (int64_t[]){0, sites}, z,
                                                        x + 3 * sites * i, NULL}, 0.3, &c);
            scale *= cbrt(15 * (double)c.n_atom / sh_lattice_volume(lattice + 9 * i));
        }
        if (c.n_atom <= MAX_ATOMS) i++;
    }
    sh_descriptions d = {n, n * sites, number, lattice, start, z, x, NULL};
    double make[ROUNDS], graph[2][ROUNDS];
    sh_crystals c;
    sh_graph g[2];
    for (int round = 0; round < ROUNDS; round++) {
        sh_arena_reset(arena);
        double t0 = omp_get_wtime();
        sh_crystals_make(&ws, &tables, &d, 0.3, &c);
        make[round] = omp_get_wtime() - t0;
        for (int k = 0; k < 2; k++) {
            t0 = omp_get_wtime();
            sh_graph_build(&ws, &c, &(sh_graph_opts){.cutoff = k ? 4 : 5}, &g[k]);
            graph[k][round] = omp_get_wtime() - t0;
        }
    }
    double edges[2] = {0, 0};
    for (int k = 0; k < 2; k++)
        for (int64_t e = 0; e < g[k].n_edge; e++)
            edges[k] += g[k].edge_count[e];
    printf("%lld crystals of %lld sites, %.1f atoms each, one core\n", (long long)n, (long long)sites,
           (double)c.n_atom / (double)n);
    report("sites to orbits", make, (double)n, 0);
    report("quotient graph, 5 A", graph[0], (double)n, (double)g[0].n_edge);
    report("quotient graph, 4 A", graph[1], (double)n, (double)g[1].n_edge);
    printf("edges before merging into classes: %.1f and %.1f a crystal\n", edges[0] / (double)n, edges[1] / (double)n);
    sh_free(number);
    sh_free(z);
    sh_free(start);
    sh_free(lattice);
    sh_free(x);
    sh_arena_destroy(&arena);
    sh_groups_destroy(&groups);
    return 0;
}
