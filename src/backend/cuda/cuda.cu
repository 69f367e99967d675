/* cuda.cu -- the CUDA back-end: launches of the kernels, dense products by cuBLAS, memory of the device. One device a process, and one
 * stream for its kernels; copies ahead and sums over processes have streams of their own beside it. A call that fails ends the program
 * by way of `fatal`: what a kernel left half done cannot be gone on with. */
#include <cublas_v2.h>
#include <cuda_runtime.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "backend/cuda.h"
#include "backend/cuda/collective.h"
#include "backend/cuda/sort.h"
#include "combine.h"
#include "cuda_launch.h"

#define SH_CUDA_PROTOTYPE(kernel) extern "C" void sh_##kernel##_cuda(const sh_##kernel##_args *args, int64_t n);
SH_KERNEL_LIST(SH_CUDA_PROTOTYPE)
#undef SH_CUDA_PROTOTYPE

static const size_t WORKSPACE = 32 << 20; /* bytes for cuBLAS, so that it takes none itself */
static const size_t HALF = 16 << 20;
enum { HALVES = 2, LAST = 4 };

enum { MAX_FETCHED = 16 };

typedef struct {
    void *to;
    size_t at, bytes;
} fetched;

static struct {
    bool is_open, synchronous; /* SH_SYNC_KERNELS=1: every launch is waited for, and a fault names its kernel */
    sh_cuda_options options;
    cudaStream_t stream;
    cublasHandle_t blas;
    void *workspace;
    sh_real *ones; /* (n_ones) */
    int64_t n_ones;
    void *scratch; /* for scans and sorts */
    size_t scratch_bytes;
    cudaStream_t copies, sums;              /* beside `stream`: copies ahead, sums over processes */
    cudaEvent_t done, copied, summed;       /* of `stream` so far, of the others */
    char *ahead, *arriving;                 /* pinned: a copy ahead on its way, and what was fetched */
    size_t ahead_bytes, arriving_bytes, arrived;
    fetched fetched[MAX_FETCHED];           /* at `arriving`, to be handed over */
    int n_fetched;
    char *staging;         /* pinned: HALVES of HALF bytes */
    size_t staged;         /* of the half in hand */
    int half;
    cudaEvent_t read[HALVES]; /* the half has been read */
    const char *last[LAST];   /* kernels asked for, the newest first; a fault shows only where the host waits */
    sh_backend table;
} cuda;

static void fail(const char *format, ...)
{
    char message[SH_CUDA_TEXT];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    cuda.options.fatal(message);
    abort();
}

static void check(cudaError_t error, const char *what)
{
    if (error == cudaSuccess) return;
    if (!cuda.last[0]) fail("CUDA device %d: %s: %s", cuda.options.device, what, cudaGetErrorString(error));
    char kernels[256] = "";
    for (int i = 0; i < LAST && cuda.last[i]; i++)
        snprintf(kernels + strlen(kernels), sizeof kernels - strlen(kernels), "%s%s", i ? ", " : "", cuda.last[i]);
    fail("CUDA device %d: %s: %s; the kernels before, last first: %s (SH_SYNC_KERNELS=1 names the one that is to blame)",
         cuda.options.device, what, cudaGetErrorString(error), kernels);
}

static void check_blas(cublasStatus_t status, const char *what)
{
    if (status != CUBLAS_STATUS_SUCCESS) fail("CUDA device %d: %s: %s", cuda.options.device, what, cublasGetStatusString(status));
}

cudaStream_t sh_cuda_stream(void)
{
    return cuda.stream;
}

void sh_cuda_launched(const char *kernel, int64_t items)
{
    cudaError_t error = cudaGetLastError();
    for (int i = LAST - 1; i > 0; i--)
        cuda.last[i] = cuda.last[i - 1];
    cuda.last[0] = kernel;
    if (error == cudaSuccess && cuda.synchronous) error = cudaStreamSynchronize(cuda.stream);
    if (error != cudaSuccess)
        fail("CUDA device %d: kernel %s over %lld items: %s%s", cuda.options.device, kernel, (long long)items,
             cudaGetErrorString(error), cuda.synchronous ? "" : " (SH_SYNC_KERNELS=1 names the kernel that is to blame)");
}

