/* assignment.h -- the linear assignment problem, exactly: each row gets a column of its own, so that the sum of the costs
 * is least. Shortest augmenting paths with potentials (R. Jonker, A. Volgenant, Computing 38, 325 (1987)), O(n^3). */
#ifndef SH_METRICS_ASSIGNMENT_H
#define SH_METRICS_ASSIGNMENT_H

#include <stdint.h>

#include "base/memory.h"

/* cost (n,n) row-major; INFINITY where a pair is forbidden, finite of either sign elsewhere. column_of (n): the column of
 * each row. Returns the least sum; INFINITY where no assignment does without a forbidden pair (column_of then says
 * nothing). Of assignments of equal cost one is given, always the same. `scratch` is as before afterwards. */
double sh_assignment_solve(const double *cost, int64_t n, sh_arena *scratch, int32_t *column_of);

#endif
