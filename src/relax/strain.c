#include "relax/strain.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

void sh_product3(const double a[9], const double b[9], double c[9])
{
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            c[3 * i + j] = a[3 * i] * b[j] + a[3 * i + 1] * b[3 + j] + a[3 * i + 2] * b[6 + j];
}

static void transpose3(const double a[9], double t[9])
{
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            t[3 * i + j] = a[3 * j + i];
}

/* Rotates rows and columns i and j so that a_ij vanishes (Golub and Van Loan, Matrix Computations, 8.5). */
static void rotate(double a[9], double q[9], int i, int j)
{
    double aij = a[3 * i + j];
    if (aij == 0) return;
    double theta = (a[4 * j] - a[4 * i]) / (2 * aij);
    double t = (theta >= 0 ? 1 : -1) / (fabs(theta) + sqrt(theta * theta + 1)), c = 1 / sqrt(t * t + 1), s = t * c;
    for (int k = 0; k < 3; k++) {
        double x = a[3 * k + i], y = a[3 * k + j];
        a[3 * k + i] = c * x - s * y;
        a[3 * k + j] = s * x + c * y;
    }
    for (int k = 0; k < 3; k++) {
        double x = a[3 * i + k], y = a[3 * j + k];
        a[3 * i + k] = c * x - s * y;
        a[3 * j + k] = s * x + c * y;
        x = q[3 * k + i];
        y = q[3 * k + j];
        q[3 * k + i] = c * x - s * y;
        q[3 * k + j] = s * x + c * y;
    }
    a[3 * i + j] = a[3 * j + i] = 0;
}

void sh_eigen_symmetric3(const double matrix[9], double value[3], double q[9])
{
    enum { MOST_ROUNDS = 50 }; /* it converges quadratically: five do */
    static const double identity[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1};
    double a[9];
    memcpy(a, matrix, sizeof a);
    memcpy(q, identity, sizeof identity);
    for (int round = 0; round < MOST_ROUNDS; round++) {
        double off = fabs(a[1]) + fabs(a[2]) + fabs(a[5]), size = fabs(a[0]) + fabs(a[4]) + fabs(a[8]);
        if (!(off > 1e-18 * size)) break;
        rotate(a, q, 0, 1);
        rotate(a, q, 0, 2);
        rotate(a, q, 1, 2);
    }
    for (int i = 0; i < 3; i++)
        value[i] = a[4 * i];
}

/* q diag(value) q^T */
static void compose(const double value[3], const double q[9], double out[9])
{
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            out[3 * i + j] =
                q[3 * i] * value[0] * q[3 * j] + q[3 * i + 1] * value[1] * q[3 * j + 1] + q[3 * i + 2] * value[2] * q[3 * j + 2];
}

void sh_strain_exp(const double u[9], double out[9])
{
    double value[3], q[9];
    sh_eigen_symmetric3(u, value, q);
    for (int i = 0; i < 3; i++)
        value[i] = exp(value[i]);
    compose(value, q, out);
}

void sh_strain_sqrt(const double a[9], double out[9])
{
    double value[3], q[9];
    sh_eigen_symmetric3(a, value, q);
    for (int i = 0; i < 3; i++)
        value[i] = sqrt(fmax(value[i], 0));
    compose(value, q, out);
}

/* (e^a - e^b) / (a - b), with sinh so that close values keep their digits. */
static double divided_difference(double a, double b)
{
    double h = (a - b) / 2;
    return exp((a + b) / 2) * (fabs(h) < 1e-5 ? 1 + h * h / 6 : sinh(h) / h);
}

/* L(U, E) = Q (D o (Q^T E Q)) Q^T, D the divided differences of exp at the eigenvalues of U (Higham, Functions of Matrices, 3.2). */
static void exact_gradient(const double u[9], const double virial[9], double x[9])
{
    double value[3], q[9], qt[9], inverse[9], e[9], t[9];
    sh_eigen_symmetric3(u, value, q);
    transpose3(q, qt);
    const double minus[3] = {exp(-value[0]), exp(-value[1]), exp(-value[2])};
    compose(minus, q, inverse);
    sh_product3(virial, inverse, e);
    sh_product3(qt, e, t);
    sh_product3(t, q, e);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            e[3 * i + j] *= divided_difference(value[i], value[j]);
    sh_product3(q, e, t);
    sh_product3(t, qt, x);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < i; j++)
            x[3 * i + j] = x[3 * j + i] = 0.5 * (x[3 * i + j] + x[3 * j + i]);
}

static double inner(const double a[9], const double b[9])
{
    double sum = 0;
    for (int k = 0; k < 9; k++)
        sum += a[k] * b[k];
    return sum;
}

void sh_strain_force(const double u[9], const double virial[9], double out[9])
{
    static const double aligned = 0.8;
    double x[9];
    exact_gradient(u, virial, x);
    double size = sqrt(inner(x, x) * inner(virial, virial));
    bool badly = size > 0 && inner(x, virial) / size <= aligned;
    memcpy(out, badly ? x : virial, sizeof x);
}
