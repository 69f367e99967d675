/* force_values.h -- forces and stress in tests, by the kernels of `be`, of and to arrays of the host. */
#ifndef SH_TEST_FORCE_VALUES_H
#define SH_TEST_FORCE_VALUES_H

#include "device.h"

#include "crystal/transfer.h"
#include "potential/forces.h"

typedef struct {
    double *energy, *force, *atom_force, *stress; /* (C), (S,3), (A,3), (C,9) */
} force_values;

static inline double *force_array(sh_arena *arena, int64_t n)
{
    double *x = SH_PUSH(arena, double, n);
    for (int64_t i = 0; i < n; i++)
        x[i] = -77;
    return x;
}

/* Numbers that are not wanted are -77. */
static inline force_values forces_of_graph(sh_forces *forces, sh_arena *arena, const sh_crystals *c, const sh_graph *g,
                                           const int64_t *wanted, int64_t n_wanted)
{
    sh_workspace ws;
    sh_crystals crystals;
    sh_graph graph;
    force_values v = {force_array(arena, c->n_crystal), force_array(arena, 3 * c->n_site), force_array(arena, 3 * c->n_atom),
                      force_array(arena, 9 * c->n_crystal)};
    sh_workspace_begin(&ws, be, arena);
    sh_crystals_put(&ws, c, &crystals);
    sh_graph_put(&ws, g, &crystals, &graph);
    const int64_t *list = SH_PUT(&ws, wanted, n_wanted);
    double *const host[4] = {v.energy, v.force, v.stress, v.atom_force}, *there[4];
    const int64_t size[4] = {c->n_crystal, 3 * c->n_site, 9 * c->n_crystal, 3 * c->n_atom};
    for (int i = 0; i < 4; i++)
        there[i] = (double *)(uintptr_t)SH_PUT(&ws, host[i], size[i]);
    sh_forces_evaluate(forces, &ws, &crystals, &graph, list, n_wanted, there[0], there[1], there[2]);
    sh_forces_of_atoms(&ws, &crystals, there[1], there[3]);
    for (int i = 0; i < 4 && be->room; i++)
        memcpy(host[i], SH_BRING(&ws, there[i], size[i]), (size_t)size[i] * sizeof(double));
    return v;
}

static inline force_values forces_of(sh_forces *forces, sh_arena *arena, const sh_crystals *c, double cutoff, bool no_classes)
{
    sh_workspace host = sh_workspace_host(arena);
    sh_graph g;
    sh_graph_build(&host, c, &(sh_graph_opts){.cutoff = cutoff, .no_classes = no_classes}, &g);
    return forces_of_graph(forces, arena, c, &g, NULL, 0);
}

#endif
