/* portions.h -- on the CPU: a batch of crystals cut into portions, each the work of one thread. */
#ifndef SH_POTENTIAL_PORTIONS_H
#define SH_POTENTIAL_PORTIONS_H

#include "crystal/graph.h"

/* Cuts the crystals[0..n) into runs of about as many edges: enough to fill tiles and loops, few enough for all threads to have some.
 * Where the cuts are does not matter to the bits. start (n+1); returns the number of portions. */
int64_t sh_portions_cut(const sh_graph *graph, const int64_t *crystals, int64_t n, int64_t *start);

int sh_thread_count(void); /* of a parallel region to come */
int sh_this_thread(void);  /* in one */

#endif
