#define _POSIX_C_SOURCE 200809L

#include "train/run_samples.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
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

/* Rank 0: files of iterations that the checkpoint does not know, and what a killed writer left. */
static sh_status clean(const sh_run_samples *s, int64_t first)
{
    if (mkdir(s->folder, 0777) && errno != EEXIST)
        return SH_FAIL(SH_EIO, "cannot make folder '%s': %s", s->folder, strerror(errno));
    DIR *dir = opendir(s->folder);
    if (!dir) return SH_FAIL(SH_EIO, "cannot read folder '%s': %s", s->folder, strerror(errno));
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        char path[2 * SH_PATH_SIZE];
        long long from, to;
        size_t n = strlen(entry->d_name);
        bool left_over = n > 5 && !strcmp(entry->d_name + n - 5, ".part");
        bool newer = sscanf(entry->d_name, "%lld-%lld.h5", &from, &to) == 2 && to > first;
        snprintf(path, sizeof path, "%s/%s", s->folder, entry->d_name);
        if (left_over || newer) remove(path);
    }
    closedir(dir);
    return sh_samples_index(s->folder);
}

sh_status sh_run_samples_begin(sh_run_samples *s, int64_t first)
{
    if (!s) return SH_OK;
    s->first = first;
    return s->comm->rank == 0 ? clean(s, first) : SH_OK;
}

void sh_run_samples_add(sh_run_samples *s, int64_t iteration, const sh_records *records)
{
    (void)iteration;
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
