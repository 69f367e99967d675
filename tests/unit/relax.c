/* Relaxations with the Lennard-Jones potential: with symmetry as without, in batches as alone, fixed cells, pressure, what cannot be
 * relaxed; the strain and its gradient. Golden traces are in golden/relax.c. */
#include "relaxations.h"

#include "cell.h"
#include "io/extxyz.h"
#include "io/structure.h"
#include "io/text.h"
#include "relax/moving.h"
#include "relax/strain.h"

static sh_structures prototypes;

static sh_cell cell_of(const sh_structure *s)
{
    return (sh_cell){s->lattice, s->n_atom, s->z, s->frac};
}

/* ---- strain ---- */

static void test_exponential(void **state)
{
    (void)state;
    static const double u[9] = {0.3, -0.2, 0.1, -0.2, 0.1, 0.4, 0.1, 0.4, -0.5};
    double sum[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1}, term[9] = {1, 0, 0, 0, 1, 0, 0, 0, 1}, next[9], f[9], root[9];
    for (int k = 1; k < 40; k++) {
        sh_product3(term, u, next);
        for (int i = 0; i < 9; i++)
            sum[i] += term[i] = next[i] / k;
    }
    sh_strain_exp(u, f);
    for (int i = 0; i < 9; i++)
        assert_near(f[i], sum[i], 1e-14);
    sh_strain_sqrt(f, root);
    sh_product3(root, root, next);
    for (int i = 0; i < 9; i++)
        assert_near(next[i], f[i], 1e-14);
}

/* The exact gradient by differences: <X, D> = <L(U, D), Vir exp(-U)> for every symmetric D. It is taken where it points elsewhere. */
static void test_gradient(void **state)
{
    (void)state;
    static const double u[9] = {2.5, 0.3, -0.1, 0.3, -2.5, 0.2, -0.1, 0.2, 0.1};
    static const double virials[3][9] = {{1, 0, 0, 0, 1, 0, 0, 0, 1}, {1, 0.4, 0, 0.4, 1, 0, 0, 0, 1}, {0, 0, 0, 0, 0, 0, 0, 0, 0}};
    int n_exact = 0;
    for (int k = 0; k < 3; k++) {
        const double *vir = virials[k];
        double got[9], x[9] = {0}, h = 1e-5, inner[3] = {0};
        sh_strain_force(u, vir, got);
        double minus[9], f[9], b[9], e[9];
        for (int i = 0; i < 9; i++)
            minus[i] = -u[i];
        sh_strain_exp(minus, f);
        sh_product3(vir, f, e);
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++) {
                double up[9], down[9];
                memcpy(up, u, sizeof up);
                memcpy(down, u, sizeof down);
                up[3 * i + j] += h / 2;
                up[3 * j + i] += h / 2;
                down[3 * i + j] -= h / 2;
                down[3 * j + i] -= h / 2;
                sh_strain_exp(up, f);
                sh_strain_exp(down, b);
                for (int m = 0; m < 9; m++)
                    x[3 * i + j] += e[m] * (f[m] - b[m]) / (2 * h);
            }
        for (int i = 0; i < 9; i++) {
            inner[0] += x[i] * vir[i];
            inner[1] += x[i] * x[i];
            inner[2] += vir[i] * vir[i];
        }
        bool exact = inner[1] > 0 && inner[0] <= 0.8 * sqrt(inner[1] * inner[2]);
        n_exact += exact;
        for (int i = 0; i < 9; i++)
            assert_near(got[i], exact ? x[i] : vir[i], 1e-6);
    }
    assert_int_equal(n_exact, 1); /* both branches */
}

/* ---- symmetry ---- */

