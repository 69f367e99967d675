/* megnet_tape.h -- the pretrained MEGNets on a tape: values and their derivatives by the lengths of edges, by the kernels of every
 * back-end. src/potential/forces.h makes forces and stress of them. */
#ifndef SH_POTENTIAL_MEGNET_TAPE_H
#define SH_POTENTIAL_MEGNET_TAPE_H

#include "potential/edges.h"
#include "potential/megnet_model.h"

/* Of the crystals wanted[0..n_wanted) (NULL: all), whose edges within the cut-off `edges` are, with lists by end: value, at their own
 * index, as from sh_megnet_model_batch; and slope (E), the derivative of value times atoms by the edge's length. All arrays are
 * there. */
void sh_megnet_model_differentiate(const sh_megnet_model *model, sh_workspace *ws, const sh_graph *graph, const sh_edges *edges,
                                   const int32_t *site_z, const int64_t *wanted, int64_t n_wanted, double *value, double *slope);

#endif
