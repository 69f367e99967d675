/* What the evaluation says of single crystals, against the programs of the literature (pymatgen, matminer, SMACT, spglib and the authors'
 * own): validity, bond scores, families, both fingerprints with what they are made of. golden/metrics.json in the folder
 * $SHAFT_TEST_DATA; without the variable the test is skipped (tests/unit/crystalnn.c and magpie.c have the prototypes). */
#include "json_cells.h"

#include "metrics/crystalnn.h"
#include "metrics/families.h"
#include "metrics/magpie.h"

static json *reference;
static sh_tables *tables;
static sh_magpie_tables *magpie;
static sh_arena *arena;

static double number(const json *ref, const char *key)
{
    const json *v = json_get(ref, key, NULL);
    return v->type == 'n' ? NAN : v->number;
}

static const json *member(const json *object, const char *key)
{
    const json *at = object->first;
    while (at && strcmp(at->key, key))
        at = at->next;
    return at;
}

static sh_cell view(const test_cell *c)
{
    return (sh_cell){.lattice = c->lattice, .n_atom = c->n, .z = c->z, .frac = c->frac};
}

static void check_verdict(const json *ref, const sh_cell *cell)
{
    sh_verdict v;
    const json *bond = json_get(ref, "bond", NULL);
    bool valid = number(ref, "struct_valid") == 1;
    double score = number(bond, "canonical_score"), mean = number(bond, "text_score"), near = valid ? 1e-9 : 1e-6 * score;
    sh_verdict_of(tables, cell, arena, &v);
    assert_near(v.distances.volume, number(ref, "volume"), 1e-9);
    assert_near(v.density, number(ref, "density"), 1e-9);
    assert_near(v.distances.shortest, number(ref, "shortest_lattice_vector"), 1e-9);
    if (isnan(number(ref, "min_dist")))
        assert_true(isinf(v.distances.nearest) && cell->n_atom == 1);
    else
        assert_near(v.distances.nearest, number(ref, "min_dist"), 1e-9);
    assert_near(v.distances.farthest, number(ref, "max_dist"), 1e-9);
    assert_int_equal(v.structure, valid);
    assert_int_equal(v.reason, valid ? SH_METRIC_OK : SH_METRIC_CLOSE);
    assert_int_equal(v.near, number(ref, "max_dist") <= 4);
    assert_int_equal(v.composition, number(ref, "smact_valid"));
    assert_int_equal(v.n_kind, json_get(ref, "comp_Z", NULL)->n);
    assert_near(v.bond_score, score, near);
    if (isnan(mean))
        assert_true(isnan(v.bond_score_text));
    else
        assert_near(v.bond_score_text, mean, valid ? 1e-9 : 1e-6 * mean);
    bool bonds = true;
    for (const json *p = json_get(bond, "pairs", NULL)->first; p; p = p->next)
        bonds = bonds && number(p, "d_min") >= number(p, "table_min");
    assert_int_equal(v.bonds, bonds);
}

static void check_groups(const json *ref, const sh_cell *cell)
{
    for (const json *g = json_get(ref, "spacegroup", NULL)->first; g; g = g->next) {
        double symprec = strtod(g->key, NULL);
        assert_int_equal(sh_space_group_number(cell, symprec), number(g, "number"));
        if (member(g, "number_angle_tol_5deg"))
            assert_int_equal(sh_space_group_number_within(cell, symprec, 5), number(g, "number_angle_tol_5deg"));
    }
}

static void check_vector(const json *want, const double *got)
{
    int i = 0;
    for (const json *v = want->first; v; v = v->next, i++) {
        double tolerance = i == SH_CRYSTALNN_BCC ? 2e-5 : 1e-7;
        if (!(fabs(got[i] - v->number) <= tolerance)) print_error("number %d: ", i);
        assert_near(got[i], v->number, tolerance);
    }
    assert_int_equal(i, SH_CRYSTALNN_SIZE);
}

static void check_site(const json *vector, const json *data, const sh_crystalnn_site *s)
{
    for (int i = 0; i < SH_CRYSTALNN_SIZE; i++) {
        char key[8];
        snprintf(key, sizeof key, "%d", i);
        const json *v = member(vector, key);
        assert_near(s->fingerprint[i], v ? v->number : 0, i == SH_CRYSTALNN_BCC ? 2e-5 : 1e-7);
    }
    for (int n = 1; n <= SH_ORDER_MOST; n++) {
        char key[8];
        snprintf(key, sizeof key, "%d", n);
        const json *v = member(json_get(data, "cn_weights", NULL), key);
        assert_near(s->number[n], v ? v->number : 0, 1e-7);
    }
    const json *list = json_get(data, "neighbors", NULL);
    assert_int_equal(s->n_neighbour, list->n);
    int i = 0;
    for (const json *x = list->first; x; x = x->next, i++) {
        const json *distance = x->first->next;
        assert_near(s->weight[i], distance->next->number, 1e-12);
        assert_near(sqrt(s->neighbour[i].square), distance->number, 2e-5); /* equal weights in another order */
    }
}

