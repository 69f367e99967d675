#include "train/timings.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"

static const char *const name[SH_N_PART] = {"coordinate", "wait_rank0",   "replay", "sample", "reward",        "tell",
                                            "gradient",   "wait_workers", "sum",    "adam",   "wait_findings", "files"};

void sh_timings_iteration(sh_timings *t, int64_t structures)
{
    bool begins = t->at == 0;
    if (begins || t->iterations++ == 0) { /* the first is over */
        memset(t->seconds, 0, sizeof t->seconds);
        t->structures = 0;
    } else {
        t->structures += structures;
    }
    t->at = MPI_Wtime();
}

void sh_timings_mark(sh_timings *t, sh_part part)
{
    double time = MPI_Wtime();
    t->seconds[part] += time - t->at;
    t->at = time;
}

void sh_timings_move(sh_timings *t, sh_part from, sh_part to, double seconds)
{
    t->seconds[from] -= seconds;
    t->seconds[to] += seconds;
}

sh_status sh_timings_write(const sh_timings *t, sh_comm *c, const char *path)
{
    sh_status status = SH_OK;
    double *all = SH_NEW(double, (int64_t)c->size * SH_N_PART);
    MPI_Gather(t->seconds, SH_N_PART, MPI_DOUBLE, all, SH_N_PART, MPI_DOUBLE, 0, c->all);
    FILE *f = c->rank == 0 ? fopen(path, "w") : NULL;
    if (c->rank == 0 && !f) status = SH_FAIL(SH_EIO, "cannot write '%s': %s", path, strerror(errno));
    if (f) {
        fputs("rank,worker,iterations,structures", f);
        for (int p = 0; p < SH_N_PART; p++)
            fprintf(f, ",%s", name[p]);
        for (int r = 0; r < c->size; r++) {
            fprintf(f, "\n%d,%d,%lld,%lld", r, r - c->dedicated, (long long)(t->iterations - 1), (long long)t->structures);
            for (int p = 0; p < SH_N_PART; p++)
                fprintf(f, ",%.6f", all[r * SH_N_PART + p]);
        }
        fputc('\n', f);
        if (fclose(f)) status = SH_FAIL(SH_EIO, "cannot write '%s': %s", path, strerror(errno));
    }
    sh_free(all);
    return sh_comm_agree(c, status);
}