/* ---- memory ---- */

static void *take(size_t bytes)
{
    void *memory = NULL;
    cudaError_t error = cudaMalloc(&memory, bytes ? bytes : 1);
    if (error == cudaErrorMemoryAllocation) {
        size_t there = 0, in_all = 0;
        cudaMemGetInfo(&there, &in_all);
        char text[SH_CUDA_TEXT];
        sh_cuda_out_of_memory(text, cuda.options.device, bytes, there, in_all);
        fail("%s", text);
    }
    check(error, "taking memory");
    return memory;
}

static void give(void *memory)
{
    check(cudaFree(memory), "giving memory back");
}

/* Copies to the device go by way of pinned memory, so that the host goes on as soon as it has written there; one half is filled while
 * the other is read. Larger ones than a half are rare and wait. */
static void copy_in(void *to, const void *from, size_t bytes)
{
    if (bytes == 0) return;
    if (bytes > HALF) {
        check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyHostToDevice, cuda.stream), "copy to the device");
        check(cudaStreamSynchronize(cuda.stream), "copy to the device");
        return;
    }
    if (cuda.staged + bytes > HALF) {
        check(cudaEventRecord(cuda.read[cuda.half], cuda.stream), "event of a copy");
        cuda.half = (cuda.half + 1) % HALVES;
        cuda.staged = 0;
        check(cudaEventSynchronize(cuda.read[cuda.half]), "waiting for a copy to the device");
    }
    char *at = cuda.staging + (size_t)cuda.half * HALF + cuda.staged;
    memcpy(at, from, bytes);
    cuda.staged += (bytes + 63) / 64 * 64;
    check(cudaMemcpyAsync(to, at, bytes, cudaMemcpyHostToDevice, cuda.stream), "copy to the device");
}

/* Pinned memory of at least so many bytes; what was in it is lost. */
static void grow(char **memory, size_t *size, size_t bytes)
{
    if (bytes <= *size) return;
    if (*memory) check(cudaFreeHost(*memory), "giving pinned memory back");
    *size = 2 * bytes;
    check(cudaMallocHost(memory, *size), "taking pinned memory");
}

/* Waits, then hands over what was fetched. */
static void wait_and_deliver(const char *what)
{
    check(cudaStreamSynchronize(cuda.stream), what);
    for (int i = 0; i < cuda.n_fetched; i++)
        memcpy(cuda.fetched[i].to, cuda.arriving + cuda.fetched[i].at, cuda.fetched[i].bytes);
    cuda.n_fetched = 0;
    cuda.arrived = 0;
}

static void copy_out(void *to, const void *from, size_t bytes)
{
    if (bytes) check(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, cuda.stream), "copy from the device");
    wait_and_deliver("waiting for the kernels before a copy to the host");
}

static void fetch(void *to, const void *from, size_t bytes)
{
    if (bytes == 0) return;
    if (cuda.n_fetched == MAX_FETCHED || cuda.arrived + bytes > cuda.arriving_bytes) wait_and_deliver("waiting for what was fetched");
    grow(&cuda.arriving, &cuda.arriving_bytes, bytes);
    cuda.fetched[cuda.n_fetched++] = {to, cuda.arrived, bytes};
    check(cudaMemcpyAsync(cuda.arriving + cuda.arrived, from, bytes, cudaMemcpyDeviceToHost, cuda.stream), "copy from the device");
    cuda.arrived += (bytes + 63) / 64 * 64;
}

/* `stream` so far comes before what `other` is asked for from here on. */
static void follow(cudaStream_t other)
{
    check(cudaEventRecord(cuda.done, cuda.stream), "event of the kernels");
    check(cudaStreamWaitEvent(other, cuda.done, 0), "a stream beside the kernels");
}

static void copy_ahead(void *to, const void *from, size_t bytes)
{
    if (bytes == 0) return;
    check(cudaEventSynchronize(cuda.copied), "waiting for a copy ahead");
    grow(&cuda.ahead, &cuda.ahead_bytes, bytes);
    memcpy(cuda.ahead, from, bytes);
    follow(cuda.copies);
    check(cudaMemcpyAsync(to, cuda.ahead, bytes, cudaMemcpyHostToDevice, cuda.copies), "copy ahead to the device");
    check(cudaEventRecord(cuda.copied, cuda.copies), "event of a copy ahead");
}

