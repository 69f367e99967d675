#include "metrics/map.h"

#include <math.h>
#include <omp.h>
#include <string.h>

#include "base/memory.h"
#include "metrics/components.h"
#include "metrics/crystalnn.h"
#include "metrics/pairs.h"
#include "metrics/vendi.h"

enum { D = SH_CRYSTALNN_SIZE };

/* The fingerprints of those that have one, in front of x (n_cell,D); returns how many. */
static int64_t fill_fingerprints(const sh_tables *tables, const sh_map_cells *set, double *x)
{
    int64_t n = 0;
    bool *known = SH_NEW(bool, set->n_cell);
#pragma omp parallel
    {
        sh_arena *scratch = sh_arena_create(1 << 20);
#pragma omp for schedule(dynamic)
        for (int64_t i = 0; i < set->n_cell; i++)
            known[i] = sh_crystalnn(tables, &set->cell[i], scratch, x + i * D) == SH_METRIC_OK;
        sh_arena_destroy(&scratch);
    }
    for (int64_t i = 0; i < set->n_cell; i++)
        if (known[i]) memmove(x + D * n++, x + D * i, D * sizeof *x);
    sh_free(known);
    return n;
}

static sh_status measure_set(sh_comm *self, const sh_rows *rows, sh_arena *arena, sh_map_set *out)
{
    sh_vendi vendi;
    out->distance = out->vendi = NAN;
    if (rows->n > 1) SH_TRY(sh_mean_distance(self, rows, &out->distance));
    SH_TRY(sh_vendi_compute(self, rows, &(sh_vendi_options){.similarity = {SH_SIMILARITY_COSINE, 0}}, arena, &vendi));
    if (vendi.n > 0) out->vendi = vendi.order_1;
    return SH_OK;
}

/* Rows x (sum of n, D) of the sets one after the other. */
static sh_status measure(const double *x, sh_arena *arena, sh_map *map)
{
    sh_comm self = {.rank = 0, .size = 1, .all = MPI_COMM_SELF};
    sh_rows all = {x, 0, D};
    sh_components plane;
    for (int64_t s = 0; s < map->n_set; s++)
        all.n += map->set[s].n;
    SH_TRY(sh_components_create(&self, &all, 2, arena, &plane));
    for (int a = 0; a < 2; a++)
        map->share[a] = plane.total > 0 ? plane.variance[a] / plane.total : NAN;
    for (int64_t s = 0; s < map->n_set; s++) {
        sh_map_set *set = &map->set[s];
        sh_rows rows = {x, set->n, D};
        sh_components_project(&plane, &rows, set->place);
        SH_TRY(measure_set(&self, &rows, arena, set));
        x += D * set->n;
    }
    return SH_OK;
}

sh_status sh_map_create(const sh_tables *tables, const sh_map_cells *sets, int64_t n_set, sh_map *out)
{
    int64_t n_cell = 0, n = 0;
    *out = (sh_map){.n_set = n_set, .set = SH_NEW(sh_map_set, n_set)};
    for (int64_t s = 0; s < n_set; s++)
        n_cell += sets[s].n_cell;
    double *x = SH_NEW(double, n_cell * D);
    for (int64_t s = 0; s < n_set; s++) {
        sh_map_set *set = &out->set[s];
        set->n = fill_fingerprints(tables, &sets[s], x + D * n);
        set->n_left_out = sets[s].n_cell - set->n;
        set->place = SH_NEW(double, 2 * set->n);
        n += set->n;
    }
    sh_arena *arena = sh_arena_create(1 << 16);
    sh_status status = measure(x, arena, out);
    sh_arena_destroy(&arena);
    sh_free(x);
    if (status != SH_OK) sh_map_destroy(out);
    return status;
}

void sh_map_destroy(sh_map *map)
{
    for (int64_t s = 0; s < map->n_set; s++)
        sh_free(map->set[s].place);
    sh_free(map->set);
    *map = (sh_map){0};
}
