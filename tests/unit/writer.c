/* A job beside the program: it runs while the program goes on, its failure arrives with all texts, signals are not its. */
#define _POSIX_C_SOURCE 200809L
#include "test.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>

#include "base/memory.h"
#include "io/writer.h"

typedef struct {
    atomic_int go, begun;
    bool fails, blocked;
    int done;
} work;

static sh_status job(void *context)
{
    work *w = context;
    sigset_t mask;
    atomic_store(&w->begun, 1);
    pthread_sigmask(SIG_SETMASK, NULL, &mask);
    w->blocked = sigismember(&mask, SIGTERM) && sigismember(&mask, SIGUSR1);
    while (!atomic_load(&w->go))
        sched_yield();
    w->done++;
    if (!w->fails) return SH_OK;
    SH_FAIL(SH_EIO, "the disk is full of %d", 42);
    sh_error_note(SH_EIO, "while writing");
    return sh_error_hint(SH_EIO, "empty it");
}

static void test_beside(void **state)
{
    (void)state;
    sh_writer *writer = sh_writer_create();
    work w = {0};
    assert_ok(sh_writer_wait(writer)); /* nothing was started */
    for (int k = 1; k < 4; k++) {
        atomic_store(&w.go, 0);
        atomic_store(&w.begun, 0);
        sh_writer_start(writer, job, &w);
        while (!atomic_load(&w.begun)) /* it does not need this thread */
            sched_yield();
        assert_int_equal(sh_writer_look(writer), SH_WRITER_BUSY);
        assert_int_equal(w.done, k - 1);
        atomic_store(&w.go, 1);
        assert_ok(sh_writer_wait(writer));
        assert_int_equal(w.done, k);
        assert_true(w.blocked);
        assert_int_equal(sh_writer_look(writer), SH_WRITER_IDLE);
    }
    assert_true(sh_writer_seconds(writer) > 0);
    sh_writer_destroy(&writer);
    assert_null(writer);
}

static void test_failure(void **state)
{
    (void)state;
    sh_writer *writer = sh_writer_create();
    work w = {.fails = true};
    atomic_store(&w.go, 1);
    sh_writer_start(writer, job, &w);
    while (sh_writer_look(writer) == SH_WRITER_BUSY)
        sched_yield();
    assert_int_equal(sh_writer_look(writer), SH_WRITER_FAILED);
    assert_string_equal(sh_error_message(), ""); /* nobody has asked yet */
    assert_fails(sh_writer_wait(writer), SH_EIO, "the disk is full of 42, while writing");
    assert_string_equal(sh_error_hints(), "empty it");
    sh_error_clear();
    assert_ok(sh_writer_wait(writer)); /* said once */
    atomic_store(&w.go, 0);
    sh_writer_start(writer, job, &w);
    atomic_store(&w.go, 1);
    sh_writer_destroy(&writer); /* waits */
    assert_int_equal(w.done, 2);
    assert_string_equal(sh_error_message(), "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_beside), cmocka_unit_test(test_failure)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    return failed || sh_alloc_live() != 0;
}
