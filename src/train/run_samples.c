#define _POSIX_C_SOURCE 200809L

#include "train/run_samples.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "io/samples.h"

struct sh_run_samples {
    sh_comm *comm;
    const sh_config *config;
    const sh_space *space;
    char folder[SH_PATH_SIZE + 16];
    sh_records kept;
    int64_t first;      /* iteration that the segment begins with */
    int64_t n_iteration, capacity;
    int64_t *count;     /* records kept of each iteration since */
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
    sh_free((*samples)->count);
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

void sh_run_samples_add(sh_run_samples *s, const sh_records *records)
{
    int64_t before = s->kept.n;
    for (int64_t i = 0; i < records->n; i++)
        if (sh_result_is_writable(&sh_record_at(records, i)->result)) sh_records_append(&s->kept, records, i);
    if (s->n_iteration == s->capacity) {
        s->capacity = s->capacity ? 2 * s->capacity : 256;
        s->count = sh_realloc(s->count, (size_t)s->capacity * sizeof *s->count);
    }
    s->count[s->n_iteration++] = s->kept.n - before;
}

/* Rows are in the order of trajectories whatever the number of workers: of each iteration first those of worker 0, then
 * those of worker 1, and so on. Returns the rows of all. */
static int64_t place_rows(const sh_run_samples *s, int64_t *row)
{
    int n_worker = s->comm->n_worker, n = (int)s->n_iteration;
    int64_t *all = SH_NEW(int64_t, (int64_t)n * n_worker), total = 0, mine = 0;
    MPI_Allgather(s->count, n, MPI_INT64_T, all, n, MPI_INT64_T, s->comm->workers);
    for (int i = 0; i < n; i++)
        for (int w = 0; w < n_worker; w++) {
            for (int64_t k = 0; k < all[w * n + i] && w == s->comm->worker; k++)
                row[mine++] = total + k;
            total += all[w * n + i];
        }
    sh_free(all);
    return total;
}

sh_status sh_run_samples_write(sh_run_samples *s, int64_t done)
{
    if (!s || done == s->first) return SH_OK;
    sh_status status = SH_OK;
    if (s->comm->worker >= 0) {
        char path[2 * SH_PATH_SIZE], *config = sh_config_text(s->config, false);
        int64_t *row = SH_NEW(int64_t, s->kept.n), n_row = place_rows(s, row);
        snprintf(path, sizeof path, "%s/%06lld-%06lld.h5", s->folder, (long long)s->first, (long long)done);
        if (n_row) status = sh_samples_write(path, s->comm->workers, s->space, config, &s->kept, row, n_row);
        sh_free(row);
        sh_free(config);
        sh_records_resize(&s->kept, 0);
        s->n_iteration = 0;
    }
    s->first = done;
    /* The index is for readers: rank 0 makes it once the segment has its name. */
    SH_TRY(sh_comm_agree(s->comm, status));
    return s->comm->rank == 0 ? sh_samples_index(s->folder) : SH_OK;
}
