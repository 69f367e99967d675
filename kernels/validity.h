/* validity.h -- composition validity, SMACT 2.2.1 as used by CDVAE and SHAFT: one element, or metals only, or an assignment of
 * one oxidation state to each element that is neutral and passes the electronegativity test. The exact decision without trying
 * all combinations of states (up to ten for each element).
 *
 * The test walks over pairs of elements in the order of atomic number: a cation that is not less electronegative than an
 * anion fails; a pair of opposite signs in which an electronegativity is unknown ends the walk as passed; one of equal
 * signs fails. With all electronegativities known, an assignment passes iff every cation is below every anion: the elements
 * sorted by electronegativity are cations up to a split and anions behind it, no split between equals. Then charges that
 * can be reached are bit sets. With one unknown the walk ends no later than at the first pair with it. */
#ifndef SH_KERNEL_VALIDITY_H
#define SH_KERNEL_VALIDITY_H

#include <math.h>

#include "composition.h"

/* Sets of charges -half .. half that can be reached: bit q + half of a set is charge q. */
enum { SH_CHARGE_SETS = 3 };

typedef struct {
    int64_t half, words; /* half is a multiple of 64, and no less than any sum of charges of the composition */
    uint64_t *set[SH_CHARGE_SETS];
} sh_charges;

/* Room for the sets of a batch, in words: those of a crystal begin at this of the atoms and crystals before it. A crystal of n
 * atoms has sums of charges up to 9 n, so that a set of it has less than 9 n / 32 + 3 words. */
SH_BODY int64_t sh_charges_room(int64_t n_atom, int64_t n_crystal)
{
    return SH_CHARGE_SETS * (SH_MAX_CHARGE * n_atom / 32 + 4 * n_crystal);
}

SH_BODY void charges_clear(const sh_charges *c, uint64_t *set)
{
    for (int64_t i = 0; i < c->words; i++)
        set[i] = 0;
}

SH_BODY void charges_only_zero(const sh_charges *c, uint64_t *set)
{
    charges_clear(c, set);
    set[c->half / 64] = 1;
}

/* to |= from moved by `by`. */
SH_BODY void charges_add_moved(const sh_charges *c, uint64_t *to, const uint64_t *from, int64_t by)
{
    int64_t words = by >= 0 ? by / 64 : -((-by + 63) / 64), bits = by - 64 * words;
    for (int64_t i = 0; i < c->words; i++) {
        int64_t source = i - words;
        uint64_t word = source >= 0 && source < c->words ? from[source] << bits : 0;
        if (bits && source - 1 >= 0 && source - 1 < c->words) word |= from[source - 1] >> (64 - bits);
        to[i] |= word;
    }
}

SH_BODY bool charges_meet(const sh_charges *c, const uint64_t *a, const uint64_t *b)
{
    for (int64_t i = 0; i < c->words; i++)
        if (a[i] & b[i]) return true;
    return false;
}

/* Charges after element k took one of its states of this sign, counted as positive. */
SH_BODY void charges_reach(const sh_tables *t, const sh_composition *c, int32_t k, int sign, const sh_charges *room,
                           const uint64_t *before, uint64_t *after)
{
    charges_clear(room, after);
    for (int32_t i = 0; i < t->n_oxidation[c->z[k]]; i++) {
        int32_t state = sign * t->oxidation[c->z[k]][i];
        if (state > 0) charges_add_moved(room, after, before, c->count[k] * state);
    }
}

SH_BODY void charges_swap(uint64_t **a, uint64_t **b)
{
    uint64_t *kept = *a;
    *a = *b;
    *b = kept;
}

