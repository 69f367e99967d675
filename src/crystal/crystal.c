#include "crystal/crystal.h"

#include "backend/workspace.h"

void sh_crystals_create(sh_arena *arena, int64_t n_crystal, int64_t n_site, int64_t n_atom, int64_t n_stab, double position_tolerance,
                        sh_crystals *out)
{
    *out = (sh_crystals){.n_crystal = n_crystal,
                         .n_site = n_site,
                         .n_atom = n_atom,
                         .n_stab = n_stab,
                         .lattice = SH_PUSH(arena, double, 9 * n_crystal),
                         .sg_number = SH_PUSH_ZERO(arena, int32_t, n_crystal),
                         .site_start = SH_PUSH_ZERO(arena, int64_t, n_crystal + 1),
                         .site_crystal = SH_PUSH(arena, int32_t, n_site),
                         .site_z = SH_PUSH(arena, int32_t, n_site),
                         .atom_start = SH_PUSH_ZERO(arena, int64_t, n_site + 1),
                         .atom_frac = SH_PUSH(arena, double, 3 * n_atom),
                         .atom_rot = SH_PUSH(arena, int8_t, 9 * n_atom),
                         .stab_start = SH_PUSH_ZERO(arena, int64_t, n_site + 1),
                         .stab_rot = SH_PUSH(arena, int8_t, 9 * n_stab),
                         .position_tolerance = position_tolerance};
}

void sh_crystals_select(sh_workspace *ws, const sh_crystals *from, const int64_t *index, int64_t n, sh_crystals *out)
{
    const sh_backend *be = ws->be;
    int64_t *atom_start = SH_ROOM(ws, int64_t, n + 1), *stab_start = SH_ROOM(ws, int64_t, n + 1), size[3];
    sh_select_count_args args = {.from = *from,
                                 .index = index,
                                 .n_site = SH_ROOM(ws, int64_t, n),
                                 .n_atom = SH_ROOM(ws, int64_t, n),
                                 .n_stab = SH_ROOM(ws, int64_t, n),
                                 .atom_start = atom_start,
                                 .stab_start = stab_start};
    *out = (sh_crystals){.n_crystal = n,
                         .lattice = SH_ROOM(ws, double, 9 * n),
                         .sg_number = SH_ROOM(ws, int32_t, n),
                         .site_start = SH_ROOM(ws, int64_t, n + 1),
                         .position_tolerance = from->position_tolerance};
    be->select_count(&args, n);
    const sh_count_list lists[] = {
        {args.n_site, n, out->site_start, n}, {args.n_atom, n, atom_start, n}, {args.n_stab, n, stab_start, n}};
    sh_workspace_sizes(ws, lists, 3, size);
    out->n_site = size[0];
    out->n_atom = size[1];
    out->n_stab = size[2];
    out->site_crystal = SH_ROOM_BLANK(ws, int32_t, out->n_site);
    out->site_z = SH_ROOM_BLANK(ws, int32_t, out->n_site);
    out->atom_start = SH_ROOM(ws, int64_t, out->n_site + 1);
    out->atom_frac = SH_ROOM(ws, double, 3 * out->n_atom);
    out->atom_rot = SH_ROOM(ws, int8_t, 9 * out->n_atom);
    out->stab_start = SH_ROOM(ws, int64_t, out->n_site + 1);
    out->stab_rot = SH_ROOM(ws, int8_t, 9 * out->n_stab);
    args.out = *out;
    be->select_write(&args, n + 1);
    if (sh_workspace_is_planned(ws)) be->select_blank(&args, out->n_site + 1);
}
