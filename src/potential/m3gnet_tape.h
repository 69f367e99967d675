/* m3gnet_tape.h -- M3GNet on a tape: energies and their derivatives by what the network sees of the edges, by the kernels of every
 * back-end. src/potential/forces.h makes forces and stress of them. */
#ifndef SH_POTENTIAL_M3GNET_TAPE_H
#define SH_POTENTIAL_M3GNET_TAPE_H

#include "potential/m3gnet.h"
#include "potential/edges.h"

/* Of the crystals wanted[0..n_wanted) (NULL: all), whose edges within the cut-off `edges` are, with lists by end: value, at their own
 * index, as from sh_m3gnet_batch; slope (E), dE/dr of the edge's length; and the derivative by its direction, to *turn (E,3), NULL
 * without three-body terms (sh_m3gnet_angles_grad_args). E is the energy of the cell. All arrays are there. */
void sh_m3gnet_differentiate(const sh_m3gnet *model, sh_workspace *ws, const sh_graph *graph, const sh_edges *edges,
                             const int32_t *site_z, const int64_t *wanted, int64_t n_wanted, double *value, double *slope,
                             const sh_real **turn);

#endif
