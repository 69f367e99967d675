/* bench_match.c -- reducing, uniqueness and novelty of crystals as a run leaves them, and the hull.
 *
 *     bench_match [REFERENCE.h5] [N]        N 10,000
 *
 * Half of the crystals are copies of others, displaced by up to 0.03 Å, strained, in another order of atoms: as a generator
 * repeats itself. They are made of the 64 crystals of crystals64.txt in supercells of up to 24 atoms, and with a reference (`shaft
 * reference build`) of its crystals. Two sets: elements as they are, and all of one composition per size, where nearly every pair has
 * to be compared. Checks that copies are found, and that two runs give the same. */
#define _POSIX_C_SOURCE 200809L

#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../tests/read_cells.h"
#include "base/rng.h"
#include "crystal/lattice.h"
#include "io/reference.h"
#include "metrics/hull.h"
#include "metrics/sets.h"
#include "timing.h"

enum { MAX_ATOM = 24 };

typedef struct {
    double lattice[9], frac[3 * MAX_ATOM];
    int32_t z[MAX_ATOM];
    int n;
} small_cell;

static double uniform(uint32_t *draw)
{
    static const sh_rng rng = {.seed = 4};
    return sh_rng_u01(&rng, (*draw)++);
}

/* One crystal of the pool in a cell of as many copies as fit. */
static bool enlarge(const sh_cell *from, small_cell *to)
{
    if (from->n_atom > MAX_ATOM) return false;
    int copies = (int)(MAX_ATOM / from->n_atom);
    to->n = copies * (int)from->n_atom;
    for (int i = 0; i < 9; i++)
        to->lattice[i] = from->lattice[i] * (i < 3 ? copies : 1);
    for (int a = 0; a < to->n; a++) {
        const double *x = from->frac + 3 * (a / copies);
        to->z[a] = from->z[a / copies];
        to->frac[3 * a] = (x[0] + a % copies) / copies;
        to->frac[3 * a + 1] = x[1];
        to->frac[3 * a + 2] = x[2];
    }
    return true;
}

/* Every atom moved by up to `size` Å on each axis, the cell strained by a tenth of that, atoms in another order. */
static void disturb(const small_cell *from, double size, uint32_t *draw, small_cell *to)
{
    double inverse[9];
    *to = *from;
    for (int i = 0; i < 9; i++)
        to->lattice[i] *= 1 + 0.1 * size * (2 * uniform(draw) - 1);
    sh_lattice_invert(to->lattice, inverse);
    for (int a = 0; a < to->n; a++)
        for (int i = 0; i < 3; i++) {
            double d = size * (2 * uniform(draw) - 1);
            for (int k = 0; k < 3; k++)
                to->frac[3 * a + k] += d * inverse[3 * i + k];
        }
    for (int a = to->n - 1; a > 0; a--) {
        int b = (int)((a + 1) * uniform(draw));
        int32_t z = to->z[a];
        to->z[a] = to->z[b];
        to->z[b] = z;
        for (int k = 0; k < 3; k++) {
            double x = to->frac[3 * a + k];
            to->frac[3 * a + k] = to->frac[3 * b + k];
            to->frac[3 * b + k] = x;
        }
    }
}

/* N crystals: originals, every atom by up to 0.3 Å from one of the pool's, and after each a copy. */
static void make_crystals(const sh_cell *pool, int64_t n_pool, bool one_composition, int64_t n, small_cell *out)
{
    uint32_t draw = 0;
    for (int64_t i = 0; i < n; i += 2) {
        small_cell large;
        while (!enlarge(&pool[(int64_t)((double)n_pool * uniform(&draw))], &large))
            continue;
        if (one_composition)
            for (int a = 0; a < large.n; a++)
                large.z[a] = a % 3 ? 8 : 14;
        disturb(&large, 0.3, &draw, &out[i]);
        if (i + 1 < n) disturb(&out[i], 0.03, &draw, &out[i + 1]);
    }
}

static int compare_set(const char *what, const small_cell *crystals, int64_t n, const sh_crystal_set *reference)
{
    sh_cell *cells = SH_NEW(sh_cell, n);
    int64_t *same = SH_NEW(int64_t, n), *again = SH_NEW(int64_t, n), atoms = 0, pairs = 0, largest = 0, n_copy = 0;
    for (int64_t i = 0; i < n; i++) {
        cells[i] = (sh_cell){.lattice = crystals[i].lattice, .n_atom = crystals[i].n, .z = crystals[i].z, .frac = crystals[i].frac};
        atoms += crystals[i].n;
    }
    sh_crystal_store *store;
    double start = now();
    sh_crystal_store_create(cells, n, false, &store);
    double reduced = now();
    const sh_crystal_set *set = sh_crystal_store_set(store);
    int64_t n_unique = sh_sets_unique(set, &sh_match_default, NULL, NULL, same);
    double unique = now();
    for (int64_t b = 0; b < set->n_bucket; b++) {
        int64_t m = set->bucket_start[b + 1] - set->bucket_start[b];
        pairs += m * (m - 1) / 2;
        largest = m > largest ? m : largest;
    }
    for (int64_t i = 1; i < n; i += 2)
        n_copy += same[i] == same[i - 1];
    printf("%s: %lld crystals, %.1f atoms each, %lld buckets, the largest of %lld, %lld pairs in them\n", what, (long long)n,
           (double)atoms / (double)n, (long long)set->n_bucket, (long long)largest, (long long)pairs);
    printf("  reduced     %8.3f s   %10.0f crystals/s\n", reduced - start, (double)n / (reduced - start));
    printf("  unique      %8.3f s   %lld unique, %.1f %% of the copies found as such\n", unique - reduced, (long long)n_unique,
           100.0 * (double)n_copy / (double)(n / 2));
    if (reference) {
        int64_t n_new = sh_sets_novel(set, reference, &sh_match_default, NULL, NULL, NULL, again);
        printf("  novel       %8.3f s   %lld new\n", now() - unique, (long long)n_new);
    }
    sh_sets_unique(set, &sh_match_default, NULL, NULL, again);
    int failed = memcmp(same, again, (size_t)n * sizeof *same) != 0 || n_copy < n / 3;
    if (failed) printf("  WRONG: two runs differ, or copies are not found\n");
    sh_crystal_store_destroy(&store);
    sh_free(cells);
    sh_free(same);
    sh_free(again);
    return failed;
}

