#include "potential/forces.h"

#include <string.h>

#include "potential/edges.h"
#include "potential/m3gnet_tape.h"
#include "potential/megnet_tape.h"
#include "potential/portions.h"
#include "potential/potential_parts.h"

struct sh_forces {
    const sh_potential *potential;
    int64_t n_arena;
    sh_arena **arena; /* of threads; kept, so that calls in a row allocate nothing */
};

sh_status sh_forces_create(const sh_potential *p, sh_forces **out)
{
    *out = NULL;
    if (p->quantity == SH_BAND_GAP)
        return sh_error_hint(SH_FAIL(SH_EINPUT, "a model of band gaps has no forces"), "take a model of energies, m3gnet-efs for example");
    sh_forces *f = SH_NEW(sh_forces, 1);
    f->potential = p;
    *out = f;
    return SH_OK;
}

void sh_forces_destroy(sh_forces **forces)
{
    sh_forces *f = *forces;
    if (!f) return;
    for (int64_t i = 0; i < f->n_arena; i++)
        sh_arena_destroy(&f->arena[i]);
    sh_free(f->arena);
    sh_free(f);
    *forces = NULL;
}

/* ---- a batch where it is ---- */

/* Crystals `wanted` (NULL: all), their edges within the cut-off. */
static void differentiate(const sh_potential *p, sh_workspace *ws, const sh_crystals *c, const sh_graph *g, const int64_t *wanted,
                          int64_t n_wanted, double *energy, double *force, double *stress)
{
    const sh_backend *be = ws->be;
    int64_t n = wanted ? n_wanted : c->n_crystal;
    const sh_real *turn = NULL;
    uint8_t *mark = NULL;
    sh_edges edges;
    sh_edges_within(ws, g, sh_potential_cutoff(p), wanted, n_wanted, true, &edges);
    double *slope = SH_ROOM(ws, double, edges.n), *gradient = SH_ROOM(ws, double, 3 * edges.n);
    if (p->megnet)
        sh_megnet_model_differentiate(p->megnet, ws, g, &edges, c->site_z, wanted, n_wanted, energy, slope);
    else
        sh_m3gnet_differentiate(p->m3gnet, ws, g, &edges, c->site_z, wanted, n_wanted, energy, slope, &turn);
    if (p->quantity == SH_FORMATION_ENERGY) /* an atom, until here */
        be->cell_value(&(sh_cell_value_args){wanted, c->site_start, g->site_mult, energy}, n);
    if (wanted) {
        mark = SH_ROOM_ZERO(ws, uint8_t, c->n_crystal);
        be->mark(&(sh_mark_args){wanted, mark}, n);
    }
    be->edge_gradient(&(sh_edge_gradient_args){edges.vec, slope, turn, gradient}, edges.n);
    const sh_site_forces_args args = {.crystals = *c,
                                      .edges = edges,
                                      .gradient = gradient,
                                      .energy = energy,
                                      .wanted = wanted,
                                      .mark = mark,
                                      .virial = SH_ROOM(ws, double, 9 * c->n_site),
                                      .force = force,
                                      .stress = stress};
    be->site_forces(&args, c->n_site);
    be->crystal_stress(&args, n);
}

/* ---- on the CPU, portion by portion ---- */

/* The edges within the cut-off of the crystals index[0..n), which `c` holds by themselves: their graph, as far as differentiate reads
 * it, in the arena. */
static void select_graph(sh_workspace *ws, const sh_graph *from, const int64_t *index, int64_t n, double cutoff, const sh_crystals *c,
                         const int64_t *atom_start, sh_graph *out)
{
    sh_arena *arena = ws->arena;
    double limit2 = cutoff * cutoff + 1e-8;
    int64_t n_site, n_edge, site = 0, e = 0;
    sh_graph_count(from, index, n, &n_site, &n_edge);
    *out = (sh_graph){.cutoff = cutoff,
                      .n_crystal = n,
                      .n_site = n_site,
                      .site_start = c->site_start,
                      .site_crystal = c->site_crystal,
                      .site_mult = SH_PUSH(arena, double, n_site),
                      .edge_start = SH_PUSH(arena, int64_t, n_site + 1),
                      .edge_src = SH_PUSH(arena, int32_t, n_edge),
                      .edge_dst = SH_PUSH(arena, int32_t, n_edge),
                      .edge_atom = SH_PUSH(arena, int32_t, n_edge),
                      .edge_count = SH_PUSH(arena, double, n_edge),
                      .edge_dist = SH_PUSH(arena, double, n_edge),
                      .edge_vec = SH_PUSH(arena, double, 3 * n_edge),
                      .edge_u = SH_PUSH(arena, double, 3 * n_edge),
                      .edge_uu = SH_PUSH(arena, double, 6 * n_edge),
                      .in_start = SH_PUSH(arena, int64_t, n_site + 1),
                      .in_edge = SH_PUSH(arena, int64_t, n_edge)};
    for (int64_t i = 0; i < n; i++) {
        int64_t first = from->site_start[index[i]], to_site = c->site_start[i] - first;
        int64_t to_atom = c->atom_start[c->site_start[i]] - atom_start[first];
        for (int64_t s = first; s < from->site_start[index[i] + 1]; s++, site++) {
            out->site_mult[site] = from->site_mult[s];
            out->edge_start[site] = e;
            for (int64_t k = from->edge_start[s]; k < from->edge_start[s + 1]; k++, e++) {
                if (from->edge_dist[k] * from->edge_dist[k] >= limit2) break; /* sorted by length */
                out->edge_src[e] = (int32_t)site;
                out->edge_dst[e] = (int32_t)(from->edge_dst[k] + to_site);
                out->edge_atom[e] = (int32_t)(from->edge_atom[k] + to_atom);
                out->edge_count[e] = from->edge_count[k];
                out->edge_dist[e] = from->edge_dist[k];
                memcpy(out->edge_vec + 3 * e, from->edge_vec + 3 * k, 3 * sizeof(double));
                memcpy(out->edge_u + 3 * e, from->edge_u + 3 * k, 3 * sizeof(double));
                memcpy(out->edge_uu + 6 * e, from->edge_uu + 6 * k, 6 * sizeof(double));
            }
        }
    }
    out->edge_start[site] = out->n_edge = e;
    ws->be->sort_by_key(out->edge_dst, e, n_site, out->in_start, out->in_edge);
}

