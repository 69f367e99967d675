#include "gflownet/mask.h"

#include <string.h>

static const sh_wyckoff *positions(const sh_space *space, const sh_partial *s, int32_t *n)
{
    const sh_wyckoffs *w = space->groups->wyckoffs;
    *n = w->start[s->sg_number] - w->start[s->sg_number - 1];
    return &w->position[w->start[s->sg_number - 1]];
}

static bool on_positions(const sh_space *space, const sh_partial *s)
{
    return space->sites == SH_SITES_WYCKOFF && s->sg_number > 0;
}

static void add_element(const sh_space *space, sh_partial *s, int32_t elem_index)
{
    s->n_site++;
    s->n_kind += !s->present[elem_index];
    s->present[elem_index] = true;
    s->has_one_of = s->has_one_of || space->constraints->one_of[elem_index];
}

static void add_position(const sh_space *space, sh_partial *s, int32_t wyckoff)
{
    int32_t n;
    const sh_wyckoff *p = positions(space, s, &n) + wyckoff;
    s->n_atom += p->mult;
    if (p->dim == 0) s->used |= 1u << wyckoff;
}

sh_partial sh_partial_empty(const sh_space *space)
{
    return (sh_partial){.has_one_of = !space->constraints->has_one_of};
}

sh_partial sh_partial_add(const sh_space *space, const sh_partial *state, const sh_step *step)
{
    sh_partial child = *state;
    add_element(space, &child, step->elem_index);
    if (space->sites == SH_SITES_GENERAL) return child;
    child.sg_number = step->sg_number;
    add_position(space, &child, step->wyckoff);
    return child;
}

sh_partial sh_partial_of(const sh_space *space, const sh_record *record, int32_t t)
{
    sh_partial s = sh_partial_empty(space);
    for (int32_t k = 0; k < t; k++)
        s = sh_partial_add(space, &s, &record->step[k]);
    return s;
}

/* Atoms of the smallest n further sites: the smallest positions, those without freedom once each. Positions stand in the order
 * of their letters, the smallest first. */
static int64_t least_atoms(const sh_space *space, const sh_partial *s, int32_t n)
{
    int32_t n_position;
    const sh_wyckoff *p = positions(space, s, &n_position);
    int64_t sum = 0;
    for (int32_t w = 0; n > 0; w++) { /* the last, the general position, can be taken again and again */
        if (s->used >> w & 1) continue;
        if (p[w].dim > 0) return sum + (int64_t)n * p[w].mult;
        sum += p[w].mult;
        n--;
    }
    return sum;
}

bool sh_mask_consistent(const sh_space *space, const sh_partial *s)
{
    const sh_constraints *c = space->constraints;
    return s->n_kind <= c->max_elements && (!on_positions(space, s) || s->n_atom <= c->max_atoms);
}

bool sh_mask_completable(const sh_space *space, const sh_partial *s)
{
    const sh_constraints *c = space->constraints;
    int32_t due = c->min_sites - s->n_site; /* sites that must still come */
    int32_t owed = s->has_one_of ? 0 : 1;   /* and one of them a new kind, from one_of */
    if (due < owed) due = owed;
    if (due < 0) due = 0;
    if (!sh_mask_consistent(space, s) || s->n_site + due > c->max_sites || s->n_kind + owed > c->max_elements) return false;
    return !on_positions(space, s) || s->n_atom + least_atoms(space, s, due) <= c->max_atoms;
}

bool sh_mask_stop(const sh_space *space, const sh_partial *s)
{
    return s->n_site >= 1 && s->n_site >= space->constraints->min_sites && s->has_one_of;
}

int32_t sh_mask_groups(const sh_space *space, uint8_t *allowed)
{
    int32_t n = 0;
    for (int32_t g = 0; g < SH_N_GROUP; g++) {
        sh_partial s = sh_partial_empty(space);
        s.sg_number = g + 1;
        allowed[g] = space->constraints->group_allowed[g] && sh_mask_completable(space, &s);
        n += allowed[g];
    }
    return n;
}

int32_t sh_mask_positions(const sh_space *space, const sh_partial *s, int32_t elem_index, uint8_t *allowed)
{
    int32_t n, n_allowed = 0;
    const sh_wyckoff *p = positions(space, s, &n);
    memset(allowed, 0, SH_MAX_WYCKOFF);
    for (int32_t w = 0; w < n && s->n_site < space->constraints->max_sites; w++) {
        sh_partial child = *s;
        if (s->used >> w & 1 || s->n_atom + p[w].mult > space->constraints->max_atoms) continue;
        add_element(space, &child, elem_index);
        add_position(space, &child, w);
        allowed[w] = sh_mask_completable(space, &child);
        n_allowed += allowed[w];
    }
    return n_allowed;
}

int32_t sh_mask_elements(const sh_space *space, const sh_partial *s, uint8_t *allowed)
{
    const sh_constraints *c = space->constraints;
    int32_t n = 0;
    /* Whether a position is there depends on the element only by what is then owed: asked once for each case. */
    int8_t fits[2] = {-1, -1};
    for (int32_t e = 0; e < c->n_element; e++) {
        sh_partial child = *s;
        uint8_t ignored[SH_MAX_WYCKOFF];
        add_element(space, &child, e);
        allowed[e] = s->n_site < c->max_sites;
        if (on_positions(space, s)) {
            int8_t *fit = &fits[child.has_one_of];
            /* the position decides about atoms and sites, the element about kinds */
            sh_partial kinds = child;
            kinds.sg_number = 0;
            allowed[e] = allowed[e] && sh_mask_completable(space, &kinds);
            if (allowed[e] && *fit < 0) *fit = sh_mask_positions(space, s, e, ignored) > 0;
            allowed[e] = allowed[e] && *fit > 0;
        } else {
            allowed[e] = allowed[e] && sh_mask_completable(space, &child);
        }
        n += allowed[e];
    }
    return n;
}
