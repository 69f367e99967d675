/* mask.h -- which choices a state allows: one predicate, read in both directions.
 *
 * C(s): kinds of elements at most max_elements (and the group allowed). It is closed under taking a site away.
 * D(s): C(s), and some completion inside C reaches a state that may stop: at least min_sites sites and, where one_of is
 * given, one of its elements. Forward, a choice is allowed iff the child it leads to has D; backward, (k, g) is allowed
 * iff the parent satisfies C, which by the closure is every site k and every allowed group g. */
#ifndef SH_GFLOWNET_MASK_H
#define SH_GFLOWNET_MASK_H

#include "gflownet/options.h"

/* All that the predicates need to know of a state with general sites. */
typedef struct {
    int32_t n_site, n_kind;
    bool has_one_of;                /* one of the one_of elements is there, or none is asked for */
    bool present[SH_MAX_ELEMENTS];  /* by elem_index */
} sh_partial;

sh_partial sh_partial_empty(const sh_constraints *constraints);
sh_partial sh_partial_add(const sh_constraints *constraints, const sh_partial *state, int32_t elem_index);

bool sh_mask_consistent(const sh_constraints *constraints, const sh_partial *state);  /* C */
bool sh_mask_completable(const sh_constraints *constraints, const sh_partial *state); /* D */

bool sh_mask_stop(const sh_constraints *constraints, const sh_partial *state);
/* allowed[n_element]; returns how many: going on is allowed iff that is not 0. */
int32_t sh_mask_elements(const sh_constraints *constraints, const sh_partial *state, uint8_t *allowed);

#endif
