/* megnet_model.h -- the pretrained MEGNets of matgl on the quotient graph: formation energies (MEGNet-MP-2018.6.1-Eform) and band
 * gaps (MEGNet-MP-2019.4.1-BandGap-mfi, four fidelities). The policy's encoder of the same shape is src/nn/megnet.h.
 *
 * As in m3gnet.h a group of crystals is evaluated by one thread, edges in tiles that stay in the cache, products in a fixed
 * order: a crystal's value has the same bits in every batch. docs/equations.md. */
#ifndef SH_POTENTIAL_MEGNET_MODEL_H
#define SH_POTENTIAL_MEGNET_MODEL_H

#include <stdbool.h>
#include <stddef.h>

#include "crystal/graph.h"
#include "potential/weights.h"

typedef struct sh_megnet_model sh_megnet_model;

sh_status sh_megnet_model_create(const sh_weights *weights, sh_megnet_model **out); /* SH_EINPUT: not these weights */
void sh_megnet_model_destroy(sh_megnet_model **model);

double sh_megnet_model_cutoff(const sh_megnet_model *model);
bool sh_megnet_model_knows(const sh_megnet_model *model, int z);

/* std * output + mean (eV/atom, or eV) of the crystals[0..n) of the graph, evaluated together by one thread. site_z (S), all of
 * them known. scratch: sh_megnet_model_scratch(...) bytes for these crystals. */
size_t sh_megnet_model_scratch(const sh_megnet_model *model, const sh_graph *graph, const int64_t *crystals, int64_t n);
void sh_megnet_model_values(const sh_megnet_model *model, const sh_graph *graph, const int32_t *site_z, const int64_t *crystals,
                            int64_t n, void *scratch, double *value);

#endif
