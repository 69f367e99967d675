/* pairs.h -- sums over all pairs of rows that are spread over ranks, by blocks: no n x n matrix is stored. Blocks of rows go round
 * the ring of ranks, half way, so that every pair meets once; n^2 d / ranks multiply-adds on each. */
#ifndef SH_METRICS_PAIRS_H
#define SH_METRICS_PAIRS_H

#include "metrics/rows.h"

/* The mean Euclidean distance over pairs i < j, the diversity of a set of fingerprints; 0 for fewer than two rows. Rows that are
 * equal have distance 0 exactly. Collective over all. */
sh_status sh_mean_distance(sh_comm *comm, const sh_rows *rows, double *out);

/* The Vendi score of order 2 of any similarity, n^2 / sum_ij K_ij^2, without eigenvalues; 0 for no rows. Collective over all. */
sh_status sh_vendi_order_2(sh_comm *comm, const sh_rows *rows, const sh_similarity *similarity, double *out);

#endif
