/* low_rank.h -- the kernel matrix of rows spread over ranks as K = L L^T with few columns: pivoted incomplete Cholesky
 * (Fine and Scheinberg, J. Mach. Learn. Res. 2, 243 (2001)). K itself is never stored. */
#ifndef SH_METRICS_LOW_RANK_H
#define SH_METRICS_LOW_RANK_H

#include "metrics/rows.h"

typedef struct {
    double *l;      /* (rank,n) of this rank's rows: a column of L after the other */
    int64_t n, rank;
    double missing; /* trace of K - L L^T, as a part of that of K */
    bool complete;  /* false: `most` columns did not do */
} sh_low_rank;

/* Columns until `missing` <= tolerance, a block more than `most` of them at the most. Nothing is drawn: pivots are the largest residuals, the earlier row
 * where two are equal. Collective over all. */
void sh_low_rank_create(const sh_comm *comm, const sh_row_set *set, const sh_similarity *similarity, double tolerance, int64_t most,
                        sh_low_rank *out);
void sh_low_rank_release(sh_low_rank *factor);

#endif
