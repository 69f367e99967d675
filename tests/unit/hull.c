/* Energy above the hull: against pymatgen's (data/matching.json), against cases that can be done by hand, and against all bases
 * on random phases. */
#include "crystals.h"
#include "json.h"

#include "metrics/hull.h"

static json *reference;
static sh_arena *arena;

static sh_phase phase(const char *formula, double energy)
{
    sh_phase p;
    assert_ok(sh_phase_parse(formula, energy, &p, NULL));
    return p;
}

static double atoms_of(const char *formula)
{
    double atoms;
    sh_phase p;
    assert_ok(sh_phase_parse(formula, 0, &p, &atoms));
    return atoms;
}

static sh_hull *hull_of(const sh_phase *p, int n, bool add_elements)
{
    sh_hull *hull;
    assert_ok(sh_hull_create(p, n, add_elements, &hull));
    return hull;
}

/* The mixture has the composition asked for, and no phase is below the plane of the potentials. */
static void check_optimal(const sh_hull *hull, const sh_phase *query, const sh_hull_result *r)
{
    double fraction[119] = {0}, plane = 0, sum = 0, energy = 0;
    for (int i = 0; i < r->n_phase; i++) {
        const sh_phase *p = sh_hull_phase(hull, r->phase[i]);
        assert_true(r->amount[i] > 0 && (i == 0 || r->amount[i] <= r->amount[i - 1]));
        sum += r->amount[i];
        energy += r->amount[i] * p->energy;
        for (int k = 0; k < p->n_kind; k++)
            fraction[p->z[k]] += r->amount[i] * (double)p->count[k] / (double)sh_phase_atoms(p);
    }
    assert_near(sum, 1, 1e-9);
    assert_near(energy, r->hull_energy, 1e-9);
    for (int k = 0; k < query->n_kind; k++) {
        double b = (double)query->count[k] / (double)sh_phase_atoms(query);
        assert_near(fraction[query->z[k]], b, 1e-9);
        plane += b * r->potential[k];
    }
    assert_near(plane, r->hull_energy, 1e-9);
    for (int64_t j = 0; j < sh_hull_size(hull); j++) {
        const sh_phase *p = sh_hull_phase(hull, j);
        double below = p->energy;
        bool inside = true;
        for (int k = 0; k < p->n_kind; k++) {
            int i = 0;
            while (i < query->n_kind && query->z[i] != p->z[k])
                i++;
            inside = inside && i < query->n_kind;
            if (inside) below -= r->potential[i] * (double)p->count[k] / (double)sh_phase_atoms(p);
        }
        if (inside) assert_true(below > -1e-9);
    }
}

static void test_reference(void **state)
{
    (void)state;
    const json *hull_data = json_get(reference, "hull", NULL);
    sh_phase p[64];
    int n = 0;
    for (const json *r = json_get(hull_data, "references", NULL)->first; r; r = r->next) {
        const char *formula = json_get(r, "formula", NULL)->text;
        p[n++] = phase(formula, json_get(r, "energy", NULL)->number / atoms_of(formula));
    }
    sh_hull *hull = hull_of(p, n, false);
    for (const json *r = json_get(hull_data, "references", NULL)->first; r; r = r->next) {
        const char *formula = json_get(r, "formula", NULL)->text;
        sh_phase q = phase(formula, json_get(r, "energy", NULL)->number / atoms_of(formula));
        sh_hull_result result;
        sh_hull_energy(hull, &q, arena, &result);
        assert_true(result.feasible);
        assert_int_equal(result.above < 1e-9, (int)json_get(r, "stable", NULL)->number);
    }
    int n_query = 0;
    for (const json *q = json_get(hull_data, "queries", NULL)->first; q; q = q->next, n_query++) {
        const char *formula = json_get(q, "formula", NULL)->text;
        double atoms = json_get(q, "n_atoms", NULL)->number;
        sh_phase query = phase(formula, json_get(q, "energy", NULL)->number / atoms);
        sh_hull_result result;
        print_message("%s\n", formula);
        assert_near(atoms, atoms_of(formula), 0);
        sh_hull_energy(hull, &query, arena, &result);
        assert_true(result.feasible);
        assert_near(result.hull_energy, json_get(q, "hull_energy_per_atom", NULL)->number, 1e-10);
        assert_near(result.above, json_get(q, "e_above_hull_signed", NULL)->number, 1e-10);
        assert_near(sh_hull_phase_separation(hull, &query, arena), json_get(q, "phase_separation_energy", NULL)->number, 1e-10);
        const json *parts = json_get(q, "decomposition_atomic_fractions", NULL);
        assert_int_equal(result.n_phase, parts->n);
        for (const json *part = parts->first; part; part = part->next) {
            sh_phase want = phase(part->key, 0);
            int i = 0;
            while (i < result.n_phase && sh_phase_compare(sh_hull_phase(hull, result.phase[i]), &want))
                i++;
            assert_true(i < result.n_phase);
            assert_near(result.amount[i], part->number, 1e-8);
        }
        check_optimal(hull, &query, &result);
    }
    assert_true(n_query >= 12);
    sh_hull_destroy(&hull);
}

