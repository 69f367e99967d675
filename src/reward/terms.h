/* terms.h -- one function for each term of the reward, and what they share of a crystal. */
#ifndef SH_REWARD_TERMS_H
#define SH_REWARD_TERMS_H

#include "crystal/graph.h"
#include "reward/reward.h"

enum { SH_MAX_KINDS = SH_MAX_Z }; /* kinds of elements in one crystal */

typedef struct {
    int32_t n_kind;
    int32_t z[SH_MAX_KINDS];     /* ascending */
    int64_t count[SH_MAX_KINDS]; /* atoms in the cell */
    int64_t n_atom;
} sh_composition;

/* False where a site has no atomic number of the periodic table. */
bool sh_composition_of(const sh_crystals *crystals, int64_t crystal, sh_composition *out);
void sh_composition_reduce(sh_composition *composition); /* counts by their greatest common divisor */
uint64_t sh_composition_key(const sh_composition *composition); /* a hash of the reduced composition */

/* Composition validity, SMACT 2.2.1 as used by CDVAE and SHAFT: one element, or metals only, or an assignment of one
 * oxidation state to each element that is neutral and passes the electronegativity test. */
bool sh_validity(const sh_tables *tables, const sh_composition *composition);

/* Bond score B of one crystal of a graph of at least 4 Å: the mean over the kinds of pairs within 4 Å of the mean over their
 * distinct distances (1e-5 Å apart) of |d - d_avg| + exp(d_min - d)^2; 5 where there is no pair. Pairs that the table does not
 * have are left out; *n_missing says how many kinds. *above_min: no distance is below d_min of its pair. */
double sh_bond_score(const sh_tables *tables, const sh_crystals *crystals, const sh_graph *graph, int64_t crystal,
                     sh_arena *arena, bool *above_min, int32_t *n_missing);

/* exp(-(gap - target)^2 / (2 width^2)), eV, a gap below 0 taken as 0; NaN of NaN. */
double sh_band_gap_term(double gap, double target, double width);

/* g/cm^3; NaN where a mass is unknown. */
double sh_density(const sh_tables *tables, const sh_composition *composition, double volume);

#endif
