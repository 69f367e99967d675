/* map.h -- sets of crystals as points of one plane: the first two principal components of their structure fingerprints
 * (crystalnn.h), and how different the crystals of each set are. */
#ifndef SH_METRICS_MAP_H
#define SH_METRICS_MAP_H

#include "crystal/dataset.h"
#include "metrics/rows.h"
#include "reward/tables.h"

typedef struct {
    int64_t n_cell;
    const sh_cell *cell; /* (n_cell) */
} sh_map_cells;

typedef struct {
    int64_t n;          /* crystals that have a fingerprint, in their order */
    int64_t n_left_out; /* the others: not valid, an element without radius, a cell too long (crystalnn.h) */
    double *place;      /* (n,2) along the axes of the map */
    double distance;    /* mean over pairs of fingerprints; NaN for fewer than two */
    double vendi;       /* of order 1, cosine: how many different ones; NaN for none */
} sh_map_set;

typedef struct {
    double share[2]; /* of the variance of all sets together, along each axis; NaN where they do not differ */
    int64_t n_set;
    sh_map_set *set; /* (n_set) */
} sh_map;

/* By this process alone, its threads together; numbers do not depend on how many there are. On failure there is nothing to
 * destroy. */
sh_status sh_map_create(const sh_tables *tables, const sh_map_cells *sets, int64_t n_set, sh_map *out);
void sh_map_destroy(sh_map *map);

#endif
