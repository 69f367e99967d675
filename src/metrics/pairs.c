#include "metrics/pairs.h"

#include <cblas.h>
#include <limits.h>
#include <math.h>
#include <omp.h>
#include <string.h>

#include "base/memory.h"
#include "metrics/node.h"

enum { TILE = 256 }; /* rows on either side of what a thread has in hand: half a megabyte of scalar products */

/* Squared distances below this part of |x_i|^2 + |x_j|^2 have lost too many digits as a difference, and are computed again. */
static const double NEAR = 1e-6;

typedef struct {
    const double *x, *square; /* (n,d), (n) */
    int64_t n;
} block;

/* What is added up over pairs; NULL: distances. */
typedef const sh_similarity *summand;

static double distance_again(const double *x, const double *y, int d)
{
    double sum = 0;
    for (int c = 0; c < d; c++)
        sum += (x[c] - y[c]) * (x[c] - y[c]);
    return sqrt(sum);
}

/* Of row i with rows j .. j + n - 1 of b, from their scalar products. */
static double sum_of_distances(const block *a, int64_t i, const block *b, int64_t j, int64_t n, int d, const double *dot)
{
    const double *square = b->square + j, own = a->square[i];
    double sum = 0;
    int64_t n_near = 0;
#pragma omp simd reduction(+ : sum, n_near)
    for (int64_t k = 0; k < n; k++) {
        double d2 = own + square[k] - 2 * dot[k], limit = NEAR * (own + square[k]);
        bool near = d2 <= limit;
        n_near += near;
        sum += near ? 0 : sqrt(d2);
    }
    for (int64_t k = 0; n_near && k < n; k++)
        if (own + square[k] - 2 * dot[k] <= NEAR * (own + square[k]))
            sum += distance_again(a->x + i * d, b->x + (j + k) * d, d);
    return sum;
}

static double sum_of_squares(summand what, const block *a, int64_t i, const block *b, int64_t j, int64_t n, double *dot)
{
    double sum = 0;
    sh_similarity_map(what, a->square[i], b->square + j, n, dot);
    for (int64_t k = 0; k < n; k++)
        sum += dot[k] * dot[k];
    return sum;
}

/* Rows from i of a with rows from j of b, a tile; where the blocks are one, only pairs with i < j. dot: TILE * TILE numbers. */
static double tile_sum(summand what, const block *a, int64_t i, const block *b, int64_t j, int d, double *dot)
{
    int64_t rows = a->n - i < TILE ? a->n - i : TILE, cols = b->n - j < TILE ? b->n - j : TILE;
    sh_exact_sum sum = {0};
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (int)rows, (int)cols, d, 1, a->x + i * d, d, b->x + j * d, d, 0, dot, TILE);
    for (int64_t r = 0; r < rows; r++) {
        int64_t skip = a == b && i == j ? r + 1 : 0;
        double *of_row = dot + r * TILE + skip;
        if (skip >= cols) break;
        if (what)
            sh_exact_add(&sum, sum_of_squares(what, a, i + r, b, j + skip, cols - skip, of_row));
        else
            sh_exact_add(&sum, sum_of_distances(a, i + r, b, j + skip, cols - skip, d, of_row));
    }
    return sum.sum + sum.lost;
}

/* Tiles are added in their order, so that the bits do not depend on the threads. */
static void block_sum(summand what, const block *a, const block *b, int d, sh_exact_sum *total)
{
    int64_t n_row = (a->n + TILE - 1) / TILE, n_col = (b->n + TILE - 1) / TILE, n = n_row * n_col;
    double *sums = SH_NEW(double, n), *room = SH_NEW(double, (int64_t)omp_get_max_threads() * TILE * TILE);
#pragma omp parallel for schedule(dynamic, 1)
    for (int64_t t = 0; t < n; t++) {
        int64_t i = t / n_col * TILE, j = t % n_col * TILE;
        if (a == b && j < i) continue;
        sums[t] = tile_sum(what, a, i, b, j, d, room + (int64_t)omp_get_thread_num() * TILE * TILE);
    }
    for (int64_t t = 0; t < n; t++)
        sh_exact_add(total, sums[t]);
    sh_free(sums);
    sh_free(room);
}

static block rows_from(const block *b, int64_t first, int64_t n, int d)
{
    return (block){b->x + first * d, b->square + first, n};
}

/* In step s this rank has the block of rank + s. Steps up to half of the ranks bring all pairs together; with an even number the last
 * step has each pair of blocks on both ranks: the higher one's rows are cut in two, the lower rank takes the first half of them. */
static double ring_sum(const sh_comm *comm, const sh_row_set *set, summand what)
{
    int size = comm->size, half = size / 2, to = (comm->rank + size - 1) % size, from = (comm->rank + 1) % size;
    int64_t most = set->most * set->d;
    SH_ASSERT(most <= INT_MAX);
    double *now = SH_NEW(double, most), *next = SH_NEW(double, most), *square = SH_NEW(double, set->most);
    const block own = {set->x, set->square, set->n};
    sh_exact_sum sum = {0};
    memcpy(now, set->x, (size_t)(set->n * set->d) * sizeof *now);
    for (int s = 0; s <= half; s++) {
        int source = (comm->rank + s) % size;
        MPI_Request request[2] = {MPI_REQUEST_NULL, MPI_REQUEST_NULL};
        int64_t n = set->first[source + 1] - set->first[source];
        block mine = own;
        if (s < half) {
            MPI_Irecv(next, (int)most, MPI_DOUBLE, from, 0, comm->all, &request[0]);
            MPI_Isend(now, (int)(n * set->d), MPI_DOUBLE, to, 0, comm->all, &request[1]);
        }
        block other = {now, square, n};
        sh_squares(now, n, set->d, square);
        if (2 * s == size && comm->rank < source)
            other = rows_from(&other, 0, n / 2, set->d);
        else if (2 * s == size)
            mine = rows_from(&own, own.n / 2, own.n - own.n / 2, set->d);
        block_sum(what, &mine, s ? &other : &mine, set->d, &sum);
        MPI_Waitall(2, request, MPI_STATUSES_IGNORE);
        double *swap = now;
        now = next;
        next = swap;
    }
    sh_free(now);
    sh_free(next);
    sh_free(square);
    return sh_exact_total(comm, sum);
}

static sh_status pair_sum(sh_comm *comm, const sh_rows *rows, summand what, int64_t *n, double *sum)
{
    sh_row_set set;
    SH_TRY(sh_row_set_create(comm, rows, what ? sh_similarity_form(what) : SH_ROWS_CENTRED, &set));
    sh_threads before = sh_threads_share(comm);
    *sum = ring_sum(comm, &set, what);
    *n = set.n_all;
    sh_threads_restore(before);
    sh_row_set_release(&set);
    return SH_OK;
}

sh_status sh_mean_distance(sh_comm *comm, const sh_rows *rows, double *out)
{
    int64_t n = 0;
    double sum = 0;
    SH_TRY(pair_sum(comm, rows, NULL, &n, &sum));
    *out = n < 2 ? 0 : 2 * sum / ((double)n * (double)(n - 1));
    return SH_OK;
}

sh_status sh_vendi_order_2(sh_comm *comm, const sh_rows *rows, const sh_similarity *similarity, double *out)
{
    int64_t n = 0;
    double sum = 0;
    SH_TRY(pair_sum(comm, rows, similarity, &n, &sum));
    *out = n ? (double)n * (double)n / ((double)n + 2 * sum) : 0;
    return SH_OK;
}
