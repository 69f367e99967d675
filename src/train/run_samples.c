#define _POSIX_C_SOURCE 200809L

#include "train/run_samples.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "io/files.h"
#include "io/samples.h"
#include "train/exchange.h"

struct sh_run_samples {
    sh_comm *comm;
    const sh_config *config;
    const sh_space *space;
    char folder[SH_PATH_SIZE + 16];
    sh_records kept;
    int64_t first; /* iteration of the first record kept */
};

sh_run_samples *sh_run_samples_create(sh_comm *comm, const sh_config *config, const sh_space *space)
{
    sh_run_samples *s = SH_NEW(sh_run_samples, 1);
    s->comm = comm;
    s->config = config;
    s->space = space;
    snprintf(s->folder, sizeof s->folder, "%s/samples", config->run.directory);
    sh_records_create(&s->kept, config->constraints.max_sites, 1);
    return s;
}

void sh_run_samples_destroy(sh_run_samples **samples)
{
    if (!*samples) return;
    sh_records_destroy(&(*samples)->kept);
    sh_free(*samples);
    *samples = NULL;
}

/* The iterations that a segment's name says it is of. */
static bool is_segment(const char *name, long long *from, long long *to)
{
    int end = 0;
    return sscanf(name, "%lld-%lld.h5%n", from, to, &end) == 2 && end > 0 && !name[end];
}

typedef struct {
    int64_t first;   /* iterations that the checkpoint knows */
    int64_t covered; /* of them, those that segments are of */
} inventory;

static sh_status keep_or_remove(const char *folder, const char *name, void *user)
{
    inventory *found = user;
    char path[2 * SH_PATH_SIZE];
    long long from, to;
    if (!is_segment(name, &from, &to)) return SH_OK;
    if (to <= found->first) {
        found->covered += to - from;
        return SH_OK;
    }
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return remove(path) ? SH_FAIL(SH_EIO, "'%s' cannot be removed: %s", path, strerror(errno)) : SH_OK;
}

/* Rank 0: removes files of iterations that the checkpoint does not know, and what a killed writer left. */
static sh_status clean(const sh_run_samples *s, int64_t first)
{
    inventory found = {.first = first};
    SH_TRY(sh_folder_make(s->folder));
    SH_TRY(sh_folder_clean(s->folder));
    SH_TRY(sh_folder_visit(s->folder, keep_or_remove, &found));
    if (found.covered < first)
        sh_log_warn("'%s' has samples of %lld of the %lld iterations before", s->folder, (long long)found.covered,
                    (long long)first);
    return sh_samples_index(s->folder);
}

sh_status sh_run_samples_begin(sh_run_samples *s, int64_t first)
{
    if (!s) return SH_OK;
    s->first = first;
    return s->comm->rank == 0 ? clean(s, first) : SH_OK;
}

void sh_run_samples_add(sh_run_samples *s, const sh_records *records)
{
    int64_t before = s->kept.n;
    sh_records_resize(&s->kept, before + records->n);
    if (records->n) memcpy(sh_record_at(&s->kept, before), records->data, (size_t)records->n * records->stride);
}

sh_status sh_run_samples_write(sh_run_samples *s, int64_t done)
{
    if (!s || done == s->first) return SH_OK;
    sh_status status = SH_OK;
    if (s->comm->worker >= 0) {
        char path[2 * SH_PATH_SIZE], *config = sh_config_text(s->config, false);
        int64_t batch = s->config->train.batch, first, count;
        sh_exchange_slice(s->comm, batch, &first, &count);
        snprintf(path, sizeof path, "%s/%06lld-%06lld.h5", s->folder, (long long)s->first, (long long)done);
        const sh_samples_layout layout = {.n_row = (done - s->first) * batch,
                                          .first = first,
                                          .stride = batch,
                                          .block = count,
                                          .n_block = done - s->first,
                                          .iteration = s->first};
        status = sh_samples_write(path, s->comm->workers, s->space, config, &s->kept, &layout);
        sh_free(config);
        sh_records_resize(&s->kept, 0);
    }
    s->first = done;
    /* The index is for readers: rank 0 makes it once the segment has its name. */
    SH_TRY(sh_comm_agree(s->comm, status));
    return s->comm->rank == 0 ? sh_samples_index(s->folder) : SH_OK;
}
