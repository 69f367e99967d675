#include "gflownet/mask.h"

sh_partial sh_partial_empty(const sh_constraints *c)
{
    return (sh_partial){.has_one_of = !c->has_one_of};
}

sh_partial sh_partial_add(const sh_constraints *c, const sh_partial *state, int32_t elem_index)
{
    sh_partial child = *state;
    child.n_site++;
    child.n_kind += !child.present[elem_index];
    child.present[elem_index] = true;
    child.has_one_of = child.has_one_of || c->one_of[elem_index];
    return child;
}

bool sh_mask_consistent(const sh_constraints *c, const sh_partial *s)
{
    return s->n_kind <= c->max_elements;
}

bool sh_mask_completable(const sh_constraints *c, const sh_partial *s)
{
    int32_t due = c->min_sites - s->n_site; /* sites that must still come */
    int32_t owed = s->has_one_of ? 0 : 1;   /* and one of them a new kind, from one_of */
    if (due < owed) due = owed;
    return sh_mask_consistent(c, s) && s->n_site + due <= c->max_sites && s->n_kind + owed <= c->max_elements;
}

bool sh_mask_stop(const sh_constraints *c, const sh_partial *s)
{
    return s->n_site >= 1 && s->n_site >= c->min_sites && s->has_one_of;
}

int32_t sh_mask_elements(const sh_constraints *c, const sh_partial *s, uint8_t *allowed)
{
    int32_t n = 0;
    for (int32_t e = 0; e < c->n_element; e++) {
        sh_partial child = sh_partial_add(c, s, e);
        allowed[e] = s->n_site < c->max_sites && sh_mask_completable(c, &child);
        n += allowed[e];
    }
    return n;
}
