#include "comm/counter.h"

#include "base/memory.h"

struct sh_counter {
    sh_comm *comm;
    MPI_Win window;
    int64_t *here; /* of rank 0 */
};

sh_status sh_counter_create(sh_comm *comm, sh_counter **out)
{
    sh_counter *c = SH_NEW(sh_counter, 1);
    MPI_Aint bytes = comm->rank == 0 ? (MPI_Aint)(SH_COUNTERS * sizeof(int64_t)) : 0;
    c->comm = comm;
    *out = NULL;
    if (MPI_Win_allocate(bytes, sizeof(int64_t), MPI_INFO_NULL, comm->all, &c->here, &c->window) != MPI_SUCCESS) {
        sh_free(c);
        return SH_FAIL(SH_ELIB, "MPI gives no window for a shared counter");
    }
    MPI_Win_lock(MPI_LOCK_EXCLUSIVE, comm->rank, 0, c->window);
    for (int i = 0; comm->rank == 0 && i < SH_COUNTERS; i++)
        c->here[i] = 0;
    MPI_Win_unlock(comm->rank, c->window);
    MPI_Barrier(comm->all);
    MPI_Win_lock_all(MPI_MODE_NOCHECK, c->window);
    *out = c;
    return SH_OK;
}

void sh_counter_destroy(sh_counter **counter)
{
    if (!*counter) return;
    MPI_Win_unlock_all((*counter)->window);
    MPI_Win_free(&(*counter)->window);
    sh_free(*counter);
    *counter = NULL;
}

int64_t sh_counter_add(sh_counter *c, int which, int64_t amount)
{
    int64_t before = 0;
    MPI_Fetch_and_op(&amount, &before, MPI_INT64_T, 0, which, MPI_SUM, c->window);
    MPI_Win_flush(0, c->window);
    return before;
}

void sh_counter_serve(sh_counter *c)
{
    int waiting;
    MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, c->comm->all, &waiting, MPI_STATUS_IGNORE);
}
