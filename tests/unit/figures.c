/* Figures of an evaluation from rows that are written by hand: limits that real structures seldom reach. */
#include "test.h"

#include "evaluate/work.h"

enum { N = 6 };

/* Rows of valid structures with these energies, judged with a hull, beside a reference set of one structure at 20 eV/atom; the figures. */
static sh_summary *figures_of(const double *e_form, const double *above)
{
    sh_evaluation_row row[N];
    int32_t sampled_group[N] = {0};
    const sh_evaluation_options options = {.model = "lennard-jones", .reference = "by hand", .reference_set = "one",
                                           .stable = 0.1, .symprec = 0.1};
    const int32_t na = 11;
    sh_phase sodium;
    sh_evaluation_work *w = SH_NEW(sh_evaluation_work, 1);
    sh_summary *s = SH_NEW(sh_summary, 1);
    for (int i = 0; i < N; i++) {
        row[i] = sh_evaluation_row_empty();
        row[i].n_atom = 1;
        row[i].structure_valid = row[i].composition_valid = row[i].valid = 1;
        row[i].e_form = e_form[i];
        row[i].e_above_hull = above[i];
        row[i].fingerprint_reason = SH_METRIC_OK;
    }
    sh_evaluation_row other = row[0];
    other.e_form = 20;
    assert_int_equal(sh_phase_create(&na, NULL, 1, 0, &sodium), SH_OK);
    assert_int_equal(sh_hull_create(&sodium, 1, true, &w->hull), SH_OK);
    sh_reference_start(&w->reference);
    w->options = &options;
    w->has_reference = true;
    w->rows = row;
    w->in.n = w->in.n_all = N;
    w->in.sampled_group = sampled_group;
    w->reference_rows = &other;
    w->reference_in.n = 1;
    sh_evaluate_figures(w, s);
    sh_hull_destroy(&w->hull);
    sh_reference_destroy(&w->reference);
    sh_free(w);
    return s;
}

static const sh_figure *figure(const sh_summary *s, const char *key)
{
    const sh_figure *f = sh_summary_find(s, !strcmp(key, "w1_e_form") ? "coverage" : "energy", key);
    assert_non_null(f);
    return f;
}

/* As in the reward, an energy beyond 10 eV/atom counts as that, on both sides. */
static void test_clamp(void **state)
{
    (void)state;
    const double form[N] = {30, -1, -50, 2, NAN, 10}, above[N] = {NAN, NAN, NAN, NAN, NAN, NAN};
    sh_summary *s = figures_of(form, above);
    assert_near(figure(s, "mean_raw")->value, (10 - 1 - 10 + 2 + 10) / 5.0, 1e-15);
    assert_non_null(strstr(figure(s, "mean_raw")->text, "5 valid structures, 2 beyond"));
    assert_int_equal(figure(s, "below_zero_raw")->rate.hits, 2);
    /* so in both sets whose distance is taken: 10, -1, -10, 2, 10 to 10 */
    assert_near(figure(s, "w1_e_form")->value, (0 + 11 + 20 + 8 + 0) / 5.0, 1e-12);
    assert_non_null(strstr(figure(s, "w1_e_form")->text, "of which 2 and 1 beyond +-10 eV/atom"));
    sh_summary_destroy(&s);
}

/* On the hull is what is not above it; 0 is no part of the metastable, 0.05 is. */
static void test_shares(void **state)
{
    (void)state;
    const double form[N] = {-1, -1, -1, -1, -1, -1}, above[N] = {-0.5, 0, 0.02, 0.05, 0.0501, 0.3};
    sh_summary *s = figures_of(form, above);
    const struct {
        const char *key;
        int hits;
    } want[] = {{"on_hull_raw", 2}, {"metastable_raw", 2}, {"stable_raw", 5}};
    for (int k = 0; k < 3; k++) {
        assert_int_equal(figure(s, want[k].key)->rate.hits, want[k].hits);
        assert_int_equal(figure(s, want[k].key)->rate.n, N);
    }
    assert_near(figure(s, "above_hull_median_raw")->value, 0.035, 1e-15);
    assert_null(strstr(figure(s, "above_hull_raw")->text, "beyond"));
    sh_summary_destroy(&s);
}

/* A mean that few broken cells decide says so, and the median stands beside it. */
static void test_broken_cells(void **state)
{
    (void)state;
    const double form[N] = {-1, -1, -1, -1, -1, -1}, above[N] = {900, 0.1, NAN, 0.3, 0.2, 10};
    sh_summary *s = figures_of(form, above);
    assert_near(figure(s, "above_hull_raw")->value, 910.6 / 5, 1e-12);
    assert_non_null(strstr(figure(s, "above_hull_raw")->text, "1 beyond 10 eV/atom"));
    assert_near(figure(s, "above_hull_median_raw")->value, 0.3, 1e-15);
    sh_summary_destroy(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_clamp), cmocka_unit_test(test_shares),
                                       cmocka_unit_test(test_broken_cells)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
