#include "evaluate/share.h"

#include <string.h>

#include "comm/counter.h"

/* Whatever the number of ranks; small enough for an even end, large enough for the models and the threads. */
static int64_t piece_size(int64_t n)
{
    int64_t size = n / 64;
    return size < 16 ? 16 : size > SH_LARGEST_PIECE ? SH_LARGEST_PIECE : size;
}

/* ---- pieces by whoever has time ---- */

/* What a rank has done, in the order of the list. */
typedef struct {
    int64_t n, room;
    int64_t *index; /* (n) in the list */
    sh_evaluation_row *row;
    double *structure, *composition; /* NULL with e_form */
    double *e_form;
} done;

static void make_room(done *d, int64_t more)
{
    if (d->n + more <= d->room) return;
    d->room = 2 * d->room + more;
    size_t room = (size_t)d->room;
    d->index = sh_realloc(d->index, room * sizeof *d->index);
    d->row = sh_realloc(d->row, room * sizeof *d->row);
    d->structure = sh_realloc(d->structure, room * SH_CRYSTALNN_SIZE * sizeof *d->structure);
    d->composition = sh_realloc(d->composition, room * SH_MAGPIE_SIZE * sizeof *d->composition);
}

static void release(done *d)
{
    sh_free(d->index);
    sh_free(d->row);
    sh_free(d->structure);
    sh_free(d->composition);
}

static void do_piece(sh_evaluator *e, int64_t first, int64_t n, done *d)
{
    if (d->e_form) {
        sh_evaluate_energies(e, first, n, d->e_form + first);
        return;
    }
    make_room(d, n);
    memset(d->structure + d->n * SH_CRYSTALNN_SIZE, 0, (size_t)(n * SH_CRYSTALNN_SIZE) * sizeof *d->structure);
    memset(d->composition + d->n * SH_MAGPIE_SIZE, 0, (size_t)(n * SH_MAGPIE_SIZE) * sizeof *d->composition);
    sh_evaluate_piece(e, first, n, d->row + d->n, d->structure + d->n * SH_CRYSTALNN_SIZE, d->composition + d->n * SH_MAGPIE_SIZE);
    for (int64_t i = 0; i < n; i++)
        d->index[d->n++] = first + i;
}

static sh_status take_pieces(sh_comm *comm, const sh_evaluation_tools *tools, const sh_evaluation_inputs *in, const char *what, bool quiet,
                             done *d)
{
    sh_counter *counter = NULL;
    sh_progress progress;
    int64_t size = piece_size(in->n), first;
    SH_TRY(sh_comm_agree(comm, sh_counter_create(comm, &counter)));
    sh_evaluator *e = sh_evaluator_create(tools, in);
    sh_progress_begin(&progress, what, "structures", 0, in->n, 1, quiet || comm->rank > 0);
    while ((first = sh_counter_add(counter, 0, size)) < in->n) {
        sh_progress_update(&progress, first, NULL); /* those before are taken, whoever took them */
        do_piece(e, first, in->n - first < size ? in->n - first : size, d);
    }
    sh_counter_destroy(&counter); /* waits for all */
    sh_progress_end(&progress, in->n, NULL);
    sh_evaluator_destroy(&e);
    return SH_OK;
}

/* ---- to each its share ---- */

/* How many of the list's neighbours go to each rank, and where they begin. */
typedef struct {
    int *send, *send_start, *receive, *receive_start;
} plan;

static plan make_plan(const sh_comm *comm, const sh_evaluation_inputs *in, const done *d)
{
    plan p = {SH_NEW(int, comm->size), SH_NEW(int, comm->size), SH_NEW(int, comm->size), SH_NEW(int, comm->size)};
    int64_t at = 0;
    for (int r = 0; r < comm->size; r++) {
        int64_t first, n, start = at;
        sh_cell_list_slice(&in->raw, r, comm->size, &first, &n);
        while (at < d->n && d->index[at] < first + n)
            at++;
        SH_ASSERT(at <= INT32_MAX);
        p.send[r] = (int)(at - start);
        p.send_start[r] = (int)start;
    }
    MPI_Alltoall(p.send, 1, MPI_INT, p.receive, 1, MPI_INT, comm->all);
    for (int r = 1; r < comm->size; r++)
        p.receive_start[r] = p.receive_start[r - 1] + p.receive[r - 1];
    return p;
}

