#define _POSIX_C_SOURCE 200809L

#include "io/writer.h"

#include <hdf5.h>
#include <omp.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/memory.h"

struct sh_writer {
    pthread_t thread;
    sh_writer_job job;
    void *context;
    bool running; /* there is a thread to join */
    sh_status status;
    double seconds;            /* of all jobs */
    char texts[SH_ERROR_SIZE]; /* of a failure */
    atomic_int state;          /* sh_writer_state */
};

sh_writer *sh_writer_create(void)
{
    sh_writer *w = SH_NEW(sh_writer, 1);
    H5open(); /* by this thread: it begins with a few calls of MPI's */
    atomic_init(&w->state, SH_WRITER_IDLE);
    return w;
}

void sh_writer_destroy(sh_writer **writer)
{
    if (!*writer) return;
    if (sh_writer_wait(*writer) != SH_OK) sh_error_clear();
    sh_free(*writer);
    *writer = NULL;
}

static void *work(void *arg)
{
    sh_writer *w = arg;
    omp_set_num_threads(1); /* of this thread's loops: the others are the step's */
    double began = sh_clock_s();
    w->status = w->job(w->context);
    w->seconds += sh_clock_s() - began;
    if (w->status != SH_OK) sh_error_pack(w->texts);
    atomic_store(&w->state, w->status == SH_OK ? SH_WRITER_IDLE : SH_WRITER_FAILED);
    return NULL;
}

void sh_writer_start(sh_writer *w, sh_writer_job job, void *context)
{
    static const int own[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT}; /* what a thread brings upon itself */
    sigset_t all, before;
    SH_ASSERT(!w->running && sh_writer_look(w) == SH_WRITER_IDLE);
    w->job = job;
    w->context = context;
    atomic_store(&w->state, SH_WRITER_BUSY);
    sigfillset(&all);
    for (int i = 0; i < 5; i++)
        sigdelset(&all, own[i]);
    pthread_sigmask(SIG_SETMASK, &all, &before); /* a new thread inherits it */
    w->running = pthread_create(&w->thread, NULL, work, w) == 0;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (w->running) return;
    int threads = omp_get_max_threads(); /* no thread to be had: the program waits */
    work(w);
    omp_set_num_threads(threads);
}

sh_writer_state sh_writer_look(const sh_writer *w)
{
    return (sh_writer_state)atomic_load(&w->state);
}

sh_status sh_writer_wait(sh_writer *w)
{
    if (w->running) pthread_join(w->thread, NULL);
    w->running = false;
    sh_status status = w->status;
    if (status != SH_OK) sh_error_unpack(w->texts);
    w->status = SH_OK;
    atomic_store(&w->state, SH_WRITER_IDLE);
    return status;
}

double sh_writer_seconds(const sh_writer *w)
{
    return w->seconds;
}
