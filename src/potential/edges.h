/* edges.h -- the part of a graph that a model sees, for its kernels. */
#ifndef SH_POTENTIAL_EDGES_H
#define SH_POTENTIAL_EDGES_H

#include "backend/workspace.h"
#include "crystal/graph.h"

/* Edges shorter than the cut-off of the crystals wanted[0..n_wanted) (there; NULL: all), `by_end`: with the lists by end. Where
 * that is the whole graph, its own arrays, otherwise copies, and one wait for their number. */
void sh_edges_within(sh_workspace *ws, const sh_graph *graph, double cutoff, const int64_t *wanted, int64_t n_wanted, bool by_end,
                     sh_edges *out);

#endif
