/* verdict.h -- what the evaluation says of one crystal by itself: whether structure and composition are valid, density, bonds.
 * docs/equations.md has the definitions and where they depart from the programs of the literature.
 *
 * All functions are reentrant: callers take crystals in parallel, an arena each. */
#ifndef SH_METRICS_VERDICT_H
#define SH_METRICS_VERDICT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/memory.h"
#include "crystal/dataset.h"
#include "reward/tables.h"

#define SH_SHORTEST_PAIR 0.5  /* Å: atoms of a valid structure are no closer */
#define SH_SMALLEST_CELL 0.1  /* Å^3: a valid structure has no less */
#define SH_FARTHEST_PAIR 4.0  /* Å: the test that the method's authors have in their program and do not use */

/* Why something is not said of a crystal; the first that applies. */
typedef enum {
    SH_METRIC_OK,
    SH_METRIC_CELL,    /* no cell: no atoms, a number that is not finite, longer than SH_LONGEST, below SH_SMALLEST_CELL */
    SH_METRIC_ELEMENT, /* an element that a table does not know, or none at all */
    SH_METRIC_CLOSE,   /* two atoms closer than SH_SHORTEST_PAIR */
    SH_METRIC_IMAGES   /* a fingerprint would need too many neighbours: a cell of very unequal lengths */
} sh_metric_reason;

const char *sh_metric_reason_text(sh_metric_reason reason);

typedef struct {
    double volume;    /* Å^3 */
    double shortest;  /* shortest lattice vector, Å */
    double nearest;   /* Å, least nearest-image distance of two atoms of the cell; an atom's own images do not count. Infinite where
                         there is one atom alone */
    double farthest;  /* Å, the largest nearest-image distance; 0 where there is one atom alone */
} sh_distances;

/* Exact for every cell; cost 27 n^2 / 2. False where it is no cell, but for its volume: nothing but that is written then. */
bool sh_distances_of(const sh_cell *cell, sh_distances *out);

typedef struct {
    sh_metric_reason reason; /* SH_METRIC_CELL, SH_METRIC_ELEMENT or SH_METRIC_CLOSE: that is why the structure is not valid, or why
                                `composition` and `density` are not known */
    bool structure;          /* nearest >= SH_SHORTEST_PAIR and volume >= SH_SMALLEST_CELL */
    bool composition;        /* SMACT's test, kernels/validity.h; false where an element is unknown */
    bool near;               /* farthest <= SH_FARTHEST_PAIR and volume >= SH_SMALLEST_CELL */
    bool own_images;         /* the stricter question that is usually not asked: shortest >= SH_SHORTEST_PAIR */
    bool bonds;              /* every distance within 4 Å is at least d_min of its pair */
    int32_t bond_missing;    /* kinds of pairs within 4 Å that the bond table does not have: no part of the scores */
    double density;          /* g/cm^3 */
    double bond_score;       /* B of kernels/bond.h; 5 where no pair is within 4 Å */
    double bond_score_text;  /* the same penalty as the mean over all bonds, as the method's paper words it; NaN where there is none */
    uint64_t formula;        /* hash of the reduced composition */
    int32_t n_kind;          /* different elements */
    sh_distances distances;
} sh_verdict;

/* Whatever is not known is NaN, 0 or false. Never fails. `scratch` is as it was afterwards. */
void sh_verdict_of(const sh_tables *tables, const sh_cell *cell, sh_arena *scratch, sh_verdict *out);

/* Whether it counts as a mode: valid (and, with `near`, by the test of the farthest pair too), no distance below d_min of its pair,
 * formation energy (eV/atom) below 0. Different modes have different `formula`. */
bool sh_verdict_is_mode(const sh_verdict *verdict, double e_form, bool near);

#endif