static void test_by_hand(void **state)
{
    (void)state;
    /* A straight line between Li and S2-rich ends: Li2S at -1, so LiS is 0.75 of it */
    const sh_phase p[] = {phase("Li", 0), phase("S", 0), phase("Li2S", -1), phase("S8", 0.2)};
    sh_hull *hull = hull_of(p, 4, false);
    assert_int_equal(sh_hull_size(hull), 3); /* S8 is S, and higher */
    sh_phase query = phase("LiS", -0.5);
    sh_hull_result r;
    sh_hull_energy(hull, &query, arena, &r);
    assert_true(r.feasible);
    assert_near(r.hull_energy, -0.75, 1e-12);
    assert_near(r.above, 0.25, 1e-12);
    assert_int_equal(r.n_phase, 2);
    assert_near(r.amount[0], 0.75, 1e-12);
    assert_near(r.potential[0], -1.5, 1e-12); /* of Li in equilibrium with S and Li2S: 3/2 of -1 */
    assert_near(r.potential[1], 0, 1e-12);
    query = phase("Li2S", -1.1);
    sh_hull_energy(hull, &query, arena, &r);
    assert_near(r.above, -0.1, 1e-12);
    assert_int_equal(r.n_phase, 1);
    assert_near(sh_hull_phase_separation(hull, &query, arena), -1.1, 1e-12);
    query = phase("Li", 0);
    sh_hull_energy(hull, &query, arena, &r);
    assert_near(r.above, 0, 0);
    assert_near(sh_hull_phase_separation(hull, &query, arena), 0, 0);
    query = phase("LiP", -1);
    sh_hull_energy(hull, &query, arena, &r);
    assert_false(r.feasible);
    assert_true(isnan(r.above));
    sh_hull_destroy(&hull);
    assert_null(hull);
}

/* Without elemental phases the program is feasible between the phases there are, and only there. */
static void test_missing_elements(void **state)
{
    (void)state;
    const sh_phase p[] = {phase("Li3P", -1), phase("LiP", -0.9), phase("P", 0)};
    sh_hull *hull = hull_of(p, 3, false);
    sh_phase inside = phase("Li2P", -0.95), edge = phase("Li3P", -1), outside = phase("Li4P", -1);
    sh_hull_result r;
    sh_hull_energy(hull, &inside, arena, &r);
    assert_true(r.feasible);
    check_optimal(hull, &inside, &r);
    /* Li2P = 2/3 atoms of Li3P, 1/3 of LiP: x 3/4 + (1 - x)/2 = 2/3 */
    assert_near(r.hull_energy, -1 * (2.0 / 3) - 0.9 * (1.0 / 3), 1e-12);
    sh_hull_energy(hull, &edge, arena, &r);
    assert_true(r.feasible);
    assert_near(r.above, 0, 1e-12);
    sh_hull_energy(hull, &outside, arena, &r);
    assert_false(r.feasible);
    sh_hull_destroy(&hull);

    /* phases on a line of a three-element field: one made-up element can never leave */
    const sh_phase line[] = {phase("LiPS", -1), phase("LiP", -0.5)};
    hull = hull_of(line, 2, false);
    sh_phase between = phase("Li2P2S", 0);
    sh_hull_energy(hull, &between, arena, &r);
    assert_true(r.feasible);
    assert_near(r.hull_energy, -1 * 0.6 - 0.5 * 0.4, 1e-12);
    sh_phase beside = phase("Li2PS", 0);
    sh_hull_energy(hull, &beside, arena, &r);
    assert_false(r.feasible);
    sh_hull_destroy(&hull);

    hull = hull_of(NULL, 0, true);
    sh_hull_energy(hull, &beside, arena, &r);
    assert_false(r.feasible);
    sh_hull_destroy(&hull);
}

static void test_formation_energies(void **state)
{
    (void)state;
    const sh_phase p[] = {phase("NaCl", -2), phase("Na", 0.01), phase("Na3Cl", 0.3)};
    sh_hull *hull = hull_of(p, 3, true);
    sh_phase query = phase("Na3Cl", 0.3), chlorine = phase("Cl", 0.2);
    sh_hull_result r;
    sh_hull_energy(hull, &query, arena, &r);
    assert_near(r.hull_energy, -1, 1e-12);
    sh_hull_energy(hull, &chlorine, arena, &r);
    assert_near(r.above, 0.2, 1e-12);
    sh_hull_destroy(&hull);
}

