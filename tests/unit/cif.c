#include "structures.h"

#include "io/cif.h"
#include "io/symop.h"

static void parse(const char *text, sh_structures *list)
{
    *list = (sh_structures){0};
    sh_structures_add_file(list, "in.cif");
    sh_cif_parse("in.cif", text, strlen(text), list);
}

#define CELL(a, b, c, al, be, ga)                                                                                    \
    "data_x\n_cell_length_a " #a "\n_cell_length_b " #b "\n_cell_length_c " #c "\n_cell_angle_alpha " #al            \
    "\n_cell_angle_beta " #be "\n_cell_angle_gamma " #ga "\n"
#define SITES "loop_\n_atom_site_label\n_atom_site_type_symbol\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n"
#define HM(symbol) "_symmetry_space_group_name_H-M '" symbol "'\n"
#define NUMBER(n) "_space_group_IT_number " #n "\n"

/* Atoms that the text gives, by the text of its cell, symmetry and sites. */
static void assert_atoms(const char *text, int64_t n, int z0, int64_t n0)
{
    sh_structures list;
    parse(text, &list);
    assert_int_equal(list.n, 1);
    if (list.item[0].error) fail_msg("%s", list.item[0].error);
    int64_t count = 0;
    for (int64_t i = 0; i < list.item[0].n_atom; i++)
        count += list.item[0].z[i] == z0;
    assert_int_equal(list.item[0].n_atom, n);
    assert_int_equal(count, n0);
    sh_structures_destroy(&list);
}

static void assert_error(const char *text, const char *message)
{
    sh_structures list;
    parse(text, &list);
    assert_true(list.n >= 1);
    assert_non_null(list.item[0].error);
    if (!strstr(list.item[0].error, message)) fail_msg("'%s' does not contain '%s'", list.item[0].error, message);
    sh_structures_destroy(&list);
}

static void test_prototypes(void **state)
{
    (void)state;
    assert_atoms(CELL(5.64(2), 5.64(2), 5.64(2), 90, 90, 90) HM("F m -3 m") SITES
                 "Na1 Na1+ 0 0 0\nCl1 Cl1- 0.5 0.5 0.5\n", 8, 11, 4);
    assert_atoms(CELL(3.25, 3.25, 5.207, 90.0, 90, 120) NUMBER(186) SITES /* wurtzite */
                 "Zn1 Zn2+ 0.3333 0.6667 0\nO1 O2- .3333 .6667 0.3819\n", 4, 30, 2);
    assert_atoms(CELL(4.594, 4.594, 2.959, 90, 90, 90) HM("P4(2)/mnm") NUMBER(136) SITES /* rutile */
                 "Ti Ti 0 0 0\nO O 0.305 0.305 0\n", 6, 22, 2);
    assert_atoms(CELL(5.463, 5.463, 5.463, 90, 90, 90) NUMBER(225) SITES "Ca Ca 0 0 0\nF F 0.25 0.25 0.25\n", 12, 20, 4);
    assert_atoms(CELL(4.913, 4.913, 5.405, 90, 90, 120) HM("P 32 2 1") SITES /* low quartz */
                 "Si Si 0.4697 0 0.66667\nO O 0.4133 0.2672 0.7855\n", 9, 14, 3);
    assert_atoms(CELL(3.567, 3.567, 3.567, 90, 90, 90) HM("F d -3 m :2") SITES "C1 C 0.125 0.125 0.125\n", 8, 6, 8);
    assert_atoms(CELL(3.567, 3.567, 3.567, 90, 90, 90) HM("F d -3 m S") SITES "C1 C 0 0 0\n", 8, 6, 8);
    assert_atoms(CELL(4.746, 4.746, 4.746, 57.8, 57.8, 57.8) HM("R -3 m") SITES "As As 0.23 0.23 0.23\n", 2, 33, 2);
    assert_atoms(CELL(3.76, 3.76, 10.55, 90, 90, 120) HM("R -3 m") SITES "As As 0 0 0.23\n", 6, 33, 6);
    assert_atoms(CELL(5, 6, 7, 90, 101, 90) HM("P 21/c") SITES "C C 0.1 0.2 0.3\n", 4, 6, 4);
    assert_atoms(CELL(5, 6, 7, 90, 101, 90) HM("P 1 21/n 1") SITES "C C 0.1 0.2 0.3\n", 4, 6, 4);
    assert_atoms(CELL(5, 6, 7, 90, 90, 90) HM("P b n m") SITES "C C 0.1 0.2 0.3\n", 8, 6, 8);
    assert_atoms(CELL(5, 6, 7, 90, 90, 90) HM("C m c a") SITES "C C 0.1 0.2 0.3\n", 16, 6, 16);
    assert_atoms(CELL(5, 6, 7, 80, 90, 95) SITES "C C 0.1 0.2 0.3\nD D 0 0 0\n", 2, 1, 1);
}

