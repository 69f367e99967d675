#include "train/run_files.h"

#include <stdio.h>

#include "base/memory.h"
#include "io/files.h"

struct sh_run_files {
    sh_comm *comm;
    const sh_config *config;
    sh_writer *writer;
    sh_run_samples *samples; /* NULL: the run keeps none */
    sh_checkpoint *state;    /* rank 0: taken, and not written yet or being written */
    int64_t iteration;       /* of `state` */
    bool waits;              /* rank 0: `state` waits for the segments */
    double seconds, counted; /* s of the thread: for the last checkpoint, for all up to it */
    bool under_way;          /* on all ranks: something was handed over and not yet waited for */
};

sh_run_files *sh_run_files_create(sh_comm *comm, const sh_config *config, const sh_space *space)
{
    sh_run_files *f = SH_NEW(sh_run_files, 1);
    f->comm = comm;
    f->config = config;
    f->writer = sh_writer_create();
    if (config->run.save_samples) f->samples = sh_run_samples_create(comm, config, space, 0);
    return f;
}

void sh_run_files_destroy(sh_run_files **files)
{
    sh_run_files *f = *files;
    if (!f) return;
    sh_writer_destroy(&f->writer);
    sh_checkpoint_destroy(&f->state);
    sh_run_samples_destroy(&f->samples);
    sh_free(f);
    *files = NULL;
}

sh_status sh_run_files_begin(sh_run_files *f, int64_t first)
{
    return sh_run_samples_begin(f->samples, first);
}

void sh_run_files_add(sh_run_files *f, const sh_records *records)
{
    sh_run_samples_add(f->samples, records);
}

static sh_status write_state(void *context)
{
    const sh_run_files *f = context;
    char metrics[SH_PATH_SIZE + 16];
    SH_TRY(sh_run_samples_index(f->samples));
    snprintf(metrics, sizeof metrics, "%s/metrics.csv", f->config->run.directory);
    SH_TRY(sh_file_sync(metrics)); /* a machine that breaks down loses no row of what the state has done */
    return sh_run_state_write(f->state, f->config, f->iteration);
}

sh_writer_state sh_run_files_look(const sh_run_files *f)
{
    return sh_writer_look(f->writer);
}

double sh_run_files_seconds(const sh_run_files *f)
{
    return f->seconds;
}

void sh_run_files_go_on(sh_run_files *f, bool all_idle)
{
    if (!f->waits || !all_idle || sh_writer_look(f->writer) != SH_WRITER_IDLE) return;
    sh_status status = sh_writer_wait(f->writer); /* for its own segment, which is written */
    SH_ASSERT(status == SH_OK);
    f->waits = false;
    sh_writer_start(f->writer, write_state, f);
}

/* Waits for this rank's thread. */
static sh_status written(sh_run_files *f)
{
    sh_status status = sh_writer_wait(f->writer);
    return status == SH_OK ? SH_OK : sh_error_hint(status, "what was written before is unharmed: --resume goes on from there");
}

sh_status sh_run_files_finish(sh_run_files *f)
{
    if (!f->under_way) return SH_OK;
    f->under_way = false;
    SH_TRY(sh_comm_agree(f->comm, written(f)));
    sh_run_files_go_on(f, true);
    sh_status status = written(f);
    sh_checkpoint_destroy(&f->state);
    f->seconds = sh_writer_seconds(f->writer) - f->counted;
    f->counted += f->seconds;
    return sh_comm_agree(f->comm, status);
}

sh_status sh_run_files_checkpoint(sh_run_files *f, const sh_setup *setup, const sh_coordinator_state *state, int64_t done, bool last)
{
    SH_TRY(sh_run_files_finish(f));
    sh_run_samples_hand_over(f->samples, done, f->writer);
    if (f->comm->rank == 0) f->state = sh_run_state_take(setup, state, done);
    f->iteration = done;
    f->waits = f->comm->rank == 0;
    f->under_way = true;
    return last ? sh_run_files_finish(f) : SH_OK;
}
