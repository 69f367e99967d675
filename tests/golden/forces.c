/* Forces and stress of the two potentials against reference values: golden/energies.json in the folder $SHAFT_TEST_DATA, double
 * arithmetic on the published weights; crystals as they stand there, and reduced to their sites. On the CPU and by the kernels of the
 * recording back-end, or of a device with the argument `cuda`. Skipped without the variable; each model without its weights. */
#include "force_values.h"
#include "cells.h"
#include "json_cells.h"
#include "models.h"
#include "potentials.h"

#include "backend/workspace.h"
#include "base/units.h"
#include "crystal/reduce.h"

#ifdef SH_F64
static const double ENERGY = 1e-9, FORCE = 1e-8, STRESS = 1e-8, REDUCED = 1e-5;
#else
/* eV/atom, eV/Å, GPa. What single rounding leaves of a programme of the authors' own: 4e-5 eV/Å and 6e-5 GPa at most. */
static const double ENERGY = 1e-5, FORCE = 2e-4, STRESS = 1e-3, REDUCED = 2e-4;
#endif

static sh_arena *arena;
static json *reference;
static test_cell *cells;
static int n_cell;

/* Rows of rows, one after the other. */
static void flatten(const json *rows, double *out)
{
    for (const json *row = rows->first; row; row = row->next)
        for (const json *v = row->first; v; v = v->next)
            *out++ = v->number;
}

static void load(const char *name, sh_model *model, sh_forces **forces)
{
    char path[4200];
    if (!sh_test_model(name, path, sizeof path)) skip();
    assert_ok(sh_model_load(path, model));
    sh_potential_use(model->potential, be);
    assert_ok(sh_forces_create(model->potential, forces));
}

static void check(const char *name, const char *source, bool reduced)
{
    sh_model model;
    sh_forces *forces;
    sh_crystals c;
    double worst[3] = {0, 0, 0}, loose = reduced ? REDUCED : 0;
    int i = 0;
    load(name, &model, &forces);
    sh_arena_reset(arena);
    sh_cell *list = SH_PUSH(arena, sh_cell, n_cell);
    for (int k = 0; k < n_cell; k++)
        list[k] = (sh_cell){cells[k].lattice, cells[k].n, cells[k].z, cells[k].frac};
    sh_crystals_reduce(list, n_cell, 1e-7, !reduced, arena, &c);
    force_values v = forces_of(forces, arena, &c, 5, false);
    for (const json *record = json_get(reference, "structures", NULL)->first; record; record = record->next, i++) {
        const json *ref = json_get(record, "models", source, NULL);
        const test_cell *cell = &cells[i];
        double *force = SH_PUSH(arena, double, 3 * cell->n), stress[9], most = 1, of_stress = 1;
        flatten(json_get(ref, "forces", NULL), force);
        flatten(json_get(ref, "stress", NULL), stress);
        for (int k = 0; k < 3 * cell->n; k++)
            most = fmax(most, fabs(force[k]) / 10); /* two atoms 0.9 Å apart: hundreds of eV/Å */
        for (int k = 0; k < 9; k++)
            of_stress = fmax(of_stress, fabs(stress[k]) / 10);
        double energy = json_get(ref, "energy", NULL)->number, apart = fabs(v.energy[i] - energy) / cell->n;
        worst[0] = fmax(worst[0], apart);
        assert_near(v.energy[i], energy, (ENERGY + loose) * cell->n);
        /* atoms stand in the order of their sites */
        for (int64_t s = c.site_start[i]; s < c.site_start[i + 1]; s++)
            for (int64_t a = c.atom_start[s]; a < c.atom_start[s + 1]; a++) {
                int at = 0;
                double nearest = INFINITY;
                for (int k = 0; k < cell->n; k++) {
                    double d = 0;
                    for (int j = 0; j < 3; j++) {
                        double f = c.atom_frac[3 * a + j] - cell->frac[3 * k + j];
                        d += fabs(f - floor(f + 0.5));
                    }
                    if (d < nearest) at = k;
                    nearest = fmin(d, nearest);
                }
                assert_true(nearest < 1e-12);
                for (int j = 0; j < 3; j++) {
                    double got = v.atom_force[3 * a + j], want = force[3 * at + j];
                    worst[1] = fmax(worst[1], fabs(got - want) / most);
                    if (!(fabs(got - want) <= (FORCE + loose) * most)) print_error("%s: ", json_get(record, "name", NULL)->text);
                    assert_near(got, want, (FORCE + loose) * most);
                }
            }
        for (int k = 0; k < 9; k++) {
            double got = v.stress[9 * i + k] * SH_GPA;
            worst[2] = fmax(worst[2], fabs(got - stress[k]) / of_stress);
            if (!(fabs(got - stress[k]) <= (STRESS + loose) * of_stress)) print_error("%s: ", json_get(record, "name", NULL)->text);
            assert_near(got, stress[k], (STRESS + loose) * of_stress);
        }
    }
    print_message("%s, %d crystals, %d sites of %d atoms: within %.2g eV/atom, %.2g eV/Å, %.2g GPa\n", name, n_cell, (int)c.n_site,
                  (int)c.n_atom, worst[0], worst[1], worst[2]);
    sh_forces_destroy(&forces);
    sh_potential_use(model.potential, sh_backend_cpu());
    sh_model_release(&model);
}

