/* E[R P_B / P_F] over samples of an untrained policy is Z exactly, whatever the policies: two groups of different
 * families, group and lattice chosen anew at each step, one or two sites, and a target that depends on all of it. */
#include "fixture.h"

/* Group weights 1 and 2; a factor 2u for the first free parameter (mean 1), c_1 = 1.5, c_2 = 1, and for element 8 twice
 * the weight of element 3: one site 1.5 (1 + 2), two sites (1 + 2)^2 / 2. */
static double log_target(const sh_record *r, const void *context)
{
    (void)context;
    const sh_step *last = &r->step[r->n_step - 1];
    double value = last->sg_number == 16 ? 2 : 1;
    value *= 2 / (1 + exp(-last->y[0]));
    value *= r->n_step == 1 ? 1.5 : 1;
    for (int32_t k = 0; k < r->n_step; k++)
        value *= r->step[k].elem_index == 1 ? 2 : 1;
    return log(value);
}

static void check(bool shared_encoder, sh_group_mode mode)
{
    const int32_t element[] = {3, 8}, group[] = {195, 16};
    sh_constraints constraints = fixture_constraints(element, 2, group, 2, 1, 2);
    sh_policy_options options = fixture_options(8);
    options.shared_encoder = shared_encoder;
    options.group = mode;
    fixture f;
    fixture_create(&f, &constraints, &options);
    double error, z = fixture_z(&f, 60000, log_target, NULL, &error), exact = (1 + 2) * (1.5 * 3 + 9.0 / 2);
    print_message("Z %.4f +- %.4f, exact %.4f\n", z, error, exact);
    assert_true(error < 0.01 * exact);
    assert_near(z, exact, 4 * error);
    fixture_destroy(&f);
}

static void test_each_step(void **state)
{
    (void)state;
    check(true, SH_EACH_STEP);
}

static void test_once(void **state)
{
    (void)state;
    check(true, SH_ONCE);
}

static void test_separate_encoders(void **state)
{
    (void)state;
    check(false, SH_EACH_STEP);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_step), cmocka_unit_test(test_once),
                                       cmocka_unit_test(test_separate_encoders)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
