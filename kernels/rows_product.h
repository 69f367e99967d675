/* rows_product.h -- small dense products with a fixed order of k: the bits of a row do not depend on how many rows there
 * are or which thread has them, which BLAS does not promise. For the fused kernels, whose weights stay in the cache.
 *
 * Vectors of 64 bytes by the compilers' vector extension: AVX-512 where the machine has it, halves or quarters elsewhere. */
#ifndef SH_KERNEL_ROWS_PRODUCT_H
#define SH_KERNEL_ROWS_PRODUCT_H

#include "kernel.h"

typedef sh_real sh_vector __attribute__((vector_size(64), aligned(64)));
typedef sh_real sh_vector_loose __attribute__((vector_size(64), aligned(sizeof(sh_real)), may_alias));

enum {
    SH_LANES = 64 / (int)sizeof(sh_real),
    SH_ROW_BLOCK = 6,      /* rows of a register tile: 6 x 4 accumulators of the 32 registers */
    SH_COLUMN_VECTORS = 4
};

/* c (rows, 4 lanes) += a (rows, k) w (k, 4 lanes) for a compile-time number of rows. */
#define SH_PRODUCT_TILE(ROWS)                                                                      \
    static inline void sh_product_tile_##ROWS(int64_t k, const sh_real *a, int64_t lda, const sh_real *w, int64_t ldw, \
                                              sh_real *c, int64_t ldc)                             \
    {                                                                                              \
        sh_vector sum[ROWS][SH_COLUMN_VECTORS];                                                    \
        for (int r = 0; r < ROWS; r++)                                                             \
            for (int j = 0; j < SH_COLUMN_VECTORS; j++)                                            \
                sum[r][j] = *(const sh_vector_loose *)(c + r * ldc + j * SH_LANES);                \
        for (int64_t i = 0; i < k; i++) {                                                          \
            sh_vector b[SH_COLUMN_VECTORS];                                                        \
            for (int j = 0; j < SH_COLUMN_VECTORS; j++)                                            \
                b[j] = *(const sh_vector_loose *)(w + i * ldw + j * SH_LANES);                     \
            for (int r = 0; r < ROWS; r++)                                                         \
                for (int j = 0; j < SH_COLUMN_VECTORS; j++)                                        \
                    sum[r][j] += a[r * lda + i] * b[j];                                            \
        }                                                                                          \
        for (int r = 0; r < ROWS; r++)                                                             \
            for (int j = 0; j < SH_COLUMN_VECTORS; j++)                                            \
                *(sh_vector_loose *)(c + r * ldc + j * SH_LANES) = sum[r][j];                      \
    }
SH_PRODUCT_TILE(6)
SH_PRODUCT_TILE(4)
SH_PRODUCT_TILE(2)
SH_PRODUCT_TILE(1)
#undef SH_PRODUCT_TILE

/* c (rows, n) += a (rows, k) w (k, n); n a multiple of 4 lanes. */
static inline void sh_rows_product(int64_t rows, int64_t k, int64_t n, const sh_real *a, int64_t lda, const sh_real *w,
                                   int64_t ldw, sh_real *c, int64_t ldc)
{
    for (int64_t j = 0; j < n; j += SH_COLUMN_VECTORS * SH_LANES) {
        int64_t r = 0;
        for (; r + 6 <= rows; r += 6)
            sh_product_tile_6(k, a + r * lda, lda, w + j, ldw, c + r * ldc + j, ldc);
        for (; r + 4 <= rows; r += 4)
            sh_product_tile_4(k, a + r * lda, lda, w + j, ldw, c + r * ldc + j, ldc);
        for (; r + 2 <= rows; r += 2)
            sh_product_tile_2(k, a + r * lda, lda, w + j, ldw, c + r * ldc + j, ldc);
        for (; r < rows; r++)
            sh_product_tile_1(k, a + r * lda, lda, w + j, ldw, c + r * ldc + j, ldc);
    }
}

#endif