/* All electronegativities known. Positive charges of the first p, negated negative charges of the others: equal ones. */
SH_BODY bool validity_known(const sh_tables *t, sh_composition *c, const sh_charges *room)
{
    for (int32_t i = 1; i < c->n_kind; i++) /* insertion sort by electronegativity */
        for (int32_t k = i; k > 0 && t->smact_eneg[c->z[k]] < t->smact_eneg[c->z[k - 1]]; k--) {
            int32_t z = c->z[k];
            int64_t count = c->count[k];
            c->z[k] = c->z[k - 1];
            c->count[k] = c->count[k - 1];
            c->z[k - 1] = z;
            c->count[k - 1] = count;
        }
    uint64_t *positive = room->set[0], *negative = room->set[1], *next = room->set[2];
    charges_only_zero(room, positive);
    for (int32_t p = 1; p < c->n_kind; p++) {
        charges_reach(t, c, p - 1, 1, room, positive, next);
        charges_swap(&positive, &next);
        if (t->smact_eneg[c->z[p - 1]] >= t->smact_eneg[c->z[p]]) continue;
        charges_only_zero(room, negative);
        for (int32_t k = p; k < c->n_kind; k++) {
            charges_reach(t, c, k, -1, room, negative, next);
            charges_swap(&negative, &next);
        }
        if (charges_meet(room, positive, negative)) return true;
    }
    return false;
}

/* Element `unknown` (in the order of atomic number) is the first without electronegativity. */
SH_BODY bool validity_unknown(const sh_tables *t, const sh_composition *c, int32_t unknown, const sh_charges *room)
{
    uint64_t *zero = room->set[0], *reached = room->set[1], *next = room->set[2];
    charges_only_zero(room, zero);
    for (int sigma = -1; sigma <= 1; sigma += 2) {
        charges_only_zero(room, reached);
        for (int32_t k = 0; k < c->n_kind; k++) {
            double first = t->smact_eneg[c->z[0]], mine = t->smact_eneg[c->z[k]];
            charges_clear(room, next);
            for (int32_t i = 0; i < t->n_oxidation[c->z[k]]; i++) {
                int32_t state = t->oxidation[c->z[k]][i];
                int sign = state > 0 ? 1 : -1;
                bool allowed = true;
                if (k == 0)
                    allowed = sign == sigma;
                else if (unknown == 0)
                    allowed = k > 1 || sign == -sigma;
                else if (k < unknown)
                    allowed = sign == sigma || (sigma > 0 ? first < mine : mine < first);
                else if (k == unknown)
                    allowed = sign == -sigma;
                if (allowed) charges_add_moved(room, next, reached, c->count[k] * state);
            }
            charges_swap(&reached, &next);
        }
        if (charges_meet(room, reached, zero)) return true;
    }
    return false;
}

SH_BODY int64_t validity_largest_charge(const sh_tables *t, const sh_composition *c)
{
    int64_t sum = 0;
    for (int32_t k = 0; k < c->n_kind; k++) {
        int32_t most = 0;
        for (int32_t i = 0; i < t->n_oxidation[c->z[k]]; i++) {
            int32_t state = t->oxidation[c->z[k]][i], size = state < 0 ? -state : state;
            most = size > most ? size : most;
        }
        sum += c->count[k] * most;
    }
    return sum;
}

/* Of a reduced composition, whose elements may come out in another order. words: room for the sets of one crystal. */
SH_BODY bool sh_validity(const sh_tables *t, sh_composition *c, uint64_t *words)
{
    bool metals = true;
    int32_t unknown = -1;
    for (int32_t k = 0; k < c->n_kind; k++) {
        if (!t->smact_known[c->z[k]]) return false;
        metals = metals && t->smact_metal[c->z[k]];
        if (unknown < 0 && isnan(t->smact_eneg[c->z[k]])) unknown = k;
    }
    if (c->n_kind <= 1 || metals) return true;
    for (int32_t k = 0; k < c->n_kind; k++)
        if (t->n_oxidation[c->z[k]] == 0) return false;
    sh_charges room;
    room.half = (validity_largest_charge(t, c) + 63) / 64 * 64;
    room.words = 2 * room.half / 64 + 1;
    for (int i = 0; i < SH_CHARGE_SETS; i++)
        room.set[i] = words + i * room.words;
    return unknown < 0 ? validity_known(t, c, &room) : validity_unknown(t, c, unknown, &room);
}

#endif
