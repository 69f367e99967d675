#include "crystal/crystal.h"

#include <string.h>

#include "base/memory.h"

void sh_crystals_select(const sh_crystals *from, const int64_t *index, int64_t n, sh_arena *arena, sh_crystals *out)
{
    *out = (sh_crystals){.n_crystal = n, .position_tolerance = from->position_tolerance};
    for (int64_t i = 0; i < n; i++) {
        int64_t first = from->site_start[index[i]], last = from->site_start[index[i] + 1];
        out->n_site += last - first;
        out->n_atom += from->atom_start[last] - from->atom_start[first];
        out->n_stab += from->stab_start[last] - from->stab_start[first];
    }
    out->lattice = SH_PUSH(arena, double, 9 * n);
    out->sg_number = SH_PUSH(arena, int32_t, n);
    out->site_start = SH_PUSH(arena, int64_t, n + 1);
    out->site_crystal = SH_PUSH(arena, int32_t, out->n_site);
    out->site_z = SH_PUSH(arena, int32_t, out->n_site);
    out->atom_start = SH_PUSH(arena, int64_t, out->n_site + 1);
    out->atom_frac = SH_PUSH(arena, double, 3 * out->n_atom);
    out->stab_start = SH_PUSH(arena, int64_t, out->n_site + 1);
    out->stab_rot = SH_PUSH(arena, int8_t, 9 * out->n_stab);
    int64_t site = 0;
    out->site_start[0] = out->atom_start[0] = out->stab_start[0] = 0;
    for (int64_t i = 0; i < n; i++) {
        memcpy(out->lattice + 9 * i, from->lattice + 9 * index[i], 9 * sizeof(double));
        out->sg_number[i] = from->sg_number[index[i]];
        for (int64_t s = from->site_start[index[i]]; s < from->site_start[index[i] + 1]; s++, site++) {
            int64_t n_atom = from->atom_start[s + 1] - from->atom_start[s];
            int64_t n_stab = from->stab_start[s + 1] - from->stab_start[s];
            out->site_crystal[site] = (int32_t)i;
            out->site_z[site] = from->site_z[s];
            memcpy(out->atom_frac + 3 * out->atom_start[site], from->atom_frac + 3 * from->atom_start[s],
                   (size_t)(3 * n_atom) * sizeof(double));
            memcpy(out->stab_rot + 9 * out->stab_start[site], from->stab_rot + 9 * from->stab_start[s],
                   (size_t)(9 * n_stab));
            out->atom_start[site + 1] = out->atom_start[site] + n_atom;
            out->stab_start[site + 1] = out->stab_start[site] + n_stab;
        }
        out->site_start[i + 1] = site;
    }
}