static void copied(void)
{
    check(cudaStreamWaitEvent(cuda.stream, cuda.copied, 0), "kernels after a copy ahead");
}

static void clear(void *to, size_t bytes)
{
    if (bytes) check(cudaMemsetAsync(to, 0, bytes, cuda.stream), "clearing memory");
}

static void wait_for_all(void)
{
    wait_and_deliver("waiting for the kernels");
}

static void *take_managed(size_t bytes)
{
    void *memory = NULL;
    check(cudaMallocManaged(&memory, bytes ? bytes : 1), "taking managed memory");
    return memory;
}

static const sh_memory_source own = {take, give}, managed = {take_managed, give};

/* ---- dense products ---- */

static int blas_int(int64_t value)
{
    if (value < 0 || value > INT32_MAX) fail("a matrix of %lld rows is beyond cuBLAS's integers; lower train.slice or train.batch", (long long)value);
    return (int)value;
}

/* Row-major c = a b is column-major c^T = b^T a^T. */
static void gemm(bool transpose_a, bool transpose_b, int64_t m, int64_t n, int64_t k, sh_real alpha, const sh_real *a, int64_t lda,
                 const sh_real *b, int64_t ldb, sh_real beta, sh_real *c, int64_t ldc)
{
    if (m == 0 || n == 0) return;
    cublasOperation_t first = transpose_b ? CUBLAS_OP_T : CUBLAS_OP_N, second = transpose_a ? CUBLAS_OP_T : CUBLAS_OP_N;
#ifdef SH_F64
    cublasStatus_t status = cublasDgemm(
#else
    cublasStatus_t status = cublasSgemm(
#endif
        cuda.blas, first, second, blas_int(n), blas_int(m), blas_int(k), &alpha, b, blas_int(ldb), a, blas_int(lda), &beta, c,
        blas_int(ldc));
    check_blas(status, "dense product");
    sh_cuda_launched("gemm", m);
}

static void dense(const sh_dense_args *a, int64_t n)
{
    sh_combine_args args = a->out;
    args.x = args.pre;
    gemm(false, false, n, args.cols, a->k, 1, a->input, a->k, a->w, args.cols, 0, args.pre, args.cols);
    if (!sh_combine_is_bare(&args)) sh_combine_cuda(&args, n);
}

/* A vector of at least n ones, for sums over rows. */
static const sh_real *ones(int64_t n)
{
    if (n > cuda.n_ones) {
        int64_t size = 2 * n;
        sh_real *host = (sh_real *)malloc((size_t)size * sizeof *host);
        if (!host) fail("out of memory on the host: %zu bytes", (size_t)size * sizeof *host);
        for (int64_t i = 0; i < size; i++)
            host[i] = 1;
        if (cuda.ones) give(cuda.ones); /* waits for the kernels that read it */
        cuda.ones = (sh_real *)take((size_t)size * sizeof *host);
        copy_in(cuda.ones, host, (size_t)size * sizeof *host);
        check(cudaStreamSynchronize(cuda.stream), "copy to the device");
        cuda.n_ones = size;
        free(host);
    }
    return cuda.ones;
}

/* y (cols) += the sum of the rows of x (n,cols). */
static void add_rows(const sh_real *x, int64_t n, int64_t cols, sh_real *y)
{
    const sh_real one = 1, *all = ones(n);
#ifdef SH_F64
    cublasStatus_t status = cublasDgemv(
#else
    cublasStatus_t status = cublasSgemv(
#endif
        cuda.blas, CUBLAS_OP_N, blas_int(cols), blas_int(n), &one, x, blas_int(cols), all, 1, &one, y, 1);
    check_blas(status, "sum of rows");
    sh_cuda_launched("gemv", n);
}

static void dense_grad(const sh_dense_grad_args *a, int64_t n)
{
    const sh_real *grad = a->kind < 0 ? a->grad_y : a->grad_pre;
    int64_t k = a->k, cols = a->cols;
    if (n == 0) return;
    if (a->kind >= 0) {
        const sh_combine_grad_args args = {a->pre, a->y, a->grad_y, a->grad_pre, a->kind};
        sh_combine_grad_cuda(&args, n * cols);
    }
    if (a->grad_input) gemm(false, true, n, k, cols, 1, grad, cols, a->w, cols, 1, a->grad_input, k);
    if (a->grad_w) gemm(true, false, k, cols, n, 1, a->input, k, grad, cols, 1, a->grad_w, cols);
    if (a->grad_bias) add_rows(grad, n, cols, a->grad_bias);
}

/* ---- scans and sorts ---- */

/* At least this much, the same in every step once the largest has been seen. */
static char *scratch(size_t bytes)
{
    if (bytes > cuda.scratch_bytes) {
        if (cuda.scratch) give(cuda.scratch); /* waits for the kernels that use it */
        cuda.scratch_bytes = 2 * bytes;
        cuda.scratch = take(cuda.scratch_bytes);
    }
    return (char *)cuda.scratch;
}

static void offsets(const int64_t *count, int64_t n, int64_t *start)
{
    size_t bytes = sh_cuda_offsets_scratch(n);
    check(sh_cuda_offsets(count, n, start, scratch(bytes), bytes, cuda.stream), "offsets");
    sh_cuda_launched("offsets", n);
}

static void sort_by_key(const int32_t *key, int64_t n, int64_t n_key, int64_t *start, int64_t *list)
{
    size_t bytes = sh_cuda_sort_scratch(n);
    check(sh_cuda_sort(key, n, n_key, start, list, scratch(bytes), bytes, cuda.stream), "sort_by_key");
    sh_cuda_launched("sort_by_key", n);
}

/* ---- sums over processes ---- */

#ifdef SH_NCCL
static void sum_over_processes(sh_real *data, int64_t n)
{
    follow(cuda.sums);
    sh_collective_sum(data, n, cuda.sums);
    check(cudaEventRecord(cuda.summed, cuda.sums), "event of a sum");
}

static void summed(void)
{
    check(cudaStreamWaitEvent(cuda.stream, cuda.summed, 0), "kernels after a sum");
}
#endif

/* ---- opening ---- */

static int count(char text[SH_CUDA_TEXT])
{
    int n = 0, driver = 0;
    text[0] = '\0';
    if (cudaDriverGetVersion(&driver) == cudaSuccess && driver == 0) {
        snprintf(text, SH_CUDA_TEXT, "there is no NVIDIA driver");
        return -1;
    }
    cudaError_t error = cudaGetDeviceCount(&n);
    if (error == cudaSuccess && n > 0) return n;
    cudaGetLastError();
    snprintf(text, SH_CUDA_TEXT, "%s", error == cudaSuccess ? "no device is visible" : cudaGetErrorString(error));
    return -1;
}

static void describe(int device, char text[SH_CUDA_TEXT])
{
    cudaDeviceProp p;
    if (cudaGetDeviceProperties(&p, device) != cudaSuccess)
        snprintf(text, SH_CUDA_TEXT, "does not answer");
    else
        snprintf(text, SH_CUDA_TEXT, "%s, %zu MiB, sm_%d%d, %d multiprocessors", p.name, p.totalGlobalMem >> 20, p.major, p.minor,
                 p.multiProcessorCount);
}

/* Its UUID, which parts of a device (MIG) have too. */
static void identify(int device, char id[SH_CUDA_ID])
{
    cudaDeviceProp p;
    memset(id, 0, SH_CUDA_ID);
    if (cudaGetDeviceProperties(&p, device) != cudaSuccess) return;
    for (int i = 0; i < 16; i++)
        snprintf(id + 2 * i, 3, "%02x", (unsigned char)p.uuid.bytes[i]);
}

static void close_backend(void)
{
    if (!cuda.is_open) return;
    cudaStreamSynchronize(cuda.stream);
    if (cuda.ones) cudaFree(cuda.ones);
    if (cuda.scratch) cudaFree(cuda.scratch);
    if (cuda.staging) cudaFreeHost(cuda.staging);
    if (cuda.ahead) cudaFreeHost(cuda.ahead);
    if (cuda.arriving) cudaFreeHost(cuda.arriving);
    for (int i = 0; i < HALVES; i++)
        if (cuda.read[i]) cudaEventDestroy(cuda.read[i]);
    const cudaEvent_t events[] = {cuda.done, cuda.copied, cuda.summed};
    for (int i = 0; i < 3; i++)
        if (events[i]) cudaEventDestroy(events[i]);
    if (cuda.blas) cublasDestroy(cuda.blas);
    if (cuda.workspace) cudaFree(cuda.workspace);
    const cudaStream_t streams[] = {cuda.copies, cuda.sums, cuda.stream};
    for (int i = 0; i < 3; i++)
        if (streams[i]) cudaStreamDestroy(streams[i]);
    memset(&cuda, 0, sizeof cuda);
}

static sh_backend *open_backend(const sh_cuda_options *options, char text[SH_CUDA_TEXT])
{
    const char *wait = getenv("SH_SYNC_KERNELS");
    memset(&cuda, 0, sizeof cuda);
    cuda.is_open = true;
    cuda.options = *options;
    cuda.synchronous = wait && !strcmp(wait, "1");
    cudaError_t error = cudaSetDevice(options->device);
    cudaStream_t *const streams[] = {&cuda.stream, &cuda.copies, &cuda.sums};
    cudaEvent_t *const events[] = {&cuda.done, &cuda.copied, &cuda.summed};
    for (int i = 0; i < 3 && error == cudaSuccess; i++)
        error = cudaStreamCreateWithFlags(streams[i], cudaStreamNonBlocking);
    for (int i = 0; i < 3 && error == cudaSuccess; i++)
        error = cudaEventCreateWithFlags(events[i], cudaEventDisableTiming);
    if (error == cudaSuccess) error = cudaMalloc(&cuda.workspace, WORKSPACE);
    if (error == cudaSuccess) error = cudaMallocHost(&cuda.staging, HALVES * HALF);
    for (int i = 0; i < HALVES && error == cudaSuccess; i++)
        error = cudaEventCreateWithFlags(&cuda.read[i], cudaEventDisableTiming);
    if (error != cudaSuccess) {
        snprintf(text, SH_CUDA_TEXT, "device %d: %s", options->device, cudaGetErrorString(error));
        close_backend();
        return NULL;
    }
    cublasStatus_t status = cublasCreate(&cuda.blas);
    if (status == CUBLAS_STATUS_SUCCESS) status = cublasSetStream(cuda.blas, cuda.stream);
    if (status == CUBLAS_STATUS_SUCCESS) status = cublasSetWorkspace(cuda.blas, cuda.workspace, WORKSPACE);
    if (status == CUBLAS_STATUS_SUCCESS) status = cublasSetAtomicsMode(cuda.blas, CUBLAS_ATOMICS_NOT_ALLOWED);
    if (status != CUBLAS_STATUS_SUCCESS) {
        snprintf(text, SH_CUDA_TEXT, "device %d: cuBLAS: %s", options->device, cublasGetStatusString(status));
        close_backend();
        return NULL;
    }
    sh_backend *t = &cuda.table;
    t->name = "cuda";
#define SH_ENTRY(kernel) t->kernel = sh_##kernel##_cuda;
    SH_KERNEL_LIST(SH_ENTRY)
#undef SH_ENTRY
    t->dense = dense;
    t->dense_grad = dense_grad;
    t->offsets = offsets;
    t->sort_by_key = sort_by_key;
    t->memory = options->managed ? &managed : &own;
    t->copy_in = copy_in;
    t->copy_out = copy_out;
    t->fetch = fetch;
    t->copy_ahead = copy_ahead;
    t->copied = copied;
    t->clear = clear;
    t->wait = wait_for_all;
#ifdef SH_NCCL
    sh_collective_begin(options->fatal);
    t->group.make_id = sh_collective_id;
    t->group.join = sh_collective_join;
    t->group.sum = sum_over_processes;
    t->group.summed = summed;
    t->group.leave = sh_collective_leave;
#endif
    return t;
}

extern "C" const sh_cuda_entry *sh_cuda_module(void)
{
    static const sh_cuda_entry entry = {SH_CUDA_ABI, count, describe, identify, open_backend, close_backend};
    return &entry;
}