/* Each face of the reference has one of ours: same element, distance, angle and area. */
static void check_faces(const json *want, const sh_crystalnn_site *s, const sh_cell *cell)
{
    bool used[256] = {false};
    double total = 0;
    for (const json *f = want->first; f; f = f->next) {
        const json *distance = f->first->next, *angle = distance->next, *area = angle->next;
        int64_t i = 0;
        for (; i < s->n_face; i++) {
            const sh_neighbour *x = &s->around[s->face[i].neighbour];
            if (!used[i] && cell->z[x->atom] == (int)f->first->number && fabs(sqrt(x->square) - distance->number) < 1e-9 &&
                fabs(s->face[i].solid_angle - angle->number) < 1e-9 && fabs(s->face[i].area - area->number) < 1e-9)
                break;
        }
        if (i == s->n_face && angle->number < 1e-9) continue; /* a sliver of theirs */
        assert_true(i < s->n_face);
        used[i] = true;
    }
    for (int64_t i = 0; i < s->n_face; i++) {
        assert_true(used[i] || s->face[i].solid_angle < 1e-9);
        total += s->face[i].solid_angle;
    }
    assert_near(total, 4 * SH_PI, 1e-9);
}

static void check_crystalnn(const json *ref, const sh_cell *cell)
{
    double got[SH_CRYSTALNN_SIZE];
    if (number(ref, "struct_valid") != 1) {
        assert_int_equal(sh_crystalnn(tables, cell, arena, got), SH_METRIC_CLOSE);
        return;
    }
    assert_int_equal(sh_crystalnn(tables, cell, arena, got), SH_METRIC_OK);
    check_vector(json_get(ref, "crystalnn_mean", NULL), got);
    if (!member(ref, "crystalnn_sites")) return;
    const json *vector = json_get(ref, "crystalnn_sites", NULL)->first, *data = json_get(ref, "crystalnn_site_data", NULL)->first;
    for (int64_t i = 0; vector; i++, vector = vector->next, data = data->next) {
        sh_crystalnn_site s;
        assert_int_equal(sh_crystalnn_site_of(tables, cell, i, arena, &s), SH_METRIC_OK);
        check_site(vector, data, &s);
        if (i == 0 && s.n_face) check_faces(json_get(ref, "voronoi_site0", NULL), &s, cell);
    }
}

static void check_magpie(const json *ref)
{
    int32_t z[16], n = 0;
    int64_t count[16];
    double got[SH_MAGPIE_SIZE];
    const json *c = json_get(ref, "comp_count", NULL)->first;
    for (const json *e = json_get(ref, "comp_Z", NULL)->first; e; e = e->next, c = c->next) {
        z[n] = (int32_t)e->number;
        count[n++] = (int64_t)c->number;
    }
    assert_int_equal(sh_magpie(magpie, n, z, count, got), 0);
    int i = 0;
    for (const json *v = json_get(ref, "magpie", NULL)->first; v; v = v->next, i++)
        assert_near(got[i], v->number, 1e-9 * fmax(1e-3, fabs(v->number)));
    assert_int_equal(i, SH_MAGPIE_SIZE);
}

static void check_all(const char *set, int n_expected)
{
    int n = 0;
    for (const json *record = json_get(reference, set, NULL)->first; record; record = record->next, n++) {
        const json *ref = json_get(record, "ref", NULL);
        test_cell full = json_cell(record);
        sh_cell cell = view(&full);
        print_message("%s\n", record->key);
        sh_arena_reset(arena);
        check_verdict(ref, &cell);
        check_groups(ref, &cell);
        check_crystalnn(ref, &cell);
        check_magpie(ref);
        sh_free(full.z);
        sh_free(full.frac);
    }
    assert_int_equal(n, n_expected);
}

static void test_prototypes(void **state)
{
    (void)state;
    check_all("prototypes", 33);
}

static void test_sampled(void **state)
{
    (void)state;
    check_all("sampled", 60);
}

static void test_relaxed(void **state)
{
    (void)state;
    check_all("dft", 56);
}

/* The index of each set, from the space groups of its members. */
static void test_families(void **state)
{
    (void)state;
    static const char *const sets[] = {"prototypes", "sampled", "dft"};
    for (int k = 0; k < 3; k++) {
        const json *set = json_get(reference, "sets", sets[k], NULL), *want = json_get(set, "shannon_family_symprec_0.1", NULL);
        int32_t group[64], n = 0;
        for (const json *id = json_get(set, "ids", NULL)->first; id; id = id->next)
            group[n++] = (int32_t)json_get(reference, sets[k], id->text, "ref", "spacegroup", "0.1", "number", NULL)->number;
        sh_families f;
        sh_families_of(group, n, &f);
        assert_near(f.index, number(want, "log2"), 1e-12);
        assert_near(f.effective, number(want, "exp"), 1e-12);
        assert_int_equal(f.n_known, n);
        for (int family = 0; family < SH_N_FAMILY; family++) {
            const json *count = member(json_get(want, "counts", NULL), sh_family_name((sh_family)family));
            assert_int_equal(f.count[family], count ? count->number : 0);
        }
    }
}

int main(void)
{
    reference = json_golden("metrics.json");
    if (!reference) return SH_TEST_SKIPPED;
    arena = sh_arena_create(1 << 20);
    if (sh_tables_create(SH_SOURCE_DIR "/configs/tables", SH_SOURCE_DIR "/configs/tables/bonds_paper.csv", &tables) != SH_OK ||
        sh_magpie_create(SH_SOURCE_DIR "/configs/tables", &magpie) != SH_OK) {
        fprintf(stderr, "%s\n", sh_error_message());
        return 1;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_prototypes), cmocka_unit_test(test_sampled),
                                       cmocka_unit_test(test_relaxed), cmocka_unit_test(test_families)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sh_tables_destroy(&tables);
    sh_magpie_destroy(&magpie);
    sh_arena_destroy(&arena);
    json_free(reference);
    return failed;
}
