/* rows.h -- fingerprints that are spread over ranks: every rank has some of the rows, the set is all of them in the order of the
 * ranks. The input of pair sums, low-rank factors, distributed matrices and principal components. */
#ifndef SH_METRICS_ROWS_H
#define SH_METRICS_ROWS_H

#include "comm/comm.h"

/* This rank's rows, x (n,d); n may be 0, d is the same on all ranks. */
typedef struct {
    const double *x;
    int64_t n;
    int d;
} sh_rows;

typedef enum {
    SH_SIMILARITY_COSINE,  /* K_ij = x_i.x_j / |x_i||x_j| */
    SH_SIMILARITY_GAUSSIAN /* K_ij = exp(-|x_i - x_j|^2 / (2 sigma^2)) */
} sh_similarity_kind;

typedef struct {
    sh_similarity_kind kind;
    double sigma; /* of the Gaussian, in the units of the rows */
} sh_similarity;

typedef enum {
    SH_ROWS_CENTRED, /* less the mean of all rows: differences of large numbers that are nearly equal would cost half of the digits */
    SH_ROWS_UNIT     /* of length 1; rows of zeros, which have no direction, are left out */
} sh_rows_form;

/* A copy of the rows in one of these forms. */
typedef struct {
    int64_t n, n_all, most; /* rows here, on all ranks, and the most on one */
    int64_t n_left_out;     /* on all ranks */
    int d;
    double *x;      /* (n,d) */
    double *square; /* (n) squared lengths */
    double *mean;   /* (d) what was subtracted; zeros where nothing was */
    int64_t *first; /* (ranks + 1) number of the first row of each rank */
} sh_row_set;

/* SH_ENUM, the same on all ranks, where a number is not finite. Collective over all. */
sh_status sh_row_set_create(sh_comm *comm, const sh_rows *rows, sh_rows_form form, sh_row_set *out);
void sh_row_set_release(sh_row_set *set);

void sh_squares(const double *x, int64_t n, int d, double *square);

/* The form of rows that scalar products of a similarity are taken of. */
sh_rows_form sh_similarity_form(const sh_similarity *similarity);
/* Scalar products become similarities, in place: dot (n) of row i with rows j of squares square_j (n). */
void sh_similarity_map(const sh_similarity *similarity, double square_i, const double *square_j, int64_t n, double *dot);

/* A sum that keeps what rounding loses (Neumaier, Z. Angew. Math. Mech. 54, 39 (1974)); its value is sum + lost. */
typedef struct {
    double sum, lost;
} sh_exact_sum;
void sh_exact_add(sh_exact_sum *s, double x);
/* The sum over ranks in their order, the same bits on all. Collective over all. */
double sh_exact_total(const sh_comm *comm, sh_exact_sum mine);

#endif
