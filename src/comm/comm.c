#include "comm/comm.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static int to_int(int64_t value)
{
    SH_ASSERT(value >= 0 && value <= INT_MAX);
    return (int)value;
}

/* MPI's default handler ends the program with a message, which is what a broken transport deserves. */
sh_status sh_comm_create(int *argc, char ***argv, sh_comm **out)
{
    *out = NULL;
    int provided, started;
    MPI_Initialized(&started);
    if (!started && MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &provided) != MPI_SUCCESS)
        return SH_FAIL(SH_ELIB, "MPI does not start");
    sh_comm *c = SH_NEW(sh_comm, 1);
    MPI_Comm_dup(MPI_COMM_WORLD, &c->all);
    MPI_Comm_rank(c->all, &c->rank);
    MPI_Comm_size(c->all, &c->size);
    c->workers = MPI_COMM_NULL;
    *out = c;
    return sh_comm_set_workers(c, false);
}

sh_status sh_comm_set_workers(sh_comm *c, bool dedicated)
{
    if (dedicated && c->size == 1)
        return SH_FAIL(SH_EINPUT, "run.coordinator: dedicated needs at least two ranks, and this is one process");
    if (c->workers != MPI_COMM_NULL) MPI_Comm_free(&c->workers);
    bool works = !dedicated || c->rank > 0;
    MPI_Comm_split(c->all, works ? 0 : MPI_UNDEFINED, c->rank, &c->workers);
    c->has_group = false;
    c->dedicated = dedicated;
    c->per_rank = 1;
    c->n_worker = c->size - dedicated;
    c->worker = works ? c->rank - dedicated : -1;
    return sh_comm_set_shards(c, 0);
}

sh_status sh_comm_set_shards(sh_comm *c, int n_shard)
{
    if (n_shard && n_shard < c->n_worker)
        return sh_error_hint(SH_FAIL(SH_EINPUT, "run.shards: %d are too few for %d workers, each of which takes one or more", n_shard,
                                     c->n_worker),
                             "raise run.shards (the bits depend on it), or start fewer ranks");
    c->n_shard = n_shard ? n_shard : c->n_worker;
    c->first_shard = c->my_shards = 0;
    if (c->worker >= 0) sh_comm_shards_of(c, c->worker, &c->first_shard, &c->my_shards);
    return SH_OK;
}

void sh_comm_shards_of(const sh_comm *c, int worker, int *first, int *count)
{
    *first = (int)((int64_t)c->n_shard * worker / c->n_worker);
    *count = (int)((int64_t)c->n_shard * (worker + 1) / c->n_worker) - *first;
}

void sh_comm_shard_slice(const sh_comm *c, int64_t n, int shard, int64_t *first, int64_t *count)
{
    *first = n * shard / c->n_shard;
    *count = n * (shard + 1) / c->n_shard - *first;
}

void sh_comm_destroy(sh_comm **comm)
{
    sh_comm *c = *comm;
    if (!c) return;
    if (c->workers != MPI_COMM_NULL) MPI_Comm_free(&c->workers);
    MPI_Comm_free(&c->all);
    sh_free(c);
    *comm = NULL;
    MPI_Finalize();
}

void sh_comm_join_group(sh_comm *c, const sh_backend *be)
{
    char id[SH_GROUP_ID];
    if (!be->group.join || c->worker < 0) return;
    if (c->worker == 0) be->group.make_id(id);
    MPI_Bcast(id, SH_GROUP_ID, MPI_CHAR, 0, c->workers);
    be->group.join(id, c->worker, c->n_worker);
    c->has_group = true;
}

sh_status sh_comm_agree(sh_comm *c, sh_status status)
{
    int mine = status == SH_OK ? c->size : c->rank, first;
    MPI_Allreduce(&mine, &first, 1, MPI_INT, MPI_MIN, c->all);
    if (first == c->size) return SH_OK;
    int code = (int)status;
    char *texts = sh_alloc(SH_ERROR_SIZE);
    if (c->rank == first) {
        bool says_where = strstr(sh_error_message(), ", on rank "); /* agreed on before, by whoever was called */
        if (c->size > 1 && !says_where) sh_error_note(status, "on rank %d of %d", c->rank, c->size);
        sh_error_pack(texts);
    }
    MPI_Bcast(&code, 1, MPI_INT, first, c->all);
    MPI_Bcast(texts, SH_ERROR_SIZE, MPI_CHAR, first, c->all);
    if (c->rank == 0)
        sh_error_unpack(texts);
    else
        sh_error_clear();
    sh_free(texts);
    return (sh_status)code;
}

void sh_comm_abort(const sh_comm *c, sh_status status)
{
    fprintf(stderr, "shaft: rank %d of %d: %s\n", c->rank, c->size, sh_error_message());
    if (sh_error_traceback()[0]) fprintf(stderr, "  at %s\n", sh_error_traceback());
    if (sh_error_hints()[0]) fprintf(stderr, "  hint: %s\n", sh_error_hints());
    fflush(stderr);
    MPI_Abort(c->all, sh_status_exit_code(status));
    abort();
}

