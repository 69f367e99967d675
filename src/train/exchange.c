#include "train/exchange.h"

#include <string.h>

#include "base/memory.h"

enum { TAG_REPLAY = 1, TAG_RECORDS, TAG_REPORT, REPORT_MAX = 64 };

struct sh_exchange {
    sh_comm *comm;
    int64_t batch, replay_batch;
    int32_t max_sites;
    size_t stride;
    /* rank 0 */
    char **replay_out; /* by worker: header and slice of the replay under way */
    sh_request *replay_sent;
    sh_records own_replay, own_fresh; /* its own slices, when it works too */
    sh_replay_header own_header;
    double own_report[REPORT_MAX];
    /* worker on another rank */
    char *replay_in, *records_out;
    sh_request records_sent, report_sent;
    double report_out[REPORT_MAX];
};

static void slice_of(int64_t n, int worker, int n_worker, int64_t *first, int64_t *count)
{
    *first = n * worker / n_worker;
    *count = n * (worker + 1) / n_worker - *first;
}

void sh_exchange_slice(const sh_comm *comm, int64_t n, int64_t *first, int64_t *count)
{
    *first = *count = 0;
    if (comm->worker >= 0) slice_of(n, comm->worker, comm->n_worker, first, count);
}

static int rank_of(const sh_comm *comm, int worker)
{
    return worker + comm->dedicated;
}

static int64_t replay_bytes(const sh_exchange *x)
{
    int64_t most = x->replay_batch / x->comm->n_worker + 1;
    return (int64_t)sizeof(sh_replay_header) + most * (int64_t)x->stride;
}

sh_exchange *sh_exchange_create(sh_comm *comm, int32_t max_sites, int64_t batch, int64_t replay_batch)
{
    sh_exchange *x = SH_NEW(sh_exchange, 1);
    x->comm = comm;
    x->batch = batch;
    x->replay_batch = replay_batch;
    x->max_sites = max_sites;
    x->stride = sh_record_stride(max_sites);
    x->records_sent = x->report_sent = SH_REQUEST_NONE;
    sh_records_create(&x->own_replay, max_sites, 1);
    sh_records_create(&x->own_fresh, max_sites, 1);
    if (comm->rank == 0) {
        x->replay_out = SH_NEW(char *, comm->n_worker);
        x->replay_sent = SH_NEW(sh_request, comm->n_worker);
        for (int w = 0; w < comm->n_worker; w++) {
            x->replay_out[w] = sh_alloc((size_t)replay_bytes(x));
            x->replay_sent[w] = SH_REQUEST_NONE;
        }
    } else {
        int64_t first, count;
        sh_exchange_slice(comm, batch, &first, &count);
        x->replay_in = sh_alloc((size_t)replay_bytes(x));
        x->records_out = sh_alloc((size_t)count * x->stride);
    }
    return x;
}

void sh_exchange_destroy(sh_exchange **exchange)
{
    sh_exchange *x = *exchange;
    if (!x) return;
    sh_comm_wait(&x->records_sent);
    sh_comm_wait(&x->report_sent);
    for (int w = 0; x->replay_out && w < x->comm->n_worker; w++) {
        sh_comm_wait(&x->replay_sent[w]);
        sh_free(x->replay_out[w]);
    }
    sh_free(x->replay_out);
    sh_free(x->replay_sent);
    sh_free(x->replay_in);
    sh_free(x->records_out);
    sh_records_destroy(&x->own_replay);
    sh_records_destroy(&x->own_fresh);
    sh_free(x);
    *exchange = NULL;
}

static void copy_records(sh_records *to, const sh_records *from, int64_t first, int64_t count)
{
    sh_records_resize(to, count);
    if (count) memcpy(to->data, sh_record_at(from, first), (size_t)count * to->stride);
}

