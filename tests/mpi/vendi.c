/* Diversity of rows that are spread over ranks: Vendi scores by all routes, mean distances, principal components; against cases that
 * have an answer on paper, and against plain loops over all rows. Run with 1, 2, 3 and 4 ranks. */
#include "test.h"

#include <cblas.h>
#include <omp.h>

#include "base/memory.h"
#include "base/rng.h"
#include "comm/comm.h"
#include "metrics/components.h"
#include "metrics/gram.h"
#include "metrics/low_rank.h"
#include "metrics/pairs.h"
#include "metrics/spectrum.h"
#include "metrics/vendi.h"

static sh_comm *comm;
static sh_arena *arena;

static const sh_similarity COSINE = {SH_SIMILARITY_COSINE, 0}, NARROW = {SH_SIMILARITY_GAUSSIAN, 0.5};

/* Uneven parts: rank r has r + 1 of each 1 + 2 + ... ; with `skip`, rank 0 has none where there are others. */
static sh_rows mine(const double *all, int64_t n, int d, bool skip)
{
    int64_t weights = 0, before = 0;
    skip = skip && comm->size > 1;
    for (int r = skip; r < comm->size; r++) {
        weights += r + 1;
        if (r < comm->rank) before += r + 1;
    }
    int64_t own = skip && comm->rank == 0 ? 0 : comm->rank + 1, first = n * before / weights;
    return (sh_rows){all + first * d, n * (before + own) / weights - first, d};
}

/* Normal numbers; rows in clusters where n_cluster > 0. */
static double *random_rows(int64_t n, int d, int n_cluster)
{
    double *x = SH_NEW(double, n * d);
    for (int64_t i = 0; i < n; i++)
        for (int c = 0; c < d; c++) {
            double centre[2] = {0}, own[2];
            sh_rng_normalx2(&(sh_rng){7, (uint64_t)i, 1}, (uint32_t)c, own);
            if (n_cluster) sh_rng_normalx2(&(sh_rng){8, (uint64_t)(i % n_cluster), 1}, (uint32_t)c, centre);
            x[i * d + c] = n_cluster ? centre[0] + 0.05 * own[0] : own[0];
        }
    return x;
}

static void compute(const sh_rows *rows, sh_similarity similarity, sh_vendi_route route, sh_vendi *out)
{
    const sh_vendi_options options = {.similarity = similarity, .route = route};
    sh_arena_reset(arena);
    assert_ok(sh_vendi_compute(comm, rows, &options, arena, out));
    assert_int_equal(strlen(out->how) > 0, out->n > 0);
}

/* All routes that there are for a similarity, the one that is chosen too; each must give these scores. */
static void check_routes(const sh_rows *rows, sh_similarity similarity, double one, double two, double inf, double tolerance)
{
    for (sh_vendi_route route = SH_VENDI_AUTO; route <= SH_VENDI_SPREAD; route++) {
        sh_vendi v;
        if (route == SH_VENDI_MOMENTS && similarity.kind != SH_SIMILARITY_COSINE) continue;
        if (route == SH_VENDI_SPREAD && !sh_gram_available()) continue;
        compute(rows, similarity, route, &v);
        if (route != SH_VENDI_AUTO) assert_int_equal(v.route, route);
        assert_near(v.order_1, one, tolerance * one);
        assert_near(v.order_2, two, tolerance * two);
        assert_near(v.order_inf, inf, tolerance * inf);
    }
    double order_2;
    assert_ok(sh_vendi_order_2(comm, rows, &similarity, &order_2));
    assert_near(order_2, two, tolerance * two);
}

static void test_orthogonal_and_equal(void **state)
{
    (void)state;
    enum { N = 7, D = 9 };
    double different[N * D] = {0}, equal[N * D];
    for (int i = 0; i < N; i++) {
        different[i * D + i + 1] = 3 + i;
        for (int c = 0; c < D; c++)
            equal[i * D + c] = 0.1 * c - 0.3;
    }
    for (int skip = 0; skip < 2; skip++) {
        sh_rows rows = mine(different, N, D, skip);
        const sh_similarity far = {SH_SIMILARITY_GAUSSIAN, 0.1};
        double distance;
        check_routes(&rows, COSINE, N, N, N, 1e-12);
        check_routes(&rows, far, N, N, N, 1e-12);
        rows = mine(equal, N, D, skip);
        check_routes(&rows, COSINE, 1, 1, 1, 1e-12);
        check_routes(&rows, NARROW, 1, 1, 1, 1e-12);
        assert_ok(sh_mean_distance(comm, &rows, &distance));
        assert_near(distance, 0, 1e-16);
    }
}

