#include "io/phase.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "composition.h"
#include "io/structure.h"
#include "reward/tables.h"

sh_status sh_phase_create(const int32_t *z, const int64_t *count, int64_t n, double energy, sh_phase *out)
{
    int32_t kind[SH_MAX_Z];
    int64_t total[SH_MAX_Z];
    sh_composition c = {.z = kind, .count = total};
    *out = (sh_phase){.energy = energy};
    for (int64_t i = 0; i < n; i++) {
        int64_t of_it = count ? count[i] : 1;
        if (z[i] < 1 || z[i] > SH_MAX_Z || of_it < 0) return SH_FAIL(SH_EINPUT, "Z %d, count %lld: no element", z[i], (long long)of_it);
        if (of_it) sh_composition_add(&c, z[i], of_it);
    }
    if (!c.n_kind) return SH_FAIL(SH_EINPUT, "a composition without elements");
    if (c.n_kind > SH_PHASE_MAX_KIND) return SH_FAIL(SH_EINPUT, "more than %d elements in one composition", SH_PHASE_MAX_KIND);
    sh_composition_reduce(&c);
    out->n_kind = c.n_kind;
    memcpy(out->z, kind, (size_t)c.n_kind * sizeof *kind);
    memcpy(out->count, total, (size_t)c.n_kind * sizeof *total);
    return SH_OK;
}

enum { COUNT_SCALE = 10000 }; /* counts are kept in ten thousandths while a formula is read */

/* A count after a symbol or bracket, 1 where there is none; false for what is no count. */
static bool read_count(const char **at, int64_t *count)
{
    if (!isdigit((unsigned char)**at) && **at != '.') {
        *count = COUNT_SCALE;
        return true;
    }
    int64_t value = 0, scale = COUNT_SCALE;
    for (; isdigit((unsigned char)**at); ++*at) {
        value = 10 * value + (**at - '0');
        if (value > 1000000) return false;
    }
    value *= COUNT_SCALE;
    if (**at == '.')
        for (++*at; isdigit((unsigned char)**at); ++*at) {
            scale /= 10;
            if (!scale) return false;
            value += scale * (**at - '0');
        }
    *count = value;
    return value > 0;
}

/* Symbols and brackets up to the end or a closing bracket, added to total (119). */
static bool read_group(const char **at, int depth, int64_t total[119])
{
    bool some = false;
    while (**at && **at != ')' && **at != ']') {
        int64_t inner[119] = {0}, count;
        if (**at == '(' || **at == '[') {
            char close = **at == '(' ? ')' : ']';
            ++*at;
            if (depth == 4 || !read_group(at, depth + 1, inner) || **at != close) return false;
            ++*at;
        } else {
            char symbol[3] = {**at, 0, 0};
            if (isalpha((unsigned char)symbol[0]) && islower((unsigned char)(*at)[1])) symbol[1] = (*at)[1];
            int z = sh_element_number(symbol);
            if (!z) return false;
            *at += strlen(symbol);
            inner[z] = COUNT_SCALE;
        }
        if (!read_count(at, &count)) return false;
        for (int z = 1; z < 119; z++) {
            if (inner[z] && count > INT64_C(1000000000000000) / inner[z]) return false;
            if (inner[z] * count % COUNT_SCALE) return false;
            total[z] += inner[z] * count / COUNT_SCALE;
        }
        some = true;
    }
    return some;
}

sh_status sh_phase_parse(const char *formula, double energy, sh_phase *out, double *atoms)
{
    int64_t total[119] = {0};
    int32_t z[118];
    const char *at = formula;
    for (int32_t e = 1; e <= 118; e++)
        z[e - 1] = e;
    if (!read_group(&at, 0, total) || *at) {
        SH_FAIL(SH_EINPUT, "'%.40s' is no formula: '%.20s' is not understood", formula, at);
        return sh_error_hint(SH_EINPUT, "symbols with their counts, as Li3PS4, Ca(OH)2 or Li0.5CoO2");
    }
    if (atoms) *atoms = 0;
    for (int32_t e = 1; e <= 118 && atoms; e++)
        *atoms += (double)total[e] / COUNT_SCALE;
    return sh_phase_create(z, total + 1, 118, energy, out);
}

void sh_phase_formula(const sh_phase *p, char *out, size_t size)
{
    sh_formula_write(p->n_kind, p->z, p->count, out, size);
}

int64_t sh_phase_atoms(const sh_phase *p)
{
    int64_t n = 0;
    for (int k = 0; k < p->n_kind; k++)
        n += p->count[k];
    return n;
}

int sh_phase_compare_elements(const sh_phase *a, const sh_phase *b)
{
    if (a->n_kind != b->n_kind) return a->n_kind < b->n_kind ? -1 : 1;
    for (int k = 0; k < a->n_kind; k++)
        if (a->z[k] != b->z[k]) return a->z[k] < b->z[k] ? -1 : 1;
    return 0;
}

int sh_phase_compare(const sh_phase *a, const sh_phase *b)
{
    int order = sh_phase_compare_elements(a, b);
    for (int k = 0; k < a->n_kind && !order; k++)
        if (a->count[k] != b->count[k]) order = a->count[k] < b->count[k] ? -1 : 1;
    return order;
}
