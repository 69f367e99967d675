#define _POSIX_C_SOURCE 200809L
#include "test.h"

#include <unistd.h>

#include "base/memory.h"
#include "io/report_chart.h"
#include "io/report_data.h"
#include "io/report_drawing.h"

static int count(const char *text, const char *what)
{
    int n = 0;
    for (const char *at = text; (at = strstr(at, what)); at += strlen(what))
        n++;
    return n;
}

static void check_text(const char *text, const char *wanted)
{
    char *got;
    size_t size;
    FILE *f = open_memstream(&got, &size);
    sh_report_text(f, text);
    fclose(f);
    assert_string_equal(got, wanted);
    free(got);
}

static void test_text(void **state)
{
    (void)state;
    check_text("a<b> & \"c\" 'd'", "a&lt;b&gt; &amp; &quot;c&quot; &#39;d&#39;");
    check_text("Å ≤ 🜁\n\tx", "Å ≤ 🜁\n\tx");
    check_text("bell\aescape\x1b[1m\x7f", "bell?escape?[1m?");
    check_text("\xff \xc3(\xe2\x82", "? ?(??");               /* bytes that are no UTF-8; an end in the middle of a character */
    check_text("\xc0\xaf \xed\xa0\x80 \xef\xbf\xbf", "?? ??? ???"); /* a slash made longer; half a pair; no character */
}

static void test_smooth(void **state)
{
    enum { N = 1000 };
    static double x[N], y[N], px[N], py[N];
    (void)state;
    for (int i = 0; i < N; i++) {
        x[i] = i;
        y[i] = 0.01 * i + (i % 10 == 5 ? 100 : 0); /* a line, and one point in ten far off it */
    }
    y[500] = NAN;
    assert_int_equal(sh_report_smooth(x, y, N, 50, px, py), 50);
    assert_near(px[0], 0, 0);
    assert_near(py[0], 0, 0); /* the first is as it is: what falls at the start is not hidden */
    assert_near(px[49], N - 1, 0);
    for (int k = 0; k < 50; k++)
        if (k > 3) assert_near(py[k], 0.01 * px[k], 0.2);
    assert_int_equal(sh_report_smooth(x, y, 3, 50, px, py), 3);
    for (int i = 0; i < N; i++)
        y[i] = NAN;
    assert_int_equal(sh_report_smooth(x, y, N, 50, px, py), 0);
}

static void test_thin(void **state)
{
    enum { N = 10007, MOST = 100 };
    static double x[N], y[N], px[MOST], py[MOST];
    (void)state;
    for (int i = 0; i < N; i++) {
        x[i] = 2 * i;
        y[i] = sin(0.001 * i);
    }
    y[7000] = 50;
    y[7001] = -50;
    int64_t n = sh_report_thin(x, y, N, MOST, px, py);
    assert_int_equal(n, MOST);
    bool peak = false, pit = false;
    for (int64_t k = 0; k < n; k++) {
        assert_true(k == 0 || px[k] >= px[k - 1]);
        peak = peak || (py[k] == 50 && px[k] == 14000);
        pit = pit || (py[k] == -50 && px[k] == 14002);
    }
    assert_true(peak && pit);
    y[1] = NAN;
    assert_int_equal(sh_report_thin(x, y, 4, MOST, px, py), 3); /* few are all kept */
    assert_near(px[1], 4, 0);
}

static void test_histogram(void **state)
{
    double one[200], two[200];
    char *text;
    size_t size;
    (void)state;
    for (int i = 0; i < 200; i++) {
        one[i] = i / 200.0;
        two[i] = i < 50 ? 30 : 0.5; /* a quarter of them outside */
    }
    FILE *f = open_memstream(&text, &size);
    double limit[2] = {-INFINITY, 1};
    double outside = sh_report_histogram(f, "a & b", "x", limit,
                                         (sh_report_sample[]){{0, true, 200, one}, {3, false, 200, two}, {4, false, 0, NULL}}, 3);
    fclose(f);
    assert_near(outside, 0.25, 1e-9);
    assert_int_equal(count(text, "<g class=\"r0\"><path class=\"hist first\""), 1);
    assert_int_equal(count(text, "<g class=\"r3\"><path class=\"hist\""), 1);
    assert_int_equal(count(text, "class=\"r4\""), 0);
    assert_int_equal(count(text, "aria-label=\"a &amp; b\""), 1);
    free(text);
}

/* Places from -1 to 1 and from 0 to 50, with 4 % more on each side: the plot is 388 wide and 220 high, from (58, 10) on. */
static void test_scatter(void **state)
{
    static const double one[] = {-1, 0, 1, 50, 0, 25}, two[] = {0.5, 37.5};
    char *text;
    size_t size;
    (void)state;
    FILE *f = open_memstream(&text, &size);
    sh_report_scatter(f, "a & b", "x: 60.0 %", "y < 20 %",
                      (sh_report_dots[]){{2, false, 3, one}, {5, true, 1, two}, {2, true, 0, NULL}}, 3);
    fclose(f);
    assert_int_equal(count(text, "<circle"), 4);
    assert_int_equal(count(text, "<g class=\"r2\"><g class=\"dots\">\n<circle cx=\"72.4\" cy=\"221.9\" r=\"2\"/>\n"
                                 "<circle cx=\"431.6\" cy=\"18.1\" r=\"2\"/>\n<circle cx=\"252.0\" cy=\"120.0\" r=\"2\"/>\n</g>"), 1);
    assert_int_equal(count(text, "<g class=\"r5\"><g class=\"dots first\">\n<circle cx=\"341.8\" cy=\"69.1\" r=\"2\"/>\n</g>"), 1);
    assert_true(strstr(text, "dots first") < strstr(text, "\"dots\"")); /* rings are behind */
    assert_int_equal(count(text, ">x: 60.0 %</text>"), 1);
    assert_int_equal(count(text, ">y &lt; 20 %</text>"), 1);
    free(text);
    for (int n = 0; n <= 1; n++) { /* one place, and none: there are axes all the same */
        f = open_memstream(&text, &size);
        sh_report_scatter(f, "t", "x", "y", &(sh_report_dots){0, false, n, two}, n);
        fclose(f);
        assert_int_equal(count(text, "<circle cx=\"252.0\" cy=\"120.0\""), n);
        assert_int_equal(count(text, "nan") + count(text, "inf"), 0);
        free(text);
    }
}