void sh_exchange_send_replay(sh_exchange *x, const sh_replay_header *header, const sh_records *drawn)
{
    const sh_comm *comm = x->comm;
    for (int w = 0; w < comm->n_worker; w++) {
        int64_t first, count;
        slice_of(drawn->n, w, comm->n_worker, &first, &count);
        sh_replay_header mine = *header;
        mine.n_total = drawn->n;
        mine.n = count;
        if (rank_of(comm, w) == 0) {
            x->own_header = mine;
            copy_records(&x->own_replay, drawn, first, count);
            continue;
        }
        sh_comm_wait(&x->replay_sent[w]); /* of the iteration before: long since there */
        memcpy(x->replay_out[w], &mine, sizeof mine);
        if (count) memcpy(x->replay_out[w] + sizeof mine, sh_record_at(drawn, first), (size_t)count * x->stride);
        sh_comm_isend(x->comm, x->replay_out[w], (int64_t)sizeof mine + count * (int64_t)x->stride, rank_of(comm, w),
                      TAG_REPLAY, &x->replay_sent[w]);
    }
}

void sh_exchange_wait_replay(sh_exchange *x, sh_replay_header *header, sh_records *slice)
{
    if (x->comm->rank == 0) {
        *header = x->own_header;
        copy_records(slice, &x->own_replay, 0, x->own_replay.n);
        return;
    }
    sh_request request;
    sh_comm_irecv(x->comm, x->replay_in, replay_bytes(x), 0, TAG_REPLAY, &request);
    sh_comm_wait(&request);
    memcpy(header, x->replay_in, sizeof *header);
    sh_records_resize(slice, header->n);
    if (header->n) memcpy(slice->data, x->replay_in + sizeof *header, (size_t)header->n * x->stride);
}

void sh_exchange_send_records(sh_exchange *x, const sh_records *fresh)
{
    if (x->comm->rank == 0) {
        copy_records(&x->own_fresh, fresh, 0, fresh->n);
        return;
    }
    sh_comm_wait(&x->records_sent);
    memcpy(x->records_out, fresh->data, (size_t)fresh->n * x->stride);
    sh_comm_isend(x->comm, x->records_out, fresh->n * (int64_t)x->stride, 0, TAG_RECORDS, &x->records_sent);
}

void sh_exchange_take_records(sh_exchange *x, sh_records *all)
{
    sh_comm *comm = x->comm;
    sh_records_resize(all, x->batch);
    sh_request *request = SH_NEW(sh_request, comm->n_worker);
    for (int w = 0; w < comm->n_worker; w++) {
        int64_t first, count;
        slice_of(x->batch, w, comm->n_worker, &first, &count);
        request[w] = SH_REQUEST_NONE;
        if (rank_of(comm, w) == 0)
            memcpy(sh_record_at(all, first), x->own_fresh.data, (size_t)count * x->stride);
        else
            sh_comm_irecv(comm, sh_record_at(all, first), count * (int64_t)x->stride, rank_of(comm, w), TAG_RECORDS,
                          &request[w]);
    }
    for (int w = 0; w < comm->n_worker; w++)
        sh_comm_wait(&request[w]);
    sh_free(request);
}

void sh_exchange_send_report(sh_exchange *x, const double *numbers, int n)
{
    SH_ASSERT(n <= REPORT_MAX);
    if (x->comm->rank == 0) {
        memcpy(x->own_report, numbers, (size_t)n * sizeof *numbers);
        return;
    }
    sh_comm_wait(&x->report_sent);
    memcpy(x->report_out, numbers, (size_t)n * sizeof *numbers);
    sh_comm_isend(x->comm, x->report_out, n * (int64_t)sizeof *numbers, 0, TAG_REPORT, &x->report_sent);
}

void sh_exchange_take_report(sh_exchange *x, double *numbers, int n)
{
    if (x->comm->worker == 0) {
        memcpy(numbers, x->own_report, (size_t)n * sizeof *numbers);
        return;
    }
    sh_request request;
    sh_comm_irecv(x->comm, numbers, n * (int64_t)sizeof *numbers, rank_of(x->comm, 0), TAG_REPORT, &request);
    sh_comm_wait(&request);
}
