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
    c->dedicated = dedicated;
    c->n_worker = c->size - dedicated;
    c->worker = works ? c->rank - dedicated : -1;
    return SH_OK;
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

sh_status sh_comm_agree(sh_comm *c, sh_status status)
{
    int mine = status == SH_OK ? c->size : c->rank, first;
    MPI_Allreduce(&mine, &first, 1, MPI_INT, MPI_MIN, c->all);
    if (first == c->size) return SH_OK;
    int code = (int)status;
    char *texts = sh_alloc(SH_ERROR_SIZE);
    if (c->rank == first) {
        if (c->size > 1) sh_error_note(status, "on rank %d of %d", c->rank, c->size);
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
    if (MPI_Bcast(data, to_int(bytes), MPI_BYTE, root, c->all) != MPI_SUCCESS)
        return SH_FAIL(SH_ELIB, "a broadcast of %lld bytes failed", (long long)bytes);
    return SH_OK;
}

#ifdef SH_F64
#define REAL_TYPE MPI_DOUBLE
#else
#define REAL_TYPE MPI_FLOAT
#endif

/* The data are cut into one piece a worker, padded to equal size; worker w gets everybody's piece w, adds them up in the
 * order of the workers and sends the sum to all. */
void sh_comm_sum_real(sh_comm *c, sh_real *data, int64_t n, sh_real *scratch)
{
    int64_t workers = c->n_worker, piece = (n + workers - 1) / workers;
    if (workers == 1 || n == 0) return;
    sh_real *padded = scratch, *parts = scratch + piece * workers;
    memcpy(padded, data, (size_t)n * sizeof *data);
    memset(padded + n, 0, (size_t)(piece * workers - n) * sizeof *data);
    MPI_Alltoall(padded, to_int(piece), REAL_TYPE, parts, to_int(piece), REAL_TYPE, c->workers);
    for (int64_t w = 1; w < workers; w++)
        for (int64_t i = 0; i < piece; i++)
            parts[i] += parts[w * piece + i];
    MPI_Allgather(parts, to_int(piece), REAL_TYPE, padded, to_int(piece), REAL_TYPE, c->workers);
    memcpy(data, padded, (size_t)n * sizeof *data);
}

void sh_comm_sum_double(sh_comm *c, double *data, int n)
{
    enum { MOST = 64 };
    SH_ASSERT(n <= MOST);
    if (c->n_worker == 1) return;
    double *all = SH_NEW(double, n * c->n_worker);
    MPI_Allgather(data, n, MPI_DOUBLE, all, n, MPI_DOUBLE, c->workers);
    for (int i = 0; i < n; i++) {
        data[i] = all[i];
        for (int w = 1; w < c->n_worker; w++)
            data[i] += all[w * n + i];
    }
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
