/* bench_metrics.c -- what it costs to judge single crystals: verdict (distances, composition, bonds), space group, CrystalNN and Magpie
 * fingerprints, on real crystals.
 *
 *     bench_metrics [CRYSTALS] [ROUNDS]      CRYSTALS in the format of tests/data/efs_energies.txt, default crystals64.txt here
 *
 * The answer is checked first: every crystal has a verdict and a fingerprint, Voronoi cells fill it, and fingerprints made by all
 * threads together have the bits of those made by one. Medians over the rounds and their quartiles are printed, a structure. */
#define _POSIX_C_SOURCE 200809L

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>

#include "../tests/read_cells.h"
#include "cell.h"
#include "metrics/crystalnn.h"
#include "metrics/magpie.h"
#include "timing.h"

enum { MAX_ROUND = 1000 };

typedef enum { VERDICT, GROUP, CRYSTALNN, MAGPIE, N_PART } part;
static const char *const part_name[N_PART] = {"verdict", "space group", "CrystalNN", "Magpie"};

typedef struct {
    sh_tables *tables;
    sh_magpie_tables *magpie;
    sh_cell *cell;
    int n, n_atom;
    double *result; /* (n, SH_MAGPIE_SIZE) */
} bench;

static _Noreturn void fatal(const char *message)
{
    fprintf(stderr, "bench_metrics: %s\n", message);
    exit(1);
}

static void judge(const bench *b, part p, int i, sh_arena *arena)
{
    double *out = b->result + (int64_t)SH_MAGPIE_SIZE * i;
    const sh_cell *cell = &b->cell[i];
    sh_verdict v;
    int32_t z[SH_MAX_Z], n = 0;
    int64_t count[SH_MAX_Z];
    switch (p) {
    case VERDICT:
        sh_verdict_of(b->tables, cell, arena, &v);
        out[0] = v.bond_score;
        break;
    case GROUP:
        out[0] = sh_space_group_number(cell, 0.1);
        break;
    case CRYSTALNN:
        if (sh_crystalnn(b->tables, cell, arena, out) != SH_METRIC_OK) out[0] = NAN;
        break;
    default:
        for (int64_t a = 0; a < cell->n_atom; a++) {
            int32_t k = 0;
            while (k < n && z[k] != cell->z[a])
                k++;
            if (k == n) count[n++] = 0;
            z[k] = cell->z[a];
            count[k]++;
        }
        sh_magpie(b->magpie, n, z, count, out);
    }
}

static double time_part(const bench *b, part p, int threads)
{
    omp_set_num_threads(threads); /* for the loops inside too: in a team of one they would have teams of their own */
    double start = now();
#pragma omp parallel
    {
        sh_arena *arena = sh_arena_create(1 << 20);
#pragma omp for schedule(dynamic)
        for (int i = 0; i < b->n; i++)
            judge(b, p, i, arena);
        sh_arena_destroy(&arena);
    }
    return now() - start;
}

static void check(const bench *b)
{
    sh_arena *arena = sh_arena_create(1 << 20);
    size_t bytes = (size_t)b->n * SH_MAGPIE_SIZE * sizeof(double);
    double *alone = sh_alloc(bytes);
    for (int i = 0; i < b->n; i++) {
        bool all = true; /* sites without a neighbour that could count have no cell made */
        double volume = 0, whole = sh_lattice_volume(b->cell[i].lattice);
        for (int64_t site = 0; site < b->cell[i].n_atom; site++) {
            sh_crystalnn_site s;
            if (sh_crystalnn_site_of(b->tables, &b->cell[i], site, arena, &s) != SH_METRIC_OK)
                fatal("a site has no Voronoi cell");
            all = all && s.n_face > 0;
            for (int64_t f = 0; f < s.n_face; f++)
                volume += s.face[f].area * sqrt(s.around[s.face[f].neighbour].square) / 6;
        }
        if (all && !(fabs(volume - whole) < 1e-9 * whole)) fatal("Voronoi cells do not fill a crystal");
        sh_arena_reset(arena);
    }
    memset(b->result, 0, bytes);
    time_part(b, CRYSTALNN, 1);
    memcpy(alone, b->result, bytes);
    time_part(b, CRYSTALNN, omp_get_max_threads());
    if (memcmp(alone, b->result, bytes)) fatal("bits depend on threads");
    for (int i = 0; i < b->n; i++)
        if (isnan(alone[(int64_t)SH_MAGPIE_SIZE * i])) fatal("a crystal has no fingerprint");
    sh_free(alone);
    sh_arena_destroy(&arena);
}

int main(int argc, char **argv)
{
    int rounds = argc > 2 ? atoi(argv[2]) : 25, threads = omp_get_max_threads();
    double seconds[MAX_ROUND];
    bench b = {.n = 0};
    const char *tables = SH_SOURCE_DIR "/configs/tables";
    if (rounds < 1 || rounds > MAX_ROUND) fatal("ROUNDS must be from 1 to 1000");
    if (sh_tables_create(tables, SH_SOURCE_DIR "/configs/tables/bonds_mp.csv", &b.tables) != SH_OK ||
        sh_magpie_create(tables, &b.magpie) != SH_OK)
        fatal(sh_error_message());
    test_cell *cells = read_cells(argc > 1 ? argv[1] : SH_SOURCE_DIR "/benchmarks/crystals64.txt", &b.n);
    b.cell = SH_NEW(sh_cell, b.n);
    b.result = SH_NEW(double, (int64_t)SH_MAGPIE_SIZE * b.n);
    for (int i = 0; i < b.n; i++) {
        b.cell[i] = (sh_cell){.lattice = cells[i].lattice, .n_atom = cells[i].n, .z = cells[i].z, .frac = cells[i].frac};
        b.n_atom += cells[i].n;
    }
    check(&b);
    printf("%d crystals, %.1f atoms each; us a structure: median (quartiles) of %d rounds\n", b.n, (double)b.n_atom / b.n, rounds);
    for (int t = 1; t <= threads; t += threads > 1 ? threads - 1 : 1)
        for (part p = VERDICT; p < N_PART; p++) {
            for (int r = 0; r < rounds; r++)
                seconds[r] = time_part(&b, p, t);
            double unit = 1e6 / b.n, median = quantile(seconds, rounds, 0.5);
            printf("%-12s %2d thread(s) %9.2f (%.2f..%.2f), %.2f an atom, %.0f structures/s\n", part_name[p], t, unit * median,
                   unit * quantile(seconds, rounds, 0.25), unit * quantile(seconds, rounds, 0.75), 1e6 * median / b.n_atom,
                   b.n / median);
        }
    free_cells(cells, b.n);
    sh_free(b.cell);
    sh_free(b.result);
    sh_tables_destroy(&b.tables);
    sh_magpie_destroy(&b.magpie);
    return 0;
}
