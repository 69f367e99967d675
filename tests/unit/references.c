/* Formation energies from total ones: each rule of the corrections by a crystal made for it, and broken tables. */
#define _POSIX_C_SOURCE 200809L
#include "test.h"

#include <unistd.h>

#include "backend/backend.h"
#include "cells.h"
#include "backend/workspace.h"
#include "crystal/graph.h"
#include "crystal/orbit.h"
#include "potential/references.h"

static sh_references *references;
static sh_arena *arena;
static sh_workspace ws;

enum { LI = 3, N = 7, O = 8, F = 9, S = 16, FE = 26, PO = 84 };

/* Energies of the table below. */
static const double mu_li = -2, mu_o = -5, mu_s = -4, mu_fe = -8, fitted_n = -7.5, fitted_f = -1.5;

static sh_status table(const char *text, sh_references **out)
{
    char path[] = "/tmp/shaft-references-XXXXXX";
    FILE *f = fdopen(mkstemp(path), "w");
    fputs(text, f);
    fclose(f);
    sh_status status = sh_references_create(path, out);
    remove(path);
    return status;
}

/* Of the first crystal, by the kernel. */
static double formation(const sh_crystals *c, const sh_graph *g, double e_total)
{
    double form;
    sh_references_formation(sh_references_table(references), &ws, c, g, NULL, 1, false, &e_total, &form);
    return form;
}

/* Atoms at Cartesian positions in a cube of 20 Å. */
static double e_form(int n, const int32_t *z, const double *cart, double cutoff, double e_total)
{
    double frac[30];
    int32_t kinds[10];
    for (int i = 0; i < 3 * n; i++)
        frac[i] = cart[i] / 20;
    memcpy(kinds, z, (size_t)n * sizeof *z);
    test_cell cell = {.lattice = {20, 0, 0, 0, 20, 0, 0, 0, 20}, .n = n, .z = kinds, .frac = frac};
    sh_crystals c;
    sh_graph g;
    sh_arena_reset(arena);
    cells_p1(&cell, 1, arena, &c);
    sh_graph_build(&ws, &c, &(sh_graph_opts){.cutoff = cutoff}, &g);
    return formation(&c, &g, e_total);
}

static void test_elements(void **state)
{
    (void)state;
    double pair[6] = {0, 0, 0, 1.2, 0, 0};
    assert_near(e_form(2, (int32_t[]){O, O}, pair, 5, -9), -4.5 - mu_o, 1e-14); /* no correction, however close */
    assert_near(e_form(2, (int32_t[]){N, N}, pair, 5, -16), -8 - -8, 1e-14);    /* not the fitted value */
    assert_true(sh_references_knows(references, LI));
    assert_false(sh_references_knows(references, PO));
    assert_true(isnan(e_form(2, (int32_t[]){PO, O}, pair, 5, -9)));
}

static void test_oxygen(void **state)
{
    (void)state;
    static const struct {
        double apart, shift;
    } cases[] = {{3, -0.70229},   {1.565, -0.70229},  {1.564, -0.46622}, {1.42, -0.46622},
                 {1.417, -0.14598}, {1.2, -0.14598}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        double cart[9] = {0, 0, 0, cases[i].apart, 0, 0, 0, 2, 0};
        assert_near(e_form(3, (int32_t[]){O, O, LI}, cart, 5, -15), (-15 - 2 * mu_o - mu_li + 2 * cases[i].shift) / 3, 1e-14);
    }
    /* A chain of three: the middle one is an ozonide's, the ends superoxides'; a fourth far away is an oxide's. */
    double chain[15] = {0, 0, 0, 1.3, 0, 0, 2.6, 0, 0, 0, 8, 0, 0, 10, 0};
    assert_near(e_form(5, (int32_t[]){O, O, O, O, LI}, chain, 5, -25),
                (-25 - 4 * mu_o - mu_li + 2 * -0.14598 + 0 - 0.70229) / 5, 1e-14);
}

