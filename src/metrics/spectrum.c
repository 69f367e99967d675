#include "metrics/spectrum.h"

#include <limits.h>
#include <math.h>
#include <stddef.h>

#include "base/memory.h"

/* LAPACK, as Fortran has it: the lengths of the two texts come last. */
void dsyev_(const char *job, const char *triangle, const int *n, double *a, const int *lda, double *lambda, double *work,
            const int *n_work, int *info, size_t job_length, size_t triangle_length);

sh_status sh_eigen_symmetric(double *a, int64_t n, bool vectors, double *lambda)
{
    if (n == 0) return SH_OK;
    SH_ASSERT(n > 0 && n <= 46340); /* n * n of Fortran's integers */
    const char *job = vectors ? "V" : "N";
    int order = (int)n, n_work = -1, info = 0;
    double best = 0;
    dsyev_(job, "U", &order, a, &order, lambda, &best, &n_work, &info, 1, 1); /* our lower triangle is Fortran's upper one */
    n_work = (int)best;
    double *work = SH_NEW(double, n_work);
    dsyev_(job, "U", &order, a, &order, lambda, work, &n_work, &info, 1, 1);
    sh_free(work);
    if (info) return SH_FAIL(SH_ELIB, "LAPACK's dsyev found no eigenvalues of a matrix of order %d (info %d)", order, info);
    return SH_OK;
}

sh_status sh_spectrum_check(double *lambda, int64_t n, double trace)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        if (!(lambda[i] >= -1e-10)) return SH_FAIL(SH_ENUM, "a kernel matrix has the eigenvalue %g", lambda[i]);
        if (lambda[i] < 0) lambda[i] = 0;
        sum += lambda[i];
    }
    if (!(fabs(sum - trace) <= 1e-10))
        return SH_FAIL(SH_ENUM, "the eigenvalues of a kernel matrix add up to %.12f, not to %.12f", sum, trace);
    return SH_OK;
}

double sh_vendi_score(const double *lambda, int64_t n, double q)
{
    static const double ZERO = 1e-15;
    double largest = 0, sum = 0;
    for (int64_t i = 0; i < n; i++)
        largest = fmax(largest, lambda[i]);
    if (largest < ZERO) return 0;
    if (isinf(q)) return 1 / largest;
    for (int64_t i = 0; i < n; i++) /* relative to the largest: no power vanishes in all terms */
        if (lambda[i] >= ZERO) sum += q == 1 ? -lambda[i] * log(lambda[i]) : pow(lambda[i] / largest, q);
    return exp(q == 1 ? sum : (log(sum) + q * log(largest)) / (1 - q));
}
