#include "metrics/rows.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

/* ---- sums ---- */

void sh_exact_add(sh_exact_sum *s, double x)
{
    double sum = s->sum + x;
    s->lost += fabs(s->sum) >= fabs(x) ? (s->sum - sum) + x : (x - sum) + s->sum;
    s->sum = sum;
}

double sh_exact_total(const sh_comm *comm, sh_exact_sum mine)
{
    sh_exact_sum *all = SH_NEW(sh_exact_sum, comm->size), total = {0};
    MPI_Allgather(&mine, 2, MPI_DOUBLE, all, 2, MPI_DOUBLE, comm->all);
    for (int r = 0; r < comm->size; r++) {
        sh_exact_add(&total, all[r].sum);
        sh_exact_add(&total, all[r].lost);
    }
    sh_free(all);
    return total.sum + total.lost;
}

/* ---- similarity ---- */

sh_rows_form sh_similarity_form(const sh_similarity *similarity)
{
    return similarity->kind == SH_SIMILARITY_COSINE ? SH_ROWS_UNIT : SH_ROWS_CENTRED;
}

void sh_similarity_map(const sh_similarity *similarity, double square_i, const double *square_j, int64_t n, double *dot)
{
    if (similarity->kind == SH_SIMILARITY_COSINE) return;
    double factor = -0.5 / (similarity->sigma * similarity->sigma);
    for (int64_t j = 0; j < n; j++)
        dot[j] = exp(factor * fmax(0, square_i + square_j[j] - 2 * dot[j]));
}

/* ---- the set ---- */

void sh_squares(const double *x, int64_t n, int d, double *square)
{
    for (int64_t i = 0; i < n; i++) {
        double sum = 0;
        for (int c = 0; c < d; c++)
            sum += x[i * d + c] * x[i * d + c];
        square[i] = sum;
    }
}

static sh_status check(const sh_rows *rows)
{
    for (int64_t i = 0; i < rows->n; i++)
        for (int c = 0; c < rows->d; c++)
            if (!isfinite(rows->x[i * rows->d + c]))
                return sh_error_hint(SH_FAIL(SH_ENUM, "row %lld of the fingerprints has a number that is not finite, in column %d",
                                             (long long)i, c),
                                     "leave out structures that have no fingerprint");
    return SH_OK;
}

static void subtract_mean(const sh_comm *comm, sh_row_set *s)
{
    int64_t n_all = 0;
    for (int64_t i = 0; i < s->n; i++)
        for (int c = 0; c < s->d; c++)
            s->mean[c] += s->x[i * s->d + c];
    MPI_Allreduce(MPI_IN_PLACE, s->mean, s->d, MPI_DOUBLE, MPI_SUM, comm->all);
    MPI_Allreduce(&s->n, &n_all, 1, MPI_INT64_T, MPI_SUM, comm->all);
    for (int c = 0; c < s->d; c++)
        s->mean[c] /= n_all ? (double)n_all : 1;
    for (int64_t i = 0; i < s->n; i++)
        for (int c = 0; c < s->d; c++)
            s->x[i * s->d + c] -= s->mean[c];
}

/* By the largest entry first, so that no square overflows or vanishes. */
static void make_unit(sh_row_set *s)
{
    int64_t n = 0;
    for (int64_t i = 0; i < s->n; i++) {
        const double *x = s->x + i * s->d;
        double *unit = s->x + n * s->d, largest = 0, square = 0;
        for (int c = 0; c < s->d; c++)
            largest = fmax(largest, fabs(x[c]));
        if (largest == 0) continue;
        for (int c = 0; c < s->d; c++)
            square += (x[c] / largest) * (x[c] / largest);
        double length = sqrt(square);
        for (int c = 0; c < s->d; c++)
            unit[c] = x[c] / largest / length;
        n++;
    }
    s->n_left_out = s->n - n;
    s->n = n;
}

sh_status sh_row_set_create(sh_comm *comm, const sh_rows *rows, sh_rows_form form, sh_row_set *out)
{
    *out = (sh_row_set){0};
    SH_TRY(sh_comm_agree(comm, check(rows)));
    int widths[2] = {rows->d, -rows->d};
    MPI_Allreduce(MPI_IN_PLACE, widths, 2, MPI_INT, MPI_MAX, comm->all);
    SH_ASSERT(widths[0] == -widths[1] && rows->d > 0);
    sh_row_set s = {.n = rows->n, .d = rows->d};
    s.x = SH_NEW(double, s.n * s.d);
    s.mean = SH_NEW(double, s.d);
    if (s.n) memcpy(s.x, rows->x, (size_t)(s.n * s.d) * sizeof *s.x);
    if (form == SH_ROWS_UNIT)
        make_unit(&s);
    else
        subtract_mean(comm, &s);
    s.square = SH_NEW(double, s.n);
    sh_squares(s.x, s.n, s.d, s.square);
    s.first = SH_NEW(int64_t, comm->size + 1);
    MPI_Allgather(&s.n, 1, MPI_INT64_T, s.first + 1, 1, MPI_INT64_T, comm->all);
    MPI_Allreduce(MPI_IN_PLACE, &s.n_left_out, 1, MPI_INT64_T, MPI_SUM, comm->all);
    for (int r = 0; r < comm->size; r++) {
        s.most = s.first[r + 1] > s.most ? s.first[r + 1] : s.most;
        s.first[r + 1] += s.first[r];
    }
    s.n_all = s.first[comm->size];
    *out = s;
    return SH_OK;
}

void sh_row_set_release(sh_row_set *set)
{
    sh_free(set->x);
    sh_free(set->square);
    sh_free(set->mean);
    sh_free(set->first);
    *set = (sh_row_set){0};
}