static void test_sulphur(void **state)
{
    (void)state;
    double near[6] = {0, 0, 0, 2, 0, 0}, far[6] = {0, 0, 0, 9, 0, 0};
    double sulfide = (-10 - mu_s - mu_li - 0.66346) / 2;
    assert_near(e_form(2, (int32_t[]){S, LI}, near, 5, -10), sulfide, 1e-14);
    assert_near(e_form(2, (int32_t[]){S, LI}, far, 5, -10), sulfide, 1e-14); /* its shell is outside the graph */
    assert_near(e_form(2, (int32_t[]){S, O}, near, 5, -10), (-10 - mu_s - mu_o - 0.70229) / 2, 1e-14);
    assert_near(e_form(2, (int32_t[]){S, O}, far, 5, -10), (-10 - mu_s - mu_o - 0.70229) / 2, 1e-14);
    /* Oxygen nearest, two lithium in its shell: (3.44 + 2 0.98) / 3 is below sulphur's; without the second it is above. */
    double shell[12] = {0, 0, 0, 1.5, 0, 0, -1.89, 0, 0, 0, 1.89, 0};
    assert_near(e_form(4, (int32_t[]){S, O, LI, LI}, shell, 5, -10),
                (-10 - mu_s - mu_o - 2 * mu_li - 0.66346 - 0.70229) / 4, 1e-14);
    shell[6] = -1.91;
    shell[10] = 1.91;
    assert_near(e_form(4, (int32_t[]){S, O, LI, LI}, shell, 5, -10), (-10 - mu_s - mu_o - 2 * mu_li - 0.70229) / 4, 1e-14);
}

/* A shell outside the graph is searched for, in cells of any shape: as in a graph that it lies inside. */
static void test_far_shells(void **state)
{
    (void)state;
    static int32_t kinds[4] = {S, O, LI, S};
    int n_sulfate = 0, n_sulfide = 0;
    uint32_t lcg = 5;
    for (int i = 0; i < 300; i++) {
        double frac[12], form[2];
        test_cell cell = {.n = 4, .z = kinds, .frac = frac};
        for (int k = 0; k < 12; k++) {
            lcg = lcg * 1664525u + 1013904223u;
            frac[k] = (lcg >> 8) / 16777216.0;
            if (k < 9) cell.lattice[k] = k % 4 == 0 ? 4 + 8 * frac[k] : 6 * frac[k] - 3;
        }
        if (i % 3 == 0) /* the same lattice by long vectors */
            for (int k = 0; k < 3; k++) {
                cell.lattice[k] += 3 * cell.lattice[3 + k];
                cell.lattice[6 + k] -= 4 * cell.lattice[k];
            }
        for (int k = 0; k < 2; k++) {
            sh_crystals c;
            sh_graph g;
            sh_arena_reset(arena);
            cells_p1(&cell, 1, arena, &c);
            sh_graph_build(&ws, &c, &(sh_graph_opts){.cutoff = k ? 13 : 2}, &g);
            form[k] = formation(&c, &g, -50);
        }
        assert_near(form[0], form[1], 0);
        double shift = 4 * form[0] - -50 + 2 * mu_s + mu_o + mu_li; /* of oxygen and two of sulphur */
        n_sulfide += shift < -1.4;
        n_sulfate += shift > -0.71;
    }
    assert_true(n_sulfate > 10 && n_sulfide > 10);
    double flat[9] = {0, 0, 0, 3, 0, 0, 0, 3, 0};
    assert_true(isfinite(e_form(3, (int32_t[]){S, O, LI}, flat, 2, -10)));
    test_cell none = {.lattice = {5, 0, 0, 0, 5, 0, 5, 5, 0}, .n = 3, .z = kinds, .frac = flat};
    sh_crystals c;
    sh_graph g;
    sh_arena_reset(arena);
    cells_p1(&none, 1, arena, &c);
    sh_graph_build(&ws, &c, &(sh_graph_opts){.cutoff = 5}, &g);
    assert_true(isnan(formation(&c, &g, -10))); /* no volume: comes to an end */
}

static void test_metals_and_fitted(void **state)
{
    (void)state;
    double near[6] = {0, 0, 0, 2, 0, 0}, three[9] = {0, 0, 0, 2, 0, 0, 0, 2, 0};
    assert_near(e_form(2, (int32_t[]){FE, O}, near, 5, -15), (-15 - mu_fe - mu_o - 0.70229 - 2.733) / 2, 1e-14);
    assert_near(e_form(2, (int32_t[]){FE, F}, near, 5, -12), (-12 - mu_fe - fitted_f - 2.733) / 2, 1e-14);
    assert_near(e_form(2, (int32_t[]){FE, N}, near, 5, -17), (-17 - mu_fe - fitted_n) / 2, 1e-14);
    assert_near(e_form(3, (int32_t[]){FE, S, LI}, three, 5, -17), (-17 - mu_fe - mu_s - mu_li - 0.66346) / 3, 1e-14);
}

