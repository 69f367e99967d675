#include "train/timings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

static const char *const name[SH_N_PART] = {"coordinate", "wait_rank0",   "replay", "sample", "reward",        "tell",
                                            "gradient",   "wait_workers", "sum",    "adam",   "wait_findings", "files"};

enum { BACKEND_NAME = 16 }; /* bytes, with its end */

static const double SLOW = 2; /* times the median: more than ranks of one kind differ */

void sh_timings_iteration(sh_timings *t, int64_t structures)
{
    bool begins = t->at == 0;
    if (begins || t->iterations++ == 0) { /* the first is over */
        memset(t->seconds, 0, sizeof t->seconds);
        t->structures = 0;
    } else {
        t->structures += structures;
    }
    t->at = sh_clock_s();
}

void sh_timings_mark(sh_timings *t, sh_part part)
{
    double time = sh_clock_s();
    t->seconds[part] += time - t->at;
    t->at = time;
}

void sh_timings_move(sh_timings *t, sh_part from, sh_part to, double seconds)
{
    t->seconds[from] -= seconds;
    t->seconds[to] += seconds;
}

/* What a worker does by itself, waiting for nobody. */
static double own_work(const double *seconds)
{
    return seconds[SH_PART_REPLAY] + seconds[SH_PART_SAMPLE] + seconds[SH_PART_REWARD] + seconds[SH_PART_TELL] +
           seconds[SH_PART_GRADIENT] + seconds[SH_PART_ADAM];
}

static int ascending(const void *a, const void *b)
{
    double p = *(const double *)a, q = *(const double *)b;
    return (p > q) - (p < q);
}

/* Rank 0: a worker that all others wait for has a sick node, a throttled device or a neighbour. all (size,SH_N_PART), names as MPI has
 * them. */
static void name_the_slow(const sh_comm *c, const double *all, const char *names)
{
    double *own = SH_NEW(double, c->n_worker);
    for (int w = 0; w < c->n_worker; w++)
        own[w] = own_work(all + (w + c->dedicated) * SH_N_PART);
    qsort(own, (size_t)c->n_worker, sizeof *own, ascending);
    double median = own[(c->n_worker - 1) / 2];
    sh_free(own);
    for (int r = c->dedicated; r < c->size && median > 0; r++) {
        double times = own_work(all + r * SH_N_PART) / median;
        if (times > SLOW)
            sh_log_warn("rank %d, on %s, took %.1f times as long as the median worker for its part: the others wait for it", r,
                        names + r * MPI_MAX_PROCESSOR_NAME, times);
    }
}

sh_status sh_timings_write(const sh_timings *t, sh_comm *c, const char *path)
{
    sh_status status = SH_OK;
    double *all = SH_NEW(double, (int64_t)c->size * SH_N_PART);
    MPI_Gather(t->seconds, SH_N_PART, MPI_DOUBLE, all, SH_N_PART, MPI_DOUBLE, 0, c->all);
    char backend[BACKEND_NAME] = "", *backends = SH_NEW(char, c->size * BACKEND_NAME);
    snprintf(backend, sizeof backend, "%s", t->backend);
    MPI_Gather(backend, BACKEND_NAME, MPI_CHAR, backends, BACKEND_NAME, MPI_CHAR, 0, c->all);
    char name_of_host[MPI_MAX_PROCESSOR_NAME] = "", *names = SH_NEW(char, (int64_t)c->size * MPI_MAX_PROCESSOR_NAME);
    int length;
    MPI_Get_processor_name(name_of_host, &length);
    MPI_Gather(name_of_host, MPI_MAX_PROCESSOR_NAME, MPI_CHAR, names, MPI_MAX_PROCESSOR_NAME, MPI_CHAR, 0, c->all);
    if (c->rank == 0) name_the_slow(c, all, names);
    sh_free(names);
    FILE *f = c->rank == 0 ? fopen(path, "w") : NULL;
    if (c->rank == 0 && !f) status = SH_FAIL(SH_EIO, "cannot write '%s': %s", path, strerror(errno));
    if (f) {
        fputs("rank,worker,backend,gradient_bytes,iterations,structures", f);
        for (int p = 0; p < SH_N_PART; p++)
            fprintf(f, ",%s", name[p]);
        for (int r = 0; r < c->size; r++) {
            fprintf(f, "\n%d,%d,%s,%lld,%lld,%lld", r, r - c->dedicated, backends + r * BACKEND_NAME,
                    (long long)t->gradient_bytes, (long long)(t->iterations - 1), (long long)t->structures);
            for (int p = 0; p < SH_N_PART; p++)
                fprintf(f, ",%.6f", all[r * SH_N_PART + p]);
        }
        fputc('\n', f);
        if (fclose(f)) status = SH_FAIL(SH_EIO, "cannot write '%s': %s", path, strerror(errno));
    }
    sh_free(backends);
    sh_free(all);
    return sh_comm_agree(c, status);
}