/* Groups of 5, 3 and 2 equal rows, orthogonal to each other: the eigenvalues of K / n are 1/2, 3/10, 1/5. */
static void test_groups(void **state)
{
    (void)state;
    enum { N = 10, D = 4 };
    static const int GROUP[N] = {0, 1, 0, 2, 0, 1, 2, 0, 1, 0};
    double x[N * D] = {0};
    for (int i = 0; i < N; i++)
        x[i * D + GROUP[i]] = 1 + 0.5 * i;
    sh_rows rows = mine(x, N, D, false);
    double one = exp(-0.5 * log(0.5) - 0.3 * log(0.3) - 0.2 * log(0.2));
    check_routes(&rows, COSINE, one, 1 / 0.38, 2, 1e-12);
    sh_vendi v;
    compute(&rows, COSINE, SH_VENDI_AUTO, &v);
    assert_int_equal(v.route, SH_VENDI_MOMENTS);
    assert_near(sh_vendi_score(v.lambda, v.n_lambda, 0), 3, 1e-12);
    assert_near(sh_vendi_score(v.lambda, v.n_lambda, 0.5), pow(sqrt(0.5) + sqrt(0.3) + sqrt(0.2), 2), 1e-12);
    assert_near(sh_vendi_score(v.lambda, v.n_lambda, 3), 1 / sqrt(0.125 + 0.027 + 0.008), 1e-12);
}

/* n points of a circle: K is circulant, its eigenvalues are the Fourier transform of its first row. */
static void test_circle(void **state)
{
    (void)state;
    enum { N = 37, D = 2 };
    double x[N * D], lambda[N] = {0};
    for (int i = 0; i < N; i++) {
        x[i * D] = 100 + cos(2 * SH_PI * i / N);
        x[i * D + 1] = -50 + sin(2 * SH_PI * i / N);
        for (int j = 0; j < N; j++) {
            double chord = 2 * sin(SH_PI * j / N);
            lambda[i] += exp(-2 * chord * chord) * cos(2 * SH_PI * i * j / N) / N;
        }
    }
    sh_rows rows = mine(x, N, D, true);
    check_routes(&rows, NARROW, sh_vendi_score(lambda, N, 1), sh_vendi_score(lambda, N, 2), sh_vendi_score(lambda, N, INFINITY), 3e-5);
    sh_vendi v;
    compute(&rows, NARROW, SH_VENDI_MATRIX, &v);
    assert_near(v.order_1, sh_vendi_score(lambda, N, 1), 1e-10);
    assert_near(v.order_inf, sh_vendi_score(lambda, N, INFINITY), 1e-10);
}

/* Corners of a simplex, all sqrt(2) apart, far from the origin. */
static void test_simplex(void **state)
{
    (void)state;
    enum { N = 300 };
    double *x = SH_NEW(double, N * N), distance;
    for (int i = 0; i < N * N; i++)
        x[i] = 0x1p20 + (i % (N + 1) == 0);
    for (int skip = 0; skip < 2; skip++) {
        sh_rows rows = mine(x, N, N, skip);
        assert_ok(sh_mean_distance(comm, &rows, &distance));
        assert_near(distance, sqrt(2), 1e-9);
    }
    sh_free(x);
}

static double plain_mean_distance(const double *x, int64_t n, int d)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < i; j++) {
            double d2 = 0;
            for (int c = 0; c < d; c++)
                d2 += (x[i * d + c] - x[j * d + c]) * (x[i * d + c] - x[j * d + c]);
            sum += sqrt(d2);
        }
    return n < 2 ? 0 : 2 * sum / (double)(n * (n - 1));
}

static void test_ring(void **state)
{
    (void)state;
    static const int64_t SIZES[] = {0, 1, 2, 3, 5, 255, 256, 257, 801};
    enum { D = 61 };
    for (size_t k = 0; k < sizeof SIZES / sizeof *SIZES; k++)
        for (int clusters = 0; clusters <= 12; clusters += 12) {
            int64_t n = SIZES[k];
            double *x = random_rows(n, D, clusters), got, again;
            for (int64_t i = 0; i + 1 < n; i += 7) /* rows that are equal, and far from the origin */
                memcpy(x + (i + 1) * D, x + i * D, D * sizeof *x);
            for (int64_t i = 0; i < n; i++)
                x[i * D] += 1000;
            sh_rows rows = mine(x, n, D, k % 2);
            assert_ok(sh_mean_distance(comm, &rows, &got));
            assert_near(got, plain_mean_distance(x, n, D), 1e-11 * fmax(1, got));
            assert_ok(sh_mean_distance(comm, &rows, &again));
            assert_memory_equal(&got, &again, sizeof got);
            sh_free(x);
        }
}

