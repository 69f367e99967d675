#include "metrics/low_rank.h"

#include <cblas.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* Pivots are taken by the block, so that the work is products of matrices: the rows of the BLOCK largest residuals are candidates, are
 * eliminated among themselves, and those whose residual falls below SHARE of what other rows have are left for a later block. With
 * SHARE 1 the pivots would be nearly those of one at a time; less makes blocks fuller for a little higher rank. */
enum { BLOCK = 64 };
static const double SHARE = 0.5;
static const double ROUNDING = 1e-13; /* residuals below are nothing but rounding: a pivot must not be one */

typedef struct {
    double residual;
    int64_t row; /* among all */
} candidate;

typedef struct {
    const sh_comm *comm;
    const sh_row_set *set;
    const sh_similarity *similarity;
    sh_low_rank *f;
    int64_t capacity; /* columns of l */
    double *residual; /* (n) diagonal of K - L L^T */
    /* candidates, the same on all ranks */
    candidate *all; /* (ranks * BLOCK) */
    int n;
    double *x, *square, *l; /* (n,d), (n), (n,rank) their rows */
    double *s;              /* (n,n) their block of K - L L^T */
} factorisation;

static int before(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    if (x->residual != y->residual) return x->residual > y->residual ? -1 : 1;
    return (x->row > y->row) - (x->row < y->row);
}

/* The largest residuals of this rank, sorted; fewer than BLOCK are filled up with residuals of -1. */
static void own_candidates(const factorisation *w, candidate *best)
{
    int n = 0;
    for (int64_t i = 0; i < w->f->n; i++) {
        candidate c = {w->residual[i], w->set->first[w->comm->rank] + i};
        if (n == BLOCK && before(&best[n - 1], &c) < 0) continue;
        int at = n < BLOCK ? n++ : n - 1;
        for (; at > 0 && before(&c, &best[at - 1]) < 0; at--)
            best[at] = best[at - 1];
        best[at] = c;
    }
    for (; n < BLOCK; n++)
        best[n] = (candidate){-1, 0};
}

/* Chooses candidates and gives all ranks their rows. Every number comes from one rank, the others add 0 to it. */
static void share_candidates(factorisation *w)
{
    const sh_row_set *set = w->set;
    int64_t rank = w->f->rank, first = set->first[w->comm->rank];
    candidate best[BLOCK];
    own_candidates(w, best);
    MPI_Allgather(best, (int)sizeof best, MPI_BYTE, w->all, (int)sizeof best, MPI_BYTE, w->comm->all);
    qsort(w->all, (size_t)w->comm->size * BLOCK, sizeof *w->all, before);
    for (w->n = 0; w->n < BLOCK && w->all[w->n].residual > ROUNDING; w->n++)
        ;
    memset(w->x, 0, (size_t)(w->n * set->d) * sizeof *w->x);
    memset(w->l, 0, (size_t)(w->n * rank) * sizeof *w->l);
    for (int c = 0; c < w->n; c++) {
        int64_t i = w->all[c].row - first;
        if (i < 0 || i >= set->n) continue;
        memcpy(w->x + c * set->d, set->x + i * set->d, (size_t)set->d * sizeof *w->x);
        for (int64_t k = 0; k < rank; k++)
            w->l[c * rank + k] = w->f->l[k * set->n + i];
    }
    if (w->comm->size > 1) {
        MPI_Allreduce(MPI_IN_PLACE, w->x, w->n * set->d, MPI_DOUBLE, MPI_SUM, w->comm->all);
        MPI_Allreduce(MPI_IN_PLACE, w->l, (int)(w->n * rank), MPI_DOUBLE, MPI_SUM, w->comm->all);
    }
    sh_squares(w->x, w->n, set->d, w->square);
}

/* Eliminates the candidates among themselves. Those taken come first, in the order of elimination, their rows too; s holds the lower
 * triangle of their factor. Returns how many. */
static int eliminate(factorisation *w)
{
    int n = w->n, d = w->set->d, rank = (int)w->f->rank, taken = 0;
    double others = n == BLOCK ? w->all[n - 1].residual : 0, *s = w->s;
    cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n, n, d, 1, w->x, d, w->x, d, 0, s, n);
    for (int i = 0; i < n; i++)
        sh_similarity_map(w->similarity, w->square[i], w->square, n, s + i * n);
    if (rank) cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, n, n, rank, -1, w->l, rank, w->l, rank, 1, s, n);
    for (; taken < n; taken++) {
        int pivot = taken;
        for (int i = taken + 1; i < n; i++)
            if (s[i * n + i] > s[pivot * n + pivot]) pivot = i;
        double largest = s[pivot * n + pivot];
        if (taken && (largest < SHARE * others || largest <= ROUNDING)) break;
        if (pivot != taken) {
            cblas_dswap(n, s + taken * n, 1, s + pivot * n, 1);
            cblas_dswap(n, s + taken, n, s + pivot, n);
            cblas_dswap(d, w->x + taken * d, 1, w->x + pivot * d, 1);
            cblas_dswap(rank, w->l + (int64_t)taken * rank, 1, w->l + (int64_t)pivot * rank, 1);
            candidate swap = w->all[taken];
            w->all[taken] = w->all[pivot];
            w->all[pivot] = swap;
        }
        double root = sqrt(largest);
        s[taken * n + taken] = root;
        for (int i = taken + 1; i < n; i++)
            s[i * n + taken] /= root;
        for (int i = taken + 1; i < n; i++)
            for (int j = taken + 1; j < n; j++)
                s[i * n + j] -= s[i * n + taken] * s[j * n + taken];
    }
    return taken;
}

