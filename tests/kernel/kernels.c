/* Every kernel of list.h against a plain loop in double, on odd sizes (0, 1, primes), with guard zones around what it writes,
 * and with 1, 2 and 3 threads: the same bits. A kernel without a case does not link: the table below is made from the list. With the
 * argument `cuda` the same on a device, in memory that the host sees too. */
#include "device.h"

#include <omp.h>

#include "base/memory.h"
#include "activation.h"
#include "base/rng.h"
#include "dist.h"
#include "step_cell.h"

#ifdef SH_F64
static const double LIMIT = 1e-12;
#else
static const double LIMIT = 3e-6;
#endif

static sh_arena *pool; /* of a case: what kernels read and write */
static uint32_t state_of_noise = 3;

static double noise(void)
{
    state_of_noise = state_of_noise * 1664525u + 1013904223u;
    return (double)(state_of_noise >> 8) / (1 << 23) - 1;
}

/* ---- arrays with guard zones ---- */

enum { GUARD = 16 };
static const double SENTINEL = -7777.25;

static sh_real *array(int64_t n)
{
    sh_real *a = SH_PUSH(pool, sh_real, n + 2 * GUARD);
    for (int64_t i = 0; i < n + 2 * GUARD; i++)
        a[i] = i < GUARD || i >= n + GUARD ? (sh_real)SENTINEL : (sh_real)noise();
    return a + GUARD;
}

static void release(sh_real *a, int64_t n)
{
    for (int64_t i = 0; i < GUARD; i++) {
        assert_true((double)a[-1 - i] == SENTINEL);
        assert_true((double)a[n + i] == SENTINEL);
    }
}

static int64_t *offsets(int n, const int64_t *values)
{
    return memcpy(SH_PUSH(pool, int64_t, n), values, (size_t)n * sizeof *values);
}

/* Runs `launch` with 1, 2 and 3 threads on the same start; the outputs must have equal bits. */
static void run_threads(void (*launch)(const void *args, int64_t n), const void *args, int64_t n, sh_real *out, int64_t n_out)
{
    sh_real *start = SH_NEW(sh_real, n_out), *first = SH_NEW(sh_real, n_out);
    memcpy(start, out, (size_t)n_out * sizeof *out);
    for (int threads = 1; threads <= 3; threads++) {
        omp_set_num_threads(threads);
        memcpy(out, start, (size_t)n_out * sizeof *out);
        launch(args, n);
        if (threads == 1) memcpy(first, out, (size_t)n_out * sizeof *out);
        assert_memory_equal(out, first, (size_t)n_out * sizeof *out);
    }
    sh_free(start);
    sh_free(first);
}

