/* cpu.c -- the CPU back-end: the OpenMP loops of the kernels, dense products by BLAS. */
#include <cblas.h>

#include "backend/backend.h"
#include "base/status.h"
#include "rows_product.h"

#define SH_CPU_PROTOTYPE(kernel) void sh_##kernel##_cpu(const sh_##kernel##_args *args, int64_t n);
SH_KERNEL_LIST(SH_CPU_PROTOTYPE)
#undef SH_CPU_PROTOTYPE

static int blas_int(int64_t value)
{
    SH_ASSERT(value >= 0 && value <= INT32_MAX);
    return (int)value;
}

enum { SMALL = 128, ROW_BLOCK = 48 };

/* Many rows times a small matrix, which is what the networks are made of: without the packing that BLAS does for large ones, and
 * with rows whose bits do not depend on the others. c (m,n) = beta c + a (m,k) w (k,n), beta 0 or 1. */
static void rows_gemm(int64_t m, int64_t n, int64_t k, const sh_real *a, int64_t lda, const sh_real *w, int64_t ldw, bool add,
                      sh_real *c, int64_t ldc)
{
#pragma omp parallel for schedule(static) if (m * n * k > 64 * SH_SERIAL_ITEMS)
    for (int64_t first = 0; first < m; first += ROW_BLOCK) {
        int64_t rows = m - first < ROW_BLOCK ? m - first : ROW_BLOCK;
        for (int64_t r = 0; r < rows && !add; r++)
            memset(c + (first + r) * ldc, 0, (size_t)n * sizeof *c);
        sh_rows_product(rows, k, n, a + first * lda, lda, w, ldw, c + first * ldc, ldc);
    }
}

static void gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, sh_real alpha,
                 const sh_real *a, int64_t lda, const sh_real *b, int64_t ldb, sh_real beta, sh_real *c,
                 int64_t ldc)
{
    if (m == 0 || n == 0) return;
    if (!transpose_a && alpha == 1 && (beta == 0 || beta == 1) && n % 16 == 0 && n <= SMALL && k <= SMALL) {
        sh_real turned[SMALL * SMALL];
        for (int64_t i = 0; i < k && transpose_b; i++)
            for (int64_t j = 0; j < n; j++)
                turned[i * n + j] = b[j * ldb + i];
        rows_gemm(m, n, k, a, lda, transpose_b ? turned : b, transpose_b ? n : ldb, beta == 1, c, ldc);
        return;
    }
    CBLAS_TRANSPOSE ta = transpose_a ? CblasTrans : CblasNoTrans;
    CBLAS_TRANSPOSE tb = transpose_b ? CblasTrans : CblasNoTrans;
#ifdef SH_F64
    cblas_dgemm(
#else
    cblas_sgemm(
#endif
        CblasRowMajor, ta, tb, blas_int(m), blas_int(n), blas_int(k), alpha, a, blas_int(lda), b, blas_int(ldb),
        beta, c, blas_int(ldc));
}

void sh_backend_one_blas_thread(void)
{
    openblas_set_num_threads(1);
}

const sh_backend *sh_backend_cpu(void)
{
    static const sh_backend cpu = {
        .name = "cpu",
#define SH_CPU_ENTRY(kernel) .kernel = sh_##kernel##_cpu,
        SH_KERNEL_LIST(SH_CPU_ENTRY)
#undef SH_CPU_ENTRY
        .gemm = gemm,
    };
    return &cpu;
}
