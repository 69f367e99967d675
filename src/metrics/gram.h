/* gram.h -- eigenvalues of a kernel matrix that no rank could hold: block-cyclic over a grid of ranks, by ScaLAPACK (pdsyrk, then
 * pdsyev; 8 n^2 / ranks bytes and 4/3 n^3 / ranks operations each). */
#ifndef SH_METRICS_GRAM_H
#define SH_METRICS_GRAM_H

#include <stdbool.h>

#include "metrics/rows.h"

/* Whether this build has ScaLAPACK; without it, sh_gram_spectrum fails with a hint. */
bool sh_gram_available(void);

/* The grid for `ranks` and a matrix of order n: as many ranks as an oblong of at most 1 : 3 can have, the most square one of those, and
 * blocks of `block` rows that give every rank some. Ranks that are left over, as with 5 or 7, have no part of the matrix. */
typedef struct {
    int rows, cols, block;
} sh_grid;
sh_grid sh_grid_choose(int ranks, int64_t n);

/* Bytes that a rank of the grid needs. */
int64_t sh_gram_bytes(int ranks, int64_t n);

/* Eigenvalues lambda (n_all), ascending, of K / n_all; on all ranks. Rows may be anywhere: they are redistributed. SH_EINPUT without
 * ScaLAPACK, or where a rank's part is more than its integers can count. Collective over all. */
sh_status sh_gram_spectrum(sh_comm *comm, const sh_row_set *set, const sh_similarity *similarity, double *lambda);

#endif
