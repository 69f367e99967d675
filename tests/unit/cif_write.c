#define _POSIX_C_SOURCE 200809L
#include "structures.h"

#include "backend/workspace.h"
#include "crystal/dataset.h"
#include "crystal/group.h"
#include "crystal/lattice.h"
#include "crystal/orbit.h"
#include "io/cif.h"
#include "io/extxyz.h"
#include "io/text.h"

/* What a structure is after it was written and read. */
static sh_structures round_trip(const sh_structure *s, const sh_cif_opts *opts, int *number, char **text)
{
    size_t size;
    char *written;
    FILE *f = open_memstream(&written, &size);
    assert_ok(sh_cif_write(f, s, opts, number));
    fclose(f);
    sh_structures list = {0};
    sh_structures_add_file(&list, "written.cif");
    sh_cif_parse("written.cif", written, size, &list);
    assert_int_equal(list.n, 1);
    if (list.item[0].error) fail_msg("%s\n%s", list.item[0].error, written);
    if (text) *text = written;
    else free(written);
    return list;
}

static sh_structures read_data(const char *name)
{
    char path[512], *text;
    size_t size;
    snprintf(path, sizeof path, "%s/tests/data/%s", SH_SOURCE_DIR, name);
    assert_ok(sh_text_read(path, &text, &size));
    sh_structures list = {0};
    sh_structures_add_file(&list, name);
    sh_extxyz_parse(name, text, size, &list);
    sh_free(text);
    assert_ok(sh_structures_check(&list));
    return list;
}

static void check_written(const sh_structure *s, double tolerance)
{
    sh_cell cell = {s->lattice, s->n_atom, s->z, s->frac};
    int number;
    sh_structures back = round_trip(s, &(sh_cif_opts){0}, &number, NULL);
    assert_int_equal(number, sh_space_group_number(&cell, 1e-3) > 0 ? sh_space_group_number(&cell, 1e-3) : 1);
    assert_true(same_distances(s, &back.item[0], 5, tolerance));
    sh_cell read = {back.item[0].lattice, back.item[0].n_atom, back.item[0].z, back.item[0].frac};
    if (number > 1) assert_int_equal(sh_space_group_number(&read, 1e-3), number);
    sh_structures_destroy(&back);

    back = round_trip(s, &(sh_cif_opts){.p1 = true}, &number, NULL);
    assert_int_equal(number, 1);
    assert_int_equal(back.item[0].n_atom, s->n_atom);
    assert_true(same_distances(s, &back.item[0], 5, 1e-8));
    sh_structures_destroy(&back);
}

static void test_prototypes(void **state)
{
    (void)state;
    sh_structures list = read_data("prototypes.xyz");
    for (int64_t i = 0; i < list.n; i++)
        check_written(&list.item[i], 1e-8);
    /* a left-handed cell of a chiral crystal keeps its hand */
    for (int64_t i = 0; i < list.n; i++) {
        sh_structure *s = &list.item[i];
        if (!strstr(s->name, "quartz")) continue;
        for (int k = 0; k < 3; k++) {
            double swap = s->lattice[k];
            s->lattice[k] = s->lattice[3 + k];
            s->lattice[3 + k] = swap;
        }
        for (int64_t a = 0; a < s->n_atom; a++) {
            double swap = s->frac[3 * a];
            s->frac[3 * a] = s->frac[3 * a + 1];
            s->frac[3 * a + 1] = swap;
        }
        sh_cell cell = {s->lattice, s->n_atom, s->z, s->frac};
        for (int p1 = 0; p1 < 2; p1++) {
            sh_structures back = round_trip(s, &(sh_cif_opts){.p1 = p1}, NULL, NULL);
            sh_cell read = {back.item[0].lattice, back.item[0].n_atom, back.item[0].z, back.item[0].frac};
            assert_int_equal(sh_space_group_number(&read, 1e-3), sh_space_group_number(&cell, 1e-3));
            sh_structures_destroy(&back);
        }
    }
    sh_structures_destroy(&list);
}

static void test_materials_project(void **state)
{
    (void)state;
    sh_structures list = read_data("mp64.xyz");
    for (int64_t i = 0; i < list.n; i += 4)
        check_written(&list.item[i], 2e-3);
    sh_structures_destroy(&list);
}

