#include "train/exchange.h"

#include <string.h>

#include "base/memory.h"

enum { TAG_REPLAY = 1, TAG_RECORDS, TAG_REPORT, REPORT_MAX = 64 };

/* A message under way and one before it: who fills a buffer waits for what left it two iterations ago. */
typedef struct {
    char *data;
    sh_request request;
} message;

struct sh_exchange {
    sh_comm *comm;
    int64_t batch, replay_batch;
    size_t stride;
    int replay_turn, wait_turn, records_turn; /* which of the two is next */
    /* rank 0 */
    message *replay_out[2];   /* by worker: header and slice */
    sh_request *records_in;   /* by worker */
    sh_records *fresh;        /* where they arrive */
    sh_records own_replay[2]; /* its own slices, when it works too */
    sh_replay_header own_header[2];
    double own_report[REPORT_MAX];
    /* worker on another rank */
    message replay_in[2], records_out[2];
    sh_request report_sent;
    double report_out[REPORT_MAX];
};

/* That of a worker's shards together. */
static void slice_of(const sh_comm *comm, int64_t n, int worker, int64_t *first, int64_t *count)
{
    int shard, n_shard;
    int64_t last, in_last;
    sh_comm_shards_of(comm, worker, &shard, &n_shard);
    sh_comm_shard_slice(comm, n, shard, first, count);
    sh_comm_shard_slice(comm, n, shard + n_shard - 1, &last, &in_last);
    *count = last + in_last - *first;
}

void sh_exchange_slice(const sh_comm *comm, int64_t n, int64_t *first, int64_t *count)
{
    *first = *count = 0;
    if (comm->worker >= 0) slice_of(comm, n, comm->worker, first, count);
}

static int rank_of(const sh_comm *comm, int worker)
{
    return worker + comm->dedicated;
}

static int64_t replay_bytes(const sh_exchange *x)
{
    int64_t most = x->replay_batch * (x->comm->n_shard / x->comm->n_worker + 1) / x->comm->n_shard + 1;
    return (int64_t)sizeof(sh_replay_header) + most * (int64_t)x->stride;
}

static message message_of(int64_t bytes)
{
    return (message){.data = sh_alloc((size_t)bytes), .request = SH_REQUEST_NONE};
}

sh_exchange *sh_exchange_create(sh_comm *comm, int32_t max_sites, int64_t batch, int64_t replay_batch)
{
    sh_exchange *x = SH_NEW(sh_exchange, 1);
    x->comm = comm;
    x->batch = batch;
    x->replay_batch = replay_batch;
    x->stride = sh_record_stride(max_sites);
    x->report_sent = SH_REQUEST_NONE;
    for (int turn = 0; turn < 2; turn++)
        x->replay_in[turn].request = x->records_out[turn].request = SH_REQUEST_NONE;
    int64_t first, count;
    sh_exchange_slice(comm, batch, &first, &count);
    for (int turn = 0; comm->rank > 0 && turn < 2; turn++) {
        x->replay_in[turn] = message_of(replay_bytes(x));
        x->records_out[turn] = message_of(count * (int64_t)x->stride);
    }
    if (comm->rank > 0) return x;
    x->records_in = SH_NEW(sh_request, comm->n_worker);
    for (int turn = 0; turn < 2; turn++) {
        x->replay_out[turn] = SH_NEW(message, comm->n_worker);
        sh_records_create(&x->own_replay[turn], max_sites, 1);
    }
    for (int w = 0; w < comm->n_worker; w++) {
        x->records_in[w] = SH_REQUEST_NONE;
        for (int turn = 0; turn < 2; turn++)
            x->replay_out[turn][w] = message_of(replay_bytes(x));
    }
    return x;
}

static void finish(message *m)
{
    if (!m->data) return;
    sh_comm_wait(&m->request);
    sh_free(m->data);
}

