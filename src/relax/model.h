/* model.h -- what a relaxation asks of a potential, whichever it is. */
#ifndef SH_RELAX_MODEL_H
#define SH_RELAX_MODEL_H

#include <stdbool.h>

#include "backend/workspace.h"
#include "crystal/graph.h"

/* Of a batch of C crystals with S sites; these arrays are the host's. What is not finite is the crystal's affair alone. */
typedef struct {
    double *energy; /* (C) eV a cell */
    double *e_form; /* (C) formation energy, eV/atom; NaN where the model has none */
    double *force;  /* (S,3) on the representative of each site, Cartesian, eV/Å */
    double *stress; /* (C,9) eV/Å^3, symmetric: (1/V) dE / d strain. It may be that of the representatives with their multiplicities:
                       the caller averages over the point group */
} sh_relax_values;

typedef struct {
    const void *self;
    const sh_backend *be; /* that it works on; NULL: the CPU's */
    double cutoff; /* Å, of the graph it wants */
    bool (*knows)(const void *self, int z);
    /* Crystals and graph are there, in a workspace of `be`; values do not depend on which crystals share a batch. */
    void (*evaluate)(const void *self, sh_workspace *ws, const sh_crystals *crystals, const sh_graph *graph, const sh_relax_values *out);
} sh_relax_model;

#endif
