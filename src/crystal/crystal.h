/* crystal.h -- a batch of crystals as sites, orbits and atoms. The shared data types of the module; group.h, lattice.h,
 * orbit.h and graph.h make and use them.
 *
 * Everything is double and ragged with offsets: C crystals, S sites (one representative atom an orbit), A atoms (all
 * atoms of the cell), H site-group operations. Arrays live in the room of the workspace that the batch was made in.
 *
 * Conventions: lattice rows are a, b, c in Å, cart = frac * lattice; an operation is x -> W x + w on fractional
 * coordinates (columns), W row-major. */
#ifndef SH_CRYSTAL_CRYSTAL_H
#define SH_CRYSTAL_CRYSTAL_H

#include <stdint.h>

#include "base/real.h"

enum { SH_MAX_STAB = 48 }; /* of a site */

#define SH_SAME_ANG 1e-5 /* Å: an operation maps a point to itself within this: it is meant to */

typedef struct {
    int64_t n_crystal, n_site, n_atom, n_stab;
    double *lattice;      /* (C,9) */
    int32_t *sg_number;   /* (C) group the sites were repeated by, 0 where that is not one in its standard setting */
    int64_t *site_start;  /* (C+1) */
    int32_t *site_crystal;/* (S) */
    int32_t *site_z;      /* (S) atomic number 1..118 */
    int64_t *atom_start;  /* (S+1): atoms of site s; their number is the multiplicity of s in this cell */
    double *atom_frac;    /* (A,3) in [0,1); the first atom of a site is its representative */
    int8_t *atom_rot;     /* (A,9) rotation part W of an operation that takes the representative to the atom */
    int64_t *stab_start;  /* (S+1) */
    int8_t *stab_rot;     /* (H,9) rotation parts W of the operations that map the representative to itself, modulo
                             lattice vectors; the identity is one of them */
    double position_tolerance; /* Å: how well atoms and operations agree (SH_SAME_ANG for made crystals, more for files) */
} sh_crystals;

SH_BODY int64_t sh_site_mult(const sh_crystals *c, int64_t site)
{
    return c->atom_start[site + 1] - c->atom_start[site];
}

struct sh_arena;
struct sh_workspace;

/* Uninitialised ones of the host, but for their numbers, groups of 0, and starts that begin at 0. */
void sh_crystals_create(struct sh_arena *arena, int64_t n_crystal, int64_t n_site, int64_t n_atom, int64_t n_stab,
                        double position_tolerance, sh_crystals *out);

/* The crystals index[0..n) of a batch, copied, in that order; all arrays are there. Waits once. */
void sh_crystals_select(struct sh_workspace *ws, const sh_crystals *from, const int64_t *index, int64_t n, sh_crystals *out);

/* What a made crystal is made of: C descriptions with their sites, before symmetry acts. */
typedef struct {
    int64_t n_crystal, n_site;
    const int32_t *sg_number;  /* (C) 1..230 */
    const double *lattice;     /* (C,9) */
    const int64_t *site_start; /* (C+1) */
    const int32_t *site_z;     /* (S) */
    const double *site_frac;   /* (S,3) as sampled; near a special position it is put onto it */
    const int32_t *site_wyckoff; /* (S) position of the group, 0 'a': site_frac then holds its free parameters, and nothing is
                                    put anywhere; -1, or NULL for all: a point as above */
} sh_descriptions;

#endif