/* A prototype, symmetrised exactly, with its shortest distance at `nearest` (Å); sheared where its group lets it be. */
static void make_exact(const sh_structure *s, double nearest, sh_structure *out)
{
    sh_moving m;
    sh_cell cell = cell_of(s);
    sh_structure_copy(s, out);
    assert_true(sh_moving_create(&cell, 1e-3, false, &m));
    double shortest = 1e3;
    for (int64_t a = 0; a < s->n_atom; a++)
        for (int64_t b = 0; b < s->n_atom; b++)
            for (int n = 0; n < 125; n++) {
                double d[3];
                for (int c = 0; c < 3; c++)
                    d[c] = s->frac[3 * a + c] - s->frac[3 * b + c] + (c == 0 ? n % 5 : c == 1 ? n / 5 % 5 : n / 25) - 2;
                double r = sqrt(sh_square_length(s->lattice, d));
                if (r > 1e-3) shortest = fmin(shortest, r);
            }
    for (int i = 0; i < 9; i++)
        out->lattice[i] = m.lattice[i] * nearest / shortest;
    for (int64_t k = 0; k < m.n_atom; k++)
        for (int c = 0; c < 3; c++)
            out->frac[3 * m.atom[k] + c] = sh_wrap01(m.frac[3 * k + c]);
    sh_moving_release(&m);
}

static void test_symmetric(void **state)
{
    (void)state;
    enum { STEPS = 30 };
    int n_with_freedom = 0, n = 0;
    sh_relax_opts keep = sh_relax_defaults(), alone;
    keep.max_steps = STEPS;
    keep.fmax = 1e-3;
    alone = keep;
    alone.p1 = true;
    for (int64_t i = 0; i < prototypes.n; i++) {
        sh_structure s;
        if (prototypes.item[i].n_atom > 60 || strstr(prototypes.item[i].name, "clash")) continue;
        make_exact(&prototypes.item[i], 3.3, &s);
        sh_cell cell = cell_of(&s);
        relaxed *a = relax_all(&sh_lennard_jones, &keep, &cell, 1), *b = relax_all(&sh_lennard_jones, &alone, &cell, 1);
        print_message("%s: %lld of %lld atoms, verdicts %s %s after %d\n", strstr(s.name, "name="), (long long)a->result.n_site,
                      (long long)s.n_atom,
                      sh_relax_verdict_key(a->result.verdict), sh_relax_verdict_key(b->result.verdict), a->result.n_step);
        assert_int_equal(b->result.n_site, s.n_atom);
        assert_int_equal(a->result.verdict, b->result.verdict);
        assert_int_equal(a->n_trace, b->n_trace);
        for (int k = 0; k < a->n_trace; k++)
            for (int c = 0; c < 3; c++)
                assert_near(a->trace[k][c], b->trace[k][c], 1e-8 * fmax(1, fabs(b->trace[k][c])));
        assert_near(a->result.shift_rms, b->result.shift_rms, 1e-7);
        for (int c = 0; c < 9; c++)
            assert_near(a->result.lattice[c], b->result.lattice[c], 1e-7);
        for (int c = 0; c < 6; c++)
            assert_near(a->result.stress[c], b->result.stress[c], 1e-8);
        for (int64_t k = 0; k < 3 * s.n_atom; k++) {
            double d = a->result.frac[k] - b->result.frac[k];
            assert_near(d - rint(d), 0, 1e-7);
        }
        n_with_freedom += a->result.shift_rms > 1e-4;
        n += a->result.n_site < s.n_atom;
        /* the group is there at the end, more exactly than it is looked for */
        sh_cell end = {a->result.lattice, s.n_atom, s.z, a->result.frac};
        assert_int_equal(sh_space_group_number(&end, 1e-5), sh_space_group_number(&cell, 1e-5));
        free_relaxed(a, 1);
        free_relaxed(b, 1);
        sh_structure_destroy(&s);
    }
    assert_true(n >= 20);
    assert_true(n_with_freedom >= 5);
}