/* The same zinc blende by symbol, number, Hall symbol and operations. */
static void test_ways_to_say_symmetry(void **state)
{
    (void)state;
    static const char cell[] = CELL(5.41, 5.41, 5.41, 90, 90, 90);
    static const char sites[] = SITES "Zn Zn 0 0 0\nS S 0.25 0.25 0.25\n";
    static const char *const ways[] = {
        HM("F -4 3 m"), "_symmetry_space_group_name_Hall 'F -4 2 3'\n", NUMBER(216),
        ("loop_\n_symmetry_equiv_pos_site_id\n_symmetry_equiv_pos_as_xyz\n"
         "1 x,y,z\n2 'x, y+1/2, z+1/2'\n3 1/2+X,Y,0.5+Z\n4 x+1/2,y+.5,z\n"),
        "loop_\n_space_group_symop.operation_xyz\nx,y,z\nz,x,y\ny,z,x\nx,1/2+y,z-1/2\n+x+1/2,y,z+0.5\nx+1/2,y+1/2,z\n"};
    sh_structures list[5];
    for (int i = 0; i < 5; i++) {
        char text[2048];
        snprintf(text, sizeof text, "%s%s%s", cell, ways[i], sites);
        parse(text, &list[i]);
        assert_null(list[i].item[0].error);
        assert_true(same_atoms(&list[0].item[0], &list[i].item[0], 1e-9));
    }
    assert_int_equal(list[0].item[0].n_atom, 8);
    for (int i = 0; i < 5; i++)
        sh_structures_destroy(&list[i]);
}

static void test_operations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int8_t rot[9];
        double trans[3];
    } good[] = {
        {"x,y,z", {1, 0, 0, 0, 1, 0, 0, 0, 1}, {0, 0, 0}},
        {"-y+1/2, x-y, 0.25+z", {0, -1, 0, 1, -1, 0, 0, 0, 1}, {0.5, 0, 0.25}},
        {"1/2-Y,X,-Z", {0, -1, 0, 1, 0, 0, 0, 0, -1}, {0.5, 0, 0}},
        {"-x,-y,z+0.33333", {-1, 0, 0, 0, -1, 0, 0, 0, 1}, {0, 0, 1.0 / 3}},
        {"x-1/4,y+5/4,-1*z", {1, 0, 0, 0, 1, 0, 0, 0, -1}, {0.75, 0.25, 0}},
    };
    static const char *const bad[] = {"", "x,y", "x,y,z,x", "x,y,q", "x,x,z", "xy,y,z", "x,y,z/2", "x,y,z+", "x,y,1/0+z",
                                      "x,y,0.5*z", "x,y,+-z", "x,,z", "x,y,9999999999999999999+z", "x,y,1.2.3+z"};
    int8_t rot[9];
    double trans[3];
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_true(sh_symop_parse(sh_span_of(good[i].text), rot, trans));
        assert_memory_equal(rot, good[i].rot, sizeof rot);
        for (int k = 0; k < 3; k++)
            assert_near(trans[k], good[i].trans[k], 1e-15);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (sh_symop_parse(sh_span_of(bad[i]), rot, trans)) fail_msg("'%s' was taken for an operation", bad[i]);
    /* what is written is read back, for every operation of every setting */
    for (int hall = 1; hall <= 530; hall++) {
        sh_symops ops;
        assert_ok(sh_symops_of_hall(hall, &ops));
        for (int i = 0; i < ops.n; i++) {
            char text[96];
            sh_symop_format(ops.rot[i], ops.trans[i], text);
            assert_true(sh_symop_parse(sh_span_of(text), rot, trans));
            assert_memory_equal(rot, ops.rot[i], sizeof rot);
            for (int k = 0; k < 3; k++)
                assert_near(trans[k], ops.trans[i][k], 1e-15);
        }
    }
}

