/* components.h -- principal components of fingerprints spread over ranks: the plane in which they differ most, for a map. */
#ifndef SH_METRICS_COMPONENTS_H
#define SH_METRICS_COMPONENTS_H

#include "base/memory.h"
#include "metrics/rows.h"

typedef struct {
    int d, k;
    double *mean;     /* (d) */
    double *axis;     /* (k,d) orthonormal rows */
    double *variance; /* (k) along the axes, descending, with n - 1 */
    double total;     /* variance along all d of them */
} sh_components;

/* The first k <= d eigenvectors of the covariance matrix, the same bits on all ranks. The entry of an axis that is largest in size, the
 * first of nearly equal ones, is positive. Where two variances are equal, which axes are taken in their plane is not defined. On `arena`.
 * Collective over all. */
sh_status sh_components_create(sh_comm *comm, const sh_rows *rows, int k, sh_arena *arena, sh_components *out);

/* Places of this rank's rows along the axes: map (n,k). */
void sh_components_project(const sh_components *components, const sh_rows *rows, double *map);

#endif
