/* The term of the band gap as a function of the gap; golden/band_gap.c has it in the reward. */
#include "test.h"

#include "band_gap.h"

static void test_term(void **state)
{
    (void)state;
    assert_near(sh_band_gap_term(0, 0, 0.5), 1, 0);
    assert_near(sh_band_gap_term(-0.2, 0, 0.5), 1, 0); /* a metal that the model puts a little below */
    assert_near(sh_band_gap_term(0.5, 0, 0.5), exp(-0.5), 1e-16);
    assert_near(sh_band_gap_term(1, 0, 0.5), exp(-2), 1e-16);
    assert_near(sh_band_gap_term(-0.2, 1.5, 0.25), exp(-18), 1e-20);
    assert_near(sh_band_gap_term(2, 1.5, 0.25), exp(-2), 1e-16);
    assert_true(isnan(sh_band_gap_term(NAN, 0, 0.5)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_term)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
