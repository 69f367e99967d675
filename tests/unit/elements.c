#include "test.h"

#include "reward/tables.h"

static void test_symbols(void **state)
{
    (void)state;
    assert_string_equal(sh_element_symbol(1), "H");
    assert_string_equal(sh_element_symbol(26), "Fe");
    assert_string_equal(sh_element_symbol(57), "La");
    assert_string_equal(sh_element_symbol(92), "U");
    assert_string_equal(sh_element_symbol(118), "Og");
    assert_null(sh_element_symbol(0));
    assert_null(sh_element_symbol(119));
    for (int z = 1; z <= SH_MAX_Z; z++)
        assert_int_equal(sh_element_number(sh_element_symbol(z)), z);
    assert_int_equal(sh_element_number("NA"), 0);
    assert_int_equal(sh_element_number("Xx"), 0);
    assert_int_equal(sh_element_number(""), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_symbols)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
