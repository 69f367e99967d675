/* Lengths of time as options take them, the end of a job from the environment, and the margin before it. */
#define _POSIX_C_SOURCE 200809L
#include "test.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "cmd/options.h"
#include "train/deadline.h"
#include "train/signals.h"

static sh_comm *comm;

static void test_durations(void **state)
{
    static const struct {
        const char *text;
        double seconds;
    } good[] = {{"3600", 3600}, {"90m", 5400},       {"1h30m", 5400},          {"1h30m5s", 5405}, {"2d", 172800},
                {"30s", 30},    {"1:30:00", 5400}, {"2-12:00:00", 216000}, {"0:00:07", 7},    {"100:00:00", 360000}};
    static const char *const bad[] = {"",      "0",     "-5",     "h",      "1.5h",   "5m1h",     "1h30", "1:60:00", "90:00",
                                      "1:2:3:4", "1-2", "-1:00:00", "soon", "1h1h", "1:00:00h", "00:00:00", " 5", "99999999999"};
    (void)state;
    double got;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_ok(sh_option_duration("--time-limit", good[i].text, &got));
        assert_near(got, good[i].seconds, 0);
    }
    assert_ok(sh_option_duration("--time-limit", "none", &got));
    assert_true(isinf(got));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_fails(sh_option_duration("--time-limit", bad[i], &got), SH_EINPUT, "--time-limit needs a length of time");
}

static sh_deadline begun(double limit)
{
    sh_deadline d;
    assert_ok(sh_deadline_begin(comm, limit, &d));
    return d;
}

static void set_end(const char *name, double left)
{
    char text[32];
    snprintf(text, sizeof text, "%lld", (long long)time(NULL) + (long long)left);
    setenv(name, text, 1);
}

static void test_environment(void **state)
{
    (void)state;
    unsetenv("SHAFT_END_TIME");
    unsetenv("SLURM_JOB_END_TIME");
    assert_true(isinf(begun(NAN).end));
    assert_false(sh_deadline_near(&(sh_deadline){.end = begun(NAN).end}));
    set_end("SLURM_JOB_END_TIME", 500);
    assert_near(begun(NAN).end - sh_clock_s(), 500, 5);
    set_end("SHAFT_END_TIME", 900); /* of the two this one counts */
    assert_near(begun(NAN).end - sh_clock_s(), 900, 5);
    assert_near(begun(40).end - sh_clock_s(), 40, 5); /* and what was asked for before both */
    assert_true(isinf(begun(INFINITY).end));
    set_end("SHAFT_END_TIME", -100);
    sh_deadline past = begun(NAN);
    assert_true(sh_deadline_near(&past));
    setenv("SHAFT_END_TIME", "12:00", 1);
    sh_deadline d;
    assert_fails(sh_deadline_begin(comm, NAN, &d), SH_EINPUT, "SHAFT_END_TIME is '12:00'");
    sh_error_clear();
    setenv("SHAFT_END_TIME", "", 1);
    assert_near(begun(NAN).end - sh_clock_s(), 500, 5);
}

static void test_margin(void **state)
{
    (void)state;
    sh_deadline d = begun(1000);
    assert_near(sh_deadline_margin(&d), 20, 1e-9);
    assert_false(sh_deadline_near(&d));
    sh_deadline_took(&d, SH_TIMED_STEP, 30);
    sh_deadline_took(&d, SH_TIMED_STEP, 2); /* the longest counts */
    sh_deadline_took(&d, SH_TIMED_CHECKPOINT, 100);
    assert_near(sh_deadline_margin(&d), 20 + 2 * 30 + 2 * 100, 1e-9);
    assert_false(sh_deadline_near(&d));
    sh_deadline_took(&d, SH_TIMED_CHECKPOINT, 480);
    assert_true(sh_deadline_near(&d));
    assert_near(begun(3e6).reserve, 60, 0);
    assert_near(begun(10).reserve, 1, 0);
}

/* The end comes by itself, and a signal counts as well. */
static void test_near(void **state)
{
    (void)state;
    sh_deadline d = begun(1.3);
    assert_false(sh_deadline_stop(&d));
    for (double began = sh_clock_s(); !sh_deadline_stop(&d);)
        assert_true(sh_clock_s() - began < 60);
    assert_string_equal(sh_deadline_reason(&d), "the time limit is near");
    d = begun(INFINITY);
    assert_false(sh_deadline_stop(&d));
    sh_signals_install();
    raise(SIGUSR1);
    assert_true(sh_deadline_stop(&d));
    assert_string_equal(sh_deadline_reason(&d), "a rank was asked to stop");
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_durations), cmocka_unit_test(test_environment), cmocka_unit_test(test_margin),
                                       cmocka_unit_test(test_near)};
    assert_ok(sh_comm_create(&argc, &argv, &comm));
    int failures = cmocka_run_group_tests(tests, NULL, NULL);
    sh_comm_destroy(&comm);
    return failures;
}
