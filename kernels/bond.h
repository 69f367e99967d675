/* bond.h -- the bond score B of a crystal: the mean over the kinds of pairs within 4 Å of the mean over their distinct distances
 * (1e-5 Å apart) of |d - d_avg| + exp(d_min - d)^2; 5 where there is no pair. Pairs that the table does not have are left out. */
#ifndef SH_KERNEL_BOND_H
#define SH_KERNEL_BOND_H

#include <math.h>

#include "crystal/graph.h"
#include "reward/tables.h"

static const double SH_BOND_CUTOFF = 4.0; /* Å */
static const double BOND_WITHIN = 4.000000001; /* Å: an atom at the cut-off is inside, whatever its rounding, as in graphs */

/* The first element of the crystal with an atomic number of at least z; SH_MAX_Z + 1: none. */
SH_BODY int32_t bond_element_from(const sh_crystals *c, int64_t crystal, int32_t z)
{
    int32_t first = SH_MAX_Z + 1;
    for (int64_t s = c->site_start[crystal]; s < c->site_start[crystal + 1]; s++)
        if (c->site_z[s] >= z && c->site_z[s] < first) first = c->site_z[s];
    return first;
}

/* Of a graph of at least SH_BOND_CUTOFF. *n_missing: kinds of pairs that were left out; *above_min: no distance is below d_min of
 * its pair. next (S) is scratch, of which the crystal's own sites are written. Distances come from one representative of each
 * orbit, sorted within a site: those of one kind of pair are merged by repeatedly taking the smallest. Few sites, so this is
 * cheap. */
SH_BODY double sh_bond_score(const sh_tables *t, const sh_crystals *c, const sh_graph *g, int64_t crystal, int64_t *next,
                             bool *above_min, int32_t *n_missing)
{
    const double distinct = 1e-5, no_pair = 5.0; /* Å, score */
    int64_t first = c->site_start[crystal], last = c->site_start[crystal + 1];
    *above_min = true;
    *n_missing = 0;
    double sum = 0;
    int64_t n_kind = 0;
    for (int32_t z1 = bond_element_from(c, crystal, 1); z1 <= SH_MAX_Z; z1 = bond_element_from(c, crystal, z1 + 1))
        for (int32_t z2 = z1; z2 <= SH_MAX_Z; z2 = bond_element_from(c, crystal, z2 + 1)) {
            double least = t->bond_min[z1][z2], mean = t->bond_avg[z1][z2], total = 0, kept = -1;
            int64_t n = 0;
            for (int64_t s = first; s < last; s++)
                next[s] = g->edge_start[s];
            for (;;) {
                int64_t from = -1;
                for (int64_t s = first; s < last; s++) {
                    if (c->site_z[s] != z1 && c->site_z[s] != z2) continue;
                    int32_t other = c->site_z[s] == z1 ? z2 : z1;
                    int64_t e = next[s];
                    while (e < g->edge_start[s + 1] && g->edge_dist[e] <= BOND_WITHIN && c->site_z[g->edge_dst[e]] != other)
                        e++;
                    next[s] = e;
                    if (e == g->edge_start[s + 1] || g->edge_dist[e] > BOND_WITHIN) continue;
                    if (from < 0 || g->edge_dist[e] < g->edge_dist[next[from]]) from = s;
                }
                if (from < 0) break;
                if (isnan(mean)) {
                    ++*n_missing;
                    break;
                }
                double d = g->edge_dist[next[from]++];
                if (kept >= 0 && d - kept < distinct) continue;
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
    return n_kind ? sum / (double)n_kind : no_pair;
}

#endif
