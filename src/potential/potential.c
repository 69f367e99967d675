#include "potential/potential.h"

#include <string.h>

#include "backend/mirror.h"
#include "potential/m3gnet_batch.h"
#include "potential/megnet_batch.h"
#include "potential/portions.h"
#include "potential/potential_parts.h"
#include "potential/weights.h"

sh_status sh_potential_create(const sh_weights *w, const sh_references *references, sh_potential **out)
{
    sh_potential *p = SH_NEW(sh_potential, 1);
    *out = NULL;
    p->references = references;
    p->be = sh_backend_cpu();
    p->quantity = strcmp(w->target, "intensive") ? SH_TOTAL_ENERGY : w->n_fidelity > 0 ? SH_BAND_GAP : SH_FORMATION_ENERGY;
    bool megnet = !strcmp(w->model, "matgl.MEGNet");
    sh_status status = megnet ? sh_megnet_model_create(w, &p->megnet) : sh_m3gnet_create(w, &p->m3gnet);
    if (status != SH_OK) {
        sh_free(p);
        return status;
    }
    *out = p;
    return SH_OK;
}

void sh_potential_destroy(sh_potential **potential)
{
    if (!*potential) return;
    sh_potential_use(*potential, sh_backend_cpu());
    sh_m3gnet_destroy(&(*potential)->m3gnet);
    sh_megnet_model_destroy(&(*potential)->megnet);
    sh_free(*potential);
    *potential = NULL;
}

sh_quantity sh_potential_quantity(const sh_potential *p)
{
    return p->quantity;
}

double sh_potential_cutoff(const sh_potential *p)
{
    return p->megnet ? sh_megnet_model_cutoff(p->megnet) : sh_m3gnet_cutoff(p->m3gnet);
}

bool sh_potential_knows(const sh_potential *p, int z)
{
    bool in_table = p->megnet ? sh_megnet_model_knows(p->megnet, z) : sh_m3gnet_knows(p->m3gnet, z);
    return in_table && (!p->references || sh_references_knows(p->references, z));
}

void sh_potential_use(sh_potential *p, const sh_backend *be)
{
    sh_constant_give(p->be, p->table_there);
    p->table_there = NULL;
    p->be = be;
    if (p->m3gnet) sh_m3gnet_use(p->m3gnet, be);
    if (p->megnet) sh_megnet_model_use(p->megnet, be);
    if (!be->room || !p->references) return;
    p->table_there = sh_constant_there(be, sh_references_table(p->references), sizeof *p->table_there);
}

/* ---- one group of crystals, by one thread ---- */

static size_t scratch_of(const sh_potential *p, const sh_graph *g, const int64_t *crystals, int64_t n)
{
    return p->megnet ? sh_megnet_model_scratch(p->megnet, g, crystals, n) : sh_m3gnet_scratch(p->m3gnet, g, crystals, n);
}

static void predict_group(const sh_potential *p, const sh_graph *g, const int32_t *site_z, const int64_t *crystals, int64_t n,
                          void *scratch, double *value)
{
    if (p->megnet)
        sh_megnet_model_values(p->megnet, g, site_z, crystals, n, scratch, value);
    else
        sh_m3gnet_energies(p->m3gnet, g, site_z, crystals, n, scratch, value, NULL, NULL);
}

/* On the CPU. */
static void predict_fused(const sh_potential *p, const sh_crystals *c, const sh_graph *g, const int64_t *wanted, int64_t n,
                          sh_arena *arena, double *value)
{
    int64_t *crystals = SH_PUSH(arena, int64_t, n), *start = SH_PUSH(arena, int64_t, n + 1);
    double *grouped = SH_PUSH(arena, double, n);
    for (int64_t k = 0; k < n; k++)
        crystals[k] = wanted ? wanted[k] : k;
    int64_t n_group = sh_portions_cut(g, crystals, n, start);
    size_t most = 0;
    for (int64_t k = 0; k < n_group; k++) {
        size_t bytes = scratch_of(p, g, crystals + start[k], start[k + 1] - start[k]);
        most = bytes > most ? bytes : most;
    }
    char *scratch = sh_arena_push(arena, most * (size_t)sh_thread_count());
#pragma omp parallel for schedule(dynamic, 1) if (n_group > 1)
    for (int64_t k = 0; k < n_group; k++)
        predict_group(p, g, c->site_z, crystals + start[k], start[k + 1] - start[k], scratch + most * (size_t)sh_this_thread(),
                      grouped + start[k]);
    for (int64_t k = 0; k < n; k++)
        value[crystals[k]] = grouped[k];
}

void sh_potential_predict(const sh_potential *p, sh_workspace *ws, const sh_crystals *c, const sh_graph *g,
                          const int64_t *wanted, int64_t n_wanted, double *value)
{
    int64_t n = wanted ? n_wanted : c->n_crystal;
    if (n == 0) return;
    SH_ASSERT(!ws->be->room || p->be == ws->be);
    sh_workspace_mark mark = sh_workspace_get_mark(ws);
    if (!ws->be->room)
        predict_fused(p, c, g, wanted, n, ws->arena, value);
    else if (p->megnet)
        sh_megnet_model_batch(p->megnet, ws, g, c->site_z, wanted, n_wanted, value);
    else
        sh_m3gnet_batch(p->m3gnet, ws, g, c->site_z, wanted, n_wanted, value, NULL, NULL);
    sh_workspace_release(ws, mark);
}

void sh_potential_evaluate(const sh_potential *p, sh_workspace *ws, const sh_crystals *c, const sh_graph *g,
                           const int64_t *wanted, int64_t n_wanted, double *e_total, double *e_form)
{
    SH_ASSERT(p->quantity != SH_BAND_GAP);
    sh_potential_predict(p, ws, c, g, wanted, n_wanted, e_total);
    sh_potential_formation(p, ws, c, g, wanted, n_wanted, e_total, e_form);
}

void sh_potential_formation(const sh_potential *p, sh_workspace *ws, const sh_crystals *c, const sh_graph *g,
                            const int64_t *wanted, int64_t n_wanted, double *e_total, double *e_form)
{
    const sh_reference_table *here = p->references ? sh_references_table(p->references) : NULL;
    sh_references_formation(ws->be->room ? p->table_there : here, ws, c, g, wanted, wanted ? n_wanted : c->n_crystal,
                            p->quantity == SH_FORMATION_ENERGY, e_total, e_form);
}
