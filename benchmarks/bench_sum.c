/* bench_sum.c -- what the sum of gradients over the workers takes, and what MPI_Allreduce would.
 *
 *     mpirun -n RANKS bench_sum [PARAMETERS] [REPEATS]        334,619 (configs/battery.yaml) and 51
 *
 * Every rank is a worker. In turns: the program's own sum (comm.h: pieces to all, then the sums gathered: 2 (RANKS - 1) messages a rank,
 * and bits that depend on nothing but the numbers and the workers), MPI_Allreduce, which the library does as it likes, and that of one
 * number, for the latency. Printed: times of the slowest rank, median [quickest, slowest] of the repeats, and their ratio to the
 * program's own. The sums are checked. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "comm/comm.h"
#include "timing.h"

enum { OWN, ALLREDUCE, ONE, N_WAY, MAX_REPEATS = 1000 };
static const char *const way_name[N_WAY] = {"pieces to all", "MPI_Allreduce", "one number"};

static void add_up(sh_comm *c, int way, sh_real *x, int64_t n, sh_real *scratch)
{
    const MPI_Datatype type = sizeof(sh_real) == sizeof(float) ? MPI_FLOAT : MPI_DOUBLE;
    if (way == OWN) sh_comm_sum_real(c, x, n, scratch);
    else MPI_Allreduce(MPI_IN_PLACE, x, way == ONE ? 1 : (int)n, type, MPI_SUM, c->workers);
}

int main(int argc, char **argv)
{
    static double seconds[N_WAY][MAX_REPEATS];
    sh_comm *c;
    if (sh_comm_create(&argc, &argv, &c) != SH_OK || sh_comm_set_workers(c, false) != SH_OK) return 1;
    int64_t n = argc > 1 ? atoll(argv[1]) : 334619;
    int repeats = argc > 2 ? atoi(argv[2]) : 51;
    if (n < 1 || n > 1 << 30 || repeats < 1 || repeats > MAX_REPEATS) {
        fprintf(stderr, "usage: mpirun -n RANKS bench_sum [PARAMETERS] [REPEATS]\n");
        sh_comm_destroy(&c);
        return 2;
    }
    sh_real *x = SH_NEW(sh_real, n), *scratch = SH_NEW(sh_real, sh_comm_sum_scratch(c, n));
    for (int k = -1; k < repeats; k++) /* the first is to warm up */
        for (int way = 0; way < N_WAY; way++) {
            for (int64_t i = 0; i < n; i++)
                x[i] = (sh_real)(i % 64 + c->rank);
            MPI_Barrier(c->all);
            double took = now();
            add_up(c, way, x, n, scratch);
            took = now() - took;
            int64_t last = way == ONE ? 0 : n - 1;
            double want = (double)(last % 64) * c->size + c->size * (c->size - 1) / 2.0;
            if (fabs((double)x[last] - want) > 1e-3 * want) {
                fprintf(stderr, "bench_sum: %s: %g instead of %g\n", way_name[way], (double)x[last], want);
                MPI_Abort(c->all, 1);
            }
            MPI_Allreduce(MPI_IN_PLACE, &took, 1, MPI_DOUBLE, MPI_MAX, c->all);
            if (k >= 0) seconds[way][k] = took;
        }
    double own = quantile(seconds[OWN], repeats, 0.5);
    for (int way = 0; way < N_WAY && c->rank == 0; way++)
        printf("%4d workers, %lld numbers, %-14s %10.3f ms [%.3f, %.3f], %6.2f of the program's own\n", c->size,
               (long long)(way == ONE ? 1 : n), way_name[way], 1e3 * quantile(seconds[way], repeats, 0.5),
               1e3 * quantile(seconds[way], repeats, 0), 1e3 * quantile(seconds[way], repeats, 1),
               quantile(seconds[way], repeats, 0.5) / own);
    sh_free(x);
    sh_free(scratch);
    sh_comm_destroy(&c);
    return 0;
}