/* Cells a little off their symmetry go onto it, by less than the search allows. */
static void test_symmetrised(void **state)
{
    (void)state;
    int n_symmetric = 0;
    for (int64_t i = 0; i < prototypes.n; i++) {
        sh_structure s;
        sh_moving exact, m;
        sh_structure_copy(&prototypes.item[i], &s);
        sh_cell cell = cell_of(&s);
        bool good = sh_moving_create(&cell, 1e-3, false, &exact);
        if (good && exact.symmetric) {
            n_symmetric++;
            for (int64_t k = 0; k < 3 * s.n_atom; k++)
                s.frac[k] += 2e-5 * sin(17.0 * (double)k);
            for (int k = 0; k < 9; k++)
                s.lattice[k] += 5e-5 * sin(29.0 * k);
            assert_true(sh_moving_create(&cell, 1e-2, false, &m));
            assert_true(m.symmetric);
            assert_true(m.n_site <= exact.n_site);
            for (int k = 0; k < 9; k++)
                assert_near(m.lattice[k], s.lattice[k], 1e-3);
            for (int64_t k = 0; k < m.n_atom; k++)
                for (int c = 0; c < 3; c++)
                    assert_near(m.frac[3 * k + c], s.frac[3 * m.atom[k] + c], 1e-3);
            sh_moving_release(&m);
        }
        sh_moving_release(&exact);
        sh_structure_destroy(&s);
    }
    assert_true(n_symmetric >= 25);
}

/* ---- batches ---- */

static void test_batches(void **state)
{
    (void)state;
    int64_t n = 0;
    sh_structure list[64];
    sh_cell cells[64];
    for (int64_t i = 0; i < prototypes.n && n < 24; i++)
        if (prototypes.item[i].n_atom <= 24 && !strstr(prototypes.item[i].name, "clash")) {
            make_exact(&prototypes.item[i], 3.4 + 0.01 * (double)n, &list[n]);
            cells[n] = cell_of(&list[n]);
            n++;
        }
    sh_relax_opts o = sh_relax_defaults();
    o.max_steps = 60;
    o.batch = 1;
    relaxed *one = relax_all(&sh_lennard_jones, &o, cells, n);
    o.batch = 7;
    relaxed *seven = relax_all(&sh_lennard_jones, &o, cells, n);
    o.batch = 64;
    o.batch_sites = 20;
    relaxed *many = relax_all(&sh_lennard_jones, &o, cells, n);
    int n_converged = 0;
    for (int64_t i = 0; i < n; i++) {
        const relaxed *others[] = {&seven[i], &many[i]};
        n_converged += one[i].result.verdict == SH_RELAX_CONVERGED;
        for (int k = 0; k < 2; k++) {
            assert_int_equal(one[i].n_trace, others[k]->n_trace);
            assert_memory_equal(one[i].trace, others[k]->trace, (size_t)one[i].n_trace * sizeof *one[i].trace);
            assert_memory_equal(one[i].result.lattice, others[k]->result.lattice, sizeof one[i].result.lattice);
            assert_memory_equal(one[i].result.frac, others[k]->result.frac, (size_t)(3 * cells[i].n_atom) * sizeof(double));
        }
    }
    assert_true(n_converged > 3 && n_converged < n);
    free_relaxed(one, n);
    free_relaxed(seven, n);
    free_relaxed(many, n);
    for (int64_t i = 0; i < n; i++)
        sh_structure_destroy(&list[i]);
}

/* ---- cells ---- */

static const int32_t one_z[1] = {18};
static const double one_frac[3] = {0.25, 0.5, 0.125};

