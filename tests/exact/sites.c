/* Exact case (iii): R^beta = c_n for n sites of K elements in one cubic group: Z = sum c_n K^n / n!, P(n) = c_n K^n / (n! Z).
 * Sites are a set: leaving out 1/n! or the stop probability makes Z and P(n) wrong. (The lattices in between are of one group and of
 * no consequence here; what the backward policy is for, partition.c tests.) */
#include "fixture.h"

static const double C_N[4] = {0, 1, 2, 3};
enum { K = 3 };

static double log_by_sites(const sh_record *r, const void *context)
{
    (void)context;
    return log(C_N[r->n_step]);
}

static void test_number_of_sites(void **state)
{
    (void)state;
    const int32_t element[K] = {3, 8, 17}, group[] = {195};
    sh_constraints constraints = fixture_constraints(element, K, group, 1, 1, 3);
    sh_policy_options options = fixture_options(2);
    fixture f;
    fixture_create(&f, &constraints, &options);
    double loss = fixture_train(&f, 500, 64, 3e-3, log_by_sites, NULL);
    double z = 0, weight[4], share[4] = {0}, factorial = 1;
    for (int n = 1; n <= 3; n++) {
        factorial *= n;
        weight[n] = C_N[n] * pow(K, n) / factorial;
        z += weight[n];
    }
    print_message("log Z %.4f, exact %.4f; loss %.2g\n", fixture_log_z(&f), log(z), loss);
    assert_near(fixture_log_z(&f), log(z), 0.05);
    enum { N = 10000 };
    for (int part = 0; part < N / 1000; part++) {
        fixture_sample(&f, 1000);
        for (int64_t i = 0; i < 1000; i++)
            share[sh_record_at(&f.records, i)->n_step] += 1.0 / N;
    }
    for (int n = 1; n <= 3; n++) {
        print_message("P(%d) %.4f, exact %.4f\n", n, share[n], weight[n] / z);
        assert_near(share[n], weight[n] / z, 0.02);
    }
    fixture_destroy(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_number_of_sites)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
