#define _POSIX_C_SOURCE 200809L
#include "structures.h"

#include <sys/stat.h>
#include <unistd.h>

#include "io/collect.h"
#include "io/extxyz.h"

static sh_structures parse(const char *text)
{
    sh_structures list = {0};
    sh_structures_add_file(&list, "a.xyz");
    sh_extxyz_parse("a.xyz", text, strlen(text), &list);
    assert_true(list.n >= 1);
    return list;
}

static void assert_error(const char *text, const char *message)
{
    sh_structures list = parse(text);
    assert_non_null(list.item[0].error);
    if (!strstr(list.item[0].error, message)) fail_msg("'%s' does not contain '%s'", list.item[0].error, message);
    sh_structures_destroy(&list);
}

#define LATTICE "Lattice=\"4 0 0 0 5 0 1 0 6\""

static void test_read(void **state)
{
    (void)state;
    sh_structures list = parse("2\n" LATTICE "\nNa 0 0 0\nCl 2.5 2.5 3\n"
                               "1\nenergy=-3.5 name='two words' " LATTICE
                               " Properties=id:I:1:species:S:1:forces:R:3:pos:R:3 pbc=\"T T T\"\n7 K 9 9 9 -1 0 0\n"
                               "1\npbc=\"1 1 1\" lattice='3 0 0 0 3 0 0 0 3' Properties=Z:I:1:pos:R:3\n26 0.3 0 0\n\n\n");
    assert_ok(sh_structures_check(&list));
    assert_int_equal(list.n, 3);
    assert_int_equal(list.item[0].n_atom, 2);
    assert_int_equal(list.item[0].z[1], 17);
    for (int k = 0; k < 3; k++)
        assert_near(list.item[0].frac[3 + k], 0.5, 1e-14);
    assert_int_equal(list.item[1].z[0], 19);
    assert_near(list.item[1].frac[0], 0.75, 1e-14);
    assert_int_equal(list.item[2].z[0], 26);
    assert_near(list.item[2].frac[0], 0.1, 1e-14);
    assert_int_equal(list.item[2].index, 3);
    sh_structures_destroy(&list);
}

static void test_errors(void **state)
{
    (void)state;
    assert_error("", "a.xyz: no frames");
    assert_error("two\n", "a.xyz:1: 'two' stands where the number of atoms of a frame is expected");
    assert_error("2 x\n", "a.xyz:1: '2 x' stands where");
    assert_error("999999999\n" LATTICE "\n", "a frame of 999999999 atoms, more than 10000");
    assert_error("5000\n" LATTICE "\nNa 0 0 0\n", "a.xyz:1: a frame of 5000 atoms, more than the file holds");
    assert_error("1\nwater\nO 0 0 0\n", "a.xyz:2: a frame without Lattice=\"...\": a molecule, or plain XYZ");
    assert_error("1\nLattice=\"1 2 3\"\nO 0 0 0\n", "a.xyz:2: Lattice has 3 numbers, not 9");
    assert_error("1\nLattice=\"1 2 3 4 5 6 7 8 x\"\nO 0 0 0\n", "Lattice is not nine numbers: 'x'");
    assert_error("1\nLattice=\"0.004 0 0 0 0.004 0 0 0 0.004\"\nO 0 0 0\n", "a.xyz:2: the cell has 6.4e-08 Å^3, too small for an atom");
    assert_error("1\nLattice=\"1 0 0 2 0 0 0 0 1\"\nO 0 0 0\n", "a.xyz:2: the vectors of Lattice span no volume");
    assert_error("1\n" LATTICE " pbc=\"T T F\"\nO 0 0 0\n", "pbc=\"T T F\": only structures periodic in three");
    assert_error("1\n" LATTICE " Properties=species:S:1\nO 0 0 0\n", "a.xyz:2: Properties lack pos:R:3");
    assert_error("1\n" LATTICE " Properties=pos:R:3\n0 0 0\n", "Properties lack species:S:1");
    assert_error("1\n" LATTICE " Properties=pos:R:99999999\n0 0 0\n", "'pos' has no valid number of columns");
    assert_error("1\n" LATTICE " Properties=pos:R\n0 0 0\n", "Properties is not made of name:type:columns");
    assert_error("1\n" LATTICE "\nO 0 0\n", "a.xyz:3: 3 columns where Properties have 4");
    assert_error("1\n" LATTICE "\nO 0 0 0 1\n", "a.xyz:3: more columns than the 4 of Properties");
    assert_error("1\n" LATTICE "\nQq 0 0 0\n", "a.xyz:3: 'Qq' is not an element");
    assert_error("1\n" LATTICE "\nO 0 0 inf\n", "a.xyz:3: the coordinate 'inf' is not a number");
    assert_error("2\n" LATTICE "\nO 0 0 0\n", "the file ends after line 3, with 1 of 2 atoms of its last frame");
    /* a bad frame costs itself only */
    sh_structures list = parse("2\n" LATTICE "\nQq 0 0 0\nO 0 0 0\n1\n" LATTICE "\nO 0 0 0\n1\nwater\nO 0 0 0\n1\n" LATTICE
                               "\nF 0 0 0\nend\n");
    assert_int_equal(list.n, 5);
    assert_non_null(list.item[0].error);
    assert_int_equal(list.item[1].z[0], 8);
    assert_non_null(list.item[2].error);
    assert_int_equal(list.item[3].z[0], 9);
    assert_non_null(strstr(list.item[4].error, "a.xyz:14: 'end'"));
    sh_structures_destroy(&list);
}

