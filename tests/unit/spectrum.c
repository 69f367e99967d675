/* Eigenvalues by LAPACK, and Vendi scores of spectra that are known. */
#include "test.h"

#include "base/memory.h"
#include "base/real.h"
#include "metrics/spectrum.h"

static const double ORDERS[] = {0, 0.5, 1, 2, 7, 1000, INFINITY};
enum { N_ORDER = sizeof ORDERS / sizeof *ORDERS };

static void test_scores(void **state)
{
    (void)state;
    double even[50], one[3] = {0, 1, 0}, uneven[3] = {0.2, 0.5, 0.3}, before = 4;
    for (int i = 0; i < 50; i++)
        even[i] = 0.02;
    for (int k = 0; k < N_ORDER; k++) {
        assert_near(sh_vendi_score(even, 50, ORDERS[k]), 50, 1e-11);
        assert_near(sh_vendi_score(one, 3, ORDERS[k]), 1, 1e-15);
        double score = sh_vendi_score(uneven, 3, ORDERS[k]); /* falls with the order */
        assert_true(score < before && score >= 2 - 1e-12);
        before = score;
    }
    assert_near(sh_vendi_score(uneven, 3, 1 - 1e-7), sh_vendi_score(uneven, 3, 1), 1e-6);
    assert_near(sh_vendi_score(uneven, 3, 1 + 1e-7), sh_vendi_score(uneven, 3, 1), 1e-6);
    assert_near(sh_vendi_score(uneven, 0, 1), 0, 0);
    double with_dust[4] = {0.2, 0.5, 0.3, 1e-16}; /* no item */
    assert_near(sh_vendi_score(with_dust, 4, 0), 3, 1e-14);
}

/* Second differences, 2 on the diagonal and -1 beside it: eigenvalues 2 - 2 cos(pi k / (n + 1)), eigenvectors sines. */
static void test_eigen(void **state)
{
    (void)state;
    enum { N = 40 };
    double a[N * N] = {0}, lambda[N], again[N];
    for (int i = 0; i < N; i++)
        for (int j = 0; j <= i; j++)
            a[i * N + j] = i == j ? 2 : i == j + 1 ? -1 : 0; /* the upper triangle is not looked at */
    for (int i = 0; i + 1 < N; i++)
        a[i * N + i + 1] = 1e30;
    double copy[N * N];
    memcpy(copy, a, sizeof a);
    assert_ok(sh_eigen_symmetric(a, N, true, lambda));
    assert_ok(sh_eigen_symmetric(copy, N, false, again));
    for (int k = 0; k < N; k++) {
        double norm = sqrt(2.0 / (N + 1)), sign = a[k * N] > 0 ? 1 : -1;
        assert_near(lambda[k], 2 - 2 * cos(SH_PI * (k + 1) / (N + 1)), 1e-13);
        assert_near(again[k], lambda[k], 1e-13);
        for (int i = 0; i < N; i++)
            assert_near(sign * a[k * N + i], norm * sin(SH_PI * (k + 1) * (i + 1) / (N + 1)), 1e-12);
    }
    assert_ok(sh_eigen_symmetric(a, 0, false, lambda));
}

static void test_check(void **state)
{
    (void)state;
    double rounded[3] = {-1e-12, 0.25, 0.75}, negative[2] = {-0.1, 1.1}, short_sum[2] = {0.25, 0.7}, nan[2] = {NAN, 1};
    assert_ok(sh_spectrum_check(rounded, 3, 1));
    assert_near(rounded[0], 0, 0);
    assert_fails(sh_spectrum_check(negative, 2, 1), SH_ENUM, "the eigenvalue -0.1");
    assert_fails(sh_spectrum_check(short_sum, 2, 1), SH_ENUM, "add up to 0.95");
    assert_ok(sh_spectrum_check(short_sum, 2, 0.95));
    assert_fails(sh_spectrum_check(nan, 2, 1), SH_ENUM, "eigenvalue");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_scores), cmocka_unit_test(test_eigen), cmocka_unit_test(test_check)};
    return cmocka_run_group_tests(tests, NULL, NULL) || sh_alloc_live() != 0;
}
