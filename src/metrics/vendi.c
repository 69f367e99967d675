#include "metrics/vendi.h"

#include <cblas.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "metrics/gram.h"
#include "metrics/low_rank.h"
#include "metrics/node.h"
#include "metrics/spectrum.h"

enum {
    SMALL = 1000, /* rows up to which the matrix on rank 0 costs no more than a tenth of a second */
    LARGEST = 46340 /* order of a matrix that LAPACK's integers can count */
};
static const double TOLERANCE = 1e-6;

typedef struct {
    sh_comm *comm;
    const sh_row_set *set;
    const sh_vendi_options *options;
    int64_t memory;
    sh_arena *arena;
    sh_vendi *out;
} task;

/* Eigenvalues of the sum over ranks of their columns' products, own (n,n), on all ranks. */
static sh_status spectrum_of_sum(task *t, double *own, int n)
{
    sh_comm *comm = t->comm;
    t->out->n_lambda = n;
    t->out->lambda = SH_PUSH_ZERO(t->arena, double, n);
    for (int i = 0; i < n; i++) { /* by rows: the count of all numbers may be more than an int */
        if (comm->size == 1) break;
        MPI_Reduce(comm->rank ? own + (int64_t)i * n : MPI_IN_PLACE, own + (int64_t)i * n, i + 1, MPI_DOUBLE, MPI_SUM, 0, comm->all);
    }
    SH_TRY(sh_comm_agree(comm, comm->rank ? SH_OK : sh_eigen_symmetric(own, n, false, t->out->lambda)));
    MPI_Bcast(t->out->lambda, n, MPI_DOUBLE, 0, comm->all);
    return SH_OK;
}

static sh_status by_moments(task *t)
{
    const sh_row_set *set = t->set;
    int d = set->d;
    double *own = SH_NEW(double, d * d);
    if (set->n) cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, d, (int)set->n, 1 / (double)set->n_all, set->x, d, 0, own, d);
    sh_status status = spectrum_of_sum(t, own, d);
    sh_free(own);
    snprintf(t->out->how, sizeof t->out->how, "exact, from moments of the fingerprints (%d x %d)", d, d);
    return status;
}

static int64_t whole_bytes(int64_t n)
{
    return n * n * (int64_t)sizeof(double);
}

/* Where a factor of low rank does not do: the whole matrix over the ranks, or on rank 0 where they are one or cannot. */
static sh_vendi_route whole_route(const task *t)
{
    return t->comm->size > 1 && sh_gram_available() ? SH_VENDI_SPREAD : SH_VENDI_MATRIX;
}

static bool whole_fits(const task *t)
{
    int64_t n = t->set->n_all;
    if (whole_route(t) == SH_VENDI_SPREAD) return sh_gram_bytes(t->comm->size, n) <= t->memory;
    return n <= LARGEST && whole_bytes(n) <= t->memory;
}

/* `complete` false: the factor outgrew `limit` columns or the memory. */
static sh_status by_low_rank(task *t, int64_t limit, bool *complete)
{
    const sh_row_set *set = t->set;
    double tolerance = t->options->tolerance > 0 ? t->options->tolerance : TOLERANCE;
    /* n columns of L, and columns^2 products at the end */
    double numbers = (double)t->memory / sizeof(double), most = (double)set->most;
    int64_t columns = (int64_t)((sqrt(most * most + 4 * numbers) - most) / 2);
    if (columns > LARGEST) columns = LARGEST;
    sh_low_rank f;
    sh_status status = SH_OK;
    sh_low_rank_create(t->comm, set, &t->options->similarity, tolerance, columns < limit ? columns : limit, &f);
    *complete = f.complete;
    if (f.complete) {
        int rank = (int)f.rank, n = (int)f.n;
        double *own = SH_NEW(double, f.rank * f.rank);
        if (n) cblas_dsyrk(CblasRowMajor, CblasLower, CblasNoTrans, rank, n, 1 / (double)set->n_all, f.l, n, 0, own, rank);
        status = spectrum_of_sum(t, own, rank);
        t->out->missing = f.missing;
        snprintf(t->out->how, sizeof t->out->how, "pivoted Cholesky, rank %d of %lld, %.1e of the trace left out", rank,
                 (long long)set->n_all, f.missing);
        sh_free(own);
    }
    sh_low_rank_release(&f);
    return status;
}

/* All rows on rank 0, in their order. */
static double *gather_rows(const sh_comm *comm, const sh_row_set *set)
{
    MPI_Datatype row;
    int *count = SH_NEW(int, 2 * comm->size), *at = count + comm->size;
    double *all = SH_NEW(double, comm->rank ? 0 : set->n_all * set->d);
    for (int r = 0; r < comm->size; r++) {
        count[r] = (int)(set->first[r + 1] - set->first[r]);
        at[r] = (int)set->first[r];
    }
    MPI_Type_contiguous(set->d, MPI_DOUBLE, &row);
    MPI_Type_commit(&row);
    MPI_Gatherv(set->x, (int)set->n, row, all, count, at, row, 0, comm->all);
    MPI_Type_free(&row);
    sh_free(count);
    return all;
}

static sh_status solve_whole(const double *x, int n, int d, const sh_similarity *similarity, double *lambda)
{
    double *k = SH_NEW(double, (int64_t)n * n), *square = SH_NEW(double, n);
    sh_squares(x, n, d, square);
    cblas_dsyrk(CblasRowMajor, CblasLower, CblasNoTrans, n, d, 1, x, d, 0, k, n);
#pragma omp parallel for schedule(dynamic, 16)
    for (int i = 0; i < n; i++) {
        double *row = k + (int64_t)i * n;
        sh_similarity_map(similarity, square[i], square, i, row);
        row[i] = 1;
        for (int j = 0; j <= i; j++)
            row[j] /= n;
    }
    sh_status status = sh_eigen_symmetric(k, n, false, lambda);
    sh_free(k);
    sh_free(square);
    return status;
}

