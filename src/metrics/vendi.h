/* vendi.h -- the Vendi score of fingerprints that are spread over ranks: how many different ones there are, by one of four routes to
 * the eigenvalues of the kernel matrix. What scores are: spectrum.h. */
#ifndef SH_METRICS_VENDI_H
#define SH_METRICS_VENDI_H

#include "base/memory.h"
#include "metrics/rows.h"

typedef enum {
    SH_VENDI_AUTO,
    SH_VENDI_MOMENTS,  /* cosine alone: K = U U^T has the non-zero eigenvalues of U^T U (d,d) */
    SH_VENDI_LOW_RANK, /* K = L L^T by pivoted Cholesky, then those of L^T L */
    SH_VENDI_MATRIX,   /* the whole of K on rank 0, LAPACK */
    SH_VENDI_SPREAD    /* the whole of K over the ranks, ScaLAPACK */
} sh_vendi_route;

typedef struct {
    sh_similarity similarity;
    sh_vendi_route route;
    double tolerance; /* of the low-rank route: the part of the trace that it may leave out; 0: 1e-6 */
    int64_t memory;   /* bytes that a rank may take; 0: sh_memory_share */
} sh_vendi_options;

typedef struct {
    int64_t n;          /* rows that count */
    int64_t n_left_out; /* rows of zeros, which have no direction: cosine alone */
    double order_1, order_2, order_inf;
    double *lambda;     /* (n_lambda) of K / n, ascending: for other orders, sh_vendi_score; on the arena */
    int64_t n_lambda;
    sh_vendi_route route; /* the one taken */
    double missing;     /* part of the trace that is not in lambda; 0 but for the low-rank route */
    char how[160];      /* the route in words, for a report */
} sh_vendi;

/* SH_VENDI_AUTO: moments for cosine; for a Gaussian the matrix where it is small, else low rank, and where that has no room, or is slower
 * since its rank goes beyond half of the rows, the matrix, spread where there are ranks and this build can. SH_EMEM with a hint where nothing fits. Results are the same bits on all ranks; scores
 * are 0 for no rows. Collective over all. */
sh_status sh_vendi_compute(sh_comm *comm, const sh_rows *rows, const sh_vendi_options *options, sh_arena *arena, sh_vendi *out);

#endif
