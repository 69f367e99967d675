#include "train/exchange.h"

#include <string.h>

#include "base/memory.h"

enum { TAG_REPLAY = 1, TAG_FINDINGS, TAG_REPORT, REPORT_MAX = 64 };
enum { SHORT_BYTES = 32 << 10 }; /* what goes to each worker in a message of its own; more is broadcast */

/* A message under way and one before it: who fills a buffer waits for what left it two iterations ago. */
typedef struct {
    char *data;
    int64_t bytes, room;
    sh_request request;
} message;

struct sh_exchange {
    sh_comm *comm;
    int64_t batch, capacity;
    int32_t max_sites;
    size_t stride;
    int replay_turn, wait_turn, findings_turn; /* which of the two is next */
    /* rank 0 */
    message replay_out[2];       /* the same for all workers */
    const message *to_spread;    /* which of them is too long for messages, and not broadcast yet */
    sh_request *replay_sent[2];  /* by worker */
    message *findings_in;        /* by worker; its own are copied there */
    double own_report[REPORT_MAX];
    /* worker on another rank */
    message replay_in[2], findings_out[2];
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
    return worker / comm->per_rank + comm->dedicated;
}

static int64_t replay_bytes(const sh_exchange *x)
{
    int64_t most = x->capacity < x->batch ? x->capacity : x->batch; /* no more can come in than there is room for */
    return (int64_t)sizeof(sh_replay_header) + most * (int64_t)x->stride;
}

static int64_t records_bytes(const sh_exchange *x, const sh_replay_header *header)
{
    return header->n * (int64_t)x->stride;
}

static bool is_long(const sh_exchange *x, const sh_replay_header *header)
{
    return records_bytes(x, header) > SHORT_BYTES;
}

static int64_t findings_bytes(const sh_exchange *x, int worker)
{
    int first, shards;
    int64_t begin, n;
    slice_of(x->comm, x->batch, worker, &begin, &n);
    sh_comm_shards_of(x->comm, worker, &first, &shards);
    return sh_findings_most(x->max_sites, x->comm->n_shard, shards, n);
}

static message message_of(int64_t room)
{
    return (message){.data = sh_alloc((size_t)room), .room = room, .request = SH_REQUEST_NONE};
}

sh_exchange *sh_exchange_create(sh_comm *comm, int32_t max_sites, int64_t batch, int64_t capacity)
{
    sh_exchange *x = SH_NEW(sh_exchange, 1);
    x->comm = comm;
    x->batch = batch;
    x->capacity = capacity;
    x->max_sites = max_sites;
    x->stride = sh_record_stride(max_sites);
    x->report_sent = SH_REQUEST_NONE;
    for (int turn = 0; turn < 2; turn++) {
        x->replay_in[turn].request = x->findings_out[turn].request = SH_REQUEST_NONE;
        if (comm->rank > 0) {
            x->replay_in[turn] = message_of(replay_bytes(x));
            x->findings_out[turn] = message_of(findings_bytes(x, comm->worker));
            continue;
        }
        x->replay_out[turn] = message_of(replay_bytes(x));
        x->replay_sent[turn] = SH_NEW(sh_request, comm->n_worker);
        for (int w = 0; w < comm->n_worker; w++)
            x->replay_sent[turn][w] = SH_REQUEST_NONE;
    }
    if (comm->rank > 0) return x;
    x->findings_in = SH_NEW(message, comm->n_worker);
    for (int w = 0; w < comm->n_worker; w++)
        x->findings_in[w] = message_of(findings_bytes(x, w));
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
        finish(&x->findings_out[turn]);
        for (int w = 0; x->replay_sent[turn] && w < x->comm->n_worker; w++)
            sh_comm_wait(&x->replay_sent[turn][w]);
        sh_free(x->replay_out[turn].data);
        sh_free(x->replay_sent[turn]);
    }
    for (int w = 0; x->findings_in && w < x->comm->n_worker; w++)
        finish(&x->findings_in[w]);
    sh_free(x->findings_in);
    sh_free(x);
    *exchange = NULL;
}

