#include "gflownet/state.h"

#include <math.h>

#include "crystal/lattice.h"
#include "crystal/orbit.h"
#include "crystal/transfer.h"
#include "crystal/wyckoff.h"

void sh_step_lattice(const sh_space *space, const sh_step *step, double lattice[9])
{
    double u[6], parameters[6];
    for (int d = 0; d < 6; d++)
        u[d] = 1 / (1 + exp(-step->y[d]));
    sh_lattice_from_u(sh_group_family(step->sg_number), &space->constraints->cell, u, parameters);
    sh_lattice_matrix(parameters, lattice);
}

/* A cell of the group's family for states whose lattice is not drawn yet: 15 Å^3 an atom, equal axes, angles of 90 (120). */
static void nominal_lattice(const sh_space *space, const sh_record *record, int32_t t, double lattice[9])
{
    const sh_wyckoffs *w = space->groups->wyckoffs;
    int32_t sg_number = record->step[0].sg_number, n_atom = 0;
    for (int32_t k = 0; k < t; k++)
        n_atom += w->position[w->start[sg_number - 1] + record->step[k].wyckoff].mult;
    bool hexagonal = sh_group_family(sg_number) == SH_HEXAGONAL;
    double side = cbrt(15.0 * n_atom / (hexagonal ? sqrt(0.75) : 1));
    sh_lattice_matrix((const double[6]){side, side, side, 90, 90, hexagonal ? 120 : 90}, lattice);
}

static void make_crystals(const sh_space *space, bool nominal, const sh_record *const *record, const int32_t *t, int64_t n,
                          sh_arena *arena, sh_crystals *out)
{
    int32_t *sg_number = SH_PUSH(arena, int32_t, n);
    double *lattice = SH_PUSH(arena, double, 9 * n);
    int64_t *site_start = SH_PUSH(arena, int64_t, n + 1);
    site_start[0] = 0;
    for (int64_t i = 0; i < n; i++)
        site_start[i + 1] = site_start[i] + t[i];
    int32_t *site_z = SH_PUSH(arena, int32_t, site_start[n]), *site_wyckoff = SH_PUSH(arena, int32_t, site_start[n]);
    double *site_frac = SH_PUSH(arena, double, 3 * site_start[n]);
    for (int64_t i = 0; i < n; i++) {
        const sh_step *last = &record[i]->step[t[i] - 1];
        sg_number[i] = last->sg_number;
        if (nominal)
            nominal_lattice(space, record[i], t[i], lattice + 9 * i);
        else
            sh_step_lattice(space, last, lattice + 9 * i);
        for (int32_t k = 0; k < t[i]; k++) {
            const sh_step *step = &record[i]->step[k];
            int64_t site = site_start[i] + k;
            site_z[site] = space->constraints->element[step->elem_index];
            site_wyckoff[site] = step->wyckoff;
            for (int j = 0; j < 3; j++)
                site_frac[3 * site + j] = step->frac[j];
        }
    }
    sh_crystals_make(space->groups,
                     &(sh_descriptions){.n_crystal = n,
                                        .n_site = site_start[n],
                                        .sg_number = sg_number,
                                        .lattice = lattice,
                                        .site_start = site_start,
                                        .site_z = site_z,
                                        .site_frac = site_frac,
                                        .site_wyckoff = space->sites == SH_SITES_WYCKOFF ? site_wyckoff : NULL},
                     space->merge_tol, arena, out);
}

void sh_states_crystals(const sh_space *space, const sh_record *const *record, const int32_t *t, int64_t n,
                        sh_arena *arena, sh_crystals *out)
{
    make_crystals(space, false, record, t, n, arena, out);
}

/* Numbers of order 1 that say how large and how full the cell is. */
static void lattice_features(const sh_crystals *c, int64_t i, sh_real *out)
{
    double p[6];
    sh_lattice_parameters(c->lattice + 9 * i, p);
    int64_t n_atom = c->atom_start[c->site_start[i + 1]] - c->atom_start[c->site_start[i]];
    for (int d = 0; d < 3; d++) {
        double angle = p[3 + d] * (SH_PI / 180);
        out[d] = (sh_real)((p[d] - 8) / 4);
        out[3 + d] = (sh_real)cos(angle);
        out[6 + d] = (sh_real)(sin(angle) - 1);
    }
    out[9] = (sh_real)(log(sh_lattice_volume(c->lattice + 9 * i) / (15 * (double)n_atom))); /* 15 Å^3: a usual solid */
    out[10] = (sh_real)((log((double)n_atom) - 2) / 2);
}

void sh_states_build(const sh_space *space, const sh_policy_options *options, const sh_record *const *record,
                     const int32_t *t, int64_t n, sh_workspace *ws, sh_states *out)
{
    sh_arena *arena = ws->arena;
    bool wyckoff = space->sites == SH_SITES_WYCKOFF;
    out->n = n;
    make_crystals(space, options->lattice == SH_LATTICE_LAST, record, t, n, arena, &out->crystals);
    const sh_crystals *c = &out->crystals;
    sh_graph_build(c, &(sh_graph_opts){.cutoff = 4, .max_neighbours = options->neighbours}, arena, &out->graph);
    out->site_position = SH_PUSH(arena, int32_t, c->n_site);
    out->lattice = SH_PUSH(arena, sh_real, n * SH_LATTICE_FEATURES);
    out->group_index = SH_PUSH(arena, int32_t, n);
    out->site_features = SH_PUSH(arena, sh_real, c->n_site * SH_SITE_FEATURES);
    for (int64_t i = 0; i < n; i++) {
        out->group_index[i] = c->sg_number[i] - 1;
        lattice_features(c, i, out->lattice + i * SH_LATTICE_FEATURES);
        for (int32_t k = 0; k < t[i]; k++) {
            /* A general site's coordinate as sampled, not the projected one: with another group it may be put elsewhere. */
            int64_t site = c->site_start[i] + k;
            const sh_step *step = &record[i]->step[k];
            const double *x = wyckoff ? c->atom_frac + 3 * c->atom_start[site] : step->frac;
            sh_real *f = out->site_features + site * SH_SITE_FEATURES;
            out->site_position[site] = wyckoff ? space->groups->wyckoffs->start[c->sg_number[i] - 1] + step->wyckoff : 0;
            for (int j = 0; j < 9; j++) {
                double phase = 2 * SH_PI * (j / 3 + 1) * x[j % 3];
                *f++ = (sh_real)sin(phase);
                *f++ = (sh_real)cos(phase);
            }
        }
    }
    const sh_crystals here = *c;
    const sh_graph graph = out->graph;
    sh_crystals_put(ws, &here, &out->crystals);
    sh_graph_put(ws, &graph, &out->crystals, &out->graph);
    out->lattice = (sh_real *)(uintptr_t)SH_PUT(ws, out->lattice, n * SH_LATTICE_FEATURES);
    out->group_index = (int32_t *)(uintptr_t)SH_PUT(ws, out->group_index, n);
    out->site_position = (int32_t *)(uintptr_t)SH_PUT(ws, out->site_position, here.n_site);
    out->site_features = (sh_real *)(uintptr_t)SH_PUT(ws, out->site_features, here.n_site * SH_SITE_FEATURES);
}
