/* potential.h -- a pretrained network on a batch of crystals: total energies and formation energies from them, formation energies
 * straight away, or band gaps. Which network it is the weights say; m3gnet.h and megnet_model.h have a file each. Each is there
 * twice: fused for the CPU, where a thread takes a group of crystals, and as kernels for back-ends with memory of their own. */
#ifndef SH_POTENTIAL_POTENTIAL_H
#define SH_POTENTIAL_POTENTIAL_H

#include <stdbool.h>

#include "backend/workspace.h"
#include "base/status.h"
#include "crystal/graph.h"

typedef struct sh_potential sh_potential;
typedef struct sh_weights sh_weights;       /* weights.h: the tensors of a weight file */
typedef struct sh_references sh_references; /* references.h: element references and corrections */

typedef enum {
    SH_TOTAL_ENERGY,     /* eV a cell */
    SH_FORMATION_ENERGY, /* eV/atom */
    SH_BAND_GAP          /* eV; of metals a little below 0 at times */
} sh_quantity;

/* Copies what it needs of the weights (rearranged for speed); references are borrowed and may be NULL for a model that does not
 * predict total energies. SH_EINPUT where the weights are not those of a model this program knows. */
sh_status sh_potential_create(const sh_weights *weights, const sh_references *references, sh_potential **out);
void sh_potential_destroy(sh_potential **potential);

sh_quantity sh_potential_quantity(const sh_potential *potential); /* what it predicts */
double sh_potential_cutoff(const sh_potential *potential);      /* Å, of the graph it wants */
bool sh_potential_knows(const sh_potential *potential, int z);  /* trained on this element, with a reference */

/* From now on kernels of `be` read the weights and references too; with the CPU's back-end, where they started, it alone does. */
void sh_potential_use(sh_potential *potential, const sh_backend *be);

/* For the crystals `wanted[0..n_wanted)` of the batch (NULL: all) the quantity that the model predicts, written at the crystal's
 * own index; other values are left alone. The model knows all their elements, otherwise the value is NaN (kernels) or nothing is
 * promised (CPU). The graph must have sh_potential_cutoff or a larger cut-off; with another cut-off, or some crystals only,
 * kernels wait once. Arrays of crystals and graph, `wanted` and `value` are there. */
void sh_potential_predict(const sh_potential *potential, sh_workspace *ws, const sh_crystals *crystals, const sh_graph *graph,
                          const int64_t *wanted, int64_t n_wanted, double *value);

/* The same as energies, there: e_total (eV a cell; NaN from a model of formation energies) and e_form (eV/atom; NaN where an
 * element has no reference). Not for band gaps. */
void sh_potential_evaluate(const sh_potential *potential, sh_workspace *ws, const sh_crystals *crystals, const sh_graph *graph,
                           const int64_t *wanted, int64_t n_wanted, double *e_total, double *e_form);

/* From total energies that are known (forces come with them) to formation energies, as above. Of a model of total energies. */
void sh_potential_formation(const sh_potential *potential, sh_workspace *ws, const sh_crystals *crystals, const sh_graph *graph,
                            const int64_t *wanted, int64_t n_wanted, double *e_total, double *e_form);

#endif
