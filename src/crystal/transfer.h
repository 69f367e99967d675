/* transfer.h -- batches of crystals and their graphs between the host and where kernels work. On a back-end without memory of its own
 * these give back what they were given. */
#ifndef SH_CRYSTAL_TRANSFER_H
#define SH_CRYSTAL_TRANSFER_H

#include "backend/workspace.h"
#include "crystal/graph.h"

void sh_crystals_put(sh_workspace *ws, const sh_crystals *from, sh_crystals *out);
void sh_crystals_bring(sh_workspace *ws, const sh_crystals *from, sh_crystals *out);

/* `crystals`: those of `from`, already on the side of `out`. */
void sh_graph_put(sh_workspace *ws, const sh_graph *from, const sh_crystals *crystals, sh_graph *out);
void sh_graph_bring(sh_workspace *ws, const sh_graph *from, const sh_crystals *crystals, sh_graph *out);

#endif
