/* bench_vendi.c -- the routes to a Vendi score, and the sums over pairs, on rows like fingerprints of structures (61 numbers, most of
 * them 0, in clusters of ten rows); on the ranks it is started with.
 *
 *     mpirun -n RANKS bench_vendi [ROWS] [ROUNDS] [NOISE]      default 2000 rows, 5 rounds, 0.001: how far rows of a cluster
 *                                                                 are apart, which decides the rank of the kernel matrix
 *
 * The answers are checked first, against the whole matrix by LAPACK on rank 0, which is the baseline; above 5,000 rows, where that takes
 * minutes, against the low-rank route. Each round times all routes one after the other; medians and quartiles over the rounds are
 * printed, and the baseline's time over each route's. */
#define _POSIX_C_SOURCE 200809L

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include <cblas.h>

#include "base/memory.h"
#include "base/rng.h"
#include "metrics/gram.h"
#include "metrics/node.h"
#include "metrics/pairs.h"
#include "metrics/vendi.h"
#include "timing.h"

enum { D = 61, FILLED = 8, CLUSTER = 10, MAX_ROUND = 100, MOST_WHOLE = 5000 };
static const sh_similarity GAUSSIAN = {SH_SIMILARITY_GAUSSIAN, 0.5}, COSINE = {SH_SIMILARITY_COSINE, 0};

typedef struct {
    const char *name;
    sh_vendi_route route;            /* SH_VENDI_AUTO: a sum over pairs */
    const sh_similarity *similarity; /* NULL: distances */
    double worst;                    /* relative difference to the baseline that is allowed; 0: it computes something else */
} entry;

static const entry ENTRIES[] = {{"Gaussian, whole matrix by LAPACK on rank 0", SH_VENDI_MATRIX, &GAUSSIAN, 1e-14},
                                {"Gaussian, whole matrix by ScaLAPACK", SH_VENDI_SPREAD, &GAUSSIAN, 1e-9},
                                {"Gaussian, pivoted Cholesky", SH_VENDI_LOW_RANK, &GAUSSIAN, 3e-5},
                                {"Gaussian, order 2 by pairs", SH_VENDI_AUTO, &GAUSSIAN, 1e-5},
                                {"cosine, moments", SH_VENDI_MOMENTS, &COSINE, 0},
                                {"mean distance by pairs", SH_VENDI_AUTO, NULL, 0}};
enum { N_ENTRY = sizeof ENTRIES / sizeof *ENTRIES, BASE = 0, BASE_LARGE = 2 };

static int64_t n_row = 2000;
static double noise = 1e-3;
static sh_comm *comm;
static sh_arena *arena;

static _Noreturn void fatal(const char *message)
{
    fprintf(stderr, "bench_vendi: %s\n", message);
    MPI_Abort(MPI_COMM_WORLD, 1);
    abort();
}

static void try(sh_status status)
{
    if (status != SH_OK) fatal(comm->rank ? "failed, see rank 0" : sh_error_message());
}

static void fill(double *row, int64_t i)
{
    const sh_rng cluster = {1, (uint64_t)(i / CLUSTER), 0}, own = {2, (uint64_t)i, 0};
    for (int c = 0; c < D; c++)
        row[c] = 0;
    for (int k = 0; k < FILLED; k++) {
        double where[2], normal[2];
        sh_rng_u01x2(&cluster, (uint32_t)k, where);
        sh_rng_normalx2(&own, (uint32_t)k, normal);
        row[(int)(where[0] * D)] = fabs(where[1] + noise * normal[0]);
    }
}

/* A score of order 1, or 2 where it comes by pairs; or a distance. */
static double evaluate(const entry *e, const sh_rows *rows, char *how, double *order_2)
{
    double value;
    how[0] = '\0';
    if (e->route == SH_VENDI_AUTO) {
        try(e->similarity ? sh_vendi_order_2(comm, rows, e->similarity, &value) : sh_mean_distance(comm, rows, &value));
        return value;
    }
    const sh_vendi_options options = {.similarity = *e->similarity, .route = e->route};
    sh_vendi v;
    sh_arena_reset(arena);
    try(sh_vendi_compute(comm, rows, &options, arena, &v));
    snprintf(how, sizeof v.how, "%s", v.how);
    if (order_2) *order_2 = v.order_2;
    return v.order_1;
}