static void test_round_trip(void **state)
{
    (void)state;
    sh_structures list = parse("2\nLattice=\"3.1 0.2 0 -0.3 4.7 0 1 0.5 6.00000000001\"\nNa 0.123456789 0 0\nCl 1 2 3\n");
    assert_ok(sh_structures_check(&list));
    char text[4096] = "";
    FILE *f = fmemopen(text, sizeof text - 1, "w");
    list.item[0].sampled_group = 14;
    list.item[0].reward = 0.1;
    list.item[0].reward_model = sh_strdup("a model.h5");
    const sh_cif_item items[] = {{"_shaft_term_bond", "0.5"}, {"_shaft_note", "two words"}};
    assert_ok(sh_extxyz_write(f, &list.item[0], items, 2));
    assert_ok(sh_extxyz_write(f, &list.item[0], NULL, 0));
    fclose(f);
    assert_non_null(strstr(text, " shaft_reward=0.1 shaft_reward_model=\"a model.h5\" shaft_term_bond=0.5 shaft_note=\"two words\"\n"));
    sh_structures back = parse(text);
    assert_int_equal(back.n, 2);
    for (int i = 0; i < 2; i++)
        assert_true(same_atoms(&list.item[0], &back.item[i], 1e-10));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(back.item[i].sampled_group, 14);
        assert_near(back.item[i].reward, 0.1, 0);
        assert_string_equal(back.item[i].reward_model, "a model.h5");
    }
    sh_structures_destroy(&back);
    sh_structures_destroy(&list);
    list = parse("1\nLattice=\"3 0 0 0 4 0 0 0 6\" shaft_reward=much\nNa 0 0 0\n");
    assert_non_null(strstr(list.item[0].error, "shaft_reward is 'much', not a number"));
    sh_structures_destroy(&list);
}

static void write_file(const char *folder, const char *name, const char *text)
{
    char path[512];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static const char cif[] = "data_n\n_cell_length_a 4\n_cell_length_b 4\n_cell_length_c 4\n_cell_angle_alpha 90\n"
                          "_cell_angle_beta 90\n_cell_angle_gamma 90\nloop_\n_atom_site_type_symbol\n_atom_site_fract_x\n"
                          "_atom_site_fract_y\n_atom_site_fract_z\nNe 0 0 0\n";
static const char poscar[] = "c\n1\n4 0 0\n0 4 0\n0 0 4\nAr\n1\nDirect\n0 0 0\n";

static int samples_read;

static void read_samples(const char *path, sh_structures *out)
{
    samples_read++;
    SH_FAIL(SH_EINPUT, "%s: samples", path);
    sh_structures_add_error(out);
}

static void test_collect(void **state)
{
    (void)state;
    char folder[] = "/tmp/shaft_collect_XXXXXX", inner[64], empty[64];
    assert_non_null(mkdtemp(folder));
    snprintf(inner, sizeof inner, "%s/inner", folder);
    snprintf(empty, sizeof empty, "%s/none", folder);
    assert_int_equal(mkdir(inner, 0700), 0);
    assert_int_equal(mkdir(empty, 0700), 0);
    write_file(folder, "b.cif", cif);
    write_file(folder, "a.xyz", "1\n" LATTICE "\nO 0 0 0\n1\n" LATTICE "\nF 0 0 0\n");
    write_file(folder, "README", "not a structure");
    write_file(folder, "z.h5", "\x89HDF\r\n\x1a\n and more");
    write_file(inner, "POSCAR", poscar);
    write_file(inner, "broken.cif", "nonsense");
    write_file(folder, "unnamed1", cif);
    write_file(folder, "unnamed2", poscar);
    write_file(folder, "unnamed3", "1\n" LATTICE "\nO 0 0 0\n");

    char paths[6][96];
    const char *names[6] = {folder, paths[1], paths[2], paths[3], paths[4], empty};
    snprintf(paths[1], sizeof paths[1], "%s/unnamed1", folder);
    snprintf(paths[2], sizeof paths[2], "%s/unnamed2", folder);
    snprintf(paths[3], sizeof paths[3], "%s/unnamed3", folder);
    snprintf(paths[4], sizeof paths[4], "%s/README", folder);
    sh_structures list = {0};
    sh_collect(names, 6, read_samples, &list);
    /* a.xyz twice, b.cif, inner/POSCAR, inner/broken.cif, z.h5, three unnamed ones, README, the empty folder */
    assert_int_equal(list.n, 11);
    assert_int_equal(list.item[0].z[0], 8);
    assert_int_equal(list.item[1].index, 2);
    assert_int_equal(list.item[2].z[0], 10);
    assert_int_equal(list.item[3].z[0], 18);
    assert_non_null(strstr(list.item[4].error, "inner/broken.cif:1: a CIF begins with"));
    assert_int_equal(samples_read, 1);
    assert_non_null(strstr(sh_structures_path(&list, 5), "/z.h5"));
    assert_int_equal(list.item[6].z[0], 10);
    assert_int_equal(list.item[7].z[0], 18);
    assert_int_equal(list.item[8].z[0], 8);
    assert_non_null(strstr(list.item[9].error, "README: no format that is known here"));
    assert_non_null(strstr(list.item[10].error, "a folder without structure files"));
    sh_structures_destroy(&list);

    const char *missing = "/nowhere/x.cif";
    sh_collect(&missing, 1, NULL, &list);
    assert_non_null(strstr(list.item[0].error, "/nowhere/x.cif: cannot be opened: No such file"));
    sh_structures_destroy(&list);
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", folder);
    assert_int_equal(system(command), 0);
    assert_int_equal(sh_alloc_live(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_read), cmocka_unit_test(test_errors),
                                       cmocka_unit_test(test_round_trip), cmocka_unit_test(test_collect)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
