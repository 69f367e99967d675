/* mask.h -- which choices a state allows: one predicate, read in both directions.
 *
 * C(s): the group allowed, kinds of elements at most max_elements; on Wyckoff positions also no position without freedom
 * twice, and at most max_atoms atoms. It is closed under taking a site away.
 * D(s): C(s), and some completion inside C reaches a state that may stop: at least min_sites sites and, where one_of is
 * given, one of its elements. Forward, a choice is allowed iff some completion of it leads to a child with D; backward,
 * (k, g) is allowed iff the parent satisfies C, which by the closure is every site k and every allowed group g. */
#ifndef SH_GFLOWNET_MASK_H
#define SH_GFLOWNET_MASK_H

#include "crystal/wyckoff.h"
#include "gflownet/options.h"
#include "gflownet/record.h"

/* All that the predicates need to know of a state. */
typedef struct {
    int32_t n_site, n_kind;
    bool has_one_of;               /* one of the one_of elements is there, or none is asked for */
    bool present[SH_MAX_ELEMENTS]; /* by elem_index */
    /* on Wyckoff positions: */
    int32_t sg_number; /* 0 while no group is chosen */
    int32_t n_atom;
    uint32_t used; /* bit w: position w has no freedom and is taken */
} sh_partial;

sh_partial sh_partial_empty(const sh_space *space);
sh_partial sh_partial_add(const sh_space *space, const sh_partial *state, const sh_step *step);
/* The state after t steps of a record. */
sh_partial sh_partial_of(const sh_space *space, const sh_record *record, int32_t t);

bool sh_mask_consistent(const sh_space *space, const sh_partial *state);  /* C */
bool sh_mask_completable(const sh_space *space, const sh_partial *state); /* D */

bool sh_mask_stop(const sh_space *space, const sh_partial *state);
/* Groups that may be chosen, allowed[230] by sg_number - 1; returns how many. It does not depend on the state: on Wyckoff
 * positions a group is chosen once, before all sites. */
int32_t sh_mask_groups(const sh_space *space, uint8_t *allowed);
/* allowed[n_element]; returns how many: going on is allowed iff that is not 0. A group must have been chosen where sites are
 * on Wyckoff positions, but for s_0, where any allowed group counts. */
int32_t sh_mask_elements(const sh_space *space, const sh_partial *state, uint8_t *allowed);
/* Positions of the group for a site of this element, allowed[SH_MAX_WYCKOFF]; returns how many. */
int32_t sh_mask_positions(const sh_space *space, const sh_partial *state, int32_t elem_index, uint8_t *allowed);

#endif
