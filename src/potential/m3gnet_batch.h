/* m3gnet_batch.h -- the same M3GNet by kernels, layer by layer over all edges of a batch, for back-ends with memory of their own;
 * m3gnet.h has the version fused for the CPU. */
#ifndef SH_POTENTIAL_M3GNET_BATCH_H
#define SH_POTENTIAL_M3GNET_BATCH_H

#include "backend/workspace.h"
#include "potential/m3gnet.h"

/* The weights go where kernels of `be` read them; back again with the CPU's. */
void sh_m3gnet_use(sh_m3gnet *model, const sh_backend *be);

/* The same model with its weights where kernels of its back-end read them; the host looks at it only where that has no memory of its
 * own. */
const struct sh_m3gnet *sh_m3gnet_there_of(const sh_m3gnet *model);

/* Energies as sh_m3gnet_energies, of the crystals wanted[0..n_wanted) at their own index of `value`; graph, site_z (S), wanted
 * (NULL: all) and value are there. NaN where an element has no row. `trace` sees rows on the host: no "count", sums "s" of all
 * edges and with THREE_OTHER alone. */
void sh_m3gnet_batch(const sh_m3gnet *model, sh_workspace *ws, const sh_graph *graph, const int32_t *site_z,
                     const int64_t *wanted, int64_t n_wanted, double *value, sh_m3gnet_trace trace, void *context);

#endif
