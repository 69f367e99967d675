/* sh_exp and sh_sigmoid against the library in double, over their whole range. */
#include "test.h"

#include "kernel.h"

#ifdef SH_F64
static const double LIMIT = 1e-15;
#else
static const double LIMIT = 1.2e-7; /* two units in the last place of float */
#endif

static void test_exp(void **state)
{
    (void)state;
    double worst = 0;
    for (int i = -870000; i <= 880000; i++) {
        sh_real x = (sh_real)i * (sh_real)1e-4;
        worst = fmax(worst, fabs((double)sh_exp(x) / exp((double)x) - 1));
    }
    print_message("relative error of sh_exp %.3g\n", worst);
    assert_true(worst <= LIMIT);
    assert_true(sh_exp(0) == 1);
}

static void test_far_out(void **state)
{
    (void)state;
    assert_true(sh_exp(-1000) >= 0 && sh_exp(-1000) < 1e-37);
    assert_true(sh_exp((sh_real)-INFINITY) < 1e-37);
    assert_true(sh_exp(1000) > 2e38);
    assert_true(isnan(sh_exp((sh_real)NAN)));
    assert_true(sh_sigmoid(1000) == 1);
    assert_true(sh_sigmoid(-1000) >= 0 && sh_sigmoid(-1000) < 1e-37);
    assert_true(sh_sigmoid(0) == (sh_real)0.5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_exp), cmocka_unit_test(test_far_out)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