static void test_spread(void **state)
{
    (void)state;
    static const int SIZES[] = {1, 2, 5, 64, 130, 257}, WIDTHS[] = {1, 61, 132};
    sh_rows none = {NULL, 0, 3};
    const sh_vendi_options spread = {.similarity = NARROW, .route = SH_VENDI_SPREAD};
    sh_vendi v, w;
    if (!sh_gram_available()) {
        double x[6] = {1, 0, 0, 0, 1, 0};
        sh_rows rows = comm->rank ? none : (sh_rows){x, 2, 3};
        if (comm->rank == 0) {
            assert_fails(sh_vendi_compute(comm, &rows, &spread, arena, &v), SH_EINPUT, "ScaLAPACK");
            assert_non_null(strstr(sh_error_hints(), "libscalapack-openmpi-dev"));
        } else {
            assert_int_equal(sh_vendi_compute(comm, &rows, &spread, arena, &v), SH_EINPUT);
        }
        return;
    }
    for (size_t k = 0; k < sizeof SIZES / sizeof *SIZES; k++)
        for (size_t l = 0; l < sizeof WIDTHS / sizeof *WIDTHS; l++) {
            int n = SIZES[k], d = WIDTHS[l];
            const sh_similarity wide = {SH_SIMILARITY_GAUSSIAN, 0.7 * sqrt(d)};
            double *x = random_rows(n, d, 0);
            sh_rows rows = mine(x, n, d, (k + l) % 2);
            for (int cosine = 0; cosine < 2; cosine++) {
                sh_similarity similarity = cosine ? COSINE : wide;
                compute(&rows, similarity, SH_VENDI_MATRIX, &v);
                double *lambda = SH_NEW(double, n);
                assert_int_equal(v.n_lambda, n);
                memcpy(lambda, v.lambda, (size_t)n * sizeof *lambda);
                compute(&rows, similarity, SH_VENDI_SPREAD, &w);
                assert_int_equal(w.n_lambda, n);
                for (int i = 0; i < n; i++)
                    assert_near(w.lambda[i], lambda[i], 1e-13);
                sh_free(lambda);
            }
            sh_free(x);
        }
}

/* Contexts of BLACS and communicators are limited: they must come back. */
static void test_spread_often(void **state)
{
    (void)state;
    if (!sh_gram_available()) return;
    double *x = random_rows(20, 3, 0);
    sh_rows rows = mine(x, 20, 3, false);
    sh_vendi v;
    for (int i = 0; i < 50; i++)
        compute(&rows, NARROW, SH_VENDI_SPREAD, &v);
    sh_free(x);
}

static void test_grid(void **state)
{
    (void)state;
    static const int WANT[][3] = {{1, 1, 1}, {2, 1, 2}, {3, 1, 3}, {4, 2, 2}, {5, 2, 2}, {6, 2, 3}, {7, 2, 3}, {8, 2, 4}, {11, 2, 5},
                                  {12, 3, 4}, {13, 3, 4}, {16, 4, 4}, {64, 8, 8}, {1000, 25, 40}};
    for (size_t i = 0; i < sizeof WANT / sizeof *WANT; i++) {
        sh_grid grid = sh_grid_choose(WANT[i][0], 100000);
        assert_int_equal(grid.rows, WANT[i][1]);
        assert_int_equal(grid.cols, WANT[i][2]);
        assert_int_equal(grid.block, 64);
    }
    for (int ranks = 1; ranks <= 200; ranks++)
        for (int n = 1; n < 1000; n += 37) {
            sh_grid grid = sh_grid_choose(ranks, n);
            assert_true(grid.rows * grid.cols <= ranks && grid.rows * grid.cols * 4 >= ranks * 3 - 3);
            assert_true(grid.block >= 1 && grid.block <= 64 && grid.cols <= 3 * grid.rows);
        }
}

/* Columns that a pivoted Cholesky takes which knows the whole matrix and takes one pivot at a time. */
static int plain_rank(const double *x, int n, int d, double sigma, double tolerance)
{
    double *k = SH_NEW(double, n * n), *column = SH_NEW(double, n);
    int rank = 0;
    for (int i = 0; i < n; i++)
        for (int j = 0; j < n; j++) {
            double d2 = 0;
            for (int c = 0; c < d; c++)
                d2 += (x[i * d + c] - x[j * d + c]) * (x[i * d + c] - x[j * d + c]);
            k[i * n + j] = exp(-d2 / (2 * sigma * sigma));
        }
    for (;; rank++) {
        double trace = 0;
        int pivot = 0;
        for (int i = 0; i < n; i++) {
            trace += fmax(k[i * n + i], 0);
            if (k[i * n + i] > k[pivot * n + pivot]) pivot = i;
        }
        if (trace <= tolerance * n) break;
        memcpy(column, k + pivot * n, (size_t)n * sizeof *column);
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++)
                k[i * n + j] -= column[i] * column[j] / column[pivot];
    }
    sh_free(k);
    sh_free(column);
    return rank;
}

