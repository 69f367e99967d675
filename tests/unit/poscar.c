#define _POSIX_C_SOURCE 200809L
#include "structures.h"

#include "io/poscar.h"

static sh_structures parse(const char *text)
{
    sh_structures list = {0};
    sh_structures_add_file(&list, "POSCAR");
    sh_poscar_parse("POSCAR", text, strlen(text), &list);
    assert_int_equal(list.n, 1);
    return list;
}

static void assert_error(const char *text, const char *message)
{
    sh_structures list = parse(text);
    assert_non_null(list.item[0].error);
    if (!strstr(list.item[0].error, message)) fail_msg("'%s' does not contain '%s'", list.item[0].error, message);
    sh_structures_destroy(&list);
}

#define LATTICE "  4 0 0\n  0 5 0\n 1 0 6.0 and more\n"

static void test_read(void **state)
{
    (void)state;
    static const char *const same[] = {
        "salt\n1.0\n" LATTICE "Na Cl\n1 2\nDirect\n0 0 0\n0.5 -.5 1.25\n0.1 0.2 0.3 T T F\n\n0 0 0\n",
        "salt\n1\n" LATTICE "Na_pv Cl/12ab\n1 2\nSelective dynamics\nCartesian\n0 0 0 T T F\n"
        "2.25 2.5 1.5 F F F\n0.7 1.0 1.8\n",
        "salt\n2.0\n2 0 0\n0 2.5 0\n0.5 0 3\nNa Cl\n1 2\nc\n0 0 0\n1.125 1.25 0.75\n0.35 0.5 0.9\n",
        "salt\n-120\n 8 0 0\n 0 10 0\n 2 0 12\nNa Cl\n1 2\ndirect\n0 0 0\n0.5 0.5 0.25\n0.1 0.2 0.3\n",
        "salt\n1 0.5 2\n4 0 0\n0 10 0\n1 0 3\nNa Cl\n1 2\nDirect\n0 0 0\n0.5 0.5 0.25\n0.1 0.2 0.3\n",
        "Na Cl\n1.0\r\n" LATTICE "1 2\r\nDirect\r\n0 0 0\r\n0.5 0.5 0.25\r\n0.1 0.2 0.3\r\n",
    };
    sh_structures first = parse(same[0]);
    assert_ok(sh_structures_check(&first));
    assert_string_equal(first.item[0].name, "salt");
    assert_int_equal(first.item[0].n_atom, 3);
    assert_int_equal(first.item[0].z[0], 11);
    assert_int_equal(first.item[0].z[2], 17);
    assert_near(first.item[0].frac[4], 0.5, 1e-15);
    assert_near(first.item[0].lattice[6], 1, 1e-15);
    for (size_t i = 1; i < sizeof same / sizeof *same; i++) {
        sh_structures other = parse(same[i]);
        assert_ok(sh_structures_check(&other));
        assert_true(same_atoms(&first.item[0], &other.item[0], 1e-9));
        sh_structures_destroy(&other);
    }
    sh_structures_destroy(&first);
}