void sh_exchange_send_replay(sh_exchange *x, const sh_replay_header *header, const sh_records *came_in)
{
    const sh_comm *comm = x->comm;
    int turn = x->replay_turn;
    message *out = &x->replay_out[turn];
    sh_replay_header head = *header;
    SH_ASSERT(!x->to_spread);
    x->replay_turn = 1 - turn;
    for (int w = 0; w < comm->n_worker; w++)
        sh_comm_wait(&x->replay_sent[turn][w]);
    head.n = came_in->n;
    out->bytes = (int64_t)sizeof head + records_bytes(x, &head);
    SH_ASSERT(out->bytes <= out->room);
    memcpy(out->data, &head, sizeof head);
    if (head.n) memcpy(out->data + sizeof head, came_in->data, (size_t)head.n * x->stride);
    if (is_long(x, &head)) x->to_spread = out;
    int64_t bytes = x->to_spread ? (int64_t)sizeof head : out->bytes;
    for (int w = 0; w < comm->n_worker; w++)
        if (rank_of(comm, w) > 0) sh_comm_isend(x->comm, out->data, bytes, rank_of(comm, w), TAG_REPLAY, &x->replay_sent[turn][w]);
}

/* The records behind a header: from rank 0's buffer into the others'. */
static void broadcast(const sh_exchange *x, const message *m)
{
    sh_replay_header head;
    memcpy(&head, m->data, sizeof head);
    if (sh_comm_bcast(x->comm, m->data + sizeof head, records_bytes(x, &head), 0) != SH_OK) sh_comm_abort(x->comm, SH_ELIB);
}

void sh_exchange_spread_replay(sh_exchange *x)
{
    if (x->to_spread) broadcast(x, x->to_spread);
    x->to_spread = NULL;
}

void sh_exchange_expect_replay(sh_exchange *x)
{
    if (x->comm->rank == 0) return;
    message *in = &x->replay_in[x->replay_turn];
    x->replay_turn = 1 - x->replay_turn;
    sh_comm_irecv(x->comm, in->data, in->room, 0, TAG_REPLAY, &in->request);
}

void sh_exchange_wait_replay(sh_exchange *x, sh_replay_header *header, sh_records *came_in)
{
    int turn = x->wait_turn;
    message *in = x->comm->rank == 0 ? &x->replay_out[turn] : &x->replay_in[turn];
    x->wait_turn = 1 - turn;
    if (x->comm->rank > 0) sh_comm_wait(&in->request);
    memcpy(header, in->data, sizeof *header);
    if (x->comm->rank > 0 && is_long(x, header)) {
        if (x->comm->worker % x->comm->per_rank) header->n = 0; /* it came to this rank's first */
        else broadcast(x, in);
    }
    sh_records_resize(came_in, header->n);
    if (header->n) memcpy(came_in->data, in->data + sizeof *header, (size_t)header->n * x->stride);
}

void sh_exchange_send_findings(sh_exchange *x, const sh_findings *findings)
{
    int64_t bytes;
    const char *data = sh_findings_message(findings, &bytes);
    message *out = x->comm->rank == 0 ? &x->findings_in[0] : &x->findings_out[x->findings_turn]; /* the first worker's come first */
    x->findings_turn = 1 - x->findings_turn;
    sh_comm_wait(&out->request);
    SH_ASSERT(bytes <= out->room);
    memcpy(out->data, data, (size_t)bytes);
    out->bytes = bytes;
    if (x->comm->rank > 0) sh_comm_isend(x->comm, out->data, bytes, 0, TAG_FINDINGS, &out->request);
}

void sh_exchange_expect_findings(sh_exchange *x)
{
    for (int w = 0; w < x->comm->n_worker; w++) {
        message *in = &x->findings_in[w];
        if (rank_of(x->comm, w) > 0) sh_comm_irecv(x->comm, in->data, in->room, rank_of(x->comm, w), TAG_FINDINGS, &in->request);
    }
}

/* Until all have arrived: a message's length is known once. */
static void receive_findings(sh_exchange *x)
{
    for (int w = 0; w < x->comm->n_worker; w++)
        if (x->findings_in[w].request != SH_REQUEST_NONE) x->findings_in[w].bytes = sh_comm_wait(&x->findings_in[w].request);
}

void sh_exchange_take_findings(sh_exchange *x, sh_heard *heard)
{
    receive_findings(x);
    for (int w = 0; w < x->comm->n_worker; w++)
        sh_heard_add(heard, x->findings_in[w].data, x->findings_in[w].bytes);
}

void sh_exchange_settle(sh_exchange *x)
{
    for (int turn = 0; turn < 2; turn++) {
        if (x->comm->dedicated) { /* rank 0 is not here, but inside MPI: a push is enough */
            sh_comm_done(&x->findings_out[turn].request);
            continue;
        }
        sh_comm_wait(&x->findings_out[turn].request);
        sh_comm_wait(&x->replay_in[turn].request);
        for (int w = 0; x->replay_sent[turn] && w < x->comm->n_worker; w++)
            sh_comm_wait(&x->replay_sent[turn][w]);
    }
    if (x->findings_in) receive_findings(x);
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