static void test_low_rank(void **state)
{
    (void)state;
    enum { N = 500, D = 5 };
    for (int clusters = 0; clusters <= 9; clusters += 9) {
        double *x = random_rows(N, D, clusters);
        const sh_similarity wide = {SH_SIMILARITY_GAUSSIAN, 2};
        sh_rows rows = mine(x, N, D, true);
        sh_vendi exact, low;
        compute(&rows, wide, SH_VENDI_MATRIX, &exact);
        for (double tolerance = 1e-3; tolerance > 1e-13; tolerance *= 1e-3) {
            const sh_vendi_options options = {.similarity = wide, .route = SH_VENDI_LOW_RANK, .tolerance = tolerance};
            assert_ok(sh_vendi_compute(comm, &rows, &options, arena, &low));
            assert_true(low.missing <= tolerance && low.n_lambda <= N);
            if (tolerance >= 1e-6) assert_true(low.n_lambda <= 1.1 * plain_rank(x, N, D, wide.sigma, tolerance) + 64);
            /* Its eigenvalues are smaller, by m = missing together: entropy changes by at most m (1 + ln (n / m)), the sum of squares
             * by at most 2 m lambda_max + m^2. */
            double m = low.missing, entropy = m * (1 + log(N / fmax(m, 1e-16))), squares = 2 * m / exact.order_inf + m * m;
            assert_near(log(low.order_1), log(exact.order_1), entropy + 1e-12);
            assert_near(1 / low.order_2, 1 / exact.order_2, squares + 1e-12);
        }
        sh_free(x);
    }
}

/* A factor that has no room leads to the whole matrix, and where that has none either to a message. */
static void test_memory(void **state)
{
    (void)state;
    enum { N = 1200, D = 61 };
    double *x = random_rows(N, D, 0);
    sh_rows rows = mine(x, N, D, false);
    sh_vendi v;
    sh_vendi_options options = {.similarity = {SH_SIMILARITY_GAUSSIAN, 3}, .memory = (int64_t)N * N * 8 * 5 / 4};
    compute(&rows, (sh_similarity){SH_SIMILARITY_GAUSSIAN, 300}, SH_VENDI_AUTO, &v);
    assert_int_equal(v.route, SH_VENDI_LOW_RANK);
    assert_true(v.n_lambda < N / 4);
    sh_arena_reset(arena);
    assert_ok(sh_vendi_compute(comm, &rows, &options, arena, &v));
    assert_int_equal(v.route, comm->size > 1 && sh_gram_available() ? SH_VENDI_SPREAD : SH_VENDI_MATRIX);
    options.memory = 100000;
    assert_int_equal(sh_vendi_compute(comm, &rows, &options, arena, &v), SH_EMEM);
    if (comm->rank == 0) assert_non_null(strstr(sh_error_hints(), "more ranks"));
    double order_2;
    assert_ok(sh_vendi_order_2(comm, &rows, &options.similarity, &order_2));
    options.memory = 0;
    options.route = SH_VENDI_MATRIX;
    assert_ok(sh_vendi_compute(comm, &rows, &options, arena, &v));
    assert_near(order_2, v.order_2, 1e-9 * order_2);
    sh_free(x);
}