sh_status sh_comm_bcast(sh_comm *c, void *data, int64_t bytes, int root)
{
    const int64_t piece = 1 << 30; /* an int counts bytes */
    for (int64_t at = 0; at < bytes; at += piece)
        if (MPI_Bcast((char *)data + at, to_int(bytes - at < piece ? bytes - at : piece), MPI_BYTE, root, c->all) != MPI_SUCCESS)
            return SH_FAIL(SH_ELIB, "a broadcast of %lld bytes failed", (long long)bytes);
    return SH_OK;
}

#ifdef SH_F64
#define REAL_TYPE MPI_DOUBLE
#else
#define REAL_TYPE MPI_FLOAT
#endif

/* Rows lo .. hi - 1 of (., n) into row lo. */
static void add_tree(sh_real *rows, int64_t n, int lo, int hi)
{
    if (hi - lo < 2) return;
    int middle = lo + (hi - lo) / 2;
    add_tree(rows, n, lo, middle);
    add_tree(rows, n, middle, hi);
    for (int64_t i = 0; i < n; i++)
        rows[lo * n + i] += rows[middle * n + i];
}

static int64_t piece_of(const sh_comm *c, int64_t n)
{
    return (n + c->n_worker - 1) / c->n_worker;
}

int64_t sh_comm_sum_scratch(const sh_comm *c, int64_t n)
{
    return (c->my_shards * c->n_worker + c->n_shard) * piece_of(c, n);
}

/* The numbers are cut into one piece a worker, padded to equal size; worker w gets piece w of every shard, adds them up and
 * sends the sum to all. */
void sh_comm_sum_real(sh_comm *c, sh_real *data, int64_t n, sh_real *scratch)
{
    int64_t piece = piece_of(c, n);
    if (n == 0) return;
    if (c->n_worker == 1) {
        add_tree(data, n, 0, c->n_shard);
        return;
    }
    sh_real *out = scratch, *in = scratch + c->my_shards * c->n_worker * piece;
    int *count = SH_NEW(int, 4 * c->n_worker), *at = count + c->n_worker, *in_count = at + c->n_worker, *in_at = in_count + c->n_worker;
    for (int w = 0; w < c->n_worker; w++) {
        int first, shards;
        sh_comm_shards_of(c, w, &first, &shards);
        count[w] = to_int(c->my_shards * piece);
        at[w] = to_int(w * c->my_shards * piece);
        in_count[w] = to_int(shards * piece);
        in_at[w] = to_int(first * piece);
        int64_t begin = w * piece < n ? w * piece : n, end = begin + piece < n ? begin + piece : n;
        for (int k = 0; k < c->my_shards; k++) {
            sh_real *to = out + at[w] + k * piece;
            memcpy(to, data + k * n + begin, (size_t)(end - begin) * sizeof *to);
            memset(to + (end - begin), 0, (size_t)(piece - (end - begin)) * sizeof *to);
        }
    }
    MPI_Alltoallv(out, count, at, REAL_TYPE, in, in_count, in_at, REAL_TYPE, c->workers);
    add_tree(in, piece, 0, c->n_shard);
    MPI_Allgather(in, to_int(piece), REAL_TYPE, out, to_int(piece), REAL_TYPE, c->workers);
    memcpy(data, out, (size_t)n * sizeof *data);
    sh_free(count);
}

void sh_comm_sum_double(sh_comm *c, double *data, int n)
{
    enum { MOST = 64 };
    SH_ASSERT(n <= MOST);
    double *all = SH_NEW(double, n * c->n_shard);
    int *count = SH_NEW(int, 2 * c->n_worker), *at = count + c->n_worker;
    for (int w = 0; w < c->n_worker; w++) {
        int first, shards;
        sh_comm_shards_of(c, w, &first, &shards);
        count[w] = shards * n;
        at[w] = first * n;
    }
    MPI_Allgatherv(data, c->my_shards * n, MPI_DOUBLE, all, count, at, MPI_DOUBLE, c->workers);
    for (int i = 0; i < n; i++) {
        data[i] = all[i];
        for (int shard = 1; shard < c->n_shard; shard++)
            data[i] += all[shard * n + i];
    }
    sh_free(count);
    sh_free(all);
}

void sh_comm_isend(sh_comm *c, const void *data, int64_t bytes, int rank, int tag, sh_request *request)
{
    MPI_Isend(data, to_int(bytes), MPI_BYTE, rank, tag, c->all, request);
}

void sh_comm_irecv(sh_comm *c, void *data, int64_t bytes, int rank, int tag, sh_request *request)
{
    MPI_Irecv(data, to_int(bytes), MPI_BYTE, rank, tag, c->all, request);
}

int64_t sh_comm_wait(sh_request *request)
{
    if (*request == MPI_REQUEST_NULL) return 0;
    MPI_Status status;
    int bytes = 0;
    MPI_Wait(request, &status);
    MPI_Get_count(&status, MPI_BYTE, &bytes);
    return bytes;
}

bool sh_comm_done(sh_request *request)
{
    int done = 1;
    if (*request != MPI_REQUEST_NULL) MPI_Test(request, &done, MPI_STATUS_IGNORE);
    return done;
}