static void test_text(void **state)
{
    (void)state;
    sh_structures list = read_data("prototypes.xyz");
    sh_structure *salt = &list.item[0];
    salt->sampled_group = 47;
    salt->reward = 1 / 3.0;
    salt->reward_model = sh_strdup("./a model.h5");
    const sh_cif_item items[] = {{"_shaft_term_bond", "0.93"}, {"_shaft_model", "M3GNet's EFS"}, {"_shaft_key", "data_x"}};
    int number;
    char *text;
    sh_structures back = round_trip(salt, &(sh_cif_opts){.name = "rock salt", .item = items, .n_item = 3}, &number, &text);
    assert_int_equal(number, 225);
    assert_string_equal(back.item[0].name, "rock_salt");
    assert_int_equal(back.item[0].sampled_group, 47);
    assert_near(back.item[0].reward, 1 / 3.0, 0);
    assert_string_equal(back.item[0].reward_model, "./a model.h5");
    static const char *const wanted[] = {
        "data_rock_salt\n",           "_cell_length_a                       5.6400000000\n",
        "_cell_angle_gamma                    90.0000000000\n",
        "_chemical_formula_sum                'Na1 Cl1'\n",
        "_cell_formula_units_Z                4\n",
        "_space_group_IT_number               225\n", "_space_group_name_H-M_alt            'F m -3 m'\n",
        "_space_group_name_Hall               '-F 4 2 3'\n", "_shaft_sampled_space_group_number    47\n",
        "_shaft_reward                        0.3333333333333333\n",
        "_shaft_reward_model                  './a model.h5'\n",
        "_shaft_term_bond                     0.93\n",
        "_shaft_model                         \"M3GNet's EFS\"\n",
        "_shaft_key                           'data_x'\n", "1 'x,y,z'\n", "\n192 '",
        "Na1   Na   4 ", "Cl1   Cl   4 "};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        if (!strstr(text, wanted[i])) fail_msg("'%s' is missing in\n%s", wanted[i], text);
    free(text);
    sh_structures_destroy(&back);

    /* origin choice 2, letters of International Tables: perovskite 1b 1a 3c (or 1a 1b 3d), diamond 8a */
    for (int64_t i = 0; i < list.n; i++) {
        bool diamond = !strncmp(strstr(list.item[i].name, "name=") + 5, "diamond_C", 9);
        bool perovskite = !strncmp(strstr(list.item[i].name, "name=") + 5, "perov", 5);
        if (!diamond && !perovskite) continue;
        back = round_trip(&list.item[i], &(sh_cif_opts){0}, &number, &text);
        if (diamond) {
            assert_non_null(strstr(text, "'F d -3 m:2'"));
            assert_true(strstr(text, "8 a 0.125") || strstr(text, "8 a 0.875"));
        } else {
            assert_true(strstr(text, "3 c ") || strstr(text, "3 d "));
        }
        free(text);
        sh_structures_destroy(&back);
    }
    sh_structures_destroy(&list);
}

/* A crystal of every group: two general sites (three where there are few operations), lattice without special
 * proportions. Written, read: the same atoms and the same group. */
static void test_all_groups(void **state)
{
    (void)state;
    sh_groups *groups;
    assert_ok(sh_groups_create(&groups));
    sh_arena *arena = sh_arena_create(1 << 20);
    sh_workspace ws = sh_workspace_host(arena);
    sh_group_tables tables;
    sh_group_tables_create(groups, sh_backend_cpu(), &tables);
    const sh_cell_bounds bounds = {{4, 15}, {80, 130}};
    for (int g = 1; g <= 230; g++) {
        const double u[6] = {0.3, 0.41, 0.53, 0.2, 0.4, 0.1};
        double parameters[6], lattice[9];
        sh_lattice_from_u(sh_group_family(g), &bounds, u, parameters);
        for (int i = 0; i < 3; i++)
            parameters[i] *= cbrt((groups->op_start[g] - groups->op_start[g - 1]) / 6.0 + 1);
        sh_lattice_matrix(parameters, lattice);
        const double frac[9] = {0.1234, 0.2718, 0.3819, 0.4321, 0.0577, 0.1101, 0.3021, 0.4669, 0.2236};
        const int64_t n_site = groups->op_start[g] - groups->op_start[g - 1] > 24 ? 1 : 3, start[2] = {0, n_site};
        const int32_t z[3] = {11, 17, 8}, number = g;
        sh_descriptions description = {1, n_site, &number, lattice, start, z, frac, NULL};
        sh_crystals crystal;
        sh_arena_reset(arena);
        sh_crystals_make(&ws, &tables, &description, 0.05, &crystal);
        sh_structure s;
        sh_structure_from_crystal(&crystal, 0, &s);
        assert_int_equal(s.sampled_group, g);
        sh_cell cell = {s.lattice, s.n_atom, s.z, s.frac};
        int found = sh_space_group_number(&cell, 1e-3), written;
        char *text;
        assert_int_equal(found, g);
        sh_structures back = round_trip(&s, &(sh_cif_opts){0}, &written, &text);
        assert_int_equal(written, found);
        /* without the operations, the symbols say the same */
        char *loop = strstr(text, "loop_\n"), *sites = strstr(loop + 1, "loop_\n");
        memmove(loop, sites, strlen(sites) + 1);
        for (int without_hall = 0; without_hall < 2; without_hall++) {
            if (without_hall) memcpy(strstr(text, "_space_group_name_Hall"), "_other_group_name_Hall", 22);
            sh_structures by_symbol = {0};
            sh_structures_add_file(&by_symbol, "symbol.cif");
            sh_cif_parse("symbol.cif", text, strlen(text), &by_symbol);
            assert_ok(sh_structures_check(&by_symbol));
            assert_true(same_atoms(&back.item[0], &by_symbol.item[0], 1e-9));
            sh_structures_destroy(&by_symbol);
        }
        free(text);
        assert_true(same_distances(&s, &back.item[0], 3.5, 1e-8));
        sh_cell read = {back.item[0].lattice, back.item[0].n_atom, back.item[0].z, back.item[0].frac};
        assert_int_equal(sh_space_group_number(&read, 1e-3), found);
        sh_structures_destroy(&back);
        sh_structure_destroy(&s);
    }
    sh_arena_destroy(&arena);
    sh_groups_destroy(&groups);
    assert_int_equal(sh_alloc_live(), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_text), cmocka_unit_test(test_prototypes),
                                       cmocka_unit_test(test_materials_project), cmocka_unit_test(test_all_groups)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
