#include "crystal/transfer.h"

typedef const void *(*transfer)(sh_workspace *ws, const void *array, size_t bytes);

static void *moved(transfer move, sh_workspace *ws, const void *array, size_t bytes)
{
    return (void *)(uintptr_t)move(ws, array, bytes);
}

#define MOVE(field, count) out->field = moved(move, ws, from->field, (size_t)(count) * sizeof *from->field)

static void move_crystals(transfer move, sh_workspace *ws, const sh_crystals *from, sh_crystals *out)
{
    *out = *from;
    MOVE(lattice, 9 * from->n_crystal);
    MOVE(sg_number, from->n_crystal);
    MOVE(site_start, from->n_crystal + 1);
    MOVE(site_crystal, from->n_site);
    MOVE(site_z, from->n_site);
    MOVE(atom_start, from->n_site + 1);
    MOVE(atom_frac, 3 * from->n_atom);
    MOVE(atom_rot, 9 * from->n_atom);
    MOVE(stab_start, from->n_site + 1);
    MOVE(stab_rot, 9 * from->n_stab);
}

static void move_graph(transfer move, sh_workspace *ws, const sh_graph *from, const sh_crystals *crystals, sh_graph *out)
{
    *out = *from;
    out->site_start = crystals->site_start;
    out->site_crystal = crystals->site_crystal;
    MOVE(site_mult, from->n_site);
    MOVE(edge_start, from->n_site + 1);
    MOVE(edge_src, from->n_edge);
    MOVE(edge_dst, from->n_edge);
    MOVE(edge_count, from->n_edge);
    MOVE(edge_dist, from->n_edge);
    MOVE(edge_vec, 3 * from->n_edge);
    MOVE(edge_atom, from->n_edge);
    MOVE(edge_u, 3 * from->n_edge);
    MOVE(edge_uu, 6 * from->n_edge);
    MOVE(in_start, from->n_site + 1);
    MOVE(in_edge, from->n_edge);
    MOVE(min_dist, from->n_crystal);
}

void sh_crystals_put(sh_workspace *ws, const sh_crystals *from, sh_crystals *out)
{
    move_crystals(sh_workspace_put, ws, from, out);
}

void sh_crystals_bring(sh_workspace *ws, const sh_crystals *from, sh_crystals *out)
{
    move_crystals(sh_workspace_bring, ws, from, out);
}

void sh_graph_put(sh_workspace *ws, const sh_graph *from, const sh_crystals *crystals, sh_graph *out)
{
    move_graph(sh_workspace_put, ws, from, crystals, out);
}

void sh_graph_bring(sh_workspace *ws, const sh_graph *from, const sh_crystals *crystals, sh_graph *out)
{
    move_graph(sh_workspace_bring, ws, from, crystals, out);
}
