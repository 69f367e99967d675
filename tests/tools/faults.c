/* faults.c -- for LD_PRELOAD: what happens to a healthy program in a bad hour. Each fault begins when the file that its variable names
 * is there.
 *
 * FAULT_CLOCK: the time of day jumps by six hours, forward, back again, backward, on and on. The monotonic clock is left alone.
 * FAULT_NAN: a product of matrices has a NaN in it, if it is one of the pass forward, where nothing is added up. FAULT_BACKWARD: if it is
 * one of the pass backward, which is added to what is there. FAULT_SUM: of the sum of the gradients, which is what MPI_Allgather is used
 * for, something else arrives. These three on the rank FAULT_RANK of Open MPI alone where that is set.
 * FAULT_SLOW: a file of samples takes a second more before it has its name. */
#define _GNU_SOURCE /* RTLD_NEXT */
#include <dlfcn.h>
#include <math.h>
#include <mpi.h>
#include <stdbool.h>
#include <stdio.h>
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

static bool spoils(const char *variable)
{
    const char *rank = getenv("FAULT_RANK"), *mine = getenv("OMPI_COMM_WORLD_RANK");
    return begun(variable) && (!rank || (mine && !strcmp(rank, mine)));
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
        if (m > 0 && n > 0 && spoils(beta == 0 ? "FAULT_NAN" : "FAULT_BACKWARD")) c[0] = (REAL)NAN;                                 \
    }

PRODUCT(cblas_sgemm, float)
PRODUCT(cblas_dgemm, double)

/* ---- messages and files ---- */

int MPI_Allgather(const void *send, int n_send, MPI_Datatype send_type, void *receive, int n_receive, MPI_Datatype type, MPI_Comm comm)
{
    static int (*original)(const void *, int, MPI_Datatype, void *, int, MPI_Datatype, MPI_Comm);
    find(&original, "MPI_Allgather");
    int code = original(send, n_send, send_type, receive, n_receive, type, comm);
    if (n_receive > 0 && (type == MPI_FLOAT || type == MPI_DOUBLE) && spoils("FAULT_SUM")) memset(receive, 0xff, sizeof(double)); /* NaN */
    return code;
}

int rename(const char *from, const char *to)
{
    static int (*original)(const char *, const char *);
    find(&original, "rename");
    const char *name = strstr(to, "/samples/0");
    if (name && begun("FAULT_SLOW")) nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
    return original(from, to);
}