static void test_syntax(void **state)
{
    (void)state;
    /* comments, semicolon text, quotes in texts, a block without a structure, \r\n, capitals, unknown values */
    sh_structures list;
    parse("# made by hand\r\ndata_global\r\n_publ_section_title\r\n;\r\nA text with data_ and loop_ in it\r\n;\r\n"
          "_journal_name 'the dog's own'\r\n" "DATA_one\r\n_CELL_LENGTH_A 4 # Å\r\n_cell_length_b 4\r\n_cell_length_c 4\r\n"
          "_cell_angle_alpha 90\r\n_cell_angle_beta 90\r\n_cell_angle_gamma 90\r\n_symmetry_equiv_pos_as_xyz ?\r\n"
          "loop_ _atom_site_label _atom_site_occupancy _atom_site_fract_x _atom_site_fract_y _atom_site_fract_z\r\n"
          "Li1 1.0(1) -0.25 0 1.5 'OW2' . 1e-1 0 0\r\n"
          "data_two\r\n" "_shaft_sampled_space_group_number 5\r\n_shaft_reward 2.5e-1\r\n_shaft_reward_model none\r\n"
          "_cell_length_a 4\r\n_cell_length_b 4\r\n_cell_length_c 4\r\n_cell_angle_alpha 90\r\n_cell_angle_beta 90\r\n"
          "_cell_angle_gamma 90\r\nloop_\r\n_atom_site_type_symbol\r\n_atom_site_fract_x\r\n_atom_site_fract_y\r\n"
          "_atom_site_fract_z\r\n_atom_site_calc_flag\r\nFe3+ 0 0 0 d\r\nO 0.1 0 0 dum\r\n",
          &list);
    assert_ok(sh_structures_check(&list));
    assert_int_equal(list.n, 2);
    const sh_structure *s = &list.item[0];
    assert_string_equal(s->name, "one");
    assert_int_equal(s->n_atom, 2);
    assert_int_equal(s->z[0], 3);
    assert_int_equal(s->z[1], 8);
    assert_near(s->frac[0], 0.75, 1e-15);
    assert_near(s->frac[2], 0.5, 1e-15);
    assert_int_equal(list.item[1].n_atom, 1);
    assert_int_equal(list.item[1].z[0], 26);
    assert_int_equal(list.item[1].sampled_group, 5);
    assert_near(list.item[1].reward, 0.25, 0);
    assert_string_equal(list.item[1].reward_model, SH_NO_REWARD_MODEL);
    assert_near(s->reward, 0, 0);
    assert_null(s->reward_model);
    assert_int_equal(list.item[1].index, 2);
    assert_string_equal(sh_structures_path(&list, 1), "in.cif");
    sh_structures_destroy(&list);
}

