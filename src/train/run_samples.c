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

enum { TAG_SAMPLES = 110 };

/* Neighbouring workers whose records go into one file. */
typedef struct {
    int index, n;           /* of all groups */
    int first, last;        /* its workers */
    int64_t begin, n_batch; /* its part of each batch */
} group;

struct sh_run_samples {
    sh_comm *comm;
    const sh_config *config;
    const sh_space *space;
    char folder[SH_PATH_SIZE + 16];
    group group;         /* on a worker */
    sh_records kept;     /* of this worker, since iteration `first` */
    sh_records handed;   /* of the group, while they are written */
    int64_t first, last; /* the segment handed over: iterations first .. last - 1 */
    int64_t begun;       /* iteration of the first record kept */
};

/* Where in a batch the trajectories of a worker begin. */
static int64_t begin_of(const sh_comm *comm, int64_t batch, int worker)
{
    int shard, n_shard;
    int64_t begin, n;
    if (worker == comm->n_worker) return batch;
    sh_comm_shards_of(comm, worker, &shard, &n_shard);
    sh_comm_shard_slice(comm, batch, shard, &begin, &n);
    return begin;
}

/* As many groups as an interval has files' worth of records, at least one, and a worker each at most. */
static group group_of(const sh_comm *comm, const sh_config *config, size_t stride, int64_t file_bytes)
{
    int64_t interval = config->run.checkpoint_every < config->train.iterations ? config->run.checkpoint_every : config->train.iterations;
    double bytes = (double)config->train.batch * (double)stride * (double)interval;
    double files = bytes / (double)file_bytes + 1;
    group g = {.n = files < comm->n_worker ? (int)files : comm->n_worker};
    while ((int64_t)comm->n_worker * (g.index + 1) / g.n <= comm->worker)
        g.index++;
    g.first = (int)((int64_t)comm->n_worker * g.index / g.n);
    g.last = (int)((int64_t)comm->n_worker * (g.index + 1) / g.n) - 1;
    g.begin = begin_of(comm, config->train.batch, g.first);
    g.n_batch = begin_of(comm, config->train.batch, g.last + 1) - g.begin;
    return g;
}

sh_run_samples *sh_run_samples_create(sh_comm *comm, const sh_config *config, const sh_space *space, int64_t file_bytes)
{
    sh_run_samples *s = SH_NEW(sh_run_samples, 1);
    s->comm = comm;
    s->config = config;
    s->space = space;
    snprintf(s->folder, sizeof s->folder, "%s/samples", config->run.directory);
    sh_records_create(&s->kept, config->constraints.max_sites, 1);
    sh_records_create(&s->handed, config->constraints.max_sites, 1);
    if (comm->worker >= 0) s->group = group_of(comm, config, s->kept.stride, file_bytes ? file_bytes : SH_SEGMENT_BYTES);
    return s;
}

void sh_run_samples_destroy(sh_run_samples **samples)
{
    if (!*samples) return;
    sh_records_destroy(&(*samples)->kept);
    sh_records_destroy(&(*samples)->handed);
    sh_free(*samples);
    *samples = NULL;
}

typedef struct {
    int64_t first;  /* iterations that the checkpoint knows */
    double covered; /* of them, those that segments are of */
} inventory;

static sh_status keep_or_remove(const char *folder, const char *name, void *user)
{
    inventory *found = user;
    char path[2 * SH_PATH_SIZE];
    sh_segment s;
    if (!sh_segment_parse(name, &s)) return SH_OK;
    if (s.last <= found->first) {
        found->covered += (double)(s.last - s.first) / s.n_part;
        return SH_OK;
    }
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return remove(path) ? SH_FAIL(SH_EIO, "'%s' cannot be removed: %s", path, strerror(errno)) : SH_OK;
}