static bool left_out(int e)
{
    sh_vendi_route route = ENTRIES[e].route;
    if (route == SH_VENDI_MATRIX) return n_row > MOST_WHOLE;
    return route == SH_VENDI_SPREAD && (n_row > MOST_WHOLE || !sh_gram_available());
}

static int baseline(void)
{
    return n_row > MOST_WHOLE ? BASE_LARGE : BASE;
}

static void check(const sh_rows *rows)
{
    char how[160];
    double order_2 = 0, order_1 = evaluate(&ENTRIES[baseline()], rows, how, &order_2);
    for (int e = 0; e < N_ENTRY; e++) {
        if (left_out(e)) continue;
        double value = evaluate(&ENTRIES[e], rows, how, NULL), wanted = ENTRIES[e].route == SH_VENDI_AUTO ? order_2 : order_1;
        if (comm->rank == 0) printf("%-45s %12.6f  %s\n", ENTRIES[e].name, value, how);
        if (ENTRIES[e].worst > 0 && !(fabs(value / wanted - 1) <= ENTRIES[e].worst)) fatal("a route differs from the baseline");
    }
}

int main(int argc, char **argv)
{
    static double seconds[N_ENTRY][MAX_ROUND];
    char how[160];
    if (sh_comm_create(&argc, &argv, &comm) != SH_OK) return 1;
    if (argc > 1) n_row = atol(argv[1]);
    int64_t n = n_row;
    int n_round = argc > 2 ? atoi(argv[2]) : 5;
    if (argc > 3) noise = atof(argv[3]);
    if (n < 1 || n_round < 1 || n_round > MAX_ROUND) fatal("bench_vendi [ROWS] [ROUNDS] [NOISE], 1 to 100 rounds");
    int64_t first = n * comm->rank / comm->size, own = n * (comm->rank + 1) / comm->size - first;
    double *x = SH_NEW(double, own * D);
    for (int64_t i = 0; i < own; i++)
        fill(x + i * D, first + i);
    const sh_rows rows = {x, own, D};
    arena = sh_arena_create(1 << 20);
    sh_threads before = sh_threads_share(comm); /* what the routes will have */
    sh_grid grid = sh_grid_choose(comm->size, n);
    if (comm->rank == 0)
        printf("%lld rows, %d rank(s) with %d BLAS thread(s); grid %d x %d, blocks of %d\n", (long long)n, comm->size,
               openblas_get_num_threads(), grid.rows, grid.cols, grid.block);
    sh_threads_restore(before);
    check(&rows);
    for (int r = 0; r < n_round; r++)
        for (int e = 0; e < N_ENTRY; e++) {
            if (left_out(e)) continue;
            MPI_Barrier(comm->all);
            double start = now();
            evaluate(&ENTRIES[e], &rows, how, NULL);
            MPI_Barrier(comm->all);
            seconds[e][r] = now() - start;
        }
    if (comm->rank == 0) printf("%-45s %9s  %-21s %s\n", "", "median s", "quartiles", "the baseline's time over it");
    for (int e = 0; e < N_ENTRY && comm->rank == 0; e++)
        if (!left_out(e))
            printf("%-45s %9.4f  %9.4f - %9.4f %8.1f\n", ENTRIES[e].name, quantile(seconds[e], n_round, 0.5),
                   quantile(seconds[e], n_round, 0.25), quantile(seconds[e], n_round, 0.75),
                   quantile(seconds[baseline()], n_round, 0.5) / quantile(seconds[e], n_round, 0.5));
    sh_free(x);
    sh_arena_destroy(&arena);
    sh_comm_destroy(&comm);
    return 0;
}
