/* megnet_batch.h -- the same MEGNets by kernels, layer by layer over a whole batch, for back-ends with memory of their own;
 * megnet_model.h has the version fused for the CPU. */
#ifndef SH_POTENTIAL_MEGNET_BATCH_H
#define SH_POTENTIAL_MEGNET_BATCH_H

#include "backend/workspace.h"
#include "potential/megnet_model.h"

/* The weights go where kernels of `be` read them; back again with the CPU's. */
void sh_megnet_model_use(sh_megnet_model *model, const sh_backend *be);

/* Values as sh_megnet_model_values, of the crystals wanted[0..n_wanted) at their own index of `value`; graph, site_z (S), wanted
 * (NULL: all) and value are there. NaN where an element has no row. */
void sh_megnet_model_batch(const sh_megnet_model *model, sh_workspace *ws, const sh_graph *graph, const int32_t *site_z,
                           const int64_t *wanted, int64_t n_wanted, double *value);

#endif
