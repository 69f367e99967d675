/* The potential against reference energies, published numbers, and itself on full cells and equivalent descriptions; fused on the
 * CPU and by kernels (potentials.h) within the same limits. The weights are those of `shaft model import`; without them the tests
 * are skipped, with damaged ones they fail. */
#include "cells.h"
#include "potentials.h"

#include "backend/workspace.h"
#include "crystal/lattice.h"
#include "crystal/orbit.h"
#include "io/models.h"
#include "io/weights_h5.h"
#include "potential/references.h"

#ifdef SH_F64
static const double LIMIT = 1e-9, EXACT = 1e-12, CLOSE = 1e-12; /* eV/atom */
#else
/* Single rounding gives 1.3e-6 eV/atom (matgl in float against double), more where atoms are so close that the network is far
 * outside what it was trained on. */
static const double LIMIT = 1e-5, EXACT = 1e-5, CLOSE = 2e-4;
#endif

static sh_potential *potential;
static sh_references *references;
static sh_arena *arena;
static sh_workspace ws;

static double nearest; /* Å, of the last crystals evaluated */

static void energies(const sh_crystals *c, bool no_classes, double *e_total, double *e_form)
{
    sh_graph g;
    sh_graph_build(&ws, c, &(sh_graph_opts){.cutoff = 5, .no_classes = no_classes}, &g);
    potential_values(potential, arena, c, &g, NULL, 0, e_total, e_form);
    nearest = 5;
    for (int64_t i = 0; i < c->n_crystal; i++)
        nearest = fmin(nearest, g.min_dist[i]);
}

static void test_reference_energies(void **state)
{
    (void)state;
    int n;
    test_cell *cells = read_cells(SH_SOURCE_DIR "/tests/data/efs_energies.txt", &n);
    assert_true(n >= 70);
    sh_crystals c;
    sh_arena_reset(arena);
    cells_p1(cells, n, arena, &c);
    double *e_total = SH_NEW(double, n), *e_form = SH_NEW(double, n), worst = 0, worst_form = 0;
    energies(&c, false, e_total, e_form);
    int n_form = 0;
    for (int i = 0; i < n; i++) {
        worst = fmax(worst, fabs(e_total[i] - cells[i].value[0]) / cells[i].n);
        if (!(fabs(e_total[i] - cells[i].value[0]) <= LIMIT * cells[i].n)) print_error("%s: ", cells[i].name);
        assert_near(e_total[i], cells[i].value[0], LIMIT * cells[i].n);
        if (isnan(cells[i].value[1])) continue;
        n_form++;
        worst_form = fmax(worst_form, fabs(e_form[i] - cells[i].value[1]));
        assert_near(e_form[i], cells[i].value[1], LIMIT);
    }
    print_message("%d energies within %.2g eV/atom, %d formation energies within %.2g\n", n, worst, n_form, worst_form);
    assert_true(n_form >= 60);
    sh_free(e_total);
    sh_free(e_form);
    free_cells(cells, n);
}

/* From the tests of the authors' program: bcc Mo at 3.30 Å -21.3307 eV; two Mo 0.87 Å apart in that cell 325.3727 eV. */
static void test_published(void **state)
{
    (void)state;
    int32_t mo[2] = {42, 42};
    double right[6] = {0, 0, 0, 0.5, 0.5, 0.5}, close[6] = {0, 0, 0, 0, 0, 0}, e_total[2], e_form[2];
    for (int i = 3; i < 6; i++)
        close[i] = 0.5 / 3.30; /* 0.87 Å along the diagonal */
    test_cell cells[2] = {{.lattice = {3.3, 0, 0, 0, 3.3, 0, 0, 0, 3.3}, .n = 2, .z = mo, .frac = right},
                          {.lattice = {3.3, 0, 0, 0, 3.3, 0, 0, 0, 3.3}, .n = 2, .z = mo, .frac = close}};
    sh_crystals c;
    sh_arena_reset(arena);
    cells_p1(cells, 2, arena, &c);
    energies(&c, false, e_total, e_form);
    print_message("Mo %.5f eV, close pair %.4f eV\n", e_total[0], e_total[1]);
    assert_near(e_total[0], -21.33071, 2e-4);
    double apart = 3.30 * sqrt(3) * (0.5 / 3.30); /* 0.866 Å, printed as 0.87 */
    assert_near(apart, 0.87, 0.005);
    assert_near(e_total[1], 325.37275, 1e-2);
}