/* The same oxide of sulphur by its sites and with all atoms explicit; O-O pairs across an inversion centre. */
static void test_multiplicities(void **state)
{
    (void)state;
    sh_groups *groups;
    assert_ok(sh_groups_create(&groups));
    sh_group_tables tables;
    sh_group_tables_create(groups, sh_backend_cpu(), &tables);
    double lattice[9] = {8, 0, 0, 0, 8, 0, 0, 0, 8}, frac[9] = {0, 0, 0, 0.09, 0, 0, 0.5, 0.25, 0.25}; /* O-O 1.44 Å */
    int64_t start[2] = {0, 3};
    int32_t sg = 47, z[3] = {S, O, FE};
    sh_crystals c, full;
    sh_graph g, h;
    frac[0] = 0.5;
    sh_arena_reset(arena);
    sh_crystals_make(&ws, &tables,
                     &(sh_descriptions){.n_crystal = 1, .n_site = 3, .sg_number = &sg, .lattice = lattice, .site_start = start,
                                        .site_z = z, .site_frac = frac},
                     0.3, &c);
    explode(&c, arena, &full);
    assert_int_equal(full.n_site, 1 + 2 + 4);
    sh_graph_build(&ws, &c, &(sh_graph_opts){.cutoff = 5}, &g);
    sh_graph_build(&ws, &full, &(sh_graph_opts){.cutoff = 5, .no_classes = true}, &h);
    double by_sites = formation(&c, &g, -50);
    assert_near(by_sites, formation(&full, &h, -50), 1e-13);
    assert_near(by_sites, (-50 - mu_s - 2 * mu_o - 4 * mu_fe - 2 * 0.46622 - 4 * 2.733 - 0.66346) / 7, 1e-13);
    sh_groups_destroy(&groups);
}

static void test_broken_tables(void **state)
{
    (void)state;
    sh_references *r;
    assert_fails(sh_references_create("/nowhere/r.csv", &r), SH_EINPUT, "/nowhere/r.csv");
    assert_null(r);
    assert_fails(table("z,symbol,mass\n", &r), SH_EINPUT, ":1: the header must be");
    const char *header = "# comment\nz,symbol,energy,fitted,plus_u,electronegativity\n";
    char text[256];
    snprintf(text, sizeof text, "%s3,Li,minus two,,,\n", header);
    assert_fails(table(text, &r), SH_EINPUT, ":3: ");
    snprintf(text, sizeof text, "%s3,Li,-2,,,0.98\n119,Uue,-2,,,\n", header);
    assert_fails(table(text, &r), SH_EINPUT, ":4: ");
    assert_null(r);
}

/* The table that comes with the program: against a few values of its sources. */
static void test_shipped_table(void **state)
{
    (void)state;
    sh_references *r;
    assert_ok(sh_references_create(SH_SOURCE_DIR "/configs/tables/references_m3gnet_efs.csv", &r));
    int n = 0;
    for (int z = 1; z <= 118; z++)
        n += sh_references_knows(r, z);
    assert_int_equal(n, 89);
    sh_references_destroy(&r);
    assert_null(r);
}

int main(void)
{
    arena = sh_arena_create(1 << 16);
    ws = sh_workspace_host(arena);
    if (table("# made\nz,symbol,energy,fitted,plus_u,electronegativity\n3,Li,-2,,,0.98\n7,N,-8,-7.5,,3.04\n8,O,-5,,,3.44\n"
              "9,F,-2,-1.5,,3.98\n16,S,-4,,,2.58\n26,Fe,-8,,-2.733,1.83\n",
              &references) != SH_OK) {
        fprintf(stderr, "%s\n", sh_error_message());
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_elements),       cmocka_unit_test(test_oxygen),        cmocka_unit_test(test_sulphur),
        cmocka_unit_test(test_far_shells),
        cmocka_unit_test(test_metals_and_fitted), cmocka_unit_test(test_multiplicities), cmocka_unit_test(test_broken_tables),
        cmocka_unit_test(test_shipped_table)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sh_references_destroy(&references);
    sh_arena_destroy(&arena);
    return failed;
}
