/* hull.h -- energy above the convex hull of known phases: a linear program over their amounts. docs/equations.md, "Energy above
 * the hull". */
#ifndef SH_METRICS_HULL_H
#define SH_METRICS_HULL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/memory.h"
#include "base/status.h"
#include "io/reference.h"

typedef struct sh_hull sh_hull;

/* Copies. Of each composition the lowest energy is kept. With add_elements every element that a phase names is there with 0 eV
 * at most: for formation energies, whose tables have no elements, or slightly positive ones. SH_ENUM for an energy that is
 * not finite. *out is NULL on error. */
sh_status sh_hull_create(const sh_phase *phases, int64_t n, bool add_elements, sh_hull **out);
/* Of a reference file; formation energies bring the elements with them. SH_EINPUT where it has no energies. */
sh_status sh_hull_of_reference(const sh_reference *reference, sh_hull **out);
void sh_hull_destroy(sh_hull **hull); /* leaves NULL */
int64_t sh_hull_size(const sh_hull *hull);
const sh_phase *sh_hull_phase(const sh_hull *hull, int64_t i);

typedef struct {
    bool feasible;       /* false: no mixture of the phases has this composition, and the rest says nothing */
    double hull_energy;  /* eV/atom of the best mixture */
    double above;        /* energy - hull_energy: > 0 above, < 0 below */
    int n_phase;         /* of the mixture, largest amount first */
    int64_t phase[SH_PHASE_MAX_KIND]; /* for sh_hull_phase */
    double amount[SH_PHASE_MAX_KIND]; /* atomic fractions; those below 1e-8 are left out */
    double potential[SH_PHASE_MAX_KIND]; /* eV, chemical potential of the query's elements, in its order; of several where the best
                                         * mixture has fewer phases than elements */
} sh_hull_result;

/* `scratch` is as before afterwards; threads have one each. */
void sh_hull_energy(const sh_hull *hull, const sh_phase *query, sh_arena *scratch, sh_hull_result *out);

/* energy - hull without the phases of this composition, eV/atom: how far a phase is from its competitors; below 0 where it is
 * stable. Of an element, which has no competitors, the energy above its lowest phase. NaN where the others have no such mixture. */
double sh_hull_phase_separation(const sh_hull *hull, const sh_phase *query, sh_arena *scratch);

#endif