static void test_errors(void **state)
{
    (void)state;
    assert_error("", "POSCAR: the file ends after line 0, before the comment");
    assert_error("a\nb\n", "POSCAR:2: the second line of a POSCAR is a scale factor");
    assert_error("a\n0\n" LATTICE, "POSCAR:2: the scale factor 0 makes no cell");
    assert_error("a\n1\n1 0\n", "POSCAR:3: a lattice vector has 2 numbers, not 3");
    assert_error("a\n1\n1 0 nan\n", "POSCAR:3: 'nan' in a lattice vector is not a number");
    assert_error("a\n0.004\n1 0 0\n0 1 0\n0 0 1\nNa\n1\n", "POSCAR:5: the cell has 6.4e-08 Å^3, too small for an atom");
    assert_error("a\n1\n1 0 0\n2 0 0\n0 0 1\nNa\n1\n", "POSCAR:5: the three lattice vectors span no volume");
    assert_error("a\n-10\n1 0 0\n2 0 0\n0 0 1\nNa\n1\n", "POSCAR:5: the three lattice vectors span no volume");
    assert_error("a\n1\n" LATTICE "Na Cl\n1\nDirect\n", "POSCAR:7: 1 counts for 2 species");
    assert_error("a\n1\n" LATTICE "Na Xq\n1 1\nDirect\n", "POSCAR:6: 'Xq' is not an element");
    assert_error("a\n1\n" LATTICE "Na\n1.5\nDirect\n", "POSCAR:7: '1.5' is not a number of atoms");
    assert_error("a\n1\n" LATTICE "Na\n-1\nDirect\n", "POSCAR:7: '-1' is not a number of atoms");
    assert_error("a\n1\n" LATTICE "Na\n0\nDirect\n", "POSCAR:7: no atoms");
    assert_error("a\n1\n" LATTICE "Na\n999999999999999999999\nDirect\n", "is not a number of atoms");
    assert_error("a\n1\n" LATTICE "Na\n999999999999\nDirect\n", "POSCAR:7: more than 10000 atoms");
    assert_error("a\n1\n" LATTICE "Na\n9000\nDirect\n0 0 0\n", "9000 atoms are announced, but the file ends too early");
    assert_error("my cell\n1\n" LATTICE "1 2\nDirect\n",
                 "POSCAR:6: no line of element symbols before the counts (a VASP 4 file) (insert a line such as 'Na Cl' "
                 "before line 6)");
    assert_error("a\n1\n" LATTICE "Na\n1\n0 0 0\n", "POSCAR:8: '0 0 0' stands where 'Direct' or 'Cartesian' is expected");
    assert_error("a\n1\n" LATTICE "Na\n2\nDirect\n0 0 0\n0 0\n", "POSCAR:10: a position has 2 numbers, not 3");
    assert_error("a\n1\n" LATTICE "Na\n2\nDirect\n0 0 0      \n", "the file ends after line 9, before a position");
    assert_error("a\n1\n" LATTICE "Na\n1\nDirect\n0 0 1e9\n", "POSCAR:9: a position far outside the cell");
}

static void test_round_trip(void **state)
{
    (void)state;
    sh_structures list = parse("x\n1\n3.1 0.2 0\n-0.3 4.7 0\n1 0.5 6.00000000001\nNa Cl Na\n1 1 1\nDirect\n"
                               "0 0.123456789012 0\n0.5 -.5 0.33333333333333\n0.9999999999999 0.2 0.3\n");
    assert_ok(sh_structures_check(&list));
    char text[4096] = "";
    FILE *f = fmemopen(text, sizeof text - 1, "w");
    assert_ok(sh_poscar_write(f, &list.item[0], NULL));
    fclose(f);
    assert_true(!strncmp(text, "Na2Cl\n1.0\n", 10));
    sh_structures back = parse(text);
    assert_ok(sh_structures_check(&back));
    assert_true(same_atoms(&list.item[0], &back.item[0], 1e-10));
    assert_int_equal(back.item[0].z[1], 11); /* grouped */
    sh_structures_destroy(&back);
    sh_structures_destroy(&list);
}

static void test_damaged(void **state)
{
    (void)state;
    static const char text[] = "salt\n1.0\n" LATTICE "Na Cl\n1 2\nDirect\n0 0 0\n0.5 -.5 1.25\n0.1 0.2 0.3\n";
    char copy[sizeof text];
    for (size_t n = 0; n < sizeof text; n++)
        for (int change = 0; change < 5; change++) {
            memcpy(copy, text, sizeof text);
            if (change) copy[n] = "\0\n-9"[change - 1];
            sh_structures list = {0};
            sh_structures_add_file(&list, "POSCAR");
            sh_poscar_parse("POSCAR", copy, change ? sizeof text - 1 : n, &list);
            assert_int_equal(list.n, 1);
            sh_structures_destroy(&list);
        }
    assert_int_equal(sh_alloc_live(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_read), cmocka_unit_test(test_errors),
                                       cmocka_unit_test(test_round_trip), cmocka_unit_test(test_damaged)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
