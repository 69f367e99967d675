/* json_cells.h -- structures of golden/metrics.json: members lattice (rows, Å), species (symbols) and frac. */
#ifndef SH_TEST_JSON_CELLS_H
#define SH_TEST_JSON_CELLS_H

#include "json.h"
#include "read_cells.h"
#include "reward/tables.h"
#include "test.h"

/* The caller releases z and frac (sh_free). */
static inline test_cell json_cell(const json *record)
{
    const json *species = json_get(record, "species", NULL);
    test_cell cell = {.n = species->n};
    double *l = cell.lattice, *x = cell.frac = SH_NEW(double, 3 * cell.n);
    int32_t *z = cell.z = SH_NEW(int32_t, cell.n);
    for (const json *row = json_get(record, "lattice", NULL)->first; row; row = row->next)
        for (const json *v = row->first; v; v = v->next)
            *l++ = v->number;
    for (const json *atom = json_get(record, "frac", NULL)->first; atom; atom = atom->next)
        for (const json *v = atom->first; v; v = v->next)
            *x++ = v->number;
    for (const json *symbol = species->first; symbol; symbol = symbol->next)
        *z++ = sh_element_number(symbol->text);
    assert_true(l == cell.lattice + 9 && x == cell.frac + 3 * cell.n);
    return cell;
}

#endif