/* On rank 0, for all: bits of products depend on the number of threads and the processor, and pivots must not differ. */
static int eliminate_once(factorisation *w)
{
    int taken = w->comm->rank ? 0 : eliminate(w);
    MPI_Comm all = w->comm->all;
    if (w->comm->size > 1) {
        MPI_Bcast(&taken, 1, MPI_INT, 0, all);
        MPI_Bcast(w->all, taken * (int)sizeof *w->all, MPI_BYTE, 0, all);
        MPI_Bcast(w->s, taken * w->n, MPI_DOUBLE, 0, all);
        MPI_Bcast(w->x, taken * w->set->d, MPI_DOUBLE, 0, all);
        MPI_Bcast(w->l, (int)(taken * w->f->rank), MPI_DOUBLE, 0, all);
    }
    sh_squares(w->x, taken, w->set->d, w->square);
    return taken;
}

static void reserve(factorisation *w, int64_t columns)
{
    if (columns <= w->capacity) return;
    w->capacity = columns > w->capacity * 3 / 2 ? columns : w->capacity * 3 / 2;
    w->f->l = sh_realloc(w->f->l, (size_t)(w->capacity * w->f->n) * sizeof *w->f->l);
    w->l = sh_realloc(w->l, (size_t)(BLOCK * w->capacity) * sizeof *w->l);
}

/* The columns of L of the pivots taken: K - L L^T at them, divided by their factor. */
static void append(factorisation *w, int taken)
{
    const sh_row_set *set = w->set;
    int n = (int)set->n, d = set->d, rank = (int)w->f->rank;
    double *old = w->f->l, *columns = old + w->f->rank * set->n;
    if (n) {
        cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasTrans, taken, n, d, 1, w->x, d, set->x, d, 0, columns, n);
#pragma omp parallel for schedule(static)
        for (int c = 0; c < taken; c++)
            sh_similarity_map(w->similarity, w->square[c], set->square, set->n, columns + c * set->n);
        if (rank) cblas_dgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, taken, n, rank, -1, w->l, rank, old, n, 1, columns, n);
        cblas_dtrsm(CblasRowMajor, CblasLeft, CblasLower, CblasNoTrans, CblasNonUnit, taken, n, 1, w->s, w->n, columns, n);
    }
    for (int c = 0; c < taken; c++)
        for (int i = 0; i < n; i++)
            w->residual[i] -= columns[c * set->n + i] * columns[c * set->n + i];
    for (int i = 0; i < n; i++)
        w->residual[i] = fmax(w->residual[i], 0);
    for (int c = 0; c < taken; c++) {
        int64_t i = w->all[c].row - set->first[w->comm->rank];
        if (i >= 0 && i < n) w->residual[i] = 0;
    }
    w->f->rank += taken;
}

static double missing(const factorisation *w)
{
    sh_exact_sum sum = {0};
    for (int64_t i = 0; i < w->f->n; i++)
        sh_exact_add(&sum, w->residual[i]);
    return sh_exact_total(w->comm, sum) / (double)w->set->n_all;
}

void sh_low_rank_create(const sh_comm *comm, const sh_row_set *set, const sh_similarity *similarity, double tolerance, int64_t most,
                        sh_low_rank *out)
{
    *out = (sh_low_rank){.n = set->n, .complete = true, .l = SH_NEW(double, 0)};
    if (set->n_all == 0) return;
    SH_ASSERT(set->most <= INT_MAX);
    factorisation w = {.comm = comm, .set = set, .similarity = similarity, .f = out};
    w.residual = SH_NEW(double, set->n);
    w.all = SH_NEW(candidate, comm->size * BLOCK);
    w.x = SH_NEW(double, BLOCK * set->d);
    w.square = SH_NEW(double, BLOCK);
    w.s = SH_NEW(double, BLOCK * BLOCK);
    for (int64_t i = 0; i < set->n; i++)
        w.residual[i] = 1;
    while ((out->missing = missing(&w)) > tolerance) {
        out->complete = out->rank < most; /* a block may go beyond */
        if (!out->complete) break;
        reserve(&w, out->rank + BLOCK);
        share_candidates(&w);
        if (w.n == 0) break;
        append(&w, eliminate_once(&w));
    }
    sh_free(w.residual);
    sh_free(w.all);
    sh_free(w.x);
    sh_free(w.square);
    sh_free(w.l);
    sh_free(w.s);
}

void sh_low_rank_release(sh_low_rank *factor)
{
    sh_free(factor->l);
    *factor = (sh_low_rank){0};
}
