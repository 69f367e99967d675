/* rows_product.h -- small dense products with a fixed order of k: the bits of a row do not depend on how many rows there
 * are or which thread has them, which BLAS does not promise. For the fused kernels, whose weights stay in the cache.
 *
 * Vectors by the compilers' extension, as wide as the machine's registers: wider ones are split by the compiler, but the
 * accumulators of a tile then live in memory (measured on AVX2 with vectors of 64 bytes: a tenth of the speed). */
#ifndef SH_KERNEL_ROWS_PRODUCT_H
#define SH_KERNEL_ROWS_PRODUCT_H

#include <stdbool.h>

#include "kernel.h"

#if defined(__AVX512F__)
#define SH_VECTOR_BYTES 64
#define SH_COLUMN_VECTORS 4 /* of a register tile: 6 x 4 accumulators of the 32 registers */
#elif defined(__AVX__)
#define SH_VECTOR_BYTES 32
#define SH_COLUMN_VECTORS 2 /* 6 x 2 accumulators of the 16 registers */
#else
#define SH_VECTOR_BYTES 16
#define SH_COLUMN_VECTORS 2
#endif

typedef sh_real sh_vector __attribute__((vector_size(SH_VECTOR_BYTES), aligned(SH_VECTOR_BYTES)));
typedef sh_real sh_vector_loose __attribute__((vector_size(SH_VECTOR_BYTES), aligned(sizeof(sh_real)), may_alias));

enum { SH_LANES = SH_VECTOR_BYTES / (int)sizeof(sh_real) };

/* c (rows, n) += a w, n = VECTORS lanes, for a compile-time number of rows; w (k, n), and a (rows, k) or, turned, stored as (k, rows).
 * Added up from zero, so that long sums come as sums of sums. */
#define SH_PRODUCT_TILE(ROWS, VECTORS, NAME, TURNED)                                               \
    static inline void sh_product_##NAME##_##ROWS(int64_t k, const sh_real *a, int64_t lda, const sh_real *w, int64_t ldw, \
                                                  sh_real *c, int64_t ldc)                         \
    {                                                                                              \
        sh_vector sum[ROWS][VECTORS];                                                              \
        for (int r = 0; r < ROWS; r++)                                                             \
            for (int j = 0; j < VECTORS; j++)                                                      \
                sum[r][j] = (sh_vector){0};                                                        \
        for (int64_t i = 0; i < k; i++) {                                                          \
            sh_vector b[VECTORS];                                                                  \
            for (int j = 0; j < VECTORS; j++)                                                      \
                b[j] = *(const sh_vector_loose *)(w + i * ldw + j * SH_LANES);                     \
            for (int r = 0; r < ROWS; r++)                                                         \
                for (int j = 0; j < VECTORS; j++)                                                  \
                    sum[r][j] += (TURNED ? a[i * lda + r] : a[r * lda + i]) * b[j];                \
        }                                                                                          \
        for (int r = 0; r < ROWS; r++)                                                             \
            for (int j = 0; j < VECTORS; j++)                                                      \
                *(sh_vector_loose *)(c + r * ldc + j * SH_LANES) += sum[r][j];                     \
    }

/* All rows of as many columns as one tile has. */
#define SH_PRODUCT_COLUMNS(VECTORS, NAME, TURNED)                                                  \
    SH_PRODUCT_TILE(6, VECTORS, NAME, TURNED)                                                      \
    SH_PRODUCT_TILE(4, VECTORS, NAME, TURNED)                                                      \
    SH_PRODUCT_TILE(2, VECTORS, NAME, TURNED)                                                      \
    SH_PRODUCT_TILE(1, VECTORS, NAME, TURNED)                                                      \
    static inline void sh_product_##NAME(int64_t rows, int64_t k, const sh_real *a, int64_t lda, const sh_real *w, \
                                         int64_t ldw, sh_real *c, int64_t ldc)                     \
    {                                                                                              \
        const int64_t step = TURNED ? 1 : lda;                                                     \
        int64_t r = 0;                                                                             \
        for (; r + 6 <= rows; r += 6)                                                              \
            sh_product_##NAME##_6(k, a + r * step, lda, w, ldw, c + r * ldc, ldc);                 \
        for (; r + 4 <= rows; r += 4)                                                              \
            sh_product_##NAME##_4(k, a + r * step, lda, w, ldw, c + r * ldc, ldc);                 \
        for (; r + 2 <= rows; r += 2)                                                              \
            sh_product_##NAME##_2(k, a + r * step, lda, w, ldw, c + r * ldc, ldc);                 \
        for (; r < rows; r++)                                                                      \
            sh_product_##NAME##_1(k, a + r * step, lda, w, ldw, c + r * ldc, ldc);                 \
    }

/* c (rows, n) += a w; n a multiple of 16: what is left of wide tiles is done a vector at a time. */
#define SH_PRODUCT(NAME, WIDE, NARROW)                                                             \
    static inline void NAME(int64_t rows, int64_t k, int64_t n, const sh_real *a, int64_t lda, const sh_real *w, int64_t ldw, \
                            sh_real *c, int64_t ldc)                                               \
    {                                                                                              \
        int64_t j = 0;                                                                             \
        for (; j + SH_COLUMN_VECTORS * SH_LANES <= n; j += SH_COLUMN_VECTORS * SH_LANES)           \
            sh_product_##WIDE(rows, k, a, lda, w + j, ldw, c + j, ldc);                            \
        for (; j < n; j += SH_LANES)                                                               \
            sh_product_##NARROW(rows, k, a, lda, w + j, ldw, c + j, ldc);                          \
    }
SH_PRODUCT_COLUMNS(SH_COLUMN_VECTORS, wide, false)
SH_PRODUCT_COLUMNS(1, narrow, false)
SH_PRODUCT(sh_rows_product, wide, narrow)
/* The same with a stored as (k, rows): the weight gradient of a dense layer, k its rows. */
SH_PRODUCT_COLUMNS(SH_COLUMN_VECTORS, turned_wide, true)
SH_PRODUCT_COLUMNS(1, turned_narrow, true)
SH_PRODUCT(sh_turned_product, turned_wide, turned_narrow)
#undef SH_PRODUCT
#undef SH_PRODUCT_COLUMNS
#undef SH_PRODUCT_TILE

#endif