static void release_plan(plan *p)
{
    sh_free(p->send);
    sh_free(p->send_start);
    sh_free(p->receive);
    sh_free(p->receive_start);
}

/* Items of some bytes each, from all; those of a rank are in order, but ranks took pieces in turn: place (n) says where each belongs. */
static void exchange(const sh_comm *comm, const plan *p, const void *mine, size_t bytes, const int64_t *place, int64_t n, void *out)
{
    char *all = sh_calloc((size_t)n, bytes);
    MPI_Datatype type;
    MPI_Type_contiguous((int)bytes, MPI_BYTE, &type);
    MPI_Type_commit(&type);
    MPI_Alltoallv(mine, p->send, p->send_start, type, all, p->receive, p->receive_start, type, comm->all);
    MPI_Type_free(&type);
    for (int64_t k = 0; k < n; k++)
        memcpy((char *)out + (size_t)(place ? place[k] : k) * bytes, all + (size_t)k * bytes, bytes);
    sh_free(all);
}

static void deal(const sh_comm *comm, const sh_evaluation_inputs *in, const done *d, sh_evaluation_share *out)
{
    sh_cell_list_slice(&in->raw, comm->rank, comm->size, &out->first, &out->n);
    out->row = SH_NEW(sh_evaluation_row, out->n);
    out->structure = SH_NEW(double, out->n * SH_CRYSTALNN_SIZE);
    out->composition = SH_NEW(double, out->n * SH_MAGPIE_SIZE);
    int64_t *place = SH_NEW(int64_t, out->n);
    plan p = make_plan(comm, in, d);
    exchange(comm, &p, d->index, sizeof *d->index, NULL, out->n, place);
    for (int64_t k = 0; k < out->n; k++)
        place[k] -= out->first;
    exchange(comm, &p, d->row, sizeof *d->row, place, out->n, out->row);
    exchange(comm, &p, d->structure, SH_CRYSTALNN_SIZE * sizeof(double), place, out->n, out->structure);
    exchange(comm, &p, d->composition, SH_MAGPIE_SIZE * sizeof(double), place, out->n, out->composition);
    release_plan(&p);
    sh_free(place);
}

sh_status sh_evaluation_share_create(sh_comm *comm, const sh_evaluation_tools *tools, const sh_evaluation_inputs *in, const char *what,
                                     bool quiet, sh_evaluation_share *out)
{
    done d = {0};
    *out = (sh_evaluation_share){0};
    sh_status status = take_pieces(comm, tools, in, what, quiet, &d);
    if (status == SH_OK) deal(comm, in, &d, out);
    release(&d);
    return status;
}

void sh_evaluation_share_destroy(sh_evaluation_share *share)
{
    sh_free(share->row);
    sh_free(share->structure);
    sh_free(share->composition);
    *share = (sh_evaluation_share){0};
}

sh_status sh_evaluation_share_energies(sh_comm *comm, const sh_evaluation_tools *tools, const sh_evaluation_inputs *in, bool quiet,
                                       double *e_form)
{
    memset(e_form, 0, (size_t)in->n * sizeof *e_form);
    SH_TRY(take_pieces(comm, tools, in, "energies", quiet, &(done){.e_form = e_form}));
    MPI_Allreduce(MPI_IN_PLACE, e_form, (int)in->n, MPI_DOUBLE, MPI_SUM, comm->all); /* each is of one rank, 0 on the others */
    return SH_OK;
}