void sh_exchange_destroy(sh_exchange **exchange)
{
    sh_exchange *x = *exchange;
    if (!x) return;
    sh_comm_wait(&x->report_sent);
    for (int turn = 0; turn < 2; turn++) {
        finish(&x->replay_in[turn]);
        finish(&x->records_out[turn]);
        for (int w = 0; x->replay_out[turn] && w < x->comm->n_worker; w++)
            finish(&x->replay_out[turn][w]);
        sh_free(x->replay_out[turn]);
        if (x->own_replay[turn].data) sh_records_destroy(&x->own_replay[turn]);
    }
    sh_free(x->records_in);
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
    int turn = x->replay_turn;
    message *out = x->replay_out[turn];
    x->replay_turn = 1 - turn;
    for (int w = 0; w < comm->n_worker; w++) {
        int64_t first, count;
        slice_of(comm, drawn->n, w, &first, &count);
        sh_replay_header mine = *header;
        mine.n_total = drawn->n;
        mine.n = count;
        if (rank_of(comm, w) == 0) {
            x->own_header[turn] = mine;
            copy_records(&x->own_replay[turn], drawn, first, count);
            continue;
        }
        sh_comm_wait(&out[w].request);
        memcpy(out[w].data, &mine, sizeof mine);
        if (count) memcpy(out[w].data + sizeof mine, sh_record_at(drawn, first), (size_t)count * x->stride);
        sh_comm_isend(x->comm, out[w].data, (int64_t)sizeof mine + count * (int64_t)x->stride, rank_of(comm, w), TAG_REPLAY,
                      &out[w].request);
    }
}

void sh_exchange_expect_replay(sh_exchange *x)
{
    if (x->comm->rank == 0) return;
    message *in = &x->replay_in[x->replay_turn];
    x->replay_turn = 1 - x->replay_turn;
    sh_comm_irecv(x->comm, in->data, replay_bytes(x), 0, TAG_REPLAY, &in->request);
}

void sh_exchange_wait_replay(sh_exchange *x, sh_replay_header *header, sh_records *slice)
{
    int turn = x->wait_turn;
    x->wait_turn = 1 - turn;
    if (x->comm->rank == 0) {
        *header = x->own_header[turn];
        copy_records(slice, &x->own_replay[turn], 0, x->own_replay[turn].n);
        return;
    }
    message *in = &x->replay_in[turn];
    sh_comm_wait(&in->request);
    memcpy(header, in->data, sizeof *header);
    sh_records_resize(slice, header->n);
    if (header->n) memcpy(slice->data, in->data + sizeof *header, (size_t)header->n * x->stride);
}

void sh_exchange_send_records(sh_exchange *x, const sh_records *fresh)
{
    if (x->comm->rank == 0) {
        memcpy(x->fresh->data, fresh->data, (size_t)fresh->n * x->stride); /* the first worker's come first */
        return;
    }
    message *out = &x->records_out[x->records_turn];
    x->records_turn = 1 - x->records_turn;
    sh_comm_wait(&out->request);
    memcpy(out->data, fresh->data, (size_t)fresh->n * x->stride);
    sh_comm_isend(x->comm, out->data, fresh->n * (int64_t)x->stride, 0, TAG_RECORDS, &out->request);
}

void sh_exchange_expect_records(sh_exchange *x, sh_records *all)
{
    const sh_comm *comm = x->comm;
    x->fresh = all;
    sh_records_resize(all, x->batch);
    for (int w = 0; w < comm->n_worker; w++) {
        int64_t first, count;
        slice_of(comm, x->batch, w, &first, &count);
        if (rank_of(comm, w) > 0)
            sh_comm_irecv(x->comm, sh_record_at(all, first), count * (int64_t)x->stride, rank_of(comm, w), TAG_RECORDS,
                          &x->records_in[w]);
    }
}

void sh_exchange_take_records(sh_exchange *x)
{
    for (int w = 0; w < x->comm->n_worker; w++)
        sh_comm_wait(&x->records_in[w]);
}

void sh_exchange_settle(sh_exchange *x)
{
    for (int turn = 0; turn < 2; turn++) {
        if (x->comm->dedicated) { /* rank 0 is not here, but inside MPI: a push is enough */
            sh_comm_done(&x->records_out[turn].request);
            continue;
        }
        sh_comm_wait(&x->records_out[turn].request);
        sh_comm_wait(&x->replay_in[turn].request);
        for (int w = 0; x->replay_out[turn] && w < x->comm->n_worker; w++)
            sh_comm_wait(&x->replay_out[turn][w].request);
    }
    if (x->records_in) sh_exchange_take_records(x);
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
