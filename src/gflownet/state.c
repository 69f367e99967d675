#include "gflownet/state.h"

#include "crystal/orbit.h"

/* (n+1) sites of each state. */
static int64_t *site_starts(sh_workspace *ws, const int64_t *t, int64_t n)
{
    int64_t *start = SH_ROOM(ws, int64_t, n + 1);
    ws->be->offsets(t, n, start);
    return start;
}

static void make_crystals(const sh_space *space, sh_workspace *ws, bool nominal, const sh_state_list *states, const int64_t *site_start,
                          sh_crystals *out)
{
    int64_t n = states->n, n_site = states->n_site;
    const sh_describe_states_args args = {.states = states->rows,
                                          .rules = sh_space_rules_there(space),
                                          .nominal = nominal,
                                          .site_start = site_start,
                                          .sg_number = SH_ROOM(ws, int32_t, n),
                                          .lattice = SH_ROOM(ws, double, 9 * n),
                                          .site_z = SH_ROOM(ws, int32_t, n_site),
                                          .site_wyckoff = SH_ROOM(ws, int32_t, n_site),
                                          .site_frac = SH_ROOM(ws, double, 3 * n_site)};
    ws->be->describe_states(&args, n);
    const sh_descriptions descriptions = {.n_crystal = n,
                                          .n_site = n_site,
                                          .sg_number = args.sg_number,
                                          .lattice = args.lattice,
                                          .site_start = site_start,
                                          .site_z = args.site_z,
                                          .site_frac = args.site_frac,
                                          .site_wyckoff = space->sites == SH_SITES_WYCKOFF ? args.site_wyckoff : NULL};
    sh_crystals_make(ws, &space->tables, &descriptions, space->merge_tol, out);
}

void sh_finished_crystals(const sh_space *space, sh_workspace *ws, const sh_record_list *records, const int64_t *index, int64_t n,
                          sh_crystals *out)
{
    const sh_finished_states_args args = {
        .records = *records, .index = index, .record = SH_ROOM(ws, int64_t, n), .t = SH_ROOM(ws, int64_t, n)};
    ws->be->finished_states(&args, n);
    int64_t *site_start = SH_ROOM(ws, int64_t, n + 1);
    const sh_state_list states = {.rows = {.records = *records, .record = args.record, .t = args.t},
                                  .n = n,
                                  .n_site = sh_workspace_size(ws, args.t, n, site_start, n)};
    make_crystals(space, ws, false, &states, site_start, out);
}

void sh_record_crystal(const sh_space *space, const sh_record *record, sh_arena *arena, sh_crystals *out)
{
    sh_workspace ws = sh_workspace_host(arena);
    const sh_record_list one = {.first = (char *)(uintptr_t)record, .n_first = 1, .n = 1};
    sh_finished_crystals(space, &ws, &one, NULL, 1, out);
}

void sh_states_build(const sh_space *space, const sh_policy_options *options, sh_workspace *ws, const sh_state_list *states,
                     sh_states *out)
{
    int64_t n = states->n, n_site = states->n_site;
    *out = (sh_states){.n = n,
                       .lattice = SH_ROOM(ws, sh_real, n * SH_LATTICE_FEATURES),
                       .group_index = SH_ROOM(ws, int32_t, n),
                       .site_position = SH_ROOM(ws, int32_t, n_site),
                       .site_features = SH_ROOM(ws, sh_real, n_site * SH_SITE_FEATURES)};
    make_crystals(space, ws, options->lattice == SH_LATTICE_LAST, states, site_starts(ws, states->rows.t, n), &out->crystals);
    const sh_crystals *c = &out->crystals;
    sh_graph_build(ws, c, &(sh_graph_opts){.cutoff = 4, .max_neighbours = options->neighbours}, &out->graph);
    const sh_state_features_args of_states = {.lattice = c->lattice,
                                              .sg_number = c->sg_number,
                                              .site_start = c->site_start,
                                              .atom_start = c->atom_start,
                                              .features = out->lattice,
                                              .group_index = out->group_index};
    ws->be->state_features(&of_states, n);
    const sh_site_features_args of_sites = {.states = states->rows,
                                            .rules = sh_space_rules_there(space),
                                            .sg_number = c->sg_number,
                                            .site_crystal = c->site_crystal,
                                            .site_start = c->site_start,
                                            .atom_start = c->atom_start,
                                            .atom_frac = c->atom_frac,
                                            .position = out->site_position,
                                            .features = out->site_features};
    ws->be->site_features(&of_sites, n_site);
}
