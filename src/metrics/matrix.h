/* matrix.h -- 3x3 matrices, row-major. */
#ifndef SH_METRICS_MATRIX_H
#define SH_METRICS_MATRIX_H

/* c = a b; c is neither a nor b. */
static inline void sh_matrix_multiply(const double a[9], const double b[9], double c[9])
{
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++)
            c[3 * i + k] = a[3 * i] * b[k] + a[3 * i + 1] * b[3 + k] + a[3 * i + 2] * b[6 + k];
}

/* y = x a of a row vector; y is not x. */
static inline void sh_row_multiply(const double x[3], const double a[9], double y[3])
{
    for (int k = 0; k < 3; k++)
        y[k] = x[0] * a[k] + x[1] * a[3 + k] + x[2] * a[6 + k];
}

static inline double sh_matrix_determinant(const double m[9])
{
    return m[0] * (m[4] * m[8] - m[5] * m[7]) - m[1] * (m[3] * m[8] - m[5] * m[6]) + m[2] * (m[3] * m[7] - m[4] * m[6]);
}

#endif
