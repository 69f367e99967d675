#include "metrics/gram.h"

#include <limits.h>
#include <stddef.h>
#include <string.h>

#include "base/memory.h"

enum { BLOCK = 64, WIDEST = 3 };

sh_grid sh_grid_choose(int ranks, int64_t n)
{
    sh_grid best = {1, 1, BLOCK};
    for (int rows = 1; rows * rows <= ranks; rows++) {
        int cols = ranks / rows < WIDEST * rows ? ranks / rows : WIDEST * rows;
        if (rows * cols >= best.rows * best.cols) best = (sh_grid){rows, cols, BLOCK}; /* of equal ones the later, more square one */
    }
    int64_t two_each = n / (2 * best.cols);
    if (two_each < BLOCK) best.block = two_each > 1 ? (int)two_each : 1;
    return best;
}

/* Of n rows in blocks, those of place `index` among `places`: ScaLAPACK's numroc. */
static int64_t part_of(int64_t n, int block, int index, int places)
{
    int64_t blocks = n / block, part = blocks / places * block, more = blocks % places;
    return part + (index < more ? block : index == more ? n % block : 0);
}

int64_t sh_gram_bytes(int ranks, int64_t n)
{
    sh_grid grid = sh_grid_choose(ranks, n);
    int64_t rows = part_of(n, grid.block, 0, grid.rows), cols = part_of(n, grid.block, 0, grid.cols);
    return (rows * cols + 3 * (rows + cols) * grid.block + 8 * n) * (int64_t)sizeof(double);
}

#ifdef SH_SCALAPACK

/* ScaLAPACK has no header for C. Fortran's texts bring their lengths last. */
int Csys2blacs_handle(MPI_Comm comm);
void Cfree_blacs_system_handle(int handle);
void Cblacs_gridinit(int *context, const char *order, int rows, int cols);
void Cblacs_gridinfo(int context, int *rows, int *cols, int *row, int *col);
void Cblacs_gridexit(int context);
void descinit_(int *descriptor, const int *m, const int *n, const int *row_block, const int *col_block, const int *row_source,
               const int *col_source, const int *context, const int *lld, int *info);
void pdsyrk_(const char *triangle, const char *transposed, const int *n, const int *k, const double *alpha, const double *a,
             const int *ia, const int *ja, const int *of_a, const double *beta, double *c, const int *ic, const int *jc,
             const int *of_c);
void pdsyev_(const char *job, const char *triangle, const int *n, double *a, const int *ia, const int *ja, const int *of_a,
             double *lambda, double *z, const int *iz, const int *jz, const int *of_z, double *work, const int *n_work, int *info,
             size_t job_length, size_t triangle_length);

enum { DESCRIPTOR = 9 };
static const int ONE = 1, ZERO = 0;

typedef struct {
    sh_grid grid;
    int handle, context;   /* of BLACS; context -1 on a rank that is not in the grid */
    int row, col;          /* in the grid, -1 */
    int feature_block;     /* features are cut into one block a row of the grid */
    int64_t rows, cols;    /* of the matrix, here */
    int64_t features;      /* of the fingerprints, here */
    double *x;             /* (cols,features) fingerprints */
    double *k;             /* (cols,rows): columns of the matrix one after the other */
    double *square;        /* (n_all) of all fingerprints */
} gram;

bool sh_gram_available(void)
{
    return true;
}

static void open_grid(gram *g, const sh_comm *comm, const sh_row_set *set)
{
    int rows, cols;
    g->grid = sh_grid_choose(comm->size, set->n_all);
    g->handle = g->context = Csys2blacs_handle(comm->all);
    Cblacs_gridinit(&g->context, "Row", g->grid.rows, g->grid.cols); /* collective; ranks that are left over get -1 */
    g->row = g->col = -1;
    if (g->context >= 0) Cblacs_gridinfo(g->context, &rows, &cols, &g->row, &g->col);
    g->feature_block = (set->d + g->grid.rows - 1) / g->grid.rows;
    if (g->row < 0) return;
    g->rows = part_of(set->n_all, g->grid.block, g->row, g->grid.rows);
    g->cols = part_of(set->n_all, g->grid.block, g->col, g->grid.cols);
    g->features = part_of(set->d, g->feature_block, g->row, g->grid.rows);
}

static void close_grid(gram *g)
{
    if (g->context >= 0) Cblacs_gridexit(g->context);
    Cfree_blacs_system_handle(g->handle);
    sh_free(g->x);
    sh_free(g->k);
    sh_free(g->square);
}

/* Fingerprints go to the rank whose column of the grid has their column of the matrix, in blocks of features. What arrives is in the order
 * of the ranks that had it, which is that of the rows: it lies as ScaLAPACK wants it, without sorting. */
static void distribute_rows(gram *g, const sh_comm *comm, const sh_row_set *set)
{
    int size = comm->size, n_grid = g->grid.rows * g->grid.cols;
    int *counts = SH_NEW(int, 4 * size), *at = counts + size, *in = at + size, *in_at = in + size;
    int64_t first = set->first[comm->rank], filled = 0, received = 0;
    double *out = SH_NEW(double, set->n * set->d);
    for (int to = 0; to < n_grid; to++) {
        int row = to / g->grid.cols, col = to % g->grid.cols, from = row * g->feature_block;
        int64_t features = part_of(set->d, g->feature_block, row, g->grid.rows);
        at[to] = (int)filled;
        for (int64_t i = 0; features && i < set->n; i++) {
            if ((first + i) / g->grid.block % g->grid.cols != col) continue;
            memcpy(out + filled, set->x + i * set->d + from, (size_t)features * sizeof *out);
            filled += features;
        }
        counts[to] = (int)filled - at[to];
    }
    MPI_Alltoall(counts, 1, MPI_INT, in, 1, MPI_INT, comm->all);
    for (int r = 0; r < size; r++) {
        in_at[r] = (int)received;
        received += in[r];
    }
    SH_ASSERT(received == g->cols * g->features);
    g->x = SH_NEW(double, received);
    MPI_Alltoallv(out, counts, at, MPI_DOUBLE, g->x, in, in_at, MPI_DOUBLE, comm->all);
    for (int r = 0; r < size; r++) {
        in[r] = (int)(set->first[r + 1] - set->first[r]);
        in_at[r] = (int)set->first[r];
    }
    g->square = SH_NEW(double, set->n_all);
    MPI_Allgatherv(set->square, (int)set->n, MPI_DOUBLE, g->square, in, in_at, MPI_DOUBLE, comm->all);
    sh_free(out);
    sh_free(counts);
}