static void test_nothing_and_nonsense(void **state)
{
    (void)state;
    enum { D = 4 };
    double x[2 * D] = {1, 2, 3, 4, 0, 0, 0, 0}, distance = 1;
    sh_rows rows = {x, 0, D};
    sh_vendi v;
    for (sh_vendi_route route = SH_VENDI_AUTO; route <= SH_VENDI_SPREAD; route++) {
        compute(&rows, COSINE, route, &v);
        assert_near(v.order_1 + v.order_2 + v.order_inf, 0, 0);
    }
    assert_ok(sh_mean_distance(comm, &rows, &distance));
    assert_near(distance, 0, 0);

    /* rows of zeros have no direction; one row is one crystal */
    rows.n = comm->rank == comm->size - 1 ? 2 : 0;
    compute(&rows, COSINE, SH_VENDI_AUTO, &v);
    assert_int_equal(v.n, 1);
    assert_int_equal(v.n_left_out, 1);
    assert_near(v.order_1, 1, 1e-14);

    x[5] = NAN;
    const sh_vendi_options cosine = {.similarity = COSINE}, flat = {.similarity = {SH_SIMILARITY_GAUSSIAN, 0}},
                           wrong = {.similarity = NARROW, .route = SH_VENDI_MOMENTS};
    assert_int_equal(sh_vendi_compute(comm, &rows, &cosine, arena, &v), SH_ENUM);
    if (comm->rank == 0) assert_non_null(strstr(sh_error_message(), "row 1"));
    assert_int_equal(sh_mean_distance(comm, &rows, &distance), SH_ENUM);
    rows.n = 0;
    assert_int_equal(sh_vendi_compute(comm, &rows, &flat, arena, &v), SH_EINPUT);
    assert_int_equal(sh_vendi_compute(comm, &rows, &wrong, arena, &v), SH_EINPUT);
}

/* Rows m + a u + b v with orthonormal u, v: axes, variances and places are known. */
static void test_components(void **state)
{
    (void)state;
    enum { N = 101, D = 5, K = 2 };
    static const double U[D] = {0.6, 0, -0.8, 0, 0}, V[D] = {0, 0.28, 0, 0, 0.96};
    double x[N * D], map[N * K], aa = 0, bb = 0;
    for (int i = 0; i < N; i++) {
        double t = 2 * SH_PI * i / N, a = 3 * cos(t), b = 2 * sin(t);
        aa += a * a / (N - 1);
        bb += b * b / (N - 1);
        for (int c = 0; c < D; c++)
            x[i * D + c] = 10 * c + a * U[c] + b * V[c];
    }
    sh_rows rows = mine(x, N, D, true);
    sh_components p;
    assert_ok(sh_components_create(comm, &rows, K, arena, &p));
    assert_near(p.variance[0], aa, 1e-12);
    assert_near(p.variance[1], bb, 1e-12);
    assert_near(p.total, aa + bb, 1e-12);
    for (int c = 0; c < D; c++) {
        assert_near(p.mean[c], 10 * c, 1e-12);
        assert_near(p.axis[c], -U[c], 1e-12); /* the largest entry is positive */
        assert_near(p.axis[D + c], V[c], 1e-12);
    }
    sh_components_project(&p, &rows, map);
    int64_t first = (rows.x - x) / D;
    for (int64_t i = 0; i < rows.n; i++) {
        double t = 2 * SH_PI * (double)(first + i) / N;
        assert_near(map[i * K], -3 * cos(t), 1e-12);
        assert_near(map[i * K + 1], 2 * sin(t), 1e-12);
    }
    rows.n = comm->rank == 0; /* one row has no direction, none neither */
    assert_ok(sh_components_create(comm, &rows, K, arena, &p));
    assert_near(p.total, 0, 0);
    rows.n = 0;
    assert_ok(sh_components_create(comm, &rows, K, arena, &p));
    assert_near(p.total, 0, 0);
}

static void test_threads(void **state)
{
    (void)state;
    int omp = omp_get_max_threads(), blas = openblas_get_num_threads();
    double *x = random_rows(50, 3, 0), distance;
    sh_rows rows = mine(x, 50, 3, false);
    sh_vendi v;
    openblas_set_num_threads(1); /* takes OpenMP's along */
    omp_set_num_threads(3);
    compute(&rows, NARROW, SH_VENDI_MATRIX, &v);
    assert_ok(sh_mean_distance(comm, &rows, &distance));
    assert_int_equal(omp_get_max_threads(), 3);
    assert_int_equal(openblas_get_num_threads(), 1);
    openblas_set_num_threads(blas);
    omp_set_num_threads(omp);
    sh_free(x);
}

int main(int argc, char **argv)
{
    if (sh_comm_create(&argc, &argv, &comm) != SH_OK) return 1;
    arena = sh_arena_create(1 << 16);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_orthogonal_and_equal), cmocka_unit_test(test_groups), cmocka_unit_test(test_circle),
        cmocka_unit_test(test_simplex),              cmocka_unit_test(test_ring),   cmocka_unit_test(test_spread),
        cmocka_unit_test(test_spread_often),         cmocka_unit_test(test_grid),   cmocka_unit_test(test_low_rank),
        cmocka_unit_test(test_memory),               cmocka_unit_test(test_nothing_and_nonsense),
        cmocka_unit_test(test_components),           cmocka_unit_test(test_threads)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sh_arena_destroy(&arena);
    sh_comm_destroy(&comm);
    return failed || sh_alloc_live() != 0;
}
