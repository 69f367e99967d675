/* mask.h -- which choices a state allows: one predicate, read in both directions.
 *
 * C(s): the group allowed, kinds of elements at most max_elements; on Wyckoff positions also no position without freedom
 * twice, and at most max_atoms atoms. It is closed under taking a site away.
 * D(s): C(s), and some completion inside C reaches a state that may stop: at least min_sites sites and, where one_of is
 * given, one of its elements. Forward, a choice is allowed iff some completion of it leads to a child with D; backward,
 * (k, g) is allowed iff the parent satisfies C, which by the closure is every site k and every allowed group g. */
#ifndef SH_KERNEL_MASK_H
#define SH_KERNEL_MASK_H

#include "base/real.h"
#include "gflownet/options.h"
#include "gflownet/record.h"

/* All that the predicates need to know of a state. */
typedef struct {
    int32_t n_site, n_kind;
    bool has_one_of;     /* one of the one_of elements is there, or none is asked for */
    uint64_t present[2]; /* element e, by elem_index: bit e % 64 of word e / 64 */
    /* on Wyckoff positions: */
    int32_t sg_number; /* 0 while no group is chosen */
    int32_t n_atom;
    uint32_t used; /* bit w: position w has no freedom and is taken */
} sh_partial;

SH_BODY const sh_wyckoff *sh_rules_positions(const sh_rules *rules, int32_t sg_number, int32_t *n)
{
    int32_t first = rules->wyckoff_start[sg_number - 1];
    *n = rules->wyckoff_start[sg_number] - first;
    return &rules->wyckoff[first];
}

SH_BODY bool sh_on_positions(const sh_rules *rules, const sh_partial *s)
{
    return rules->sites == SH_SITES_WYCKOFF && s->sg_number > 0;
}

SH_BODY void sh_partial_add_element(const sh_rules *rules, sh_partial *s, int32_t elem_index)
{
    uint64_t bit = (uint64_t)1 << elem_index % 64;
    s->n_site++;
    s->n_kind += !(s->present[elem_index / 64] & bit);
    s->present[elem_index / 64] |= bit;
    s->has_one_of = s->has_one_of || rules->constraints->one_of[elem_index];
}

SH_BODY void sh_partial_add_position(const sh_rules *rules, sh_partial *s, int32_t wyckoff)
{
    int32_t n;
    const sh_wyckoff *p = sh_rules_positions(rules, s->sg_number, &n) + wyckoff;
    s->n_atom += p->mult;
    if (p->dim == 0) s->used |= 1u << wyckoff;
}

SH_BODY sh_partial sh_partial_empty(const sh_rules *rules)
{
    sh_partial s;
    s.n_site = s.n_kind = s.sg_number = s.n_atom = 0;
    s.has_one_of = !rules->constraints->has_one_of;
    s.present[0] = s.present[1] = 0;
    s.used = 0;
    return s;
}

SH_BODY sh_partial sh_partial_add(const sh_rules *rules, const sh_partial *state, const sh_step *step)
{
    sh_partial child = *state;
    sh_partial_add_element(rules, &child, step->elem_index);
    if (rules->sites == SH_SITES_GENERAL) return child;
    child.sg_number = step->sg_number;
    sh_partial_add_position(rules, &child, step->wyckoff);
    return child;
}

/* The state after t steps of a record. */
SH_BODY sh_partial sh_partial_of(const sh_rules *rules, const sh_record *record, int32_t t)
{
    sh_partial s = sh_partial_empty(rules);
    for (int32_t k = 0; k < t; k++)
        s = sh_partial_add(rules, &s, &record->step[k]);
    return s;
}

/* Atoms of the smallest n further sites: the smallest positions, those without freedom once each. Positions stand in the order
 * of their letters, the smallest first. */
SH_BODY int64_t sh_least_atoms(const sh_rules *rules, const sh_partial *s, int32_t n)
{
    int32_t n_position;
    const sh_wyckoff *p = sh_rules_positions(rules, s->sg_number, &n_position);
    int64_t sum = 0;
    for (int32_t w = 0; n > 0; w++) { /* the last, the general position, can be taken again and again */
        if (s->used >> w & 1) continue;
        if (p[w].dim > 0) return sum + (int64_t)n * p[w].mult;
        sum += p[w].mult;
        n--;
    }
    return sum;
}

