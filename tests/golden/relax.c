/* FIRE with the exponential cell filter against ASE's, step by step (tests/data/relax_lj.txt). In a first stretch the paths agree to
 * rounding, which the potential's steep wall then magnifies; they end in the same place. */
#include "relaxations.h"

#include "cell.h"
#include "cells.h"

enum { N_ATOM = 4, N_EXACT = 30 };

static FILE *data;

static void numbers(int n, double *out)
{
    for (int i = 0; i < n; i++)
        assert_int_equal(fscanf(data, "%lf", &out[i]), 1);
}

typedef struct {
    double lattice[9], position[3 * N_ATOM], frac[3 * N_ATOM];
    int32_t z[N_ATOM];
} structure;

static structure read_structure(void)
{
    structure s = {.z = {18, 18, 18, 18}};
    double inverse[9] = {0};
    numbers(9, s.lattice);
    numbers(3 * N_ATOM, s.position);
    const double *l = s.lattice;
    for (int i = 0; i < 3; i++)
        for (int c = 0; c < 3; c++) {
            int j = (i + 1) % 3, k = (i + 2) % 3, d = (c + 1) % 3, e = (c + 2) % 3;
            inverse[3 * c + i] = l[3 * j + d] * l[3 * k + e] - l[3 * j + e] * l[3 * k + d];
        }
    double det = l[0] * inverse[0] + l[1] * inverse[3] + l[2] * inverse[6];
    for (int a = 0; a < N_ATOM; a++)
        for (int c = 0; c < 3; c++)
            for (int k = 0; k < 3; k++)
                s.frac[3 * a + c] += s.position[3 * a + k] * inverse[3 * k + c] / det;
    return s;
}

static sh_cell cell_of(const structure *s)
{
    return (sh_cell){.lattice = s->lattice, .n_atom = N_ATOM, .z = s->z, .frac = s->frac};
}

static void test_single(void **state)
{
    (void)state;
    char word[16];
    double energy, force[3 * N_ATOM], stress[6];
    static const int voigt[6] = {0, 4, 8, 5, 2, 1};
    assert_int_equal(fscanf(data, "%15s", word), 1);
    assert_string_equal(word, "single");
    structure s = read_structure();
    numbers(1, &energy);
    numbers(3 * N_ATOM, force);
    numbers(6, stress);
    sh_arena *arena = sh_arena_create(1 << 16);
    test_cell cell = {.n = N_ATOM, .z = s.z, .frac = s.frac};
    memcpy(cell.lattice, s.lattice, sizeof s.lattice);
    sh_crystals c;
    sh_graph g;
    cells_p1(&cell, 1, arena, &c);
    sh_workspace ws = sh_workspace_host(arena);
    sh_graph_build(&ws, &c, &(sh_graph_opts){.cutoff = sh_lennard_jones.cutoff}, &g);
    double e, none, f[3 * N_ATOM], t[9];
    sh_lennard_jones.evaluate(sh_lennard_jones.self, &ws, &c, &g, &(sh_relax_values){&e, &none, f, t});
    assert_near(e, energy, 1e-12);
    for (int i = 0; i < 3 * N_ATOM; i++)
        assert_near(f[i], force[i], 1e-12);
    for (int i = 0; i < 6; i++)
        assert_near(t[voigt[i]], stress[i], 1e-13);
    sh_arena_destroy(&arena);
}

static void check_run(int n_step, const relaxed *got)
{
    assert_int_equal(got->result.n_step, n_step);
    assert_int_equal(got->result.verdict, SH_RELAX_CONVERGED);
    assert_int_equal(got->n_trace, n_step + 1);
    double largest = 0;
    for (int k = 0; k <= n_step; k++) {
        double want[3];
        numbers(3, want);
        for (int i = 0; i < 3; i++) {
            assert_near(got->trace[k][i], want[i], k < N_EXACT ? 1e-8 : 1e-6);
            if (k < N_EXACT) largest = fmax(largest, fabs(got->trace[k][i] - want[i]));
        }
    }
    print_message("%d moves, first %d within %.1e\n", n_step, N_EXACT, largest);
    structure end = read_structure();
    for (int i = 0; i < 9; i++)
        assert_near(got->result.lattice[i], end.lattice[i], 1e-6);
    for (int a = 0; a < N_ATOM; a++) {
        double d[3];
        for (int c = 0; c < 3; c++) {
            d[c] = got->result.frac[3 * a + c] - end.frac[3 * a + c];
            d[c] -= rint(d[c]);
        }
        assert_true(sqrt(sh_square_length(end.lattice, d)) < 1e-6);
    }
}

static void test_runs(void **state)
{
    (void)state;
    char word[16];
    sh_relax_opts o = sh_relax_defaults();
    o.p1 = true;
    int n = 0;
    for (int n_step; fscanf(data, "%15s %lf %lf %d", word, &o.stress_factor, &o.fmax, &n_step) == 4; n++) {
        structure start = read_structure();
        sh_cell cell = cell_of(&start);
        relaxed *got = relax_all(&sh_lennard_jones, &o, &cell, 1);
        assert_string_equal(word, "run");
        check_run(n_step, got);
        free_relaxed(got, 1);
    }
    assert_int_equal(n, 2);
}

int main(void)
{
    char line[512];
    data = fopen(SH_SOURCE_DIR "/tests/data/relax_lj.txt", "r");
    if (!data) return 1;
    long at = 0;
    while (fgets(line, sizeof line, data) && line[0] == '#')
        at = ftell(data);
    fseek(data, at, SEEK_SET);
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_single), cmocka_unit_test(test_runs)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    fclose(data);
    return failed;
}