/* The crystals index[0..n) by one thread. */
static void differentiate_portion(const sh_potential *p, sh_arena *arena, const sh_crystals *from, const sh_graph *graph,
                                  const int64_t *index, int64_t n, double *energy, double *force, double *stress)
{
    sh_workspace ws;
    sh_crystals c;
    sh_graph g;
    sh_arena_reset(arena);
    sh_workspace_begin(&ws, sh_backend_cpu(), arena);
    sh_crystals_select(&ws, from, index, n, &c);
    select_graph(&ws, graph, index, n, sh_potential_cutoff(p), &c, from->atom_start, &g);
    double *e = SH_PUSH(arena, double, n), *f = SH_PUSH(arena, double, 3 * c.n_site), *s = SH_PUSH(arena, double, 9 * n);
    differentiate(p, &ws, &c, &g, NULL, 0, e, f, s);
    for (int64_t i = 0; i < n; i++) {
        int64_t first = c.site_start[i], n_site = c.site_start[i + 1] - first;
        energy[index[i]] = e[i];
        memcpy(force + 3 * from->site_start[index[i]], f + 3 * first, (size_t)(3 * n_site) * sizeof *f);
        memcpy(stress + 9 * index[i], s + 9 * i, 9 * sizeof *s);
    }
}

static void need_arenas(sh_forces *f, int64_t n)
{
    if (n <= f->n_arena) return;
    f->arena = sh_realloc(f->arena, (size_t)n * sizeof *f->arena);
    for (; f->n_arena < n; f->n_arena++)
        f->arena[f->n_arena] = sh_arena_create(1 << 20);
}

static void differentiate_portions(sh_forces *f, sh_arena *arena, const sh_crystals *c, const sh_graph *g, const int64_t *wanted,
                                   int64_t n, double *energy, double *force, double *stress)
{
    int64_t *index = SH_PUSH(arena, int64_t, n), *start = SH_PUSH(arena, int64_t, n + 1);
    for (int64_t k = 0; k < n; k++)
        index[k] = wanted ? wanted[k] : k;
    int64_t n_portion = sh_portions_cut(g, index, n, start);
    need_arenas(f, sh_thread_count());
#pragma omp parallel for schedule(dynamic, 1) if (n_portion > 1)
    for (int64_t k = 0; k < n_portion; k++)
        differentiate_portion(f->potential, f->arena[sh_this_thread()], c, g, index + start[k], start[k + 1] - start[k], energy, force,
                              stress);
}

void sh_forces_evaluate(sh_forces *f, sh_workspace *ws, const sh_crystals *c, const sh_graph *g, const int64_t *wanted,
                        int64_t n_wanted, double *energy, double *force, double *stress)
{
    int64_t n = wanted ? n_wanted : c->n_crystal;
    SH_ASSERT(ws->be == f->potential->be && sh_potential_cutoff(f->potential) <= g->cutoff);
    if (n == 0) return;
    sh_workspace_mark mark = sh_workspace_get_mark(ws);
    if (ws->be->room)
        differentiate(f->potential, ws, c, g, wanted, n_wanted, energy, force, stress);
    else
        differentiate_portions(f, ws->arena, c, g, wanted, n, energy, force, stress);
    sh_workspace_release(ws, mark);
}

void sh_forces_of_atoms(sh_workspace *ws, const sh_crystals *c, const double *force, double *atom_force)
{
    ws->be->atom_forces(&(sh_atom_forces_args){*c, force, atom_force}, c->n_site);
}