static uint32_t lcg;
static double uniform(void)
{
    lcg = lcg * 1664525u + 1013904223u;
    return (lcg >> 8) / 16777216.0;
}

/* Two sites in each of the 230 groups, one of them near a special position where the group has one. */
static void test_quotient_equals_full_cell(void **state)
{
    (void)state;
    sh_groups *groups;
    assert_ok(sh_groups_create(&groups));
    sh_group_tables tables;
    sh_group_tables_create(groups, sh_backend_cpu(), &tables);
    sh_cell_bounds bounds = {.length = {5, 12}, .angle = {80, 130}};
    double worst = 0, worst_apart = 0;
    int64_t n_site = 0, n_atom = 0, n_apart = 0;
    lcg = 12345;
    for (int g = 1; g <= 230; g++) {
        int32_t sg = g, z[2] = {g % 2 ? 11 : 16, g % 2 ? 17 : 8}; /* oxides of sulphur: corrections by distances */
        int64_t start[2] = {0, 2};
        double u[6], parameters[6], lattice[9], frac[6], e_total[2], e_form[2];
        for (int i = 0; i < 6; i++) {
            u[i] = 0.3 + 0.6 * uniform();
            frac[i] = uniform();
        }
        for (int i = 0; i < 3; i++)
            frac[i] = round(4 * frac[i]) / 4 + 0.005; /* often near a special position */
        sh_lattice_from_u(sh_group_family(g), &bounds, u, parameters);
        sh_lattice_matrix(parameters, lattice);
        sh_arena_reset(arena);
        sh_crystals quotient, full;
        sh_crystals_make(&ws, &tables,
                         &(sh_descriptions){.n_crystal = 1,
                                            .n_site = 2,
                                            .sg_number = &sg,
                                            .lattice = lattice,
                                            .site_start = start,
                                            .site_z = z,
                                            .site_frac = frac},
                         0.3, &quotient);
        explode(&quotient, arena, &full);
        energies(&quotient, false, &e_total[0], &e_form[0]);
        energies(&full, true, &e_total[1], &e_form[1]);
        double scale = fmax(1, fabs(e_total[1]) / (double)full.n_site); /* atoms on top of each other: large numbers */
        double apart = fabs(e_total[0] - e_total[1]) / (double)full.n_site / scale, limit = nearest < 1 ? CLOSE : EXACT;
        if (!(apart <= limit)) print_error("group %d: %g and %g eV, %d atoms\n", g, e_total[0], e_total[1], (int)full.n_site);
        assert_true(apart <= limit);
        assert_near(e_form[0], e_form[1], 3 * limit * scale);
        if (nearest >= 1) worst_apart = fmax(worst_apart, apart);
        n_apart += nearest >= 1;
        worst = fmax(worst, apart);
        n_site += quotient.n_site;
        n_atom += full.n_site;
    }
    print_message("230 groups, %d sites for %d atoms: quotient and full cell within %.2g, %.2g in the %d without close atoms\n",
                  (int)n_site, (int)n_atom, worst, worst_apart, (int)n_apart);
    assert_true(n_apart >= 60);
    sh_groups_destroy(&groups);
}

