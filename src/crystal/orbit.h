/* orbit.h -- from descriptions to crystals: sites put onto special positions, orbits, site groups. */
#ifndef SH_CRYSTAL_ORBIT_H
#define SH_CRYSTAL_ORBIT_H

#include "crystal/crystal.h"
#include "crystal/group_tables.h"

struct sh_workspace;

/* Repeats x <- mean of the images h x (lattice shifts included) with |h x - x| < merge_tol (Å) until x is fixed, then
 * takes as site group H the operations that map x to itself within 1e-5 Å (design: a single average misses in a third
 * of the cases, merge_tol 0.3; at 0.5 the near images need not be a group). Atoms: one image for each coset of H,
 * |G| / |H| of them, in the order of its first operation, so the representative comes first. A point whose near images are no
 * group, and which the mean brings onto no position, counts as general: its atoms then nearly coincide, which the
 * shortest distance shows. merge_tol below 1e-5 counts as that. A site on a Wyckoff position has that position's site group and
 * atoms whatever its parameters, one image for each of its cosets. All arrays are there. Waits once. */
void sh_crystals_make(struct sh_workspace *ws, const sh_group_tables *tables, const sh_descriptions *descriptions,
                      double merge_tol, sh_crystals *out);

#endif
