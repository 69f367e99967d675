#include "relax/network.h"

#include "base/memory.h"
#include "potential/forces.h"

struct sh_relax_network {
    const sh_potential *potential;
    sh_forces *forces;
    sh_relax_model model;
};

static bool knows(const void *self, int z)
{
    const sh_relax_network *n = self;
    return sh_potential_knows(n->potential, z);
}

static void evaluate(const void *self, sh_workspace *ws, const sh_crystals *c, const sh_graph *g, const sh_relax_values *out)
{
    const sh_relax_network *n = self;
    sh_forces_evaluate(n->forces, ws, c, g, NULL, c->n_crystal, out->energy, out->force, out->stress);
    if (sh_potential_quantity(n->potential) == SH_TOTAL_ENERGY) {
        sh_potential_formation(n->potential, ws, c, g, NULL, c->n_crystal, out->energy, out->e_form);
        return;
    }
    for (int64_t i = 0; i < c->n_crystal; i++) {
        int64_t n_atom = c->atom_start[c->site_start[i + 1]] - c->atom_start[c->site_start[i]];
        out->e_form[i] = out->energy[i] / (double)n_atom;
    }
}

sh_status sh_relax_network_create(const sh_potential *potential, sh_relax_network **out)
{
    *out = NULL;
    sh_relax_network *n = SH_NEW(sh_relax_network, 1);
    n->potential = potential;
    n->model = (sh_relax_model){.self = n, .cutoff = sh_potential_cutoff(potential), .knows = knows, .evaluate = evaluate};
    sh_status status = sh_forces_create(potential, &n->forces);
    if (status != SH_OK) {
        sh_free(n);
        return status;
    }
    *out = n;
    return SH_OK;
}

void sh_relax_network_destroy(sh_relax_network **network)
{
    if (!*network) return;
    sh_forces_destroy(&(*network)->forces);
    sh_free(*network);
    *network = NULL;
}

const sh_relax_model *sh_relax_network_model(const sh_relax_network *n)
{
    return &n->model;
}