/* C */
SH_BODY bool sh_mask_consistent(const sh_rules *rules, const sh_partial *s)
{
    const sh_constraints *c = rules->constraints;
    return s->n_kind <= c->max_elements && (!sh_on_positions(rules, s) || s->n_atom <= c->max_atoms);
}

/* D */
SH_BODY bool sh_mask_completable(const sh_rules *rules, const sh_partial *s)
{
    const sh_constraints *c = rules->constraints;
    int32_t due = c->min_sites - s->n_site; /* sites that must still come */
    int32_t owed = s->has_one_of ? 0 : 1;   /* and one of them a new kind, from one_of */
    if (due < owed) due = owed;
    if (due < 0) due = 0;
    if (!sh_mask_consistent(rules, s) || s->n_site + due > c->max_sites || s->n_kind + owed > c->max_elements) return false;
    return !sh_on_positions(rules, s) || s->n_atom + sh_least_atoms(rules, s, due) <= c->max_atoms;
}

SH_BODY bool sh_mask_stop(const sh_rules *rules, const sh_partial *s)
{
    return s->n_site >= 1 && s->n_site >= rules->constraints->min_sites && s->has_one_of;
}

/* Groups that may be chosen, allowed[230] by sg_number - 1; returns how many. It does not depend on the state: on Wyckoff
 * positions a group is chosen once, before all sites. */
SH_BODY int32_t sh_mask_groups(const sh_rules *rules, uint8_t *allowed)
{
    int32_t n = 0;
    for (int32_t g = 0; g < SH_N_GROUP; g++) {
        sh_partial s = sh_partial_empty(rules);
        s.sg_number = g + 1;
        allowed[g] = rules->constraints->group_allowed[g] && sh_mask_completable(rules, &s);
        n += allowed[g];
    }
    return n;
}

/* Positions of the group for a site of this element, allowed[SH_MAX_WYCKOFF]; returns how many. */
SH_BODY int32_t sh_mask_positions(const sh_rules *rules, const sh_partial *s, int32_t elem_index, uint8_t *allowed)
{
    int32_t n, n_allowed = 0;
    const sh_wyckoff *p = sh_rules_positions(rules, s->sg_number, &n);
    for (int32_t w = 0; w < SH_MAX_WYCKOFF; w++) {
        allowed[w] = 0;
        if (w >= n || s->n_site >= rules->constraints->max_sites || s->used >> w & 1) continue;
        if (s->n_atom + p[w].mult > rules->constraints->max_atoms) continue;
        sh_partial child = *s;
        sh_partial_add_element(rules, &child, elem_index);
        sh_partial_add_position(rules, &child, w);
        allowed[w] = sh_mask_completable(rules, &child);
        n_allowed += allowed[w];
    }
    return n_allowed;
}

/* allowed[n_element], or NULL; returns how many: going on is allowed iff that is not 0. A group must have been chosen where sites are
 * on Wyckoff positions, but for s_0, where any allowed group counts. */
SH_BODY int32_t sh_mask_elements(const sh_rules *rules, const sh_partial *s, uint8_t *allowed)
{
    const sh_constraints *c = rules->constraints;
    int32_t n = 0;
    /* Whether a position is there depends on the element only by what is then owed: asked once for each case. */
    int8_t fits[2] = {-1, -1};
    for (int32_t e = 0; e < c->n_element; e++) {
        sh_partial child = *s;
        uint8_t ignored[SH_MAX_WYCKOFF];
        sh_partial_add_element(rules, &child, e);
        bool is_allowed = s->n_site < c->max_sites;
        if (sh_on_positions(rules, s)) {
            int8_t *fit = &fits[child.has_one_of];
            child.sg_number = 0; /* the position decides about atoms and sites, the element about kinds */
            is_allowed = is_allowed && sh_mask_completable(rules, &child);
            if (is_allowed && *fit < 0) *fit = sh_mask_positions(rules, s, e, ignored) > 0;
            is_allowed = is_allowed && *fit > 0;
        } else {
            is_allowed = is_allowed && sh_mask_completable(rules, &child);
        }
        if (allowed) allowed[e] = is_allowed;
        n += is_allowed;
    }
    return n;
}

#endif
