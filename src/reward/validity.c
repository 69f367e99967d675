/* validity.c -- the exact decision without trying all combinations of oxidation states (up to ten for each element).
 *
 * The test walks over pairs of elements in the order of atomic number: a cation that is not less electronegative than an
 * anion fails; a pair of opposite signs in which an electronegativity is unknown ends the walk as passed; one of equal
 * signs fails. With all electronegativities known, an assignment passes iff every cation is below every anion: the elements
 * sorted by electronegativity are cations up to a split and anions behind it, no split between equals. Then charges that
 * can be reached are bit sets. With one unknown the walk ends no later than at the first pair with it. */
#include <math.h>
#include <string.h>

#include "reward/terms.h"

enum {
    MAX_CHARGE = 4096, /* 8 x 512: a formula unit with more atoms than that may be called invalid wrongly */
    WORDS = 2 * MAX_CHARGE / 64 + 1
};

typedef struct {
    uint64_t bit[WORDS]; /* bit q + MAX_CHARGE: charge q can be reached */
} charges;

static void only_zero(charges *c)
{
    memset(c, 0, sizeof *c);
    c->bit[MAX_CHARGE / 64] = 1; /* MAX_CHARGE is a multiple of 64 */
}

/* to |= from moved by `by`; what falls off the ends is lost. */
static void add_moved(charges *to, const charges *from, int64_t by)
{
    int64_t words = by >= 0 ? by / 64 : -((-by + 63) / 64), bits = by - 64 * words;
    for (int64_t i = 0; i < WORDS; i++) {
        int64_t source = i - words;
        uint64_t word = source >= 0 && source < WORDS ? from->bit[source] << bits : 0;
        if (bits && source - 1 >= 0 && source - 1 < WORDS) word |= from->bit[source - 1] >> (64 - bits);
        to->bit[i] |= word;
    }
}

/* Charges after element k took one of its states of the allowed signs: sign +1, -1, or 0 for any. */
static void reach(const sh_tables *t, const sh_composition *c, int32_t k, int sign, const charges *before, charges *after)
{
    memset(after, 0, sizeof *after);
    for (int32_t i = 0; i < t->n_oxidation[c->z[k]]; i++) {
        int32_t state = t->oxidation[c->z[k]][i];
        if (sign == 0 || (state > 0) == (sign > 0)) add_moved(after, before, c->count[k] * state);
    }
}

static bool meets(const charges *a, const charges *b)
{
    for (int i = 0; i < WORDS; i++)
        if (a->bit[i] & b->bit[i]) return true;
    return false;
}

/* All electronegativities known. Positive charges of the first p, negated negative charges of the others: equal ones. */
static bool known_valid(const sh_tables *t, sh_composition c)
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
    charges positive, next, negative, mirrored;
    only_zero(&positive);
    for (int32_t p = 1; p < c.n_kind; p++) {
        reach(t, &c, p - 1, 1, &positive, &next);
        positive = next;
        if (t->smact_eneg[c.z[p - 1]] >= t->smact_eneg[c.z[p]]) continue;
        only_zero(&negative);
        for (int32_t k = p; k < c.n_kind; k++) { /* with opposite signs: the same direction as `positive` */
            memset(&mirrored, 0, sizeof mirrored);
            for (int32_t i = 0; i < t->n_oxidation[c.z[k]]; i++)
                if (t->oxidation[c.z[k]][i] < 0) add_moved(&mirrored, &negative, -c.count[k] * t->oxidation[c.z[k]][i]);
            negative = mirrored;
        }
        if (meets(&positive, &negative)) return true;
    }
    return false;
}

/* Element `unknown` (in the order of atomic number) is the first without electronegativity. */
static bool unknown_valid(const sh_tables *t, const sh_composition *c, int32_t unknown)
{
    charges zero;
    only_zero(&zero);
    for (int sigma = -1; sigma <= 1; sigma += 2) {
        charges reached = zero, next;
        for (int32_t k = 0; k < c->n_kind; k++) {
            double first = t->smact_eneg[c->z[0]], mine = t->smact_eneg[c->z[k]];
            memset(&next, 0, sizeof next);
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
                if (allowed) add_moved(&next, &reached, c->count[k] * state);
            }
            reached = next;
        }
        if (meets(&reached, &zero)) return true;
    }
    return false;
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
    return unknown < 0 ? known_valid(t, c) : unknown_valid(t, &c, unknown);
}