#define LAUNCH(kernel)                                                                             \
    static void launch_##kernel(const void *args, int64_t n)                                       \
    {                                                                                              \
        be->kernel((const sh_##kernel##_args *)args, n);                                           \
        be->wait();                                                                                \
    }
SH_KERNELS_NETWORK(LAUNCH)
#undef LAUNCH

static void near(double got, double want)
{
    assert_near(got, want, LIMIT * fmax(1, fabs(want)));
}

/* Derivative of an activation, from its definition by a difference in double. */
static double activate(double x, int kind)
{
    double s = 1 / (1 + exp(-x));
    switch (kind) {
    case SH_SWISH: return x * s;
    case SH_SIGMOID: return s;
    case SH_TANH: return tanh(x);
    case SH_RELU: return x > 0 ? x : 0;
    case SH_ELU: return x > 0 ? x : expm1(x);
    case SH_SOFTPLUS2: return log(0.5 + 0.5 * exp(x));
    default: return x;
    }
}

static double slope(double x, int kind)
{
    double h = 1e-5;
    if (kind == SH_RELU) return x > 0; /* a difference across the kink is neither slope */
    return (activate(x + h, kind) - activate(x - h, kind)) / (2 * h);
}

static const int64_t SIZES[] = {0, 1, 2, 7, 31, 64, 101};
enum { N_SIZE = sizeof SIZES / sizeof *SIZES };

/* ---- one case a kernel ---- */

static void case_add(int64_t n)
{
    n *= 100; /* beyond what one thread does alone */
    sh_real *a = array(n), *b = array(n), *y = array(n);
    run_threads(launch_add, &(sh_add_args){a, b, y}, n, y, n);
    for (int64_t i = 0; i < n; i++)
        near(y[i], (double)a[i] + (double)b[i]);
    run_threads(launch_add, &(sh_add_args){a, NULL, y}, n, y, n);
    for (int64_t i = 0; i < n; i++)
        assert_true(y[i] == a[i]);
    release(a, n);
    release(b, n);
    release(y, n);
}

static void case_counts(int64_t n)
{
    enum { LAST = 4 * SH_MAX_COUNTS };
    int64_t *from = SH_PUSH(pool, int64_t, LAST + 1), *to = SH_PUSH(pool, int64_t, SH_MAX_COUNTS + 1);
    sh_counts_args args = {.to = to};
    n %= SH_MAX_COUNTS + 1;
    to[n] = -77;
    for (int64_t i = 0; i < n; i++) {
        args.from[i] = &from[LAST - 3 * i];
        from[LAST - 3 * i] = (int64_t)(1000 * noise());
    }
    launch_counts(&args, n);
    for (int64_t i = 0; i < n; i++)
        assert_int_equal(to[i], from[LAST - 3 * i]);
    assert_int_equal(to[n], -77);
}

/* Sums as they are where the last is within the room, zeros where it is beyond. */
static void case_fit(int64_t n)
{
    int64_t *from = SH_PUSH(pool, int64_t, n + 1), *to = SH_PUSH(pool, int64_t, n + 2), *seen = SH_PUSH(pool, int64_t, 1);
    for (int64_t i = 0; i <= n; i++)
        from[i] = i ? from[i - 1] + i % 3 + 1 : 0;
    for (int over = 0; over < 2; over++) {
        const sh_fit_args args = {.from = from, .n = n, .room = from[n] - over, .to = to, .seen = seen};
        to[n + 1] = -77;
        launch_fit(&args, n + 1);
        for (int64_t i = 0; i <= n; i++)
            assert_int_equal(to[i], over ? 0 : from[i]);
        assert_int_equal(*seen, from[n]);
        assert_int_equal(to[n + 1], -77);
    }
}

static void case_counted_keys(int64_t n)
{
    int32_t *from = SH_PUSH(pool, int32_t, n), *key = SH_PUSH(pool, int32_t, n + 1);
    int64_t *counted = SH_PUSH(pool, int64_t, 1);
    for (int64_t i = 0; i < n; i++)
        from[i] = (int32_t)(i % 5);
    for (*counted = 0; *counted <= n; *counted += n / 3 + 1) {
        key[n] = -77;
        launch_counted_keys(&(sh_counted_keys_args){.counted = counted, .from = from, .n_key = 9, .key = key}, n);
        for (int64_t i = 0; i < n; i++)
            assert_int_equal(key[i], i < *counted ? i % 5 : 9);
        assert_int_equal(key[n], -77);
    }
}

static void case_clip(int64_t n)
{
    double *part = SH_PUSH(pool, double, 2 * n + 2), square = 0, apart = 0;
    sh_clipped *clipped = SH_PUSH(pool, sh_clipped, 2);
    for (int64_t s = 0; s < n; s++) {
        square += part[2 * s] = (double)(s % 5);
        apart += part[2 * s + 1] = (double)(s % 3) / 4;
    }
    clipped[1].scale = -77;
    for (int k = 0; k < 3; k++) {
        const double clip = k;
        launch_clip(&(sh_clip_args){part, n, clip, clipped}, 1);
        near((double)clipped->scale, clip > 0 && sqrt(square) > clip ? clip / sqrt(square) : 1);
        near((double)clipped->scale_apart, clip > 0 && sqrt(apart) > clip ? clip / sqrt(apart) : 1);
        assert_true(clipped->square == square && clipped->square_apart == apart && clipped->is_finite);
    }
    if (n > 0) part[2 * n - 1] = NAN;
    launch_clip(&(sh_clip_args){part, n, 1, clipped}, 1);
    assert_true(clipped->is_finite == (n == 0) && clipped[1].scale == -77);
}

static void case_adam(int64_t n)
{
    sh_real *x = array(n), *first = array(n), *second = array(n), *grad = array(n), *factor = array(n), *start = array(3 * n);
    for (int64_t i = 0; i < n; i++) {
        factor[i] = i % 3 ? 1 : (sh_real)2.5;
        second[i] *= second[i];
        start[3 * i] = x[i];
        start[3 * i + 1] = first[i];
        start[3 * i + 2] = second[i];
    }
    sh_clipped *clipped = SH_PUSH(pool, sh_clipped, 1);
    *clipped = (sh_clipped){.scale = (sh_real)0.5, .scale_apart = (sh_real)0.25, .is_finite = 1};
    const sh_adam_args args = {.x = x,
                               .first = first,
                               .second = second,
                               .grad = grad,
                               .factor = factor,
                               .clipped = clipped,
                               .beta1 = (sh_real)0.9,
                               .beta2 = (sh_real)0.99,
                               .rest1 = (sh_real)0.1,
                               .rest2 = (sh_real)0.01,
                               .step = (sh_real)0.125,
                               .correct = (sh_real)1.5,
                               .epsilon = (sh_real)1e-3};
    launch_adam(&args, n);
    for (int64_t i = 0; i < n; i++) {
        double g = (double)grad[i] * (i % 3 ? 0.5 : 0.25), m = 0.9 * (double)start[3 * i + 1] + 0.1 * g;
        double v = 0.99 * (double)start[3 * i + 2] + 0.01 * g * g;
        near(first[i], m);
        near(second[i], v);
        near(x[i], (double)start[3 * i] - 0.125 * (double)factor[i] * m / (sqrt(1.5 * v) + 1e-3));
        start[3 * i] = x[i];
    }
    clipped->is_finite = 0;
    launch_adam(&args, n);
    for (int64_t i = 0; i < n; i++)
        assert_true(x[i] == start[3 * i]); /* a gradient that is not finite moves nothing */
    release(x, n);
    release(first, n);
    release(second, n);
    release(grad, n);
    release(factor, n);
    release(start, 3 * n);
}

static void case_square_sums(int64_t n)
{
    enum { SLICES = 7 };
    sh_real *x = array(n), *factor = array(n);
    double *part = SH_PUSH(pool, double, 2 * SLICES), sum[2] = {0}, want[2] = {0};
    for (int64_t i = 0; i < n; i++) {
        factor[i] = i % 4 ? 1 : 3;
        want[i % 4 == 0] += (double)x[i] * (double)x[i];
    }
    launch_square_sums(&(sh_square_sums_args){x, factor, part, n, SLICES}, SLICES);
    for (int s = 0; s < SLICES; s++) {
        sum[0] += part[2 * s];
        sum[1] += part[2 * s + 1];
    }
    near(sum[0], want[0]);
    near(sum[1], want[1]);
    release(x, n);
    release(factor, n);
}

static void case_activation(int64_t n)
{
    for (int kind = SH_SWISH; kind <= SH_SOFTPLUS2; kind++) {
        sh_real *x = array(n), *y = array(n);
        for (int64_t i = 0; i < n; i++)
            x[i] *= 20;
        run_threads(launch_activation, &(sh_activation_args){x, y, kind}, n, y, n);
        for (int64_t i = 0; i < n; i++)
            near(y[i], activate((double)x[i], kind));
        release(x, n);
        release(y, n);
    }
}

static void case_activation_grad(int64_t n)
{
    for (int kind = SH_SWISH; kind <= SH_SOFTPLUS2; kind++) {
        sh_real *x = array(n), *y = array(n), *grad_y = array(n), *grad_x = array(n), *before = array(n);
        for (int64_t i = 0; i < n; i++) {
            x[i] *= 5;
            y[i] = (sh_real)activate((double)x[i], kind);
            before[i] = grad_x[i];
        }
        run_threads(launch_activation_grad, &(sh_activation_grad_args){x, y, grad_y, grad_x, kind}, n, grad_x, n);
        for (int64_t i = 0; i < n; i++)
            assert_near(grad_x[i], (double)before[i] + (double)grad_y[i] * slope((double)x[i], kind), 1e-5);
        release(x, n);
        release(y, n);
        release(grad_y, n);
        release(grad_x, n);
        release(before, n);
    }
}

static void case_column_sum(int64_t rows)
{
    for (int64_t cols = 1; cols <= 67; cols += 33) {
        sh_real *x = array(rows * cols), *y = array(cols), *before = array(cols);
        memcpy(before, y, (size_t)cols * sizeof *y);
        run_threads(launch_column_sum, &(sh_column_sum_args){x, y, rows, cols}, cols, y, cols);
        for (int64_t c = 0; c < cols; c++) {
            double sum = (double)before[c];
            for (int64_t r = 0; r < rows; r++)
                sum += (double)x[r * cols + c];
            near(y[c], sum);
        }
        release(x, rows * cols);
        release(y, cols);
        release(before, cols);
    }
}

static int32_t *indices(int64_t n, int32_t most)
{
    int32_t *index = SH_PUSH(pool, int32_t, n);
    for (int64_t i = 0; i < n; i++)
        index[i] = (int32_t)((noise() + 1) / 2 * most) % most;
    return index;
}

static void case_gather(int64_t n)
{
    enum { ROWS = 6, C = 7 };
    sh_real *x = array(ROWS * C), *y = array(n * C), *w = array(n), *before = array(n * C);
    int32_t *index = indices(n, ROWS);
    for (int keep = 0; keep < 2; keep++) {
        memcpy(before, y, (size_t)(n * C) * sizeof *y);
        run_threads(launch_gather, &(sh_gather_args){x, index, w, y, C, keep}, n, y, n * C);
        for (int64_t i = 0; i < n * C; i++)
            near(y[i], keep * (double)before[i] + (double)w[i / C] * (double)x[index[i / C] * C + i % C]);
    }
    release(x, ROWS * C);
    release(y, n * C);
    release(w, n);
    release(before, n * C);
}

/* Few columns and many: on the CPU they go two ways. */
static void check_list_sum(int64_t n, int64_t C)
{
    enum { SEGMENTS = 5 };
    int64_t *start = offsets(SEGMENTS + 1, (const int64_t[]){0, n / 4, n / 4, n / 2, n - n / 8, n}), *list = SH_PUSH(pool, int64_t, n);
    sh_real *x = array(n * C), *y = array(SEGMENTS * C), *w = array(n), *before = array(SEGMENTS * C);
    for (int64_t i = 0; i < n; i++)
        list[i] = (i * 7 + 3) % n;
    for (int keep = 0; keep < 2; keep++) {
        memcpy(before, y, (size_t)(SEGMENTS * C) * sizeof *y);
        run_threads(launch_list_sum, &(sh_list_sum_args){x, start, keep ? NULL : list, w, y, C, keep}, SEGMENTS, y,
                    SEGMENTS * C);
        for (int s = 0; s < SEGMENTS; s++)
            for (int64_t c = 0; c < C; c++) {
                double sum = keep * (double)before[s * C + c];
                for (int64_t k = start[s]; k < start[s + 1]; k++) {
                    int64_t i = keep ? k : list[k];
                    sum += (double)w[i] * (double)x[i * C + c];
                }
                near(y[s * C + c], sum);
            }
    }
    release(x, n * C);
    release(y, SEGMENTS * C);
    release(w, n);
    release(before, SEGMENTS * C);
}

static void case_list_sum(int64_t n)
{
    check_list_sum(n, 3);
    check_list_sum(n, 19);
    check_list_sum(n, 70);
}

static void case_combine(int64_t n)
{
    enum { ROWS = 4, C = 19 };
    sh_real *x = array(n * C), *bias = array(C), *s = array(ROWS * C), *d = array(ROWS * C), *g = array(ROWS * C),
            *pre = array(n * C), *y = array(n * C);
    int32_t *src = indices(n, ROWS), *dst = indices(n, ROWS), *group = indices(n, ROWS);
    for (int parts = 0; parts < 16; parts++)
        for (int kind = -1; kind <= SH_SOFTPLUS2; kind += 2) {
            const sh_combine_args args = {.x = x,
                                          .bias = parts & 1 ? bias : NULL,
                                          .p_src = parts & 2 ? s : NULL,
                                          .p_dst = parts & 4 ? d : NULL,
                                          .p_group = parts & 8 ? g : NULL,
                                          .src = src,
                                          .dst = dst,
                                          .group = group,
                                          .pre = kind == 1 ? NULL : pre,
                                          .y = y,
                                          .cols = C,
                                          .kind = kind};
            run_threads(launch_combine, &args, n, y, n * C);
            for (int64_t i = 0; i < n * C; i++) {
                int64_t r = i / C, c = i % C;
                double sum = (double)x[i];
                if (parts & 1) sum += (double)bias[c];
                if (parts & 2) sum += (double)s[src[r] * C + c];
                if (parts & 4) sum += (double)d[dst[r] * C + c];
                if (parts & 8) sum += (double)g[group[r] * C + c];
                if (kind != 1) near(pre[i], sum);
                near(y[i], activate(sum, kind));
            }
        }
    release(x, n * C);
    release(bias, C);
    release(s, ROWS * C);
    release(d, ROWS * C);
    release(g, ROWS * C);
    release(pre, n * C);
    release(y, n * C);
}

static void case_combine_grad(int64_t n)
{
    for (int kind = -1; kind <= SH_SOFTPLUS2; kind++) {
        sh_real *pre = array(n), *y = array(n), *grad_y = array(n), *out = array(n);
        for (int64_t i = 0; i < n; i++)
            y[i] = (sh_real)activate((double)pre[i], kind);
        run_threads(launch_combine_grad, &(sh_combine_grad_args){pre, y, grad_y, out, kind}, n, out, n);
        for (int64_t i = 0; i < n; i++)
            assert_near(out[i], (double)grad_y[i] * (kind < 0 ? 1 : slope((double)pre[i], kind)), 1e-5);
        release(pre, n);
        release(y, n);
        release(grad_y, n);
        release(out, n);
    }
}

/* ---- dense layers: entries of the back-end beside the list ---- */

static void launch_dense(const void *args, int64_t n)
{
    be->dense((const sh_dense_args *)args, n);
    be->wait();
}

static void launch_dense_grad(const void *args, int64_t n)
{
    be->dense_grad((const sh_dense_grad_args *)args, n);
    be->wait();
}

/* Shapes that go through blocks of rows, and such that BLAS does (27 columns) or does in one direction (50 and 100 inputs). */
static const int64_t LAYERS[][2] = {{32, 64}, {64, 32}, {128, 48}, {100, 64}, {50, 64}, {64, 27}, {5, 16}};
enum { N_LAYER = sizeof LAYERS / sizeof *LAYERS };

static void check_dense(int64_t n, int64_t k, int64_t cols, int kind)
{
    enum { ROWS = 4 };
    sh_real *x = array(n * k), *w = array(k * cols), *bias = array(cols), *s = array(ROWS * cols), *y = array(n * cols),
            *pre = kind == SH_SWISH ? array(n * cols) : y; /* as the ops have it */
    int32_t *src = indices(n, ROWS);
    const sh_dense_args args = {
        .input = x, .w = w, .k = k, .out = {.bias = bias, .p_src = s, .src = src, .pre = pre, .y = y, .cols = cols, .kind = kind}};
    if (cols % 16 == 0) /* the same bits for any number of threads, which BLAS does not promise */
        run_threads(launch_dense, &args, n, y, n * cols);
    else
        launch_dense(&args, n);
    for (int64_t i = 0; i < n * cols; i++) {
        double sum = (double)bias[i % cols] + (double)s[src[i / cols] * cols + i % cols];
        for (int64_t j = 0; j < k; j++)
            sum += (double)x[i / cols * k + j] * (double)w[j * cols + i % cols];
        if (pre != y) assert_near(pre[i], sum, 10 * LIMIT); /* a hundred products */
        assert_near(y[i], activate(sum, kind), 10 * LIMIT);
    }
    release(x, n * k);
    release(w, k * cols);
    release(bias, cols);
    release(s, ROWS * cols);
    if (pre != y) release(pre, n * cols);
    release(y, n * cols);
}

static void check_dense_grad(int64_t n, int64_t k, int64_t cols, int kind)
{
    sh_real *x = array(n * k), *w = array(k * cols), *pre = array(n * cols), *y = array(n * cols), *grad_y = array(n * cols),
            *grad_pre = array(n * cols), *grad_x = array(n * k), *grad_w = array(k * cols), *grad_b = array(cols);
    sh_real *out[3] = {grad_x, grad_w, grad_b};
    const int64_t size[3] = {n * k, k * cols, cols};
    const sh_dense_grad_args args = {.input = x,
                                     .w = w,
                                     .pre = pre,
                                     .y = y,
                                     .grad_y = grad_y,
                                     .grad_pre = kind < 0 ? NULL : grad_pre,
                                     .grad_input = grad_x,
                                     .grad_w = grad_w,
                                     .grad_bias = grad_b,
                                     .k = k,
                                     .cols = cols,
                                     .kind = kind};
    for (int64_t i = 0; i < n * cols; i++)
        y[i] = (sh_real)activate((double)pre[i], kind);
    for (int o = 0; o < 3 && cols % 16 == 0 && k % 16 == 0; o++) { /* looked at one output after the other */
        for (int64_t i = 0; i < size[o]; i++)
            out[o][i] = 0;
        run_threads(launch_dense_grad, &args, n, out[o], size[o]);
    }
    for (int o = 0; o < 3; o++)
        memset(out[o], 0, (size_t)size[o] * sizeof **out);
    launch_dense_grad(&args, n);
    double *slopes = SH_NEW(double, n * cols);
    for (int64_t i = 0; i < n * cols; i++)
        slopes[i] = (double)grad_y[i] * (kind < 0 ? 1 : slope((double)pre[i], kind));
    for (int64_t i = 0; i < n * k; i++) {
        double sum = 0;
        for (int64_t c = 0; c < cols; c++)
            sum += slopes[i / k * cols + c] * (double)w[i % k * cols + c];
        assert_near(grad_x[i], sum, 2e-5);
    }
    for (int64_t i = 0; i < k * cols; i++) {
        double sum = 0;
        for (int64_t r = 0; r < n; r++)
            sum += slopes[r * cols + i % cols] * (double)x[r * k + i / cols];
        assert_near(grad_w[i], sum, 2e-5);
    }
    for (int64_t c = 0; c < cols; c++) {
        double sum = 0;
        for (int64_t r = 0; r < n; r++)
            sum += slopes[r * cols + c];
        assert_near(grad_b[c], sum, 2e-5);
    }
    sh_free(slopes);
    release(x, n * k);
    release(w, k * cols);
    release(pre, n * cols);
    release(y, n * cols);
    release(grad_y, n * cols);
    release(grad_pre, n * cols);
    release(grad_x, n * k);
    release(grad_w, k * cols);
    release(grad_b, cols);
}

static void test_dense(void **state)
{
    (void)state;
    for (int layer = 0; layer < N_LAYER; layer++)
        for (int i = 0; i < N_SIZE; i++)
            for (int kind = -1; kind <= SH_SOFTPLUS2; kind++) {
                sh_arena_reset(pool);
                check_dense(SIZES[i], LAYERS[layer][0], LAYERS[layer][1], kind);
                check_dense_grad(SIZES[i], LAYERS[layer][0], LAYERS[layer][1], kind);
            }
}

/* The gradients of attention and of the LSTM cell are compared with differences in tests/grad; here their values, their
 * guard zones and their bits. */
enum { CRYSTALS = 3, WIDEST = 40 };

/* Weights of the rows of crystal c as attention has them, in double. */
static void attention(const sh_attend_args *a, int c, double *weight)
{
    double total = 0;
    for (int64_t j = a->start[c]; j < a->start[c + 1]; j++) {
        double dot = 0;
        for (int64_t k = 0; k < a->d; k++)
            dot += (double)a->q[c * a->d + k] * (double)a->x[j * a->d + k];
        total += weight[j] = (double)a->m[j] * exp(dot);
    }
    for (int64_t j = a->start[c]; j < a->start[c + 1]; j++)
        weight[j] /= total;
}

/* Fewer columns than a device's warp has lanes, and more. */
static void check_attend(int64_t n, int64_t d)
{
    int64_t *start = offsets(CRYSTALS + 1, (const int64_t[]){0, n / 3, n / 3, n});
    sh_real *x = array(n * d), *q = array(CRYSTALS * d), *m = array(n), *w = array(n), *r = array(CRYSTALS * d);
    double *weight = SH_PUSH(pool, double, n);
    const sh_attend_args args = {.x = x, .q = q, .m = m, .start = start, .w = w, .r = r, .d = d};
    for (int64_t i = 0; i < n; i++)
        m[i] = (sh_real)(1 + i % 5);
    run_threads(launch_attend, &args, CRYSTALS, r, CRYSTALS * d);
    for (int c = 0; c < CRYSTALS; c++) {
        attention(&args, c, weight);
        for (int64_t k = 0; k < d; k++) {
            double want = 0;
            for (int64_t j = start[c]; j < start[c + 1]; j++)
                want += weight[j] * (double)x[j * d + k];
            near(r[c * d + k], want);
        }
    }
    release(x, n * d);
    release(q, CRYSTALS * d);
    release(m, n);
    release(w, n);
    release(r, CRYSTALS * d);
}

static void case_attend(int64_t n)
{
    check_attend(n, 5);
    check_attend(n, WIDEST);
}

/* With b_j = grad_r . x_j and its mean b: dx_j = w_j (grad_r + (b_j - b) q), dq = sum of w_j (b_j - b) x_j. */
static void check_attend_grad(int64_t n, int64_t d)
{
    int64_t *start = offsets(CRYSTALS + 1, (const int64_t[]){0, n / 3, n / 3, n});
    sh_real *x = array(n * d), *q = array(CRYSTALS * d), *m = array(n), *w = array(n), *r = array(CRYSTALS * d),
            *grad_r = array(CRYSTALS * d), *grad_x = array(n * d), *grad_q = array(CRYSTALS * d), *before_x = array(n * d),
            *before_q = array(CRYSTALS * d);
    double *weight = SH_PUSH(pool, double, n);
    const sh_attend_args forward = {.x = x, .q = q, .m = m, .start = start, .w = w, .r = r, .d = d};
    sh_attend_grad_args args = forward;
    args.grad_r = grad_r;
    for (int64_t i = 0; i < n; i++)
        m[i] = (sh_real)(1 + i % 3);
    launch_attend(&forward, CRYSTALS);
    memcpy(before_x, grad_x, (size_t)(n * d) * sizeof *grad_x);
    memcpy(before_q, grad_q, (size_t)(CRYSTALS * d) * sizeof *grad_q);
    args.grad_x = grad_x;
    run_threads(launch_attend_grad, &args, CRYSTALS, grad_x, n * d);
    args.grad_x = NULL;
    args.grad_q = grad_q;
    run_threads(launch_attend_grad, &args, CRYSTALS, grad_q, CRYSTALS * d);
    for (int c = 0; c < CRYSTALS; c++) {
        double mean = 0, of_q[WIDEST] = {0};
        attention(&forward, c, weight);
        for (int64_t j = start[c]; j < start[c + 1]; j++)
            for (int64_t k = 0; k < d; k++)
                mean += weight[j] * (double)grad_r[c * d + k] * (double)x[j * d + k];
        for (int64_t j = start[c]; j < start[c + 1]; j++) {
            double along = 0;
            for (int64_t k = 0; k < d; k++)
                along += (double)grad_r[c * d + k] * (double)x[j * d + k];
            double slope = weight[j] * (along - mean);
            for (int64_t k = 0; k < d; k++) {
                double want = weight[j] * (double)grad_r[c * d + k] + slope * (double)q[c * d + k];
                assert_near(grad_x[j * d + k], (double)before_x[j * d + k] + want, 10 * LIMIT);
                of_q[k] += slope * (double)x[j * d + k];
            }
        }
        for (int64_t k = 0; k < d; k++)
            assert_near(grad_q[c * d + k], (double)before_q[c * d + k] + of_q[k], 10 * LIMIT);
    }
    release(x, n * d);
    release(q, CRYSTALS * d);
    release(m, n);
    release(w, n);
    release(r, CRYSTALS * d);
    release(grad_r, CRYSTALS * d);
    release(grad_x, n * d);
    release(grad_q, CRYSTALS * d);
    release(before_x, n * d);
    release(before_q, CRYSTALS * d);
}

static void case_attend_grad(int64_t n)
{
    check_attend_grad(n, 5);
    check_attend_grad(n, WIDEST);
}

static void case_lstm_cell(int64_t n)
{
    enum { D = 3 };
    sh_real *z = array(n * 4 * D), *before = array(n * D), *c = array(n * D), *h = array(n * D);
    run_threads(launch_lstm_cell, &(sh_lstm_cell_args){.z = z, .c_before = before, .c = c, .h = h, .d = D}, n, h, n * D);
    for (int64_t i = 0; i < n; i++)
        for (int k = 0; k < D; k++) {
            const sh_real *row = z + i * 4 * D;
            double want = activate((double)row[D + k], SH_SIGMOID) * (double)before[i * D + k] +
                          activate((double)row[k], SH_SIGMOID) * tanh((double)row[2 * D + k]);
            near(c[i * D + k], want);
            near(h[i * D + k], activate((double)row[3 * D + k], SH_SIGMOID) * tanh(want));
        }
    release(z, n * 4 * D);
    release(before, n * D);
    release(c, n * D);
    release(h, n * D);
}

static void case_lstm_cell_grad(int64_t n)
{
    enum { D = 3 };
    sh_real *z = array(n * 4 * D), *c = array(n * D), *grad_h = array(n * D), *grad_c = array(n * D),
            *grad_z = array(n * 4 * D);
    run_threads(launch_lstm_cell_grad,
                &(sh_lstm_cell_grad_args){.z = z, .c = c, .grad_h = grad_h, .grad_c = grad_c, .grad_z = grad_z, .d = D}, n,
                grad_z, n * 4 * D);
    release(z, n * 4 * D);
    release(c, n * D);
    release(grad_h, n * D);
    release(grad_c, n * D);
    release(grad_z, n * 4 * D);
}

static void case_gaussians(int64_t n)
{
    enum { K = 11 };
    double *x = SH_PUSH(pool, double, n);
    sh_real *centre = array(K), *y = array(n * K);
    for (int64_t i = 0; i < n; i++)
        x[i] = 3 * noise();
    run_threads(launch_gaussians, &(sh_gaussians_args){x, centre, y, K, 0.5}, n, y, n * K);
    for (int64_t i = 0; i < n * K; i++) {
        double d = x[i / K] - (double)centre[i % K];
        near(y[i], exp(-0.5 * d * d));
    }
    release(centre, K);
    release(y, n * K);
}

/* n crystals of 1, 2, 3, 1, ... sites; site s has s % 4 edges, to sites of its crystal. */
typedef struct {
    int64_t n_site, n_edge, *site_start, *edge_start;
    int32_t *site_crystal, *edge_dst;
    double *count, *mult;
} small_graph;

static small_graph make_graph(int64_t n)
{
    small_graph g = {.site_start = SH_PUSH(pool, int64_t, n + 1), .edge_start = SH_PUSH(pool, int64_t, 3 * n + 1),
                     .site_crystal = SH_PUSH(pool, int32_t, 3 * n), .edge_dst = SH_PUSH(pool, int32_t, 9 * n),
                     .count = SH_PUSH(pool, double, 9 * n), .mult = SH_PUSH(pool, double, 3 * n)};
    for (int64_t c = 0; c < n; c++) {
        int64_t n_here = 1 + c % 3;
        g.site_start[c] = g.n_site;
        for (int64_t k = 0; k < n_here; k++) {
            g.edge_start[g.n_site] = g.n_edge;
            g.site_crystal[g.n_site] = (int32_t)c;
            g.mult[g.n_site] = (double)(1 + (g.n_site * 7) % 5);
            for (int64_t e = 0; e < g.n_site % 4; e++) {
                g.edge_dst[g.n_edge] = (int32_t)(g.site_start[c] + (e + k) % n_here);
                g.count[g.n_edge++] = (double)(1 + (e * 5 + k) % 3);
            }
            g.n_site++;
        }
    }
    g.site_start[n] = g.n_site;
    g.edge_start[g.n_site] = g.n_edge;
    return g;
}

/* Shares of one crystal add up to 1, by site and by edge; numbers of copies are products. */
static void case_graph_shares(int64_t n)
{
    small_graph g = make_graph(n);
    const sh_graph_shares shares = {array(g.n_edge), array(g.n_edge), array(g.n_site), array(g.n_edge), array(g.n_site)};
    const sh_graph_shares_args args = {.site_start = g.site_start, .edge_start = g.edge_start, .edge_count = g.count, .mult = g.mult,
                                       .n_crystal = n, .edge_crystal = SH_PUSH(pool, int32_t, g.n_edge),
                                       .crystal_start = SH_PUSH(pool, int64_t, n + 1), .shares = shares};
    launch_graph_shares(&args, n + 1);
    for (int64_t c = 0; c <= n; c++)
        assert_int_equal(args.crystal_start[c], g.edge_start[g.site_start[c]]);
    for (int64_t c = 0; c < n; c++) {
        double sites = 0, edges = 0;
        for (int64_t s = g.site_start[c]; s < g.site_start[c + 1]; s++) {
            double of_site = 0;
            sites += (double)shares.site_of_crystal[s];
            near(shares.site_mult[s], g.mult[s]);
            near((sh_real)((double)shares.site_of_crystal[s] / (double)shares.site_of_crystal[g.site_start[c]]),
                 g.mult[s] / g.mult[g.site_start[c]]);
            for (int64_t e = g.edge_start[s]; e < g.edge_start[s + 1]; e++) {
                assert_int_equal(args.edge_crystal[e], c);
                of_site += (double)shares.edge_of_site[e];
                edges += (double)shares.edge_of_crystal[e];
                near(shares.edge_mult[e], g.count[e] * g.mult[s]);
                near((sh_real)((double)shares.edge_of_site[e] / (double)shares.edge_of_site[g.edge_start[s]]),
                     g.count[e] / g.count[g.edge_start[s]]);
            }
            if (g.edge_start[s] < g.edge_start[s + 1]) near((sh_real)of_site, 1);
        }
        near((sh_real)sites, 1);
        if (g.edge_start[g.site_start[c]] < g.edge_start[g.site_start[c + 1]]) near((sh_real)edges, 1);
    }
    release(shares.edge_of_site, g.n_edge);
    release(shares.edge_of_crystal, g.n_edge);
    release(shares.site_of_crystal, g.n_site);
    release(shares.edge_mult, g.n_edge);
    release(shares.site_mult, g.n_site);
}

static sh_adjacency_args make_adjacency(int64_t n)
{
    small_graph g = make_graph(n);
    int64_t n_entry = g.n_edge + g.n_site;
    const sh_adjacency_args args = {.edge_start = g.edge_start, .edge_dst = g.edge_dst, .edge_count = g.count,
                                    .site_start = g.site_start, .site_crystal = g.site_crystal, .mult = g.mult, .n_site = g.n_site,
                                    .degree = SH_PUSH(pool, double, g.n_site), .start = SH_PUSH(pool, int64_t, g.n_site + 1),
                                    .site = SH_PUSH(pool, int32_t, n_entry), .far_end = SH_PUSH(pool, int32_t, n_entry),
                                    .weight = array(n_entry), .share = array(g.n_site)};
    launch_adjacency_degree(&args, g.n_site);
    return args;
}

static void case_adjacency_degree(int64_t n)
{
    const sh_adjacency_args a = make_adjacency(n);
    for (int64_t s = 0; s < a.n_site; s++) {
        double degree = 1;
        for (int64_t e = a.edge_start[s]; e < a.edge_start[s + 1]; e++)
            degree += a.edge_count[e];
        assert_near(a.degree[s], degree, 0);
    }
}

/* Every edge stands in its site's row with n_c / sqrt(d_s d_t), the site itself last with 1 / d_s. */
static void case_adjacency(int64_t n)
{
    const sh_adjacency_args a = make_adjacency(n);
    launch_adjacency(&a, a.n_site + 1);
    for (int64_t s = 0; s < a.n_site; s++) {
        int64_t k = a.start[s], last = a.start[s + 1] - 1;
        int32_t c = a.site_crystal[s];
        double n_atom = 0;
        for (int64_t e = a.edge_start[s]; e < a.edge_start[s + 1]; e++, k++) {
            assert_true(a.site[k] == s && a.far_end[k] == a.edge_dst[e]);
            near(a.weight[k], a.edge_count[e] / sqrt(a.degree[s] * a.degree[a.edge_dst[e]]));
        }
        assert_int_equal(k, last);
        assert_true(a.site[k] == s && a.far_end[k] == s);
        near(a.weight[k], 1 / a.degree[s]);
        for (int64_t t = a.site_start[c]; t < a.site_start[c + 1]; t++)
            n_atom += a.mult[t];
        near(a.share[s], a.mult[s] / n_atom);
    }
    release(a.weight, a.start[a.n_site]);
    release(a.share, a.n_site);
}

/* Parts of 1, 0 and 3 columns in columns 2 to 5 of 7. */
enum { PARTS = 3, PART_COLS = 4, PART_FIRST = 2, WHOLE_COLS = 7 };

static sh_put_cols_args make_parts(int64_t n)
{
    sh_put_cols_args a = {.part_cols = {1, 0, 3}, .cols = PART_COLS, .first = PART_FIRST, .stride = WHOLE_COLS};
    for (int k = 0; k < PARTS; k++)
        a.part[k] = array(n * a.part_cols[k]);
    a.whole = array(n * WHOLE_COLS);
    return a;
}

/* Column c of all parts in row r. */
static sh_real in_parts(const sh_put_cols_args *a, int64_t r, int64_t c)
{
    return c < 1 ? a->part[0][r] : a->part[2][3 * r + c - 1];
}

static void release_parts(const sh_put_cols_args *a, int64_t n)
{
    for (int k = 0; k < PARTS; k++)
        release(a->part[k], n * a->part_cols[k]);
    release(a->whole, n * WHOLE_COLS);
}

static void case_put_cols(int64_t n)
{
    sh_put_cols_args a = make_parts(n);
    sh_real *before = array(n * WHOLE_COLS);
    memcpy(before, a.whole, (size_t)(n * WHOLE_COLS) * sizeof *before);
    run_threads(launch_put_cols, &a, n, a.whole, n * WHOLE_COLS);
    for (int64_t i = 0; i < n * WHOLE_COLS; i++) {
        int64_t c = i % WHOLE_COLS - PART_FIRST;
        assert_true(a.whole[i] == (c >= 0 && c < PART_COLS ? in_parts(&a, i / WHOLE_COLS, c) : before[i]));
    }
    release(before, n * WHOLE_COLS);
    release_parts(&a, n);
}

static void case_take_cols(int64_t n)
{
    sh_put_cols_args a = make_parts(n);
    sh_real *before = array(n * 3), *first = a.part[0], *first_before = array(n);
    memcpy(before, a.part[2], (size_t)(n * 3) * sizeof *before);
    memcpy(first_before, first, (size_t)n * sizeof *first);
    a.part[0] = NULL; /* wants nothing */
    run_threads(launch_take_cols, &a, n, a.part[2], n * 3);
    for (int64_t i = 0; i < n * 3; i++)
        near(a.part[2][i], (double)before[i] + (double)a.whole[i / 3 * WHOLE_COLS + PART_FIRST + 1 + i % 3]);
    for (int64_t i = 0; i < n; i++)
        assert_true(first[i] == first_before[i]);
    a.part[0] = first;
    release(before, n * 3);
    release(first_before, n);
    release_parts(&a, n);
}

/* The densities: values and gradients of a row are proved in tests/grad/dist.c; here that the kernels apply them to the
 * right rows. */
static void case_dist_categorical(int64_t n)
{
    enum { K = 5 };
    uint8_t *mask = memcpy(SH_PUSH(pool, uint8_t, K), (const uint8_t[K]){1, 0, 1, 1, 1}, K);
    sh_real *logits = array(n * K), *out = array(n);
    int32_t *choice = SH_PUSH(pool, int32_t, n);
    for (int64_t i = 0; i < n; i++)
        choice[i] = i % 4 == 1 ? -1 : (int32_t)(i % 3) + (i % 3 > 0);
    run_threads(launch_dist_categorical,
                &(sh_dist_categorical_args){.logits = logits, .mask = mask, .choice = choice, .log_prob = out, .n = K}, n, out, n);
    for (int64_t i = 0; i < n; i++) {
        double sum = 0;
        for (int k = 0; k < K; k++)
            sum += mask[k] * exp((double)logits[i * K + k]);
        near(out[i], choice[i] < 0 ? 0 : (double)logits[i * K + choice[i]] - log(sum));
    }
    release(logits, n * K);
    release(out, n);
}

static void case_dist_categorical_grad(int64_t n)
{
    enum { K = 5 };
    sh_real *logits = array(n * K), *grad = array(n), *out = array(n * K), *before = array(n * K);
    int32_t *choice = indices(n, K);
    memcpy(before, out, (size_t)(n * K) * sizeof *out);
    run_threads(launch_dist_categorical_grad,
                &(sh_dist_categorical_grad_args){
                    .logits = logits, .choice = choice, .grad_log_prob = grad, .grad_logits = out, .n = K},
                n, out, n * K);
    for (int64_t i = 0; i < n; i++) {
        double sum = 0;
        for (int k = 0; k < K; k++)
            sum += exp((double)logits[i * K + k]);
        for (int k = 0; k < K; k++)
            near(out[i * K + k], (double)before[i * K + k] + (double)grad[i] * ((k == choice[i]) - exp((double)logits[i * K + k]) / sum));
    }
    release(logits, n * K);
    release(grad, n);
    release(out, n * K);
    release(before, n * K);
}

static void check_rows(int64_t n, bool wrapped)
{
    enum { K = 2, WIDTH = 1 + 10 * K };
    int64_t width = wrapped ? WIDTH : 3 * K;
    sh_real *raw = array(n * width), *out = array(n), *grad = array(n), *grad_raw = array(n * width), *before = array(n * width);
    double *at = SH_PUSH(pool, double, 3 * n), want[WIDTH] = {0};
    uint8_t *active = SH_PUSH(pool, uint8_t, n), *dim = SH_PUSH(pool, uint8_t, n);
    for (int64_t i = 0; i < n; i++) {
        dim[i] = (uint8_t)(i % 4);
        active[i] = wrapped ? dim[i] > 0 : i % 3 != 1;
        for (int k = 0; k < 3; k++)
            at[3 * i + k] = 0.5 + 0.5 * noise();
    }
    memcpy(before, grad_raw, (size_t)(n * width) * sizeof *raw);
    sh_dist_wrapped_args w = {raw, at, dim, out, grad, grad_raw, K};
    sh_dist_logit_normal_args l = {raw, at, active, out, grad, grad_raw, K};
    run_threads(wrapped ? launch_dist_wrapped : launch_dist_logit_normal, wrapped ? (void *)&w : (void *)&l, n, out, n);
    run_threads(wrapped ? launch_dist_wrapped_grad : launch_dist_logit_normal_grad, wrapped ? (void *)&w : (void *)&l, n,
                grad_raw, n * width);
    for (int64_t i = 0; i < n; i++) {
        const sh_real *row = raw + i * width;
        double value = !active[i] ? 0
                       : wrapped  ? sh_wrapped_log_prob(row, K, dim[i], at + 3 * i, want)
                                  : sh_logit_normal_log_prob(row, K, at[i], want);
        near(out[i], value);
        for (int64_t k = 0; k < width; k++)
            near(grad_raw[i * width + k], (double)before[i * width + k] + (active[i] ? (double)grad[i] * want[k] : 0));
    }
    release(raw, n * width);
    release(out, n);
    release(grad, n);
    release(grad_raw, n * width);
    release(before, n * width);
}

static void case_dist_logit_normal(int64_t n)
{
    check_rows(n, false);
}

static void case_dist_logit_normal_grad(int64_t n)
{
    check_rows(n, false);
}

static void case_dist_wrapped(int64_t n)
{
    check_rows(n, true);
}

static const double LOG_PF = -0.5; /* of a record before a draw */

/* Rows from the last record to the first, in step 2; record of row i: draw_record(d, i), trajectory 1000 + i. */
static sh_draw draw_rows(int64_t n, double epsilon, double widen)
{
    size_t stride = sh_record_stride(3);
    sh_record_list records = {
        .first = memset(SH_PUSH(pool, char, (size_t)n * stride), 0, (size_t)n * stride), .n_first = n, .n = n, .stride = (int64_t)stride};
    int64_t *record = SH_PUSH(pool, int64_t, n);
    for (int64_t i = 0; i < n; i++) {
        sh_record *r = sh_listed(&records, record[i] = n - 1 - i);
        r->traj = (uint64_t)(1000 + i);
        r->log_pf = LOG_PF;
        r->step[2].sg_number = i % 5 == 2 ? 225 : 1;
        for (int j = 0; j < 3; j++)
            r->step[2].frac[j] = r->step[2].y[j] = SENTINEL;
    }
    return (sh_draw){.rows = {.records = records, .record = record, .t = 2}, .seed = 5, .draw = 3, .epsilon = epsilon, .widen = widen};
}

static const sh_record *draw_record(const sh_draw *draw, int64_t row)
{
    return sh_row_record(&draw->rows, row);
}

static double draw_u(int64_t row, uint32_t draw, int which)
{
    double u[2];
    sh_rng_u01x2(&(sh_rng){.seed = 5, .traj = (uint64_t)(1000 + row), .step = 2}, draw, u);
    return u[which];
}

/* The choice is where the number falls into the distribution function; odd trajectories mix with the uniform choice. */
static void case_draw_categorical(int64_t n)
{
    enum { K = 5 };
    const double epsilon = 0.3;
    sh_real *logits = array(n * K);
    uint8_t *mask = SH_PUSH(pool, uint8_t, n * K);
    int32_t *choice = SH_PUSH(pool, int32_t, n);
    const sh_draw draw = draw_rows(n, epsilon, 1);
    for (int64_t i = 0; i < n * K; i++)
        mask[i] = i % K == 1 || (i * 7 + i / K) % 3 > 0;
    launch_draw_categorical(
        &(sh_draw_categorical_args){.draw = draw, .logits = logits, .mask = mask, .mask_stride = K, .choice = choice, .n = K}, n);
    for (int64_t i = 0; i < n; i++) {
        double total = 0, below = 0, u = draw_u(i, 3, 0), share = i % 2 ? epsilon : 0;
        int allowed = 0;
        assert_in_range(choice[i], 0, K - 1);
        assert_true(mask[i * K + choice[i]]);
        for (int k = 0; k < K; k++) {
            allowed += mask[i * K + k];
            total += mask[i * K + k] ? exp((double)logits[i * K + k]) : 0;
        }
        for (int k = 0; k < choice[i]; k++)
            if (mask[i * K + k]) below += (1 - share) * exp((double)logits[i * K + k]) / total + share / allowed;
        double chance = exp((double)logits[i * K + choice[i]]) / total;
        assert_true(below - 1e-12 <= u && u <= below + (1 - share) * chance + share / allowed + 1e-12);
        assert_near(draw_record(&draw, i)->log_pf, LOG_PF + log(chance), 1e-12);
    }
    release(logits, n * K);
}

static void case_draw_logit_normal(int64_t n)
{
    enum { M = 3 };
    const double epsilon = 0.25, widen = 1.5;
    sh_real *raw = array(n * 3 * M);
    sh_real *code = memset(SH_PUSH(pool, sh_real, n * 6 * SH_LATTICE_CODE), 0, (size_t)(n * 6 * SH_LATTICE_CODE) * sizeof *code);
    const sh_draw draw = draw_rows(n, epsilon, widen);
    launch_draw_logit_normal(&(sh_draw_logit_normal_args){.draw = draw, .raw = raw, .d = 1, .code = code, .n = M}, n);
    for (int64_t i = 0; i < n; i++) {
        const sh_real *row = raw + i * 3 * M;
        const sh_record *record = draw_record(&draw, i);
        sh_real code_want[6 * SH_LATTICE_CODE] = {0};
        double total = 0, below = 0, y = record->step[2].y[1], u0 = draw_u(i, 3, 0), u1 = draw_u(i, 3, 1), want;
        if (i % 5 != 2) sh_parameter_code(y, code_want + SH_LATTICE_CODE);
        for (int k = 0; k < 6 * SH_LATTICE_CODE; k++)
            near(code[i * 6 * SH_LATTICE_CODE + k], (double)code_want[k]);
        if (i % 5 == 2) { /* b of a cubic group */
            assert_true(y == SENTINEL && record->log_pf == LOG_PF);
            continue;
        }
        for (int k = 0; k < M; k++)
            total += exp((double)row[k]);
        int k = 0;
        for (below = exp((double)row[0]) / total; k + 1 < M && u0 >= below; below += exp((double)row[k]) / total)
            k++;
        double z = sqrt(-2 * log(draw_u(i, 4, 0))) * cos(2 * SH_PI * draw_u(i, 4, 1));
        want = (double)row[M + k] + (i % 2 ? widen : 1) * (0.02 + log1p(exp((double)row[2 * M + k]))) * z;
        if (i % 2 && u1 < epsilon) want = log(u1 / epsilon / (1 - u1 / epsilon));
        assert_near(y, want, 1e-9);
        assert_near(record->log_pf, LOG_PF + sh_logit_normal_log_prob(row, M, y, NULL), 1e-9);
    }
    release(raw, n * 3 * M);
}

/* Positions are on the torus, have the density that they are said to have, and are uniform as often as the row says. */
static void case_draw_wrapped(int64_t n)
{
    enum { M = 2, WIDTH = 1 + M * SH_WRAPPED_STRIDE };
    sh_real *raw = array(n * WIDTH);
    uint8_t *dim = SH_PUSH(pool, uint8_t, n);
    const sh_draw draw = draw_rows(n, 0.5, 1);
    for (int64_t i = 0; i < n; i++)
        dim[i] = (uint8_t)(i % 4);
    launch_draw_wrapped(&(sh_draw_wrapped_args){.draw = draw, .raw = raw, .dim = dim, .n = M}, n);
    for (int64_t i = 0; i < n; i++) {
        const sh_record *record = draw_record(&draw, i);
        const double *x = record->step[2].frac;
        double eps = 0.01 + 0.99 / (1 + exp(-(double)raw[i * WIDTH]));
        bool flat = draw_u(i, 3, 0) < 1 - (1 - eps) * (i % 2 ? 0.5 : 1);
        for (int j = 0; j < 3; j++) {
            assert_true(j < dim[i] ? x[j] >= 0 && x[j] < 1 : x[j] == SENTINEL);
            if (flat && j < dim[i]) assert_true(x[j] == draw_u(i, (uint32_t)(4 + j / 2), j % 2));
        }
        assert_near(record->log_pf, LOG_PF + (dim[i] ? sh_wrapped_log_prob(raw + i * WIDTH, M, dim[i], x, NULL) : 0), 1e-9);
    }
    release(raw, n * WIDTH);
}

static void case_dist_wrapped_grad(int64_t n)
{
    check_rows(n, true);
}

static void case_of(void (*check)(int64_t n), int64_t n)
{
    sh_arena_reset(pool);
    check(n);
}

static void test_kernels(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        void (*check)(int64_t n);
    } cases[] = {
#define ENTRY(kernel) {#kernel, case_##kernel},
        SH_KERNELS_NETWORK(ENTRY)
#undef ENTRY
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int k = 0; k < N_SIZE; k++)
            case_of(cases[i].check, SIZES[k]);
    print_message("%d kernels\n", (int)(sizeof cases / sizeof *cases));
}

/* Offsets are sums of what came before; the sorted list has every item once, under its key, in ascending order. */
static void test_sorting(void **state)
{
    (void)state;
    for (int k = 0; k < N_SIZE; k++)
        for (int64_t n_key = 1; n_key < 300; n_key = 4 * n_key + 3) {
            int64_t n = SIZES[k], sum = 0;
            sh_arena_reset(pool);
            int64_t *count = SH_PUSH(pool, int64_t, n), *start = SH_PUSH(pool, int64_t, n + 2), *list = SH_PUSH(pool, int64_t, n + 1);
            int64_t *by_key = SH_PUSH(pool, int64_t, n_key + 2);
            int32_t *key = SH_PUSH(pool, int32_t, n);
            start[n + 1] = list[n] = by_key[n_key + 1] = -77;
            for (int64_t i = 0; i < n; i++) {
                count[i] = (int64_t)(1000 * fabs(noise()));
                key[i] = (int32_t)(count[i] * 7 % n_key);
            }
            be->offsets(count, n, start);
            be->sort_by_key(key, n, n_key, by_key, list);
            be->wait();
            for (int64_t i = 0; i <= n; i++) {
                assert_int_equal(start[i], sum);
                if (i < n) sum += count[i];
            }
            assert_int_equal(by_key[0], 0);
            assert_int_equal(by_key[n_key], n);
            for (int64_t q = 0; q < n_key; q++)
                for (int64_t i = by_key[q]; i < by_key[q + 1]; i++) {
                    assert_int_equal(key[list[i]], q);
                    assert_true(i == by_key[q] || list[i] > list[i - 1]);
                }
            assert_true(start[n + 1] == -77 && list[n] == -77 && by_key[n_key + 1] == -77);
        }
}

/* So many segments that a device gives each of their columns a thread. */
static void test_many_segments(void **state)
{
    (void)state;
    enum { SEGMENTS = 40000, C = 32 };
    sh_arena_reset(pool);
    int64_t *start = SH_PUSH(pool, int64_t, SEGMENTS + 1);
    start[0] = 0;
    for (int s = 0; s < SEGMENTS; s++)
        start[s + 1] = start[s] + s % 3;
    int64_t n = start[SEGMENTS];
    sh_real *x = array(n * C), *y = array(SEGMENTS * C);
    launch_list_sum(&(sh_list_sum_args){.x = x, .start = start, .y = y, .cols = C}, SEGMENTS);
    for (int s = 0; s < SEGMENTS; s++)
        for (int c = 0; c < C; c++) {
            double sum = 0;
            for (int64_t k = start[s]; k < start[s + 1]; k++)
                sum += (double)x[k * C + c];
            near(y[s * C + c], sum);
        }
    release(x, n * C);
    release(y, SEGMENTS * C);
}

/* The stated limits of the exponential and of log(1 + t), over their whole ranges. */
static void test_exponential(void **state)
{
    (void)state;
    double worst = 0, worst_log = 0;
    for (int i = -870000; i <= 880000; i++) {
        sh_real x = (sh_real)(1e-4 * i);
        worst = fmax(worst, fabs((double)sh_exp(x) / exp((double)x) - 1));
    }
    for (int i = 0; i <= 1000000; i++) {
        sh_real t = (sh_real)(1e-6 * i);
        worst_log = fmax(worst_log, fabs((double)sh_log1p_unit(t) - log1p((double)t)));
    }
    print_message("sh_exp within %.2g, sh_log1p_unit within %.2g\n", worst, worst_log);
#ifdef SH_F64
    assert_true(worst < 1e-14 && worst_log < 1e-15);
#else
    assert_true(worst < 2e-7 && worst_log < 1.5e-7);
    assert_true(sh_exp(-1000.0f) >= 0 && sh_exp(-1000.0f) < 1e-37f && isfinite(sh_exp(1000.0f)));
#endif
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_kernels), cmocka_unit_test(test_dense), cmocka_unit_test(test_sorting), cmocka_unit_test(test_many_segments),
                                       cmocka_unit_test(test_exponential)};
    if (!device_open(argc, argv)) return 77;
    pool = sh_arena_create_in(be->memory, 1 << 20);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sh_arena_destroy(&pool);
    sh_cuda_close();
    return failed;
}
