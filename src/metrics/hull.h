/* hull.h -- energy above the convex hull of known phases: a linear program over their amounts. docs/equations.md, "Energy above
 * the hull". */
#ifndef SH_METRICS_HULL_H
#define SH_METRICS_HULL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/memory.h"
#include "base/status.h"

enum { SH_HULL_MAX_KIND = 16 }; /* elements of one composition */

/* Elements in ascending order with their counts, eV/atom. */
typedef struct {
    int n_kind;
    int32_t z[SH_HULL_MAX_KIND];
    int64_t count[SH_HULL_MAX_KIND];
    double energy;
} sh_phase;

/* n elements with counts, NULL: one each. Elements sorted, repeated ones added up, counts divided by their greatest common divisor. SH_EINPUT for none, more than
 * SH_HULL_MAX_KIND, numbers that are none of an element. */
sh_status sh_phase_create(const int32_t *z, const int64_t *count, int64_t n, double energy, sh_phase *out);
/* "Li3PS4", "Ca(OH)2", "Fe0.5": symbols, whole or decimal counts (up to 4 digits behind the point), brackets. *atoms, if not NULL, is
 * the number of atoms as written. */
sh_status sh_phase_parse(const char *formula, double energy, sh_phase *out, double *atoms);
/* Elements in ascending order: "Li3PS4" is Li3PS4, "LiO2P" ...; cut where it does not fit. */
void sh_phase_formula(const sh_phase *phase, char *out, size_t size);
int64_t sh_phase_atoms(const sh_phase *phase); /* of the reduced formula */
/* By elements, then counts; energies do not count. */
int sh_phase_compare(const sh_phase *a, const sh_phase *b);

typedef struct sh_hull sh_hull;

/* Copies. Of each composition the lowest energy is kept. With add_elements every element that a phase names is there with 0 eV
 * at most: for formation energies, whose tables have no elements, or slightly positive ones. SH_ENUM for an energy that is
 * not finite. *out is NULL on error. */
sh_status sh_hull_create(const sh_phase *phases, int64_t n, bool add_elements, sh_hull **out);
void sh_hull_destroy(sh_hull **hull); /* leaves NULL */
int64_t sh_hull_size(const sh_hull *hull);
const sh_phase *sh_hull_phase(const sh_hull *hull, int64_t i);

typedef struct {
    bool feasible;       /* false: no mixture of the phases has this composition, and the rest says nothing */
    double hull_energy;  /* eV/atom of the best mixture */
    double above;        /* energy - hull_energy: > 0 above, < 0 below */
    int n_phase;         /* of the mixture, largest amount first */
    int64_t phase[SH_HULL_MAX_KIND]; /* for sh_hull_phase */
    double amount[SH_HULL_MAX_KIND]; /* atomic fractions; those below 1e-8 are left out */
    double potential[SH_HULL_MAX_KIND]; /* eV, chemical potential of the query's elements, in its order; of several where the best
                                         * mixture has fewer phases than elements */
} sh_hull_result;

/* `scratch` is as before afterwards; threads have one each. */
void sh_hull_energy(const sh_hull *hull, const sh_phase *query, sh_arena *scratch, sh_hull_result *out);

/* energy - hull without the phases of this composition, eV/atom: how far a phase is from its competitors; below 0 where it is
 * stable. Of an element, which has no competitors, the energy above its lowest phase. NaN where the others have no such mixture. */
double sh_hull_phase_separation(const sh_hull *hull, const sh_phase *query, sh_arena *scratch);

#endif
