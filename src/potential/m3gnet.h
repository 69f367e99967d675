/* m3gnet.h -- M3GNet on the quotient graph, energies only: the potential in its original form (EFS, 2021), and matgl's potential
 * (PES) and model of formation energies (Eform), whichever the weights are.
 *
 * A group of crystals is evaluated by one thread, large enough to fill the tiles of edges whose intermediate rows stay in the
 * cache: all layers of a gated perceptron, its activations and its radial factor in one go. Products have a fixed order: a
 * crystal's energy has the same bits in every batch and every group. docs/equations.md. */
#ifndef SH_POTENTIAL_M3GNET_H
#define SH_POTENTIAL_M3GNET_H

#include "base/memory.h"
#include "base/real.h"
#include "crystal/graph.h"
#include "potential/weights.h"

enum { SH_M3GNET_WIDTH = 64, SH_M3GNET_BLOCKS = 3 };

typedef struct sh_m3gnet sh_m3gnet;

sh_status sh_m3gnet_create(const sh_weights *weights, sh_m3gnet **out); /* SH_EINPUT: not these weights */
void sh_m3gnet_destroy(sh_m3gnet **model);

double sh_m3gnet_cutoff(const sh_m3gnet *model);
bool sh_m3gnet_knows(const sh_m3gnet *model, int z); /* trained on this element */

/* Energies of the crystals[0..n) of the graph, evaluated together by one thread: eV a cell, std sum m_i raw_i + mean + sum of
 * references, or of a model of formation energies eV/atom. site_z (S), all of them known. scratch: sh_m3gnet_scratch(...) bytes for
 * these crystals. trace, if not NULL, is called with intermediate rows: "count" of each edge's class; features "e-first" and in block
 * b "e-three", "e", "v"; three-body sums "s" of the short edges; "raw" readout of each site. */
typedef void (*sh_m3gnet_trace)(void *context, const char *what, int block, const sh_real *rows, int64_t n, int64_t width);
size_t sh_m3gnet_scratch(const sh_m3gnet *model, const sh_graph *graph, const int64_t *crystals, int64_t n);
void sh_m3gnet_energies(const sh_m3gnet *model, const sh_graph *graph, const int32_t *site_z, const int64_t *crystals,
                        int64_t n, void *scratch, double *energy, sh_m3gnet_trace trace, void *context);

#endif