/* A doubled cell, another basis, a shifted origin, atoms in another order: the same energy an atom. */
static void test_invariances(void **state)
{
    (void)state;
    int n;
    test_cell *cells = read_cells(SH_SOURCE_DIR "/tests/data/efs_energies.txt", &n);
    for (int i = n - 8; i < n; i++) {
        const test_cell *a = &cells[i];
        test_cell b[3];
        for (int k = 0; k < 3; k++) {
            b[k] = *a;
            b[k].n = k == 0 ? 2 * a->n : a->n;
            b[k].z = SH_NEW(int32_t, b[k].n);
            b[k].frac = SH_NEW(double, 3 * b[k].n);
        }
        for (int k = 0; k < a->n; k++)
            for (int j = 0; j < 3; j++) {
                const double *x = a->frac + 3 * k;
                int back = a->n - 1 - k;
                b[0].z[k] = b[0].z[k + a->n] = b[1].z[back] = b[2].z[k] = a->z[k];
                b[0].frac[3 * k + j] = j == 0 ? x[0] / 2 : x[j];             /* doubled along a */
                b[0].frac[3 * (k + a->n) + j] = j == 0 ? x[0] / 2 + 0.5 : x[j];
                b[1].frac[3 * back + j] = x[j] + 0.137 * (j + 1);            /* shifted and reversed */
                b[2].frac[3 * k + j] = j == 0 ? x[0] - x[1] : x[j];          /* b' = a + b */
            }
        for (int j = 0; j < 3; j++) {
            b[0].lattice[j] *= 2;
            b[2].lattice[3 + j] += a->lattice[j];
        }
        sh_crystals c;
        double e_total[3], e_form[3];
        sh_arena_reset(arena);
        cells_p1(b, 3, arena, &c);
        energies(&c, false, e_total, e_form);
        assert_near(e_total[0] / 2, a->value[0], 2 * LIMIT * a->n);
        assert_near(e_total[1], a->value[0], 2 * LIMIT * a->n);
        assert_near(e_total[2], a->value[0], 2 * LIMIT * a->n);
        for (int k = 0; k < 3; k++) {
            sh_free(b[k].z);
            sh_free(b[k].frac);
        }
    }
    free_cells(cells, n);
}

/* A crystal's bits do not depend on the batch it is in. */
static void test_batch_does_not_matter(void **state)
{
    (void)state;
    int n;
    test_cell *cells = read_cells(SH_SOURCE_DIR "/tests/data/efs_energies.txt", &n);
    double *together = SH_NEW(double, n), *form = SH_NEW(double, n);
    sh_crystals c;
    sh_arena_reset(arena);
    cells_p1(cells, n, arena, &c);
    energies(&c, false, together, form);
    for (int i = 0; i < n; i += 7) {
        double alone, alone_form;
        sh_arena_reset(arena);
        cells_p1(cells + i, 1, arena, &c);
        energies(&c, false, &alone, &alone_form);
        if (potentials_keep_bits())
            assert_memory_equal(&alone, &together[i], sizeof alone);
        else
            assert_near(alone, together[i], EXACT * cells[i].n);
    }
    sh_free(together);
    sh_free(form);
    free_cells(cells, n);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference_energies), cmocka_unit_test(test_published),
        cmocka_unit_test(test_quotient_equals_full_cell), cmocka_unit_test(test_invariances),
        cmocka_unit_test(test_batch_does_not_matter)};
    sh_potential_use(potential, be);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sh_potential_use(potential, sh_backend_cpu());
    return failed;
}

int main(int argc, char **argv)
{
    char path[4096];
    sh_weights *weights;
    if (sh_model_path("m3gnet-efs", path, sizeof path) != SH_OK) {
        printf("skipped: %s\n", sh_error_message());
        return SH_TEST_SKIPPED;
    }
    arena = sh_arena_create(1 << 20);
    ws = sh_workspace_host(arena);
    if (sh_weights_read(path, &weights) != SH_OK ||
        sh_references_create(SH_SOURCE_DIR "/configs/tables/references_m3gnet_efs.csv", &references) != SH_OK ||
        sh_potential_create(weights, references, &potential) != SH_OK) {
        fprintf(stderr, "%s\n", sh_error_message());
        return 1;
    }
    int failed = potentials_run(argc, argv, run);
    sh_potential_destroy(&potential);
    sh_references_destroy(&references);
    sh_weights_destroy(&weights);
    sh_arena_destroy(&arena);
    return failed;
}
