/* Relaxations with the pretrained networks, where their weights are: with symmetry as without, energies that fall, a cell at rest has no
 * pressure left by differences of the energy. The models' own numbers are in golden/energies.c, models.c and forces.c. */
#include "relaxations.h"

#include "cell.h"
#include "cells.h"
#include "models.h"
#include "relax/network.h"

#ifdef SH_F64
static const double SAME = 1e-6, PRESSURE = 1e-7, SCALE = 1e-6; /* small: the basis of m3gnet-pes ends at the cut-off with a slope */
enum { N_SAME = 12 };
#else
static const double SAME = 2e-3, PRESSURE = 2e-3, SCALE = 1e-3; /* floats, and a path that magnifies their rounding */
enum { N_SAME = 6 };
#endif

static test_cell *prototypes;
static int n_prototype;
static int n_model;

static sh_cell cell_of(const test_cell *c)
{
    return (sh_cell){.lattice = c->lattice, .n_atom = c->n, .z = c->z, .frac = c->frac};
}

static const test_cell *prototype(const char *name)
{
    for (int i = 0; i < n_prototype; i++)
        if (!strcmp(prototypes[i].name, name)) return &prototypes[i];
    print_error("there is no prototype %s\n", name);
    fail();
    return NULL;
}

/* -dE/dV by evaluations of the cell scaled by 1 -+ h. */
static double pressure_of(const sh_relax_model *model, const sh_cell *cell, double h)
{
    double lattice[2][9], energy[2];
    sh_relax_opts o = sh_relax_defaults();
    o.max_steps = 0;
    for (int k = 0; k < 2; k++) {
        for (int i = 0; i < 9; i++)
            lattice[k][i] = cell->lattice[i] * (k ? 1 + h : 1 - h);
        sh_cell scaled = {lattice[k], cell->n_atom, cell->z, cell->frac};
        relaxed *r = relax_all(model, &o, &scaled, 1);
        energy[k] = r->result.energy[0];
        free_relaxed(r, 1);
    }
    return -(energy[1] - energy[0]) / (sh_lattice_volume(lattice[1]) - sh_lattice_volume(lattice[0]));
}

static void check_model(const char *name)
{
    static const char *const names[] = {"rocksalt_NaCl", "zincblende_ZnS", "rutile_TiO2", "perovskite_SrTiO3", "wurtzite_ZnS",
                                        "cuprite_Cu2O"};
    enum { N = sizeof names / sizeof *names };
    char found[4096];
    sh_model loaded;
    sh_relax_network *network;
    sh_cell cells[N];
    if (!sh_test_model(name, found, sizeof found)) {
        print_message("%s: no weights\n", name);
        return;
    }
    assert_ok(sh_model_load(found, &loaded));
    assert_ok(sh_relax_network_create(loaded.potential, sh_backend_cpu(), &network));
    const sh_relax_model *model = sh_relax_network_model(network);
    for (int i = 0; i < N; i++)
        cells[i] = cell_of(prototype(names[i]));
    sh_relax_opts keep = sh_relax_defaults(), alone;
    keep.fmax = 0.02;
    alone = keep;
    alone.p1 = true;
    relaxed *a = relax_all(model, &keep, cells, N), *b = relax_all(model, &alone, cells, N);
    int n_fallen = 0;
    for (int i = 0; i < N; i++) {
        const sh_relax_result *x = &a[i].result;
        int n = a[i].n_trace < N_SAME ? a[i].n_trace : N_SAME;
        print_message("%s %s: %s after %d and %d moves, %.4f to %.4f eV/atom, volume times %.3f\n", name, names[i],
                      sh_relax_verdict_key(x->verdict), x->n_step, b[i].result.n_step, x->e_form[0], x->e_form[1],
                      x->volume[1] / x->volume[0]);
        assert_int_equal(x->verdict, SH_RELAX_CONVERGED);
        assert_true(x->n_site < b[i].result.n_site);
        for (int k = 0; k < n && k < b[i].n_trace; k++)
            for (int c = 0; c < 3; c++)
                assert_near(a[i].trace[k][c], b[i].trace[k][c], SAME * fmax(1, fabs(b[i].trace[k][c])));
        assert_true(isfinite(x->e_form[1]));
        n_fallen += x->energy[1] <= x->energy[0];
        sh_cell end = {x->lattice, x->n_atom, cells[i].z, x->frac};
        double stress = (x->stress[0] + x->stress[1] + x->stress[2]) / 3;
        assert_near(pressure_of(model, &end, SCALE), -stress, PRESSURE);
        assert_true(fabs(stress) * x->volume[1] * keep.stress_factor < 0.02);
    }
    assert_true(n_fallen >= N - 1); /* FIRE can pass a barrier */
    free_relaxed(a, N);
    free_relaxed(b, N);
    sh_relax_network_destroy(&network);
    sh_model_release(&loaded);
    n_model++;
}

static void test_efs(void **state)
{
    (void)state;
    check_model("m3gnet-efs");
}

static void test_pes(void **state)
{
    (void)state;
    check_model("m3gnet-pes");
}

static void test_gap(void **state)
{
    (void)state;
    char found[4096];
    sh_model loaded;
    sh_relax_network *network;
    if (!sh_test_model("megnet-gap", found, sizeof found)) return;
    assert_ok(sh_model_load(found, &loaded));
    assert_int_equal(sh_relax_network_create(loaded.potential, sh_backend_cpu(), &network), SH_EINPUT);
    assert_null(network);
    sh_error_clear();
    sh_model_release(&loaded);
    n_model++;
}

int main(void)
{
    prototypes = read_cells(SH_SOURCE_DIR "/tests/data/prototypes.txt", &n_prototype);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_efs), cmocka_unit_test(test_pes), cmocka_unit_test(test_gap)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free_cells(prototypes, n_prototype);
    if (!failed && sh_alloc_live() != 0) {
        fprintf(stderr, "%lld pieces of memory were not released\n", (long long)sh_alloc_live());
        return 1;
    }
    if (failed || n_model) return failed;
    printf("skipped: no weights\n");
    return SH_TEST_SKIPPED;
}
