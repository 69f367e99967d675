/* megnet.h -- the policy's crystal encoder: MEGNet (Chen et al., Chem. Mater. 31, 3564 (2019)) on the quotient graph.
 *
 * Edges are shown as 100 Gaussians from 0 to 5 Å (factor 0.5), the crystal's state as two zeros. Three blocks of width 32,
 * softplus2 after every layer but the last; set2set over sites and over edges, two steps; 160-32-16-32. Messages are averaged
 * at their source instead of their target, which for weights trained from scratch is the same network with the ends of an
 * edge exchanged and needs no scatter. On the quotient graph an edge counts n_c times in the mean of its site, n_c m_s times
 * in the crystal's; a crystal without edges has zeros there. */
#ifndef SH_NN_MEGNET_H
#define SH_NN_MEGNET_H

#include "crystal/graph.h"
#include "nn/params.h"

enum { SH_MEGNET_OUT = 32 };

typedef struct sh_megnet sh_megnet;

sh_megnet *sh_megnet_create(sh_params *params, const char *name, int64_t node_in);
void sh_megnet_destroy(sh_megnet **megnet);

/* node (S, node_in); returns (C, SH_MEGNET_OUT). */
sh_tensor *sh_megnet_forward(sh_tape *tape, const sh_megnet *megnet, const sh_graph *graph, const sh_tensor *node);

#endif