static void test_fixed_cell(void **state)
{
    (void)state;
    /* Two atoms on a line through a long cell: the free end goes to the pair's minimum and the cell stays. */
    const double lattice[9] = {20, 0, 0, 0, 20, 0, 0, 0, 20}, frac[6] = {0.1, 0.2, 0.3, 0.1 + 3.6 / 20, 0.2, 0.3};
    const int32_t z[2] = {18, 18};
    const sh_cell cell = {lattice, 2, z, frac};
    for (int p1 = 0; p1 < 2; p1++) {
        sh_relax_opts o = sh_relax_defaults();
        o.p1 = p1;
        o.fixed_cell = true;
        o.fmax = 1e-8;
        relaxed *r = relax_all(&sh_lennard_jones, &o, &cell, 1);
        assert_int_equal(r->result.verdict, SH_RELAX_CONVERGED);
        assert_int_equal(r->result.n_site, p1 ? 2 : 1);
        for (int i = 0; i < 9; i++)
            assert_near(r->result.lattice[i], lattice[i], 0);
        double d = r->result.frac[3] - r->result.frac[0];
        assert_near((d - rint(d)) * 20, 3.4 * pow(2, 1.0 / 6), 1e-7); /* the minimum of 12-6, inside the onset */
        assert_near(r->result.energy[1], -0.2, 1e-12);
        assert_near(r->result.shift_max, (3.4 * pow(2, 1.0 / 6) - 3.6) / 2, 1e-7);
        free_relaxed(r, 1);
    }
}

/* Energy an atom of the fcc lattice with constant a, by the sum over its lattice vectors. */
static double fcc_energy(double a)
{
    double sum = 0, end = 64, onset = 27.8784;
    int most = (int)(16 / a) + 2;
    for (int i = -most; i <= most; i++)
        for (int j = -most; j <= most; j++)
            for (int k = -most; k <= most; k++) {
                double q = (i * i + j * j + k * k) * a * a / 4, s6 = q > 0 ? pow(3.4 * 3.4 / q, 3) : 0;
                if ((i + j + k) % 2 || q == 0 || q >= end) continue;
                double s = q < onset ? 1 : (end - q) * (end - q) * (end + 2 * q - 3 * onset) / pow(end - onset, 3);
                sum += 0.5 * 4 * 0.2 * s6 * (s6 - 1) * s;
            }
    return sum;
}

/* One atom an fcc cell: at the end the pressure is -dE/dV, and there is nothing else to relax. */
static void test_pressure(void **state)
{
    (void)state;
    const double pressures[] = {0, 0.02, 0.1, -0.005};
    for (int k = 0; k < 4; k++) {
        double a = 5.6, h = 1e-4;
        const double lattice[9] = {0, a / 2, a / 2, a / 2, 0, a / 2, a / 2, a / 2, 0};
        const sh_cell cell = {lattice, 1, one_z, one_frac};
        sh_relax_opts o = sh_relax_defaults();
        o.pressure = pressures[k];
        o.fmax = 1e-7;
        relaxed *r = relax_all(&sh_lennard_jones, &o, &cell, 1);
        assert_int_equal(r->result.verdict, SH_RELAX_CONVERGED);
        double end = cbrt(4 * r->result.volume[1]), dv = (pow(end + h, 3) - pow(end - h, 3)) / 4;
        assert_near(-(fcc_energy(end + h) - fcc_energy(end - h)) / dv, pressures[k], 1e-6);
        assert_near(r->result.energy[1], fcc_energy(end), 1e-11);
        for (int i = 0; i < 6; i++)
            assert_near(r->result.stress[i], i < 3 ? -pressures[k] : 0, 1e-7);
        for (int i = 0; i < 9; i++)
            assert_near(r->result.lattice[i], lattice[i] * end / a, 1e-9);
        assert_near(r->result.frac[0], one_frac[0], 1e-12);
        assert_near(r->result.shift_max, 0, 1e-12);
        free_relaxed(r, 1);
    }
}

