/* E[R P_B / P_F] over samples of an untrained policy is Z exactly, whatever the policies: two groups of different
 * families, group and lattice chosen anew at each step, one or two sites, and a target that depends on all of it. */
#include "fixture.h"

/* Group weights 1 and 2; a factor of mean 1 for the first free parameter, c_1 = 1.5, c_2 = 1, and for element 8 twice
 * the weight of element 3: one site 1.5 (1 + 2), two sites (1 + 2)^2 / 2. */
static double log_target(const sh_record *r, const void *context)
{
    (void)context;
    const sh_step *last = &r->step[r->n_step - 1];
    double value = last->sg_number == 16 ? 2 : 1;
    value *= r->n_step == 1 ? 1.5 : 1;
    for (int32_t k = 0; k < r->n_step; k++)
        value *= r->step[k].elem_index == 1 ? 2 : 1;
    return log(value) + logit_normal(last->y[0], 0.2, 1.4);
}

static void check(bool shared_encoder, sh_group_mode mode, int64_t n)
{
    const int32_t element[] = {3, 8}, group[] = {195, 16};
    sh_constraints constraints = fixture_constraints(element, 2, group, 2, 1, 2);
    sh_policy_options options = fixture_options(8);
    options.shared_encoder = shared_encoder;
    options.group = mode;
    fixture f;
    fixture_create(&f, &constraints, &options);
    check_z(&f, n, log_target, NULL, (1 + 2) * (1.5 * 3 + 9.0 / 2));
    fixture_destroy(&f);
}

static void test_each_step(void **state)
{
    (void)state;
    check(true, SH_EACH_STEP, 80000);
}

static void test_once(void **state)
{
    (void)state;
    check(true, SH_ONCE, 80000);
}

static void test_separate_encoders(void **state)
{
    (void)state;
    check(false, SH_EACH_STEP, 80000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_each_step), cmocka_unit_test(test_once),
                                       cmocka_unit_test(test_separate_encoders)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