static sh_status describe(const gram *g, int m, int row_block, int n, int64_t rows, int *descriptor)
{
    int lld = rows > 1 ? (int)rows : 1, info = 0;
    descinit_(descriptor, &m, &n, &row_block, &g->grid.block, &ZERO, &ZERO, &g->context, &lld, &info);
    return info ? SH_FAIL(SH_ELIB, "ScaLAPACK's descinit refuses a matrix of %d x %d (info %d)", m, n, info) : SH_OK;
}

static int64_t to_global(int64_t local, int block, int index, int places)
{
    return (local / block * places + index) * block + local % block;
}

/* The lower triangle of scalar products becomes that of K / n. */
static void apply_similarity(gram *g, const sh_similarity *similarity, int64_t n)
{
    double *square = SH_NEW(double, g->rows);
    for (int64_t i = 0; i < g->rows; i++)
        square[i] = g->square[to_global(i, g->grid.block, g->row, g->grid.rows)];
#pragma omp parallel for schedule(dynamic, 16)
    for (int64_t j = 0; j < g->cols; j++) {
        int64_t column = to_global(j, g->grid.block, g->col, g->grid.cols);
        int64_t top = part_of(column, g->grid.block, g->row, g->grid.rows); /* rows here above the diagonal */
        double *k = g->k + j * g->rows;
        sh_similarity_map(similarity, g->square[column], square + top, g->rows - top, k + top);
        if (top < g->rows && to_global(top, g->grid.block, g->row, g->grid.rows) == column) k[top] = 1;
        for (int64_t i = top; i < g->rows; i++)
            k[i] /= (double)n;
    }
    sh_free(square);
}

static sh_status solve(gram *g, const sh_row_set *set, const sh_similarity *similarity, double *lambda)
{
    int n = (int)set->n_all, d = set->d, of_x[DESCRIPTOR], of_k[DESCRIPTOR], info = 0, n_work = -1;
    const double one = 1, zero = 0;
    double best = 0;
    SH_TRY(describe(g, d, g->feature_block, n, g->features, of_x));
    SH_TRY(describe(g, n, g->grid.block, n, g->rows, of_k));
    g->k = SH_NEW(double, g->rows * g->cols);
    pdsyrk_("L", "T", &n, &d, &one, g->x, &ONE, &ONE, of_x, &zero, g->k, &ONE, &ONE, of_k);
    apply_similarity(g, similarity, set->n_all);
    pdsyev_("N", "L", &n, g->k, &ONE, &ONE, of_k, lambda, NULL, &ONE, &ONE, of_k, &best, &n_work, &info, 1, 1);
    if (info == 0) {
        n_work = (int)best + n; /* what it asks for is a little short in some versions */
        double *work = SH_NEW(double, n_work);
        pdsyev_("N", "L", &n, g->k, &ONE, &ONE, of_k, lambda, NULL, &ONE, &ONE, of_k, work, &n_work, &info, 1, 1);
        sh_free(work);
    }
    if (info == n + 1) return SH_FAIL(SH_ELIB, "ranks of a grid of %d x %d found different eigenvalues", g->grid.rows, g->grid.cols);
    if (info) return SH_FAIL(SH_ELIB, "ScaLAPACK's pdsyev found no eigenvalues of a matrix of order %d (info %d)", n, info);
    return SH_OK;
}

sh_status sh_gram_spectrum(sh_comm *comm, const sh_row_set *set, const sh_similarity *similarity, double *lambda)
{
    gram g = {0};
    if (set->n_all == 0) return SH_OK;
    int64_t numbers = sh_gram_bytes(comm->size, set->n_all) / (int64_t)sizeof(double);
    if (set->n_all > INT_MAX || set->most * set->d > INT_MAX || numbers > INT_MAX)
        return sh_error_hint(SH_FAIL(SH_EINPUT, "the kernel matrix of %lld rows on %d ranks has more numbers a rank than ScaLAPACK counts",
                                     (long long)set->n_all, comm->size),
                             "use more ranks, or the low-rank route");
    open_grid(&g, comm, set);
    distribute_rows(&g, comm, set);
    sh_status status = sh_comm_agree(comm, g.row < 0 ? SH_OK : solve(&g, set, similarity, lambda));
    if (status == SH_OK) MPI_Bcast(lambda, (int)set->n_all, MPI_DOUBLE, 0, comm->all);
    close_grid(&g);
    return status;
}

#else

bool sh_gram_available(void)
{
    return false;
}

sh_status sh_gram_spectrum(sh_comm *comm, const sh_row_set *set, const sh_similarity *similarity, double *lambda)
{
    (void)comm, (void)similarity, (void)lambda;
    return sh_error_hint(SH_FAIL(SH_EINPUT, "a kernel matrix of %lld rows needs ScaLAPACK, which this build of shaft does not have",
                                 (long long)set->n_all),
                         "on Debian: apt-get install libscalapack-openmpi-dev, and configure and build again; or use another route");
}

#endif
