/* spectrum.h -- eigenvalues of symmetric matrices by LAPACK, and Vendi scores from them (Friedman and Dieng, TMLR 2023, arXiv
 * 2210.02410; orders other than 1: Pasarkar and Dieng, arXiv 2310.12952). No ranks here. */
#ifndef SH_METRICS_SPECTRUM_H
#define SH_METRICS_SPECTRUM_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

/* Eigenvalues of a (n,n), of which one triangle is enough: entries a[i * n + j] with j <= i. lambda (n) ascending; a is
 * overwritten, with `vectors` by the eigenvectors, one a row, in the order of lambda. */
sh_status sh_eigen_symmetric(double *a, int64_t n, bool vectors, double *lambda);

/* Rounding leaves eigenvalues of a positive semidefinite matrix a little below 0: they become 0. SH_ENUM where one is below
 * -1e-10, or where their sum is not `trace` within 1e-10. */
sh_status sh_spectrum_check(double *lambda, int64_t n, double trace);

/* The effective number of different items, from the eigenvalues (n) of K / n, whose sum is 1:
 *   q = 1          exp(-sum lambda ln lambda)
 *   q = INFINITY   1 / lambda_max
 *   other q >= 0   (sum lambda^q)^(1/(1-q)), in logarithms
 * Eigenvalues below 1e-15 count as 0. Between 1, all equal, and the number of items, all different; 0 for no items. */
double sh_vendi_score(const double *lambda, int64_t n, double q);

#endif
