#include "metrics/components.h"

#include <cblas.h>
#include <math.h>
#include <string.h>

#include "metrics/node.h"
#include "metrics/spectrum.h"

static void fix_sign(double *axis, int d)
{
    double largest = 0;
    int c = 0;
    for (int i = 0; i < d; i++)
        largest = fmax(largest, fabs(axis[i]));
    while (c < d - 1 && fabs(axis[c]) < (1 - 1e-6) * largest)
        c++;
    if (axis[c] < 0) cblas_dscal(d, -1, axis, 1);
}

/* The covariance matrix, on rank 0. */
static double *covariance(const sh_comm *comm, const sh_row_set *set)
{
    int d = set->d;
    double *sum = SH_NEW(double, d * d), *own = SH_NEW(double, d * d);
    if (set->n) cblas_dsyrk(CblasRowMajor, CblasLower, CblasTrans, d, (int)set->n, 1, set->x, d, 0, own, d);
    MPI_Reduce(own, sum, d * d, MPI_DOUBLE, MPI_SUM, 0, comm->all);
    cblas_dscal(d * d, set->n_all > 1 ? 1 / (double)(set->n_all - 1) : 0, sum, 1);
    sh_free(own);
    return sum;
}

static sh_status find(sh_comm *comm, const sh_row_set *set, sh_components *out)
{
    int d = set->d, k = out->k;
    double *matrix = covariance(comm, set), *variance = SH_NEW(double, d);
    sh_status status = sh_comm_agree(comm, comm->rank ? SH_OK : sh_eigen_symmetric(matrix, d, true, variance));
    out->total = 0;
    for (int i = 0; status == SH_OK && i < d; i++) {
        double v = fmax(variance[d - 1 - i], 0);
        out->total += v;
        if (i >= k) continue;
        out->variance[i] = v;
        memcpy(out->axis + i * d, matrix + (d - 1 - i) * d, (size_t)d * sizeof *matrix);
        fix_sign(out->axis + i * d, d);
    }
    memcpy(out->mean, set->mean, (size_t)d * sizeof *out->mean);
    MPI_Bcast(out->axis, k * d, MPI_DOUBLE, 0, comm->all);
    MPI_Bcast(out->variance, k, MPI_DOUBLE, 0, comm->all);
    MPI_Bcast(out->mean, d, MPI_DOUBLE, 0, comm->all);
    MPI_Bcast(&out->total, 1, MPI_DOUBLE, 0, comm->all);
    sh_free(matrix);
    sh_free(variance);
    return status;
}

sh_status sh_components_create(sh_comm *comm, const sh_rows *rows, int k, sh_arena *arena, sh_components *out)
{
    sh_row_set set;
    SH_ASSERT(k > 0 && k <= rows->d);
    *out = (sh_components){.d = rows->d, .k = k};
    out->mean = SH_PUSH_ZERO(arena, double, rows->d);
    out->axis = SH_PUSH_ZERO(arena, double, k * rows->d);
    out->variance = SH_PUSH_ZERO(arena, double, k);
    SH_TRY(sh_row_set_create(comm, rows, SH_ROWS_CENTRED, &set));
    sh_threads before = sh_threads_share(comm);
    sh_status status = find(comm, &set, out);
    sh_threads_restore(before);
    sh_row_set_release(&set);
    return status;
}

void sh_components_project(const sh_components *p, const sh_rows *rows, double *map)
{
    for (int64_t i = 0; i < rows->n; i++)
        for (int a = 0; a < p->k; a++) {
            double sum = 0;
            for (int c = 0; c < p->d; c++)
                sum += (rows->x[i * p->d + c] - p->mean[c]) * p->axis[a * p->d + c];
            map[i * p->k + a] = sum;
        }
}