static void test_errors(void **state)
{
    (void)state;
    assert_error("", "no data block with a cell and atom sites");
    assert_error("hello\n", "in.cif:1: a CIF begins with 'data_', not with 'hello'");
    assert_error("data_a\n_cell_length_a 3\n", "data block 'a' has no _cell_length_b");
    assert_error(CELL(0, 5, 5, 90, 90, 90), "in.cif:2: _cell_length_a is 0, not a length");
    assert_error(CELL(5, 5, 5x, 90, 90, 90), "in.cif:4: _cell_length_c is '5x', not a number");
    assert_error(CELL(5, 5, ?, 90, 90, 90), "_cell_length_c is unknown");
    assert_error(CELL(5, 5, 5, 90, 90, 190), "_cell_angle_gamma is 190, not an angle");
    assert_error(CELL(0.004, 0.004, 0.004, 90, 90, 90), "the cell has 6.4e-08 Å^3, too small for an atom");
    assert_error(CELL(5, 5, 5, 100, 130, 130), "no cell has the angles 100, 130, 130");
    assert_error(CELL(5, 5, 5, 90, 90, 90), "has no _atom_site_fract_x");
    assert_error(CELL(5, 5, 5, 90, 90, 90) "_cell_length_a 6\n", "was given before, at line 2");
    assert_error(CELL(5, 5, 5, 90, 90, 90) SITES "Na1 Na 0 0\n",
                 "in.cif:8: the loop of 5 columns that begins here has 4 values: 1 are missing");
    assert_error(CELL(5, 5, 5, 90, 90, 90) SITES "Xy1 Xy 0 0 0\n", "in.cif:14: _atom_site_type_symbol 'Xy' is not an");
    assert_error(CELL(5, 5, 5, 90, 90, 90) SITES "Na1 Na 0 ? 0\n", "in.cif:14: _atom_site_fract_y is unknown");
    assert_error(CELL(5, 5, 5, 90, 90, 90) SITES "Na1 Na 0 0 0 'x\n", "in.cif:14: the quote ' is not closed");
    assert_error(CELL(5, 5, 5, 90, 90, 90) SITES "Na1 Na 0 0 0\n;no end\n", "in.cif:15: the text that begins here");
    assert_error(CELL(5, 5, 5, 90, 90, 90) SITES "Na1 Na 0 0 0\nsave_x\n", "belongs to dictionaries");
    assert_error(CELL(5, 5, 5, 90, 90, 90) "x y\n", "the value 'x' belongs to no name");
    assert_error(CELL(5, 5, 5, 90, 90, 90) "_x\n_y 1\n", "in.cif:8: _x has no value");
    assert_error(CELL(5, 5, 5, 90, 90, 90) SITES, "the loop of atom sites has no rows");
    assert_error(CELL(5, 5, 5, 90, 90, 90)
                 "loop_\n_atom_site_label\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\nCA1 0 0 0\n",
                 "the label 'CA1' could be two elements (give _atom_site_type_symbol)");
    assert_error(CELL(5, 5, 5, 90, 90, 90) "loop_\n_atom_site_label\n_atom_site_Cartn_x\nLi1 0\n",
                 "Cartesian coordinates are not read");
    assert_error(CELL(5, 5, 5, 90, 90, 90)
                 "loop_\n_atom_site_label\n_atom_site_occupancy\n_atom_site_fract_x\n_atom_site_fract_y\n"
                 "_atom_site_fract_z\nLi1 0.5 0 0 0\n", "site 'Li1' has occupancy 0.5");
    assert_error(CELL(5, 5, 5, 90, 90, 90)
                 "loop_\n_atom_site_label\n_atom_site_disorder_group\n_atom_site_fract_x\n_atom_site_fract_y\n"
                 "_atom_site_fract_z\nLi1 2 0 0 0\n", "site 'Li1' belongs to disorder group '2'");
    assert_error(CELL(5, 5, 5, 90, 90, 90) "_symmetry_equiv_pos_as_xyz x,y,w\n" SITES "Li Li 0 0 0\n",
                 "in.cif:8: 'x,y,w' is not a symmetry operation (write it as 'x,-y+1/2,z')");
    assert_error(CELL(5, 6, 7, 90, 90, 90) "_symmetry_equiv_pos_as_xyz y,x,z\n" SITES "Li Li 0 0 0\n",
                 "the cell does not have the symmetry 'y,x,z'");
    assert_error(CELL(3.57, 3.57, 3.57, 90, 90, 90) HM("F d -3 m") SITES "C C 0 0 0\n", "leaves 2 settings open");
    assert_error(CELL(5, 5, 5, 90, 90, 90) HM("F m 3 q") SITES "C C 0 0 0\n", "no setting of a space group has the");
    assert_error(CELL(5, 6, 7, 90, 90, 90) NUMBER(225) SITES "C C 0 0 0\n", "the cell does not have the symmetry of the");
    assert_error(CELL(5, 6, 7, 90, 90, 90) NUMBER(231) SITES "C C 0 0 0\n", "in.cif: data block 'x': the space-group number is 231, not 1 to 230");
    assert_error(CELL(5, 6, 7, 90, 90, 90) NUMBER(2.5) SITES "C C 0 0 0\n", "is '2.5', not a whole number");
    /* a bad block costs itself only, whatever is wrong with it */
    sh_structures list;
    parse(CELL(5, 5, 5, 90, 90, 90) SITES "Na1 Na 0 0\ndata_b\n_x\n" CELL(5, 5, 5, 90, 90, 90) SITES
          "Na1 Na 0 0 0\ndata_c\n_y 'open\n" CELL(4, 4, 4, 90, 90, 90) SITES "K K 0 0 0\n", &list);
    assert_int_equal(list.n, 5);
    assert_non_null(list.item[0].error);
    assert_non_null(list.item[1].error);
    assert_null(list.item[2].error);
    assert_non_null(list.item[3].error);
    assert_null(list.item[4].error);
    assert_int_equal(list.item[4].z[0], 19);
    assert_fails(sh_structures_check(&list), SH_EINPUT, "1 are missing");
    sh_structures_destroy(&list);
    static const char zero[] = "data_x\n_cell_length_a\0 5\n";
    list = (sh_structures){0};
    sh_structures_add_file(&list, "zero.cif");
    sh_cif_parse("zero.cif", zero, sizeof zero - 1, &list);
    assert_non_null(strstr(list.item[0].error, "zero.cif:2: a zero byte: this is not a text file"));
    sh_structures_destroy(&list);
}

/* Cut at every length and with bytes changed: no crash, and always at least one place in the list. */
static void test_damaged(void **state)
{
    (void)state;
    static const char text[] = CELL(5.64(2), 5.64, 5.64, 90, 90, 90) HM("F m -3 m") SITES
        "Na1 Na1+ 0 0 0\nCl1 'Cl1-' 0.5 0.5 0.5\n_note\n;\nend\n;\n";
    char copy[sizeof text];
    for (size_t n = 0; n < sizeof text; n++) {
        for (int change = 0; change < 5; change++) {
            memcpy(copy, text, sizeof text);
            if (change) copy[n] = "\0\n'_"[change - 1];
            sh_structures list = {0};
            sh_structures_add_file(&list, "cut.cif");
            sh_cif_parse("cut.cif", copy, change ? sizeof text - 1 : n, &list);
            assert_true(list.n >= 1);
            sh_structures_destroy(&list);
        }
    }
}

static void test_no_leak(void **state)
{
    (void)state;
    assert_int_equal(sh_alloc_live(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operations), cmocka_unit_test(test_prototypes),
        cmocka_unit_test(test_ways_to_say_symmetry), cmocka_unit_test(test_syntax),
        cmocka_unit_test(test_errors), cmocka_unit_test(test_damaged),
        cmocka_unit_test(test_no_leak),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
