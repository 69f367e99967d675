/* gather.c -- pieces of all ranks as one. */
#include "evaluate/together.h"

/* Where the piece of each rank begins and how long it is. */
static int64_t places(const sh_comm *comm, int64_t mine, int *count, int *start)
{
    int64_t sum = 0, *all = SH_NEW(int64_t, comm->size);
    MPI_Allgather(&mine, 1, MPI_INT64_T, all, 1, MPI_INT64_T, comm->all);
    for (int r = 0; r < comm->size; r++) {
        SH_ASSERT(sum + all[r] <= INT32_MAX);
        count[r] = (int)all[r];
        start[r] = (int)sum;
        sum += all[r];
    }
    sh_free(all);
    return sum;
}

void sh_gather_evaluation_rows(const sh_comm *comm, const sh_evaluation_share *share, sh_evaluation_row *rows)
{
    int *count = SH_NEW(int, comm->size), *start = SH_NEW(int, comm->size);
    MPI_Datatype type;
    MPI_Type_contiguous((int)sizeof *rows, MPI_BYTE, &type);
    MPI_Type_commit(&type);
    places(comm, share->n, count, start);
    MPI_Allgatherv(share->row, (int)share->n, type, rows, count, start, type, comm->all);
    MPI_Type_free(&type);
    sh_free(count);
    sh_free(start);
}

double *sh_gather_doubles(const sh_comm *comm, const double *mine, int64_t n, int64_t *n_all)
{
    int *count = SH_NEW(int, comm->size), *start = SH_NEW(int, comm->size);
    *n_all = places(comm, n, count, start);
    double *all = SH_NEW(double, *n_all);
    MPI_Allgatherv(mine, (int)n, MPI_DOUBLE, all, count, start, MPI_DOUBLE, comm->all);
    sh_free(count);
    sh_free(start);
    return all;
}
