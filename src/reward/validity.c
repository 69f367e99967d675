/* validity.c -- the exact decision without trying all combinations of oxidation states (up to ten for each element).
 *
 * The test walks over pairs of elements in the order of atomic number: a cation that is not less electronegative than an
 * anion fails; a pair of opposite signs in which an electronegativity is unknown ends the walk as passed; one of equal
 * signs fails. With all electronegativities known, an assignment passes iff every cation is below every anion: the elements
 * sorted by electronegativity are cations up to a split and anions behind it, no split between equals. Then charges that
 * can be reached are bit sets. With one unknown the walk ends no later than at the first pair with it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "reward/terms.h"

enum {
    SMALL = 2048, /* charges up to this have room on the stack: formula units of two hundred atoms and more */
    SMALL_WORDS = 2 * SMALL / 64 + 1,
    N_SET = 3
};

/* Sets of charges -half .. half that can be reached: bit q + half of a set is charge q. */
typedef struct {
    int64_t half, words; /* half is a multiple of 64, and no less than any sum of charges of the composition */
    uint64_t *set[N_SET];
} charges;

static void only_zero(const charges *c, uint64_t *set)
{
    memset(set, 0, (size_t)c->words * sizeof *set);
    set[c->half / 64] = 1;
}

/* to |= from moved by `by`. */
static void add_moved(const charges *c, uint64_t *to, const uint64_t *from, int64_t by)
{
    int64_t words = by >= 0 ? by / 64 : -((-by + 63) / 64), bits = by - 64 * words;
    for (int64_t i = 0; i < c->words; i++) {
        int64_t source = i - words;
        uint64_t word = source >= 0 && source < c->words ? from[source] << bits : 0;
        if (bits && source - 1 >= 0 && source - 1 < c->words) word |= from[source - 1] >> (64 - bits);
        to[i] |= word;
    }
}

static bool meets(const charges *c, const uint64_t *a, const uint64_t *b)
{
    for (int64_t i = 0; i < c->words; i++)
        if (a[i] & b[i]) return true;
    return false;
}

/* Charges after element k took one of its states of this sign, counted as positive. */
static void reach(const sh_tables *t, const sh_composition *c, int32_t k, int sign, const charges *room, const uint64_t *before,
                  uint64_t *after)
{
    memset(after, 0, (size_t)room->words * sizeof *after);
    for (int32_t i = 0; i < t->n_oxidation[c->z[k]]; i++) {
        int32_t state = sign * t->oxidation[c->z[k]][i];
        if (state > 0) add_moved(room, after, before, c->count[k] * state);
    }
}

static void swap(uint64_t **a, uint64_t **b)
{
    uint64_t *kept = *a;
    *a = *b;
    *b = kept;
}

/* All electronegativities known. Positive charges of the first p, negated negative charges of the others: equal ones. */
static bool known_valid(const sh_tables *t, sh_composition c, const charges *room)
{
    for (int32_t i = 1; i < c.n_kind; i++) /* insertion sort by electronegativity */
        for (int32_t k = i; k > 0 && t->smact_eneg[c.z[k]] < t->smact_eneg[c.z[k - 1]]; k--) {
            int32_t z = c.z[k];
            int64_t count = c.count[k];
            c.z[k] = c.z[k - 1];
            c.count[k] = c.count[k - 1];
            c.z[k - 1] = z;
            c.count[k - 1] = count;
        }
    uint64_t *positive = room->set[0], *negative = room->set[1], *next = room->set[2];
    only_zero(room, positive);
    for (int32_t p = 1; p < c.n_kind; p++) {
        reach(t, &c, p - 1, 1, room, positive, next);
        swap(&positive, &next);
        if (t->smact_eneg[c.z[p - 1]] >= t->smact_eneg[c.z[p]]) continue;
        only_zero(room, negative);
        for (int32_t k = p; k < c.n_kind; k++) {
            reach(t, &c, k, -1, room, negative, next);
            swap(&negative, &next);
        }
        if (meets(room, positive, negative)) return true;
    }
    return false;
}

/* Element `unknown` (in the order of atomic number) is the first without electronegativity. */
static bool unknown_valid(const sh_tables *t, const sh_composition *c, int32_t unknown, const charges *room)
{
    uint64_t *zero = room->set[0], *reached = room->set[1], *next = room->set[2];
    only_zero(room, zero);
    for (int sigma = -1; sigma <= 1; sigma += 2) {
        only_zero(room, reached);
        for (int32_t k = 0; k < c->n_kind; k++) {
            double first = t->smact_eneg[c->z[0]], mine = t->smact_eneg[c->z[k]];
            memset(next, 0, (size_t)room->words * sizeof *next);
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
                if (allowed) add_moved(room, next, reached, c->count[k] * state);
            }
            swap(&reached, &next);
        }
        if (meets(room, reached, zero)) return true;
    }
    return false;
}

static int64_t largest_charge(const sh_tables *t, const sh_composition *c)
{
    int64_t sum = 0;
    for (int32_t k = 0; k < c->n_kind; k++) {
        int32_t most = 0;
        for (int32_t i = 0; i < t->n_oxidation[c->z[k]]; i++)
            most = abs(t->oxidation[c->z[k]][i]) > most ? abs(t->oxidation[c->z[k]][i]) : most;
        sum += c->count[k] * most;
    }
    return sum;
}

bool sh_validity(const sh_tables *t, const sh_composition *composition)
{
    sh_composition c = *composition;
    bool metals = true;
    int32_t unknown = -1;
    sh_composition_reduce(&c);
    for (int32_t k = 0; k < c.n_kind; k++) {
        if (!t->smact_known[c.z[k]]) return false;
        metals = metals && t->smact_metal[c.z[k]];
        if (unknown < 0 && isnan(t->smact_eneg[c.z[k]])) unknown = k;
    }
    if (c.n_kind <= 1 || metals) return true;
    for (int32_t k = 0; k < c.n_kind; k++)
        if (t->n_oxidation[c.z[k]] == 0) return false;
    uint64_t small[N_SET * SMALL_WORDS];
    int64_t most = largest_charge(t, &c);
    charges room = {.half = (most + 63) / 64 * 64};
    room.words = 2 * room.half / 64 + 1;
    uint64_t *bits = room.words <= SMALL_WORDS ? small : SH_NEW(uint64_t, N_SET * room.words); /* large cells: from files only */
    for (int i = 0; i < N_SET; i++)
        room.set[i] = bits + i * room.words;
    bool valid = unknown < 0 ? known_valid(t, c, &room) : unknown_valid(t, &c, unknown, &room);
    if (bits != small) sh_free(bits);
    return valid;
}
