#include "metrics/assignment.h"

#include <math.h>
#include <stdbool.h>

/* Potentials u of rows and v of columns keep every reduced cost c - u - v at 0 or above, and at 0 on pairs that are
 * assigned. A row is added by the shortest path, in reduced costs, from it to a free column, along which assignments are
 * exchanged. Forbidden pairs never enter a sum: a path that would need one does not exist. */
typedef struct {
    int64_t n;
    const double *cost;
    double *u, *v, *distance;  /* (n) each */
    int32_t *row_of, *parent;  /* (n) by column: its row, -1 free; the row that the path reaches it from */
    bool *done;                /* (n) by column: its distance is final */
} solver;

/* Distances to columns from `row` on, until a free one is nearest, which is returned; -1 where none can be reached. */
static int64_t nearest_free_column(solver *s, int64_t row, double *length)
{
    int64_t n = s->n, column = -1;
    double reached = 0;
    for (int64_t j = 0; j < n; j++) {
        s->distance[j] = INFINITY;
        s->done[j] = false;
    }
    for (int64_t i = row;; i = s->row_of[column]) {
        const double *c = s->cost + n * i;
        double nearest = INFINITY, from = reached - s->u[i];
        int64_t next = -1;
        for (int64_t j = 0; j < n; j++) {
            if (s->done[j]) continue;
            double d = from + c[j] - s->v[j];
            if (d < s->distance[j]) {
                s->distance[j] = d;
                s->parent[j] = (int32_t)i;
            }
            /* among equally near columns a free one ends the search */
            if (s->distance[j] < nearest || (s->distance[j] == nearest && next >= 0 && s->row_of[j] < 0 && s->row_of[next] >= 0)) {
                nearest = s->distance[j];
                next = j;
            }
        }
        if (next < 0) return -1;
        column = next;
        reached = nearest;
        if (s->row_of[column] < 0) break;
        s->done[column] = true;
    }
    *length = reached;
    return column;
}

static bool add_row(solver *s, int64_t row, int32_t *column_of)
{
    double length;
    int64_t column = nearest_free_column(s, row, &length);
    if (column < 0) return false;
    s->u[row] += length;
    for (int64_t j = 0; j < s->n; j++) {
        if (!s->done[j]) continue;
        s->u[s->row_of[j]] += length - s->distance[j];
        s->v[j] -= length - s->distance[j];
    }
    for (int64_t i = -1; i != row;) {
        i = s->parent[column];
        int32_t before = column_of[i];
        column_of[i] = (int32_t)column;
        s->row_of[column] = (int32_t)i;
        column = before;
    }
    return true;
}

double sh_assignment_solve(const double *cost, int64_t n, sh_arena *scratch, int32_t *column_of)
{
    sh_arena_mark mark = sh_arena_get_mark(scratch);
    solver s = {.n = n, .cost = cost, .u = SH_PUSH_ZERO(scratch, double, n), .v = SH_PUSH_ZERO(scratch, double, n),
                .distance = SH_PUSH(scratch, double, n), .row_of = SH_PUSH(scratch, int32_t, n),
                .parent = SH_PUSH(scratch, int32_t, n), .done = SH_PUSH(scratch, bool, n)};
    bool possible = true;
    for (int64_t i = 0; i < n; i++)
        s.row_of[i] = column_of[i] = -1;
    for (int64_t i = 0; i < n && possible; i++)
        possible = add_row(&s, i, column_of);
    double sum = possible ? 0 : INFINITY;
    for (int64_t i = 0; i < n && possible; i++)
        sum += cost[n * i + column_of[i]];
    sh_arena_release(scratch, mark);
    return sum;
}
