/* The models' architectures with made-up weights, so that they are tested where the published ones are not there: quotient
 * graphs against full cells, batches, and weight files that are not what they should be. golden/models.c has the numbers. */
#include "made_models.h"
#include "potentials.h"

#ifdef SH_F64
static const double EXACT = 1e-11;
#else
static const double EXACT = 1e-4;
#endif

static sh_arena *arena;
static sh_groups *groups;

static void predict(const sh_potential *p, const sh_crystals *c, bool no_classes, double *value)
{
    sh_workspace ws = sh_workspace_host(arena);
    sh_graph g;
    sh_graph_build(&ws, c, &(sh_graph_opts){.cutoff = sh_potential_cutoff(p), .no_classes = no_classes}, &g);
    potential_values(p, arena, c, &g, NULL, 0, value, NULL);
}

static void test_quotient_equals_full_cell(void **state)
{
    (void)state;
    for (int kind = 0; kind < N_MADE; kind++) {
        sh_weights *w = made_weights(kind);
        sh_potential *p;
        sh_crystals quotient, full;
        assert_ok(sh_potential_create(w, NULL, &p));
        sh_arena_reset(arena);
        int n = made_crystals(groups, arena, &quotient, &full);
        assert_true(full.n_site > 4 * quotient.n_site);
        double *value = SH_NEW(double, n), *wanted = SH_NEW(double, n), low = INFINITY, high = -INFINITY;
        predict(p, &quotient, false, value);
        predict(p, &full, true, wanted);
        for (int i = 0; i < n; i++) {
            bool sum = sh_potential_quantity(p) == SH_TOTAL_ENERGY;
            double n_atom = sum ? (double)(full.site_start[i + 1] - full.site_start[i]) : 1;
            double each = wanted[i] / n_atom;
            if (!(fabs(value[i] / n_atom - each) <= EXACT * fmax(1, fabs(each))))
                print_error("%s, crystal %d: ", made_name[kind], i);
            assert_near(value[i] / n_atom, each, EXACT * fmax(1, fabs(each)));
            low = fmin(low, each);
            high = fmax(high, each);
        }
        assert_true(high - low > 0.01); /* they do tell crystals apart */
        sh_free(value);
        sh_free(wanted);
        sh_potential_destroy(&p);
        sh_weights_destroy(&w);
    }
}

/* The largest difference. */
static double apart(const double *a, const double *b, int n)
{
    double most = 0;
    for (int i = 0; i < n; i++)
        most = fmax(most, fabs(a[i] - b[i]));
    return most;
}

/* Each choice that a weight file can make changes the numbers. */
static void test_choices_matter(void **state)
{
    (void)state;
    sh_crystals quotient, full;
    sh_arena_reset(arena);
    int n = made_crystals(groups, arena, &quotient, &full);
    double *value[5];
    for (int k = 0; k < 5; k++) {
        sh_weights *w = made_weights(k < 3 ? MADE_EFORM : MADE_GAPS);
        sh_potential *p;
        if (k == 1) snprintf(w->threebody_from, sizeof w->threebody_from, "other");
        if (k == 2) snprintf(w->aggregate, sizeof w->aggregate, "source");
        if (k == 4) w->fidelity = 2;
        assert_ok(sh_potential_create(w, NULL, &p));
        assert_int_equal(sh_potential_quantity(p), k < 3 ? SH_FORMATION_ENERGY : SH_BAND_GAP);
        value[k] = SH_NEW(double, n);
        predict(p, &quotient, false, value[k]);
        sh_potential_destroy(&p);
        sh_weights_destroy(&w);
    }
    assert_true(apart(value[1], value[0], n) > 1e-3);
    assert_true(apart(value[2], value[0], n) > 1e-3);
    assert_true(apart(value[4], value[3], n) > 1e-3);
    for (int k = 0; k < 5; k++)
        sh_free(value[k]);
}

static void refuse(sh_weights *w, const char *text)
{
    sh_potential *p;
    assert_fails(sh_potential_create(w, NULL, &p), SH_EINPUT, text);
    assert_null(p);
    sh_error_clear();
    sh_weights_destroy(&w);
}

static void test_refused(void **state)
{
    sh_weights *w = made_weights(MADE_EFORM);
    snprintf(w->basis, sizeof w->basis, "bessel12");
    refuse(w, "an M3GNet with the basis 'bessel12' is not known to this version");
    w = made_weights(MADE_EFORM);
    snprintf(w->threebody_from, sizeof w->threebody_from, "both");
    refuse(w, "an M3GNet with three-body terms from 'both'");
    w = made_weights(MADE_EFORM);
    w->element_number[2] = 8;
    refuse(w, "row 2 of the element table is element 8: none, or there twice");
    w = made_weights(MADE_EFORM);
    w->set2set_layers = 9;
    refuse(w, "set2set with 9 layers and 3 steps");
    for (int kind = 0; kind < N_MADE; kind++) { /* any tensor missing, or of another shape */
        w = made_weights(kind);
        int64_t n = w->n;
        sh_weights_destroy(&w);
        for (int64_t i = 0; i < n; i += 1 + n / 23) {
            char text[200];
            w = made_weights(kind);
            snprintf(text, sizeof text, "tensor '%s' is not in the weight file", w->tensor[i].name);
            w->tensor[i].name[0] = '_';
            refuse(w, text);
            w = made_weights(kind);
            snprintf(text, sizeof text, "tensor '%s' has shape", w->tensor[i].name);
            w->tensor[i].cols++;
            refuse(w, text);
        }
    }
    w = made_weights(MADE_GAPS);
    w->fidelity = 4;
    refuse(w, "fidelity 4 of 4");
    w = made_weights(MADE_MEGNET);
    snprintf(w->target, sizeof w->target, "extensive");
    refuse(w, "is no MEGNet of matgl");
    assert_int_equal(sh_alloc_live(), *(const int64_t *)*state);
}

int main(void)
{
    int64_t live;
    be = sh_backend_cpu();
    arena = sh_arena_create(1 << 20);
    if (sh_groups_create(&groups) != SH_OK) return 1;
    live = sh_alloc_live();
    void *start = &live;
    const struct CMUnitTest tests[] = {
        {.name = "test_refused", .test_func = test_refused, .initial_state = start}, /* first: the arena has not grown yet */
        cmocka_unit_test(test_quotient_equals_full_cell), cmocka_unit_test(test_choices_matter)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sh_groups_destroy(&groups);
    sh_arena_destroy(&arena);
    return failed;
}