/* Rank 0: removes files of iterations that the checkpoint does not know, and what a killed writer left. */
static sh_status clean(const sh_run_samples *s, int64_t first)
{
    const double rounding = 1e-6;
    inventory found = {.first = first};
    SH_TRY(sh_folder_make(s->folder));
    SH_TRY(sh_folder_clean(s->folder));
    SH_TRY(sh_folder_visit(s->folder, keep_or_remove, &found));
    if (found.covered + rounding < (double)first)
        sh_log_warn("'%s' has samples of %.0f of the %lld iterations before", s->folder, found.covered, (long long)first);
    return sh_samples_index(s->folder);
}

sh_status sh_run_samples_begin(sh_run_samples *s, int64_t first)
{
    if (!s) return SH_OK;
    s->begun = first;
    return s->comm->rank == 0 ? clean(s, first) : SH_OK;
}

static void append(sh_records *to, const sh_records *from)
{
    int64_t before = to->n;
    sh_records_resize(to, before + from->n);
    if (from->n) memcpy(sh_record_at(to, before), from->data, (size_t)from->n * from->stride);
}

void sh_run_samples_add(sh_run_samples *s, const sh_records *records)
{
    if (s) append(&s->kept, records);
}

/* Records of one worker, iteration by iteration, to their places among those of the group. */
static void place(sh_records *all, const sh_records *of_one, int64_t n_batch, int64_t begin, int64_t n, int64_t n_iteration)
{
    for (int64_t i = 0; i < n_iteration && n; i++)
        memcpy(sh_record_at(all, i * n_batch + begin), sh_record_at(of_one, i * n), (size_t)n * all->stride);
}

/* The records of the group to its first worker, into `handed`. */
static void bring_together(sh_run_samples *s, int64_t n_iteration)
{
    const group *g = &s->group;
    sh_comm *comm = s->comm;
    sh_request request;
    int64_t batch = s->config->train.batch;
    if (g->first == g->last) {
        sh_records swap = s->handed;
        s->handed = s->kept;
        s->kept = swap;
    } else if (comm->worker > g->first) {
        sh_comm_isend(comm, s->kept.data, s->kept.n * (int64_t)s->kept.stride, g->first + comm->dedicated, TAG_SAMPLES, &request);
        sh_comm_wait(&request);
    } else {
        sh_records_resize(&s->handed, g->n_batch * n_iteration);
        for (int w = g->first; w <= g->last; w++) {
            int64_t begin = begin_of(comm, batch, w), n = begin_of(comm, batch, w + 1) - begin;
            if (w > g->first) { /* its own are placed by then */
                sh_records_resize(&s->kept, n * n_iteration);
                sh_comm_irecv(comm, s->kept.data, n * n_iteration * (int64_t)s->kept.stride, w + comm->dedicated, TAG_SAMPLES, &request);
                sh_comm_wait(&request);
            }
            place(&s->handed, &s->kept, g->n_batch, begin - g->begin, n, n_iteration);
        }
    }
    sh_records_resize(&s->kept, 0);
}

static sh_status write_segment(void *context)
{
    const sh_run_samples *s = context;
    const sh_segment segment = {s->first, s->last, s->group.index, s->group.n};
    char name[SH_SEGMENT_NAME], path[2 * SH_PATH_SIZE], *config = sh_config_text(s->config, false);
    sh_segment_name(&segment, name);
    snprintf(path, sizeof path, "%s/%s", s->folder, name);
    const sh_samples_layout layout = {.n_row = s->handed.n,
                                      .stride = s->group.n_batch,
                                      .block = s->group.n_batch,
                                      .n_block = s->last - s->first,
                                      .iteration = s->first};
    sh_status status = sh_samples_write(path, MPI_COMM_NULL, s->space, config, &s->handed, &layout);
    sh_free(config);
    return status;
}

void sh_run_samples_hand_over(sh_run_samples *s, int64_t done, sh_writer *writer)
{
    if (!s || done == s->begun) return;
    s->first = s->begun;
    s->last = s->begun = done;
    if (s->comm->worker < 0) return;
    bring_together(s, s->last - s->first);
    if (s->comm->worker == s->group.first) sh_writer_start(writer, write_segment, s);
}

sh_status sh_run_samples_index(const sh_run_samples *s)
{
    return s ? sh_samples_index(s->folder) : SH_OK;
}
