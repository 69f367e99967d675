#include <math.h>

#include "reward/terms.h"

static const double CUTOFF = 4.0, DISTINCT = 1e-5, NO_PAIR = 5.0; /* Å, Å, score */

/* Distances come from one representative of each orbit, already sorted within a site: those of one kind of pair are merged
 * by repeatedly taking the smallest. Few sites, so this is cheap. */
double sh_bond_score(const sh_tables *t, const sh_crystals *c, const sh_graph *g, int64_t crystal, sh_arena *arena,
                     bool *above_min, int32_t *n_missing)
{
    int64_t first = c->site_start[crystal], last = c->site_start[crystal + 1];
    sh_composition kinds;
    *above_min = true;
    *n_missing = 0;
    if (!sh_composition_of(c, crystal, &kinds)) return NAN;
    sh_arena_mark mark = sh_arena_get_mark(arena);
    int64_t *next = SH_PUSH(arena, int64_t, last - first);
    double sum = 0;
    int64_t n_kind = 0;
    for (int32_t i = 0; i < kinds.n_kind; i++)
        for (int32_t j = i; j < kinds.n_kind; j++) {
            int32_t z1 = kinds.z[i], z2 = kinds.z[j];
            double least = t->bond_min[z1][z2], mean = t->bond_avg[z1][z2], total = 0, kept = -1;
            int64_t n = 0;
            for (int64_t s = first; s < last; s++)
                next[s - first] = g->edge_start[s];
            for (;;) {
                int64_t from = -1;
                for (int64_t s = first; s < last; s++) {
                    if (c->site_z[s] != z1 && c->site_z[s] != z2) continue;
                    int32_t other = c->site_z[s] == z1 ? z2 : z1;
                    int64_t e = next[s - first];
                    while (e < g->edge_start[s + 1] && g->edge_dist[e] <= CUTOFF && c->site_z[g->edge_dst[e]] != other)
                        e++;
                    next[s - first] = e;
                    if (e == g->edge_start[s + 1] || g->edge_dist[e] > CUTOFF) continue;
                    if (from < 0 || g->edge_dist[e] < g->edge_dist[next[from - first]]) from = s;
                }
                if (from < 0) break;
                if (isnan(mean)) {
                    ++*n_missing;
                    break;
                }
                double d = g->edge_dist[next[from - first]++];
                if (kept >= 0 && d - kept < DISTINCT) continue;
                kept = d;
                double below = exp(least - d);
                total += fabs(d - mean) + below * below;
                n++;
                if (d < least) *above_min = false;
            }
            if (n == 0) continue;
            sum += total / (double)n;
            n_kind++;
        }
    sh_arena_release(arena, mark);
    return n_kind ? sum / (double)n_kind : NO_PAIR;
}