/* Least energy over all sets of two or three phases that can make up b, as a second opinion. */
static double try_all(const sh_phase *p, int n, const sh_phase *query)
{
    double best = INFINITY, b[3], a[40][3];
    for (int j = 0; j < n; j++)
        for (int i = 0; i < 3; i++) {
            a[j][i] = 0;
            for (int k = 0; k < p[j].n_kind; k++)
                if (p[j].z[k] == query->z[i]) a[j][i] = (double)p[j].count[k] / (double)sh_phase_atoms(&p[j]);
        }
    for (int i = 0; i < 3; i++)
        b[i] = (double)query->count[i] / (double)sh_phase_atoms(query);
    for (int i = 0; i < n; i++)
        for (int j = 0; j < i; j++)
            for (int k = 0; k < j; k++) {
                const double *u = a[i], *v = a[j], *w = a[k];
                double d = u[0] * (v[1] * w[2] - v[2] * w[1]) - u[1] * (v[0] * w[2] - v[2] * w[0]) + u[2] * (v[0] * w[1] - v[1] * w[0]);
                if (fabs(d) < 1e-9) continue;
                double x = (b[0] * (v[1] * w[2] - v[2] * w[1]) - b[1] * (v[0] * w[2] - v[2] * w[0]) +
                            b[2] * (v[0] * w[1] - v[1] * w[0])) / d;
                double y = (u[0] * (b[1] * w[2] - b[2] * w[1]) - u[1] * (b[0] * w[2] - b[2] * w[0]) +
                            u[2] * (b[0] * w[1] - b[1] * w[0])) / d;
                double z = 1 - x - y;
                if (x > -1e-12 && y > -1e-12 && z > -1e-12) best = fmin(best, x * p[i].energy + y * p[j].energy + z * p[k].energy);
            }
    return best;
}

static void test_all_bases(void **state)
{
    (void)state;
    test_random r = test_random_create(17);
    int n_infeasible = 0;
    for (int trial = 0; trial < 300; trial++) {
        int n = 0;
        bool elements = trial % 2;
        sh_phase p[40], query;
        const int32_t z[3] = {3, 15, 16};
        for (int i = 0; i < 3 && elements; i++)
            assert_ok(sh_phase_create(&z[i], &(int64_t){1}, 1, 0, &p[n++]));
        for (int i = 0; i < 12; i++) {
            int64_t count[3];
            for (int k = 0; k < 3; k++)
                count[k] = (int64_t)(4 * test_u01(&r));
            if (count[0] + count[1] + count[2] == 0) continue;
            assert_ok(sh_phase_create(z, count, 3, trial % 3 ? -test_u01(&r) : -floor(3 * test_u01(&r)) / 4, &p[n++]));
        }
        int64_t count[3] = {1 + (int64_t)(5 * test_u01(&r)), 1 + (int64_t)(5 * test_u01(&r)), 1 + (int64_t)(5 * test_u01(&r))};
        assert_ok(sh_phase_create(z, count, 3, 0.1, &query));
        sh_hull *hull = hull_of(p, n, false);
        sh_hull_result result;
        double want = try_all(p, n, &query);
        sh_hull_energy(hull, &query, arena, &result);
        if (result.feasible) check_optimal(hull, &query, &result);
        if (want < INFINITY) {
            assert_true(result.feasible);
            assert_near(result.hull_energy, want, 1e-9);
        }
        n_infeasible += !result.feasible;
        sh_hull_destroy(&hull);
    }
    assert_true(n_infeasible > 0 && n_infeasible < 150);
}

static void test_formulas(void **state)
{
    (void)state;
    char text[64];
    sh_phase p = phase("Li3PS4", -1), q = phase("P2(LiS)2Li4S6", 0);
    sh_phase_formula(&p, text, sizeof text);
    assert_string_equal(text, "Li3PS4");
    assert_int_equal(sh_phase_atoms(&p), 8);
    assert_int_equal(sh_phase_compare(&p, &q), 0);
    p = phase("Li0.5CoO2", 0);
    sh_phase_formula(&p, text, sizeof text);
    assert_string_equal(text, "LiCo2O4");
    p = phase("[Co(NH3)6]Cl3", 0);
    assert_int_equal(sh_phase_atoms(&p), 1 + 6 * 4 + 3);
    static const char *const wrong[] = {"", "Xx2", "li2", "Li2)", "(Li2", "Li-2", "Li0", "Li 2", "2Li", "Li99999999", "Li1.23456", "()2"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        if (sh_phase_parse(wrong[i], 0, &q, NULL) == SH_OK) print_error("'%s' was read\n", wrong[i]);
        assert_fails(sh_phase_parse(wrong[i], 0, &q, NULL), SH_EINPUT, "no formula");
        sh_error_clear();
    }
    sh_hull *hull;
    p.energy = NAN;
    assert_fails(sh_hull_create(&p, 1, true, &hull), SH_ENUM, "not a finite number");
    assert_null(hull);
    sh_error_clear();
}

int main(void)
{
    reference = json_read(SH_SOURCE_DIR "/tests/data/matching.json");
    arena = sh_arena_create(1 << 16);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reference),          cmocka_unit_test(test_by_hand),   cmocka_unit_test(test_missing_elements),
        cmocka_unit_test(test_formation_energies), cmocka_unit_test(test_all_bases), cmocka_unit_test(test_formulas),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sh_arena_destroy(&arena);
    json_free(reference);
    return failed;
}