static sh_status no_room(const task *t, int64_t bytes)
{
    return sh_error_hint(SH_FAIL(SH_EMEM, "the Vendi score of %lld rows needs %.1f GiB a rank this way, and a rank may take %.1f GiB",
                                 (long long)t->set->n_all, (double)bytes / (1 << 30), (double)t->memory / (1 << 30)),
                         "use more ranks%s, fewer rows or a larger sigma, or the score of order 2, which stores no matrix",
                         sh_gram_available() ? "" : " and a build with ScaLAPACK (Debian: libscalapack-openmpi-dev)");
}

static sh_status by_matrix(task *t)
{
    const sh_row_set *set = t->set;
    int64_t n = set->n_all;
    if (n > LARGEST || whole_bytes(n) > t->memory) return no_room(t, whole_bytes(n));
    t->out->n_lambda = n;
    t->out->lambda = SH_PUSH_ZERO(t->arena, double, n);
    double *all = gather_rows(t->comm, set);
    sh_status status = t->comm->rank ? SH_OK : solve_whole(all, (int)n, set->d, &t->options->similarity, t->out->lambda);
    sh_free(all);
    SH_TRY(sh_comm_agree(t->comm, status));
    MPI_Bcast(t->out->lambda, (int)n, MPI_DOUBLE, 0, t->comm->all);
    snprintf(t->out->how, sizeof t->out->how, "exact, from the whole kernel matrix (%lld x %lld) by LAPACK", (long long)n, (long long)n);
    return SH_OK;
}

static sh_status by_spread(task *t)
{
    int64_t n = t->set->n_all;
    int size = t->comm->size;
    if (sh_gram_available() && sh_gram_bytes(size, n) > t->memory) return no_room(t, sh_gram_bytes(size, n));
    sh_grid grid = sh_grid_choose(size, n);
    t->out->n_lambda = n;
    t->out->lambda = SH_PUSH_ZERO(t->arena, double, n);
    SH_TRY(sh_gram_spectrum(t->comm, t->set, &t->options->similarity, t->out->lambda));
    snprintf(t->out->how, sizeof t->out->how, "exact, from the whole kernel matrix (%lld x %lld) by ScaLAPACK on %d x %d ranks",
             (long long)n, (long long)n, grid.rows, grid.cols);
    return SH_OK;
}

static sh_status take_route(task *t, sh_vendi_route route)
{
    bool complete = true, given = route != SH_VENDI_AUTO;
    if (!given) {
        bool cosine = t->options->similarity.kind == SH_SIMILARITY_COSINE;
        route = cosine ? SH_VENDI_MOMENTS : t->set->n_all <= SMALL ? SH_VENDI_MATRIX : SH_VENDI_LOW_RANK;
    }
    if (route == SH_VENDI_LOW_RANK) {
        bool other_way = !given && whole_fits(t); /* which is the quicker one from half of the rows on */
        SH_TRY(by_low_rank(t, other_way ? t->set->n_all / 2 : t->set->n_all, &complete));
        if (!complete && given) return no_room(t, t->memory);
        if (!complete) route = whole_route(t);
    }
    t->out->route = route;
    if (route == SH_VENDI_MOMENTS) return by_moments(t);
    if (route == SH_VENDI_MATRIX) return by_matrix(t);
    if (route == SH_VENDI_SPREAD) return by_spread(t);
    return SH_OK;
}

static sh_status check(const sh_vendi_options *o)
{
    bool gaussian = o->similarity.kind == SH_SIMILARITY_GAUSSIAN;
    if (gaussian && !(o->similarity.sigma > 0 && isfinite(o->similarity.sigma)))
        return SH_FAIL(SH_EINPUT, "the width of a Gaussian similarity is %g, which is not above 0", o->similarity.sigma);
    if (gaussian && o->route == SH_VENDI_MOMENTS)
        return sh_error_hint(SH_FAIL(SH_EINPUT, "a Gaussian similarity has no matrix of moments"), "leave the route open");
    return SH_OK;
}

sh_status sh_vendi_compute(sh_comm *comm, const sh_rows *rows, const sh_vendi_options *options, sh_arena *arena, sh_vendi *out)
{
    sh_row_set set;
    *out = (sh_vendi){0};
    SH_TRY(sh_comm_agree(comm, check(options)));
    SH_TRY(sh_row_set_create(comm, rows, sh_similarity_form(&options->similarity), &set));
    task t = {comm, &set, options, options->memory > 0 ? options->memory : sh_memory_share(comm), arena, out};
    sh_threads before = sh_threads_share(comm);
    out->n = set.n_all;
    out->n_left_out = set.n_left_out;
    sh_status status = set.n_all ? take_route(&t, options->route) : SH_OK;
    sh_threads_restore(before);
    sh_row_set_release(&set);
    if (status == SH_OK && out->n) status = sh_spectrum_check(out->lambda, out->n_lambda, 1 - out->missing);
    if (status != SH_OK) return sh_comm_agree(comm, status); /* all ranks have it */
    out->order_1 = sh_vendi_score(out->lambda, out->n_lambda, 1);
    out->order_2 = sh_vendi_score(out->lambda, out->n_lambda, 2);
    out->order_inf = sh_vendi_score(out->lambda, out->n_lambda, INFINITY);
    return SH_OK;
}
