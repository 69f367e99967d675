#include "relax/network.h"

#include <string.h>

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

/* An array of the host's that kernels fill in: itself, or one there. */
static double *there_of(sh_workspace *ws, double *host, int64_t n)
{
    return ws->be->room ? SH_ROOM(ws, double, n) : host;
}

static void bring_back(sh_workspace *ws, double *host, const double *there, int64_t n)
{
    if (there != host) memcpy(host, SH_BRING(ws, there, n), (size_t)n * sizeof *host);
}

static void evaluate(const void *self, sh_workspace *ws, const sh_crystals *c, const sh_graph *g, const sh_relax_values *out)
{
    const sh_relax_network *n = self;
    bool total = sh_potential_quantity(n->potential) == SH_TOTAL_ENERGY;
    double *energy = there_of(ws, out->energy, c->n_crystal), *force = there_of(ws, out->force, 3 * c->n_site);
    double *stress = there_of(ws, out->stress, 9 * c->n_crystal), *e_form = there_of(ws, out->e_form, c->n_crystal);
    sh_forces_evaluate(n->forces, ws, c, g, NULL, c->n_crystal, energy, force, stress);
    if (total) sh_potential_formation(n->potential, ws, c, g, NULL, c->n_crystal, energy, e_form);
    bring_back(ws, out->energy, energy, c->n_crystal);
    bring_back(ws, out->force, force, 3 * c->n_site);
    bring_back(ws, out->stress, stress, 9 * c->n_crystal);
    if (total) {
        bring_back(ws, out->e_form, e_form, c->n_crystal);
        return;
    }
    const int64_t *site_start = SH_BRING(ws, c->site_start, c->n_crystal + 1), *atom_start = SH_BRING(ws, c->atom_start, c->n_site + 1);
    for (int64_t i = 0; i < c->n_crystal; i++)
        out->e_form[i] = out->energy[i] / (double)(atom_start[site_start[i + 1]] - atom_start[site_start[i]]);
}

sh_status sh_relax_network_create(const sh_potential *potential, const sh_backend *be, sh_relax_network **out)
{
    *out = NULL;
    sh_relax_network *n = SH_NEW(sh_relax_network, 1);
    n->potential = potential;
    n->model = (sh_relax_model){.self = n, .be = be, .cutoff = sh_potential_cutoff(potential), .knows = knows, .evaluate = evaluate};
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
