/* cpu.c -- the CPU back-end: the OpenMP loops of the kernels; products of large or odd matrices by BLAS, dense layers in blocks of
 * rows that stay in the cache from the product to the activation. */
#include <cblas.h>
#include <string.h>
#ifdef _OPENMP
#include <omp.h>
#endif

#include "backend/backend.h"
#include "base/status.h"
#include "combine.h"
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

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Whether the products of rows_product.h, which leave the matrix where it is, serve a matrix (k,n): BLAS packs it first, which
 * costs more than a product with few columns, and rounds by the number of rows. */
static bool is_small(int64_t k, int64_t n)
{
    return n % 16 == 0 && n <= SMALL && k <= SMALL;
}

/* w (k,n) turned to (n,k). */
static void turn(const sh_real *w, int64_t ldw, int64_t k, int64_t n, sh_real *out)
{
    for (int64_t j = 0; j < n; j++)
        for (int64_t i = 0; i < k; i++)
            out[j * k + i] = w[i * ldw + j];
}

/* c (m,n) = alpha op(a) op(b) + beta c, row-major, by BLAS; op transposes where asked; op(a) is (m,k), op(b) (k,n). lda, ldb, ldc are
 * the distances between rows as stored. */
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

static void dense(const sh_dense_args *a, int64_t n)
{
    const sh_combine_args *out = &a->out;
    int64_t cols = out->cols, k = a->k;
    if (!is_small(k, cols)) {
        sh_combine_args args = *out;
        args.x = out->pre;
        gemm(false, false, n, cols, k, 1, a->input, k, a->w, cols, 0, out->pre, cols);
        sh_combine_cpu(&args, n);
        return;
    }
#pragma omp parallel for schedule(static) if (n * cols * k > 64 * SH_SERIAL_ITEMS)
    for (int64_t first = 0; first < n; first += ROW_BLOCK) {
        int64_t rows = least(n - first, ROW_BLOCK);
        sh_real *pre = out->pre + first * cols;
        for (int64_t r = 0; r < rows; r++)
            combine_rows(first + r, out, pre + r * cols);
        sh_rows_product(rows, k, cols, a->input + first * k, k, a->w, cols, pre, cols);
        if (out->kind >= 0 || out->y != out->pre) combine_activate(rows * cols, out->kind, pre, out->y + first * cols);
    }
}

/* grad_w += input^T grad over rows first .. last - 1, in sums of ROW_BLOCK rows. */
static void add_weight_grad(const sh_dense_grad_args *a, const sh_real *grad, int64_t first, int64_t last)
{
    enum { TILE = 24 }; /* rows of w that a thread does */
#pragma omp parallel for schedule(static) if ((last - first) * a->cols * a->k > 64 * SH_SERIAL_ITEMS)
    for (int64_t i = 0; i < a->k; i += TILE)
        for (int64_t r = first; r < last; r += ROW_BLOCK)
            sh_turned_product(least(a->k - i, TILE), least(last - r, ROW_BLOCK), a->cols, a->input + r * a->k + i, a->k,
                              grad + r * a->cols, a->cols, a->grad_w + i * a->cols, a->cols);
}

static void dense_grad(const sh_dense_grad_args *a, int64_t n)
{
    int64_t k = a->k, cols = a->cols;
    const sh_real *grad = a->kind < 0 ? a->grad_y : a->grad_pre;
    bool input_here = a->grad_input && is_small(cols, k), w_here = a->grad_w && cols % 16 == 0 && cols <= SMALL;
    sh_real turned[SMALL * SMALL];
    int64_t stretch = n; /* rows that go through all that is done here before the next */
#ifdef _OPENMP
    if (omp_get_max_threads() == 1) stretch = ROW_BLOCK; /* in the cache all the way; several threads would meet too often */
#endif
    if (input_here) turn(a->w, cols, k, cols, turned);
    for (int64_t start = 0; start < n; start += stretch) {
        int64_t end = least(n, start + stretch);
#pragma omp parallel for schedule(static) if ((end - start) * cols * k > 64 * SH_SERIAL_ITEMS)
        for (int64_t first = start; first < end; first += ROW_BLOCK) {
            int64_t rows = least(end - first, ROW_BLOCK), at = first * cols;
            if (a->kind >= 0) combine_slope(rows * cols, a->kind, a->pre + at, a->y + at, a->grad_y + at, a->grad_pre + at);
            if (input_here) sh_rows_product(rows, cols, k, grad + at, cols, turned, k, a->grad_input + first * k, k);
        }
        if (w_here) add_weight_grad(a, grad, start, end);
    }
    if (a->grad_input && !input_here) gemm(false, true, n, k, cols, 1, grad, cols, a->w, cols, 1, a->grad_input, k);
    if (a->grad_w && !w_here) gemm(true, false, k, cols, n, 1, a->input, k, grad, cols, 1, a->grad_w, cols);
    if (a->grad_bias) {
        const sh_column_sum_args args = {.x = grad, .y = a->grad_bias, .rows = n, .cols = cols};
        sh_column_sum_cpu(&args, cols);
    }
}

static void offsets(const int64_t *count, int64_t n, int64_t *start)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < n; i++) {
        start[i] = sum;
        sum += count[i];
    }
    start[n] = sum;
}

static void sort_by_key(const int32_t *key, int64_t n, int64_t n_key, int64_t *start, int64_t *list)
{
    memset(start, 0, (size_t)(n_key + 1) * sizeof *start);
    for (int64_t i = 0; i < n; i++)
        start[key[i]]++;
    for (int64_t k = 0, sum = 0; k <= n_key; k++) { /* the end of each key */
        sum += k < n_key ? start[k] : 0;
        start[k] = sum;
    }
    for (int64_t i = n - 1; i >= 0; i--) /* from the end, so that ends become starts */
        list[--start[key[i]]] = i;
}

static void copy(void *to, const void *from, size_t bytes)
{
    memcpy(to, from, bytes);
}

static void clear(void *to, size_t bytes)
{
    memset(to, 0, bytes);
}

static void no_wait(void)
{
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
        .dense = dense,
        .dense_grad = dense_grad,
        .offsets = offsets,
        .sort_by_key = sort_by_key,
        .memory = &sh_host_memory,
        .copy_in = copy,
        .copy_out = copy,
        .fetch = copy,
        .copy_ahead = copy,
        .copied = no_wait,
        .clear = clear,
        .wait = no_wait,
    };
    return &cpu;
}