static void time_pairs(const sh_cell *cells, int64_t n)
{
    sh_arena *arena = sh_arena_create(1 << 20), *scratch = sh_arena_create(1 << 20);
    sh_reduced *r = SH_NEW(sh_reduced, n);
    double seconds[3][4096];
    const sh_match_opts *opts[] = {&sh_match_default, &sh_match_cdvae, &sh_match_authors};
    int n_pair = 0;
    for (int64_t i = 0; i < n; i++)
        sh_reduced_create(&cells[i], arena, &r[i]);
    for (int64_t i = 0; i < n && i < 4096; i++, n_pair++)
        for (int k = 0; k < 3; k++) {
            sh_match match;
            double start = now();
            sh_match_pair(&r[i], &r[i], opts[k], false, scratch, &match);
            seconds[k][i] = now() - start;
        }
    printf("a crystal with itself, %d of them, one thread, microseconds (median, 90 %%, 99 %%):\n", n_pair);
    for (int k = 0; k < 3; k++)
        printf("  tolerances %.1f %.1f %2.0f  %8.1f %8.1f %8.1f\n", opts[k]->ltol, opts[k]->stol, opts[k]->angle_tol,
               1e6 * quantile(seconds[k], n_pair, 0.5), 1e6 * quantile(seconds[k], n_pair, 0.9), 1e6 * quantile(seconds[k], n_pair, 0.99));
    sh_free(r);
    sh_arena_destroy(&arena);
    sh_arena_destroy(&scratch);
}

static int time_hull(const sh_reference *reference)
{
    sh_hull *hull;
    if (sh_hull_of_reference(reference, &hull) != SH_OK) return 0;
    sh_arena *scratch = sh_arena_create(1 << 20);
    int64_t n = sh_hull_size(hull), n_below = 0;
    double start = now();
    for (int64_t i = 0; i < n; i++) {
        sh_hull_result result;
        sh_hull_energy(hull, sh_hull_phase(hull, i), scratch, &result);
        n_below += !result.feasible || result.above < -1e-9;
    }
    printf("hull: %lld phases, each against all, %.1f microseconds each\n", (long long)n, 1e6 * (now() - start) / (double)n);
    if (n_below) printf("  WRONG: %lld are below their own hull\n", (long long)n_below);
    sh_arena_destroy(&scratch);
    sh_hull_destroy(&hull);
    return n_below > 0;
}

int main(int argc, char **argv)
{
    int64_t n = argc > 2 ? atoll(argv[2]) : 10000, n_pool;
    int n_read, failed = 0;
    test_cell *read = read_cells(SH_SOURCE_DIR "/benchmarks/crystals64.txt", &n_read);
    sh_reference reference;
    sh_crystal_store *known = NULL;
    sh_cell *pool;
    if (argc > 1) {
        if (sh_reference_read(argv[1], &reference) != SH_OK) {
            fprintf(stderr, "%s\n", sh_error_message());
            return 2;
        }
        pool = sh_reference_cells(&reference);
        n_pool = reference.n_structure;
        sh_crystal_store_create(pool, n_pool, true, &known);
    } else {
        sh_reference_start(&reference);
        pool = SH_NEW(sh_cell, n_read);
        n_pool = n_read;
        for (int i = 0; i < n_read; i++)
            pool[i] = (sh_cell){.lattice = read[i].lattice, .n_atom = read[i].n, .z = read[i].z, .frac = read[i].frac};
    }
    small_cell *crystals = sh_alloc((size_t)n * sizeof *crystals);
    printf("%d threads\n", omp_get_max_threads());
    time_pairs(pool, n_pool);
    for (int kind = 0; kind < 2; kind++) {
        make_crystals(pool, n_pool, kind == 1, n, crystals);
        failed |= compare_set(kind ? "one composition" : "elements as they are", crystals, n, known ? sh_crystal_store_set(known) : NULL);
    }
    failed |= time_hull(&reference);
    sh_crystal_store_destroy(&known);
    sh_reference_destroy(&reference);
    sh_free(pool);
    sh_free(crystals);
    free_cells(read, n_read);
    return failed;
}