static void test_efs(void **state)
{
    (void)state;
    check("m3gnet-efs", "M3GNet-MP-2021.2.8-EFS-tf", false);
}

static void test_pes(void **state)
{
    (void)state;
    check("m3gnet-pes", "M3GNet-MP-2021.2.8-PES", false);
}

static void test_efs_reduced(void **state)
{
    (void)state;
    check("m3gnet-efs", "M3GNet-MP-2021.2.8-EFS-tf", true);
}

static void test_pes_reduced(void **state)
{
    (void)state;
    check("m3gnet-pes", "M3GNet-MP-2021.2.8-PES", true);
}

/* From the tests of the authors' program: bcc Mo at 3.30 Å 28.5196 GPa; of two Mo 0.87 Å apart in that cell -673.525 eV/Å. */
static void test_published(void **state)
{
    (void)state;
    static int32_t mo[2] = {42, 42};
    static double right[6] = {0, 0, 0, 0.5, 0.5, 0.5}, close[6] = {0, 0, 0, 0.5 / 3.30, 0.5 / 3.30, 0.5 / 3.30};
    const test_cell pairs[2] = {{.lattice = {3.3, 0, 0, 0, 3.3, 0, 0, 0, 3.3}, .n = 2, .z = mo, .frac = right},
                                {.lattice = {3.3, 0, 0, 0, 3.3, 0, 0, 0, 3.3}, .n = 2, .z = mo, .frac = close}};
    sh_model model;
    sh_forces *forces;
    sh_crystals c;
    load("m3gnet-efs", &model, &forces);
    sh_arena_reset(arena);
    cells_p1(pairs, 2, arena, &c);
    force_values v = forces_of(forces, arena, &c, 5, false);
    print_message("Mo %.4f GPa, close pair %.3f eV/Å\n", v.stress[0] * SH_GPA, v.force[6]);
    for (int i = 0; i < 3; i++) {
        assert_near(v.stress[4 * i] * SH_GPA, 28.5196, 1e-3);
        assert_near(v.force[i], 0, 1e-4);
        assert_near(v.force[6 + i], -673.525, 1e-2);
        assert_near(v.force[9 + i], 673.525, 1e-2);
    }
    sh_forces_destroy(&forces);
    sh_potential_use(model.potential, sh_backend_cpu());
    sh_model_release(&model);
}

static void test_band_gaps_have_none(void **state)
{
    (void)state;
    char path[4200];
    sh_model model;
    sh_forces *forces;
    if (!sh_test_model("megnet-gap", path, sizeof path)) skip();
    assert_ok(sh_model_load(path, &model));
    assert_fails(sh_forces_create(model.potential, &forces), SH_EINPUT, "band gaps");
    assert_null(forces);
    sh_error_clear();
    sh_model_release(&model);
}

static int run(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_efs),         cmocka_unit_test(test_pes),
                                       cmocka_unit_test(test_efs_reduced), cmocka_unit_test(test_pes_reduced),
                                       cmocka_unit_test(test_published),   cmocka_unit_test(test_band_gaps_have_none)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    reference = json_golden("energies.json");
    if (!reference) return SH_TEST_SKIPPED;
    n_cell = json_get(reference, "structures", NULL)->n;
    cells = SH_NEW(test_cell, n_cell);
    int i = 0;
    for (const json *record = json_get(reference, "structures", NULL)->first; record; record = record->next)
        cells[i++] = json_cell(record);
    arena = sh_arena_create(1 << 20);
    int failed = potentials_run(argc, argv, run);
    sh_arena_destroy(&arena);
    free_cells(cells, n_cell);
    json_free(reference);
    return failed;
}