/* A stretched square net of pairs: symmetric it stays, shaken it does not. Seeds and numbers of structures decide, nothing else. */
static void test_shake(void **state)
{
    (void)state;
    const double a = 3.9;
    const double lattice[9] = {a, 0, 0, 0, a, 0, 0, 0, a}; /* simple cubic: a saddle point of this potential */
    const sh_cell cells[2] = {{lattice, 1, one_z, one_frac}, {lattice, 1, one_z, one_frac}};
    sh_relax_opts o = sh_relax_defaults();
    o.fmax = 1e-3;
    relaxed *kept = relax_all(&sh_lennard_jones, &o, cells, 1);
    assert_int_equal(kept->result.verdict, SH_RELAX_CONVERGED);
    o.p1 = true;
    o.shake = 0.02;
    o.seed = 3;
    relaxed *shaken = relax_all(&sh_lennard_jones, &o, cells, 2), *again = relax_all(&sh_lennard_jones, &o, cells, 1);
    o.seed = 4;
    relaxed *other = relax_all(&sh_lennard_jones, &o, cells, 1);
    assert_int_equal(shaken->result.verdict, SH_RELAX_CONVERGED);
    assert_true(shaken->result.energy[1] < kept->result.energy[1] - 0.1); /* it has found the close packing */
    assert_near(shaken->result.energy[0], kept->result.energy[0], 1e-12); /* of the structure given, not of the shaken one */
    assert_true(fabs(shaken->trace[0][0] - shaken->result.energy[0]) > 1e-6);
    assert_memory_equal(shaken->trace, again->trace, (size_t)again->n_trace * sizeof *again->trace);
    assert_true(shaken[0].trace[0][0] != shaken[1].trace[0][0]);
    assert_true(shaken[0].trace[0][0] != other->trace[0][0]);
    free_relaxed(kept, 1);
    free_relaxed(shaken, 2);
    free_relaxed(again, 1);
    free_relaxed(other, 1);
}

/* ---- what cannot be relaxed ---- */

static bool knows_argon(const void *self, int z)
{
    (void)self;
    return z == 18 || z == 2;
}

/* As the Lennard-Jones potential, with no number for a cell of helium, and an infinite force in one of two of these. */
static void evaluate_broken(const void *self, sh_workspace *ws, const sh_crystals *c, const sh_graph *g, const sh_relax_values *out)
{
    sh_lennard_jones.evaluate(self, ws, c, g, out);
    for (int64_t s = 0; s < c->n_site; s++) {
        if (c->site_z[s] != 2) continue;
        if (c->site_start[c->site_crystal[s] + 1] - c->site_start[c->site_crystal[s]] > 1)
            out->force[3 * s + 1] = INFINITY;
        else
            out->energy[c->site_crystal[s]] = NAN;
    }
}

