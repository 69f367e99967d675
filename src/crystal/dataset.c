#include "crystal/dataset.h"

#include <math.h>

#include "base/memory.h"

static const int64_t max_atom = 4000;

/* angle_tolerance (degree) below 0: spglib's own rule, by lengths. */
static SpglibDataset *dataset_create(const sh_cell *cell, double symprec, double angle_tolerance, int hall_number)
{
    const double *l = cell->lattice;
    double det = l[0] * (l[4] * l[8] - l[5] * l[7]) + l[1] * (l[5] * l[6] - l[3] * l[8]) +
                 l[2] * (l[3] * l[7] - l[4] * l[6]);
    if (cell->n_atom < 1 || cell->n_atom > max_atom || !isfinite(det) || fabs(det) < 0.01) return NULL;
    /* (-x)(-L) = x L: a left-handed cell becomes right-handed and every atom stays where it is */
    double hand = det < 0 ? -1 : 1;
    double columns[3][3];
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++)
            columns[k][i] = hand * l[3 * i + k];
    double(*position)[3] = sh_alloc((size_t)cell->n_atom * sizeof *position);
    int *type = SH_NEW(int, cell->n_atom);
    for (int64_t a = 0; a < cell->n_atom; a++) {
        type[a] = cell->z[a];
        for (int k = 0; k < 3; k++)
            position[a][k] = hand * cell->frac[3 * a + k];
    }
    SpglibDataset *d = spgat_get_dataset_with_hall_number(columns, position, type, (int)cell->n_atom, hall_number, symprec,
                                                          angle_tolerance);
    sh_free(position);
    sh_free(type);
    if (!d || hand > 0) return d;
    for (int op = 0; op < d->n_operations; op++)
        for (int k = 0; k < 3; k++)
            d->translations[op][k] = -d->translations[op][k];
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++)
            d->transformation_matrix[i][k] = -d->transformation_matrix[i][k];
    return d;
}

SpglibDataset *sh_dataset_create(const sh_cell *cell, double symprec, int hall_number)
{
    return dataset_create(cell, symprec, -1, hall_number);
}

int32_t sh_space_group_number_within(const sh_cell *cell, double symprec, double angle_tolerance)
{
    SpglibDataset *d = dataset_create(cell, symprec, angle_tolerance, 0);
    int32_t number = d ? d->spacegroup_number : 0;
    if (d) spg_free_dataset(d);
    return number;
}

int32_t sh_space_group_number(const sh_cell *cell, double symprec)
{
    return sh_space_group_number_within(cell, symprec, -1);
}

sh_symmetry sh_symmetry_of(const sh_cell *cell, double symprec)
{
    int rotations[192][3][3];
    double translations[192][3];
    sh_symmetry s = {0};
    SpglibDataset *d = dataset_create(cell, symprec, -1, 0);
    if (!d) return s;
    s = (sh_symmetry){d->spacegroup_number, spg_get_symmetry_from_database(rotations, translations, d->hall_number), d->n_std_atoms};
    spg_free_dataset(d);
    return s;
}

sh_symmetry_change sh_symmetry_compare(const sh_symmetry *before, const sh_symmetry *after)
{
    if (!before->number || !after->number) return SH_SYMMETRY_UNKNOWN;
    if (before->number == after->number) return SH_SYMMETRY_KEPT;
    int64_t was = before->n_operation * after->n_atom, is = after->n_operation * before->n_atom;
    return is > was ? SH_SYMMETRY_HIGHER : is < was ? SH_SYMMETRY_LOWER : SH_SYMMETRY_OTHER;
}

const char *sh_symmetry_change_key(sh_symmetry_change change)
{
    static const char *const keys[SH_N_SYMMETRY_CHANGE] = {"unknown", "kept", "higher", "lower", "other"};
    return keys[change];
}
