/* Exact cases (i) and (ii): one cubic group, one site, one lattice parameter with a known density; the position has none
 * to learn but uniform. Leaving out the Jacobian 1/(u(1-u)) makes log Z and the density wrong. */
#include "fixture.h"

static const double C = 3.5, M0 = 0.6, S0 = 0.5;

/* R^beta = c LN(u; m0, s0) */
static double log_logit_normal(const sh_record *r, const void *context)
{
    (void)context;
    return log(C) + logit_normal(r->step[0].y[0], M0, S0);
}

static double logit_normal_cdf(double u)
{
    return 0.5 * erfc(-(log(u) - log1p(-u) - M0) / (S0 * sqrt(2)));
}

/* R^beta = u^(p-1) (1-u)^(q-1), p = 2, q = 3: Z = B(2,3) = 1/12 */
static double log_beta(const sh_record *r, const void *context)
{
    (void)context;
    double u = 1 / (1 + exp(-r->step[0].y[0]));
    return log(u) + 2 * log1p(-u);
}

static double beta_cdf(double u)
{
    return u * u * (6 - 8 * u + 3 * u * u);
}

static double uniform_cdf(double x)
{
    return x;
}

static void check(int32_t mixture, log_target_fn log_target, double log_z, double (*cdf)(double), double max_loss)
{
    const int32_t element[] = {11}, group[] = {221};
    sh_constraints constraints = fixture_constraints(element, 1, group, 1, 1, 1);
    sh_policy_options options = fixture_options(mixture);
    fixture f;
    fixture_create(&f, &constraints, &options);
    double loss = fixture_train(&f, 800, 128, 5e-3, log_target, NULL);
    print_message("log Z %.4f, exact %.4f; loss %.2g\n", fixture_log_z(&f), log_z, loss);
    assert_near(fixture_log_z(&f), log_z, 0.05);
    assert_true(loss < max_loss);
    enum { N = 10000 };
    double *u = SH_NEW(double, N), *x = SH_NEW(double, 3 * N);
    fixture_sample(&f, N);
    for (int64_t i = 0; i < N; i++) {
        const sh_record *r = sh_record_at(&f.records, i);
        assert_int_equal(r->n_step, 1);
        assert_int_equal(r->step[0].sg_number, 221);
        u[i] = 1 / (1 + exp(-r->step[0].y[0]));
        for (int j = 0; j < 3; j++)
            x[N * j + i] = r->step[0].frac[j];
    }
    double ks = kolmogorov_smirnov(u, N, cdf);
    print_message("Kolmogorov-Smirnov distance of the lattice parameter %.4f\n", ks);
    assert_true(ks < 0.05);
    for (int j = 0; j < 3; j++)
        assert_true(kolmogorov_smirnov(x + N * j, N, uniform_cdf) < 0.05);
    sh_free(u);
    sh_free(x);
    fixture_destroy(&f);
}

static void test_logit_normal(void **state)
{
    (void)state;
    check(1, log_logit_normal, log(C), logit_normal_cdf, 0.01);
}

static void test_beta(void **state)
{
    (void)state;
    check(8, log_beta, log(1.0 / 12), beta_cdf, 0.05);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_logit_normal), cmocka_unit_test(test_beta)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
