#include "crystal/orbit.h"

#include "backend/workspace.h"

void sh_crystals_make(sh_workspace *ws, const sh_group_tables *tables, const sh_descriptions *d, double merge_tol,
                      sh_crystals *out)
{
    const sh_backend *be = ws->be;
    int64_t n_crystal = d->n_crystal, n_site = d->n_site, size[2];
    *out = (sh_crystals){.n_crystal = n_crystal,
                         .n_site = n_site,
                         .lattice = SH_ROOM(ws, double, 9 * n_crystal),
                         .sg_number = SH_ROOM(ws, int32_t, n_crystal),
                         .site_start = SH_ROOM(ws, int64_t, n_crystal + 1),
                         .site_crystal = SH_ROOM(ws, int32_t, n_site),
                         .site_z = SH_ROOM(ws, int32_t, n_site),
                         .atom_start = SH_ROOM(ws, int64_t, n_site + 1),
                         .stab_start = SH_ROOM(ws, int64_t, n_site + 1),
                         .position_tolerance = SH_SAME_ANG};
    sh_orbit_project_args args = {.tables = *tables,
                                  .described = *d,
                                  .crystals = *out,
                                  .merge_tol = merge_tol,
                                  .x = SH_ROOM(ws, double, 3 * n_site),
                                  .stab = SH_ROOM(ws, int16_t, SH_MAX_STAB * n_site),
                                  .n_stab = SH_ROOM(ws, int64_t, n_site),
                                  .n_atom = SH_ROOM(ws, int64_t, n_site)};
    be->orbit_sites(&args, n_crystal + 1);
    be->orbit_project(&args, n_site);
    const sh_count_list lists[] = {{args.n_atom, n_site, out->atom_start, n_site}, {args.n_stab, n_site, out->stab_start, n_site}};
    sh_workspace_sizes(ws, lists, 2, size);
    out->n_atom = size[0];
    out->n_stab = size[1];
    out->atom_frac = SH_ROOM(ws, double, 3 * out->n_atom);
    out->stab_rot = SH_ROOM(ws, int8_t, 9 * out->n_stab);
    out->atom_rot = SH_ROOM(ws, int8_t, 9 * out->n_atom);
    args.crystals = *out;
    be->orbit_write(&args, n_site);
}
