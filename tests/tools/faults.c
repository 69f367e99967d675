/* faults.c -- for LD_PRELOAD: what happens to a healthy program in a bad hour. Each fault begins when the file that its variable names
 * is there.
 *
 * FAULT_CLOCK: the time of day jumps by six hours, forward, back again, backward, on and on. The monotonic clock is left alone.
 * FAULT_NAN: a product of matrices has a NaN in it, if it is one of the pass forward, where
 * nothing is added up; on the rank FAULT_RANK of Open MPI alone where that is set. */
#define _GNU_SOURCE /* RTLD_NEXT */
#include <dlfcn.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static bool begun(const char *variable)
{
    const char *file = getenv(variable);
    return file && access(file, F_OK) == 0;
}

static void find(void *function, const char *name)
{
    void **to = function;
    if (!*to) *to = dlsym(RTLD_NEXT, name);
}

/* ---- clock ---- */

/* s that are added to the time of day. */
static time_t jump(void)
{
    static int n_look;
    return begun("FAULT_CLOCK") ? ((n_look++ / 4) % 3 - 1) * (time_t)(6 * 3600) : 0;
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
    static int (*original)(clockid_t, struct timespec *);
    find(&original, "clock_gettime");
    int failed = original(clock, t);
    if (!failed && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) t->tv_sec += jump();
    return failed;
}

int gettimeofday(struct timeval *restrict t, void *restrict zone)
{
    static int (*original)(struct timeval *, void *);
    find(&original, "gettimeofday");
    int failed = original(t, zone);
    if (!failed) t->tv_sec += jump();
    return failed;
}

time_t time(time_t *out)
{
    struct timespec t;
    clock_gettime(CLOCK_REALTIME, &t);
    if (out) *out = t.tv_sec;
    return t.tv_sec;
}

/* ---- products of matrices ---- */

static bool spoils(void)
{
    const char *rank = getenv("FAULT_RANK"), *mine = getenv("OMPI_COMM_WORLD_RANK");
    return begun("FAULT_NAN") && (!rank || (mine && !strcmp(rank, mine)));
}

/* As cblas.h has it; its enumerations are passed as integers. */
#define PRODUCT(NAME, REAL)                                                                                                          \
    void NAME(int layout, int ta, int tb, int m, int n, int k, REAL alpha, const REAL *a, int lda, const REAL *b, int ldb, REAL beta, \
              REAL *c, int ldc);                                                                                                     \
    void NAME(int layout, int ta, int tb, int m, int n, int k, REAL alpha, const REAL *a, int lda, const REAL *b, int ldb, REAL beta, \
              REAL *c, int ldc)                                                                                                      \
    {                                                                                                                                \
        static void (*original)(int, int, int, int, int, int, REAL, const REAL *, int, const REAL *, int, REAL, REAL *, int);        \
        find(&original, #NAME);                                                                                                      \
        original(layout, ta, tb, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc);                                                      \
        if (m > 0 && n > 0 && beta == 0 && spoils()) c[0] = (REAL)NAN;                                                              \
    }

PRODUCT(cblas_sgemm, float)
PRODUCT(cblas_dgemm, double)