static void test_metrics(void **state)
{
    char path[] = "/tmp/shaft_report_XXXXXX";
    int64_t live = sh_alloc_live();
    sh_report_metrics m;
    (void)state;
    FILE *f = fdopen(mkstemp(path), "w");
    assert_non_null(f);
    fputs("\xef\xbb\xbf" "novel,iteration,loss\r\n1.5,0,\r\n-2e-3,7,4\r\n3,8", f); /* of the last row the end is not there yet */
    fclose(f);
    assert_ok(sh_report_metrics_read(path, &m));
    assert_int_equal(m.n_column, 3);
    assert_int_equal(m.n_row, 2);
    assert_near(sh_report_column(&m, "iteration")[1], 7, 0);
    assert_near(sh_report_column(&m, "novel")[1], -2e-3, 0);
    assert_true(isnan(sh_report_column(&m, "loss")[0]));
    assert_null(sh_report_column(&m, "modes"));
    sh_report_metrics_destroy(&m);
    f = fopen(path, "w");
    fputs("iteration,loss\n0,1,2\n", f);
    fclose(f);
    assert_fails(sh_report_metrics_read(path, &m), SH_EINPUT, ":2: 3 fields where the header has 2");
    unlink(path);
    assert_int_equal(sh_alloc_live(), live);
}

static void test_keys(void **state)
{
    static const char *const wanted[] = {"elements=[Li, O]", "reward.beta=8", "reward.formation_energy.guard.atoms=100",
                                         "reward.bond.weight=0.5", "run.directory=a: b"};
    sh_report_keys k = {.at = "elements: [Li, O]\nreward:\n  beta: 8\n  formation_energy:\n    guard:\n      atoms: 100\n"
                              "  bond:\n    weight: 0.5\n# no: key\nrun:\n  directory: a: b"};
    (void)state;
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        char got[512];
        assert_true(sh_report_keys_next(&k));
        snprintf(got, sizeof got, "%s=%s", k.key, k.value);
        assert_string_equal(got, wanted[i]);
    }
    assert_false(sh_report_keys_next(&k));
}

/* Rock salt of cell length a. */
static void rock_salt(sh_structure *s, double a)
{
    sh_structure_create(s, 8);
    for (int i = 0; i < 3; i++)
        s->lattice[4 * i] = a;
    for (int i = 0; i < 8; i++) {
        s->z[i] = i < 4 ? 11 : 17;
        for (int k = 0; k < 3; k++)
            s->frac[3 * i + k] = ((i & 3) == 0 || (i & 3) == k + 1 ? 0 : 0.5);
        if (i >= 4) s->frac[3 * i] = s->frac[3 * i] > 0 ? 0 : 0.5;
    }
}

/* Faces, edges and corners are drawn on all sides: 27 points of a grid, with the 54 shortest distances of it as bonds. */
static void test_drawing(void **state)
{
    int64_t live = sh_alloc_live();
    sh_report_atoms atoms;
    sh_structure s;
    char *text;
    size_t size;
    (void)state;
    assert_ok(sh_report_atoms_create(SH_SOURCE_DIR "/configs/tables", &atoms));
    assert_near(atoms.radius[11], 1.66, 1e-9); /* Cordero et al. 2008 */
    assert_near(atoms.radius[118], 1.5, 0);
    for (int far = 0; far < 2; far++) {
        rock_salt(&s, far ? 6.6 : 5.64); /* 3.3 Å are more than the radii + 0.45 Å */
        s.frac[0] = 1 - 1e-9;            /* at 0, but for rounding */
        FILE *f = open_memstream(&text, &size);
        sh_report_draw(f, &atoms, &s, "NaCl");
        fclose(f);
        assert_int_equal(count(text, "<circle class=\"e11\""), 14);
        assert_int_equal(count(text, "<circle class=\"e17\""), 13);
        assert_int_equal(count(text, "class=\"bond\""), far ? 0 : 54);
        assert_int_equal(count(text, "class=\"cell\""), 1);
        free(text);
        sh_structure_destroy(&s);
    }
    sh_report_atoms_destroy(&atoms);
    assert_int_equal(sh_alloc_live(), live);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),      cmocka_unit_test(test_smooth),  cmocka_unit_test(test_thin),
        cmocka_unit_test(test_histogram), cmocka_unit_test(test_metrics), cmocka_unit_test(test_keys),
        cmocka_unit_test(test_drawing),   cmocka_unit_test(test_scatter),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