static void test_bad(void **state)
{
    (void)state;
    const double a = 5.4;
    const double fcc[9] = {0, a / 2, a / 2, a / 2, 0, a / 2, a / 2, a / 2, 0}, cube[9] = {4, 0, 0, 0, 4, 0, 0, 0, 4};
    const double huge[9] = {100, 0, 0, 0, 100, 0, 0, 0, 100}, wide[9] = {20, 0, 0, 0, 20, 0, 0, 0, 20};
    const double tiny[9] = {0.5, 0, 0, 0, 0.5, 0, 0, 0, 0.5}, flat[9] = {4, 0, 0, 0, 4, 0, 4, 4, 0};
    const double nan_cell[9] = {4, 0, 0, 0, NAN, 0, 0, 0, 4}, nan_frac[3] = {0, NAN, 0};
    const double same[6] = {0.1, 0.1, 0.1, 0.1, 0.1, 0.1}, near[6] = {0.1, 0.1, 0.1, 0.101, 0.1, 0.1}, apart[6] = {0, 0, 0, 0.45, 0.5, 0.5};
    const int32_t argon[2] = {18, 18}, helium[2] = {2, 2}, gold[1] = {79}, mixed[2] = {2, 18};
    const struct {
        sh_cell cell;
        sh_relax_verdict verdict;
    } cases[] = {
        {{fcc, 1, argon, one_frac}, SH_RELAX_CONVERGED},     {{huge, 1, argon, one_frac}, SH_RELAX_CELL},
        {{wide, 1, argon, one_frac}, SH_RELAX_ISOLATED},     {{tiny, 1, argon, one_frac}, SH_RELAX_CELL},
        {{flat, 1, argon, one_frac}, SH_RELAX_CELL},         {{nan_cell, 1, argon, one_frac}, SH_RELAX_CELL},
        {{cube, 1, argon, nan_frac}, SH_RELAX_CELL},         {{cube, 2, argon, same}, SH_RELAX_COINCIDENT},
        {{cube, 2, argon, near}, SH_RELAX_COINCIDENT},       {{cube, 1, gold, one_frac}, SH_RELAX_ELEMENT},
        {{fcc, 1, helium, one_frac}, SH_RELAX_NOT_FINITE},   {{cube, 2, mixed, apart}, SH_RELAX_NOT_FINITE},
        {{cube, 0, argon, one_frac}, SH_RELAX_CELL},         {{cube, 2, argon, apart}, SH_RELAX_CONVERGED},
    };
    enum { N = sizeof cases / sizeof *cases };
    const sh_relax_model model = {.cutoff = 8, .knows = knows_argon, .evaluate = evaluate_broken};
    sh_cell cells[N];
    for (int i = 0; i < N; i++)
        cells[i] = cases[i].cell;
    for (int p1 = 0; p1 < 2; p1++) {
        sh_relax_opts o = sh_relax_defaults();
        o.p1 = p1;
        o.batch = 4;
        relaxed *r = relax_all(&model, &o, cells, N);
        for (int i = 0; i < N; i++) {
            const sh_relax_result *x = &r[i].result;
            print_message("case %d: %s\n", i, sh_relax_verdict_text(x->verdict));
            assert_int_equal(x->verdict, cases[i].verdict);
            bool good = x->verdict == SH_RELAX_CONVERGED;
            assert_int_equal(isfinite(x->energy[1]), good);
            for (int64_t k = 0; k < 3 * x->n_atom; k++)
                assert_true(x->frac[k] >= 0 && x->frac[k] < 1);
            assert_int_equal(x->n_atom, cells[i].n_atom);
            if (!good) assert_int_equal(x->n_step, 0);
        }
        free_relaxed(r, N);
    }
    /* Pulled apart without end: it is said, and what is handed on is still a cell. */
    sh_relax_opts o = sh_relax_defaults();
    o.pressure = -100;
    relaxed *r = relax_all(&sh_lennard_jones, &o, cells, 1);
    assert_true(r->result.verdict == SH_RELAX_ISOLATED || r->result.verdict == SH_RELAX_CELL);
    assert_true(r->result.n_step > 0 && isfinite(r->result.volume[1]) && r->result.volume[1] <= 1e4);
    assert_near(sh_lattice_volume(r->result.lattice), r->result.volume[1], 1e-9 * r->result.volume[1]);
    free_relaxed(r, 1);
}

int main(void)
{
    char *text;
    size_t size;
    if (sh_text_read(SH_SOURCE_DIR "/tests/data/prototypes.xyz", &text, &size) != SH_OK) return 1;
    sh_structures_add_file(&prototypes, "prototypes.xyz");
    sh_extxyz_parse("prototypes.xyz", text, size, &prototypes);
    sh_free(text);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exponential), cmocka_unit_test(test_gradient), cmocka_unit_test(test_symmetric),
        cmocka_unit_test(test_symmetrised), cmocka_unit_test(test_batches),  cmocka_unit_test(test_fixed_cell),
        cmocka_unit_test(test_pressure),    cmocka_unit_test(test_shake),    cmocka_unit_test(test_bad)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sh_structures_destroy(&prototypes);
    if (!failed && sh_alloc_live() != 0) {
        fprintf(stderr, "%lld pieces of memory were not released\n", (long long)sh_alloc_live());
        return 1;
    }
    return failed;
}
