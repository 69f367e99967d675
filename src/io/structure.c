#include "io/structure.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/gcd.h"
#include "composition.h"
#include "reward/tables.h"

void sh_structure_create(sh_structure *s, int64_t n_atom)
{
    *s = (sh_structure){.n_atom = n_atom, .z = SH_NEW(int32_t, n_atom), .frac = SH_NEW(double, 3 * n_atom)};
}

void sh_structure_destroy(sh_structure *s)
{
    sh_free(s->z);
    sh_free(s->frac);
    sh_free(s->name);
    sh_free(s->reward_model);
    sh_free(s->error);
    *s = (sh_structure){0};
}

void sh_structure_copy(const sh_structure *from, sh_structure *to)
{
    sh_structure_create(to, from->n_atom);
    memcpy(to->lattice, from->lattice, sizeof to->lattice);
    memcpy(to->z, from->z, (size_t)from->n_atom * sizeof *to->z);
    memcpy(to->frac, from->frac, (size_t)from->n_atom * 3 * sizeof *to->frac);
    if (from->name) to->name = sh_strdup(from->name);
    if (from->error) to->error = sh_strdup(from->error);
    to->sampled_group = from->sampled_group;
    to->reward = from->reward;
    if (from->reward_model) to->reward_model = sh_strdup(from->reward_model);
    to->file = from->file;
    to->index = from->index;
}

void sh_structures_destroy(sh_structures *list)
{
    for (int64_t i = 0; i < list->n; i++)
        sh_structure_destroy(&list->item[i]);
    for (int32_t i = 0; i < list->n_file; i++)
        sh_free(list->file[i]);
    sh_free(list->item);
    sh_free(list->file);
    *list = (sh_structures){0};
}

void sh_structures_add_file(sh_structures *list, const char *path)
{
    if (list->n_file == list->file_capacity) {
        list->file_capacity = list->file_capacity ? 2 * list->file_capacity : 16;
        list->file = sh_realloc(list->file, (size_t)list->file_capacity * sizeof *list->file);
    }
    list->file[list->n_file++] = sh_strdup(path);
}

void sh_structures_add(sh_structures *list, sh_structure *s)
{
    SH_ASSERT(list->n_file > 0);
    if (list->n == list->capacity) {
        list->capacity = list->capacity ? 2 * list->capacity : 16;
        list->item = sh_realloc(list->item, (size_t)list->capacity * sizeof *list->item);
    }
    const sh_structure *before = list->n ? &list->item[list->n - 1] : NULL;
    s->file = list->n_file - 1;
    s->index = before && before->file == s->file ? before->index + 1 : 1;
    list->item[list->n++] = *s;
    *s = (sh_structure){0};
}

void sh_structures_add_error(sh_structures *list)
{
    const char *hint = sh_error_hints();
    size_t size = strlen(sh_error_message()) + strlen(hint) + 8;
    sh_structure bad = {.error = sh_alloc(size)};
    snprintf(bad.error, size, hint[0] ? "%s (%s)" : "%s%s", sh_error_message(), hint);
    sh_error_clear();
    sh_structures_add(list, &bad);
}

const char *sh_structures_path(const sh_structures *list, int64_t i)
{
    return list->file[list->item[i].file];
}

sh_status sh_structures_check(const sh_structures *list)
{
    for (int64_t i = 0; i < list->n; i++)
        if (list->item[i].error) return SH_FAIL(SH_EINPUT, "%s", list->item[i].error);
    return SH_OK;
}

void sh_structure_from_crystal(const sh_crystals *c, int64_t crystal, sh_structure *out)
{
    int64_t first = c->site_start[crystal], last = c->site_start[crystal + 1];
    int64_t start = c->atom_start[first], n = c->atom_start[last] - start;
    sh_structure_create(out, n);
    memcpy(out->lattice, c->lattice + 9 * crystal, sizeof out->lattice);
    memcpy(out->frac, c->atom_frac + 3 * start, (size_t)(3 * n) * sizeof(double));
    for (int64_t site = first; site < last; site++)
        for (int64_t a = c->atom_start[site]; a < c->atom_start[site + 1]; a++)
            out->z[a - start] = c->site_z[site];
    out->sampled_group = c->sg_number[crystal];
}

/* Pauling's electronegativities in hundredths (CRC Handbook of Chemistry and Physics; noble gases and elements without
 * a value last, by 999): only the order of the symbols in a formula depends on them. */
static const int16_t electronegativity[SH_MAX_Z] = {
    220, 999, 98,  157, 204, 255, 304, 344, 398, 999, 93,  131, 161, 190, 219, 258, 316, 999, 82,  100,
    136, 154, 163, 166, 155, 183, 188, 191, 190, 165, 181, 201, 218, 255, 296, 999, 82,  95,  122, 133,
    160, 216, 190, 220, 228, 220, 193, 169, 178, 196, 205, 210, 266, 999, 79,  89,  110, 112, 113, 114,
    113, 117, 119, 120, 120, 122, 123, 124, 125, 126, 127, 130, 150, 236, 190, 220, 220, 228, 254, 200,
    162, 233, 202, 200, 220, 999, 70,  90,  110, 130, 150, 138, 136, 128, 130, 130, 130, 130, 130, 130,
    130, 130, 999, 999, 999, 999, 999, 999, 999, 999, 999, 999, 999, 999, 999, 999, 999, 999};

static void sort_elements(int n, int32_t *z, int64_t *count)
{
    for (int k = 1; k < n; k++) {
        int32_t kind = z[k];
        int64_t total = count[k];
        int at = k;
        for (; at > 0 && electronegativity[z[at - 1] - 1] > electronegativity[kind - 1]; at--) {
            z[at] = z[at - 1];
            count[at] = count[at - 1];
        }
        z[at] = kind;
        count[at] = total;
    }
}

int sh_structure_composition(const sh_structure *s, int32_t z[118], int64_t count[118])
{
    sh_composition c = {.z = z, .count = count};
    SH_ASSERT(sh_composition_of_atoms(s->n_atom, s->z, &c)); /* what a reader gives has elements */
    sort_elements(c.n_kind, z, count);
    return c.n_kind;
}

void sh_formula_write(int n, const int32_t *z, const int64_t *count, char *out, size_t size)
{
    int32_t kind[SH_MAX_Z];
    int64_t total[SH_MAX_Z];
    size_t used = 0;
    SH_ASSERT(n <= SH_MAX_Z);
    memcpy(kind, z, (size_t)n * sizeof *z);
    memcpy(total, count, (size_t)n * sizeof *count);
    sort_elements(n, kind, total);
    out[0] = '\0';
    for (int k = 0; k < n && used + 1 < size; k++) {
        const char *symbol = sh_element_symbol(kind[k]);
        used += (size_t)(total[k] == 1 ? snprintf(out + used, size - used, "%s", symbol)
                                       : snprintf(out + used, size - used, "%s%lld", symbol, (long long)total[k]));
    }
}

void sh_structure_formula(const sh_structure *s, char *out, size_t size, int64_t *units)
{
    int32_t z[118];
    int64_t count[118], divisor = 0;
    int n = sh_structure_composition(s, z, count);
    for (int i = 0; i < n; i++)
        divisor = sh_gcd(count[i], divisor);
    for (int i = 0; i < n; i++)
        count[i] /= divisor;
    sh_formula_write(n, z, count, out, size);
    if (units) *units = divisor ? divisor : 1;
}
