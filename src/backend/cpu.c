/* cpu.c -- the CPU back-end: the OpenMP loops of the kernels, dense products by BLAS. */
#include <cblas.h>

#include "backend/backend.h"
#include "base/status.h"

#define SH_CPU_PROTOTYPE(kernel) void sh_##kernel##_cpu(const sh_##kernel##_args *args, int64_t n);
SH_KERNEL_LIST(SH_CPU_PROTOTYPE)
#undef SH_CPU_PROTOTYPE

static int blas_int(int64_t value)
{
    SH_ASSERT(value >= 0 && value <= INT32_MAX);
    return (int)value;
}

static void gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, sh_real alpha,
                 const sh_real *a, int64_t lda, const sh_real *b, int64_t ldb, sh_real beta, sh_real *c,
                 int64_t ldc)
{
    if (m == 0 || n == 0) return;
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
