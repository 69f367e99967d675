#include "reward/tables.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/csv.h"
#include "base/memory.h"

static sh_status read_elements(sh_csv *csv, void *tables)
{
    sh_tables *t = tables;
    bool more;
    int z, metal;
    for (;;) {
        SH_TRY(sh_csv_next(csv, &more));
        if (!more) return SH_OK;
        SH_TRY(sh_csv_integer(csv, 0, 1, SH_MAX_Z, &z));
        SH_TRY(sh_csv_number(csv, 2, NAN, &t->mass[z]));
        SH_TRY(sh_csv_number(csv, 3, NAN, &t->pauling[z]));
        SH_TRY(sh_csv_number(csv, 4, NAN, &t->covalent_radius[z]));
        SH_TRY(sh_csv_number(csv, 5, NAN, &t->smact_eneg[z]));
        SH_TRY(sh_csv_integer(csv, 6, 0, 1, &metal));
        t->smact_metal[z] = metal;
        t->smact_known[z] = true;
    }
}

static sh_status read_oxidation(sh_csv *csv, void *tables)
{
    sh_tables *t = tables;
    bool more;
    int z;
    for (;;) {
        SH_TRY(sh_csv_next(csv, &more));
        if (!more) return SH_OK;
        SH_TRY(sh_csv_integer(csv, 0, 1, SH_MAX_Z, &z));
        char *at = csv->field[1], *end;
        for (long state = strtol(at, &end, 10); end != at; at = end, state = strtol(at, &end, 10)) {
            if (state == 0 || labs(state) > SH_MAX_CHARGE || t->n_oxidation[z] == SH_MAX_OXIDATION)
                return SH_FAIL(SH_EINPUT, "%s:%d: oxidation states are up to %d integers from -%d to %d without 0",
                               csv->path, csv->line, SH_MAX_OXIDATION, SH_MAX_CHARGE, SH_MAX_CHARGE);
            t->oxidation[z][t->n_oxidation[z]++] = (int32_t)state;
        }
        if (*at) return SH_FAIL(SH_EINPUT, "%s:%d: '%s' is no oxidation state", csv->path, csv->line, at);
    }
}

static sh_status read_bonds(sh_csv *csv, void *tables)
{
    sh_tables *t = tables;
    bool more;
    int z1, z2;
    double least, mean;
    for (;;) {
        SH_TRY(sh_csv_next(csv, &more));
        if (!more) return SH_OK;
        SH_TRY(sh_csv_integer(csv, 0, 1, SH_MAX_Z, &z1));
        SH_TRY(sh_csv_integer(csv, 1, 1, SH_MAX_Z, &z2));
        SH_TRY(sh_csv_number(csv, 2, NAN, &least));
        SH_TRY(sh_csv_number(csv, 3, NAN, &mean));
        if (!(least > 0 && mean > 0))
            return SH_FAIL(SH_EINPUT, "%s:%d: d_min and d_avg must be positive lengths in Å", csv->path, csv->line);
        t->bond_min[z1][z2] = t->bond_min[z2][z1] = least;
        t->bond_avg[z1][z2] = t->bond_avg[z2][z1] = mean;
    }
}

static sh_status read_all(const char *folder, const char *bond_table, sh_tables *t)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/elements.csv", folder);
    SH_TRY(sh_csv_read(path, "z,symbol,mass,pauling,covalent_radius,smact_eneg,smact_metal", read_elements, t));
    snprintf(path, sizeof path, "%s/oxidation.csv", folder);
    SH_TRY(sh_csv_read(path, "z,states", read_oxidation, t));
    return sh_csv_read(bond_table, "z1,z2,d_min,d_avg", read_bonds, t);
}

sh_status sh_tables_create(const char *folder, const char *bond_table, sh_tables **out)
{
    *out = NULL;
    sh_tables *t = SH_NEW(sh_tables, 1);
    for (int i = 0; i <= SH_MAX_Z; i++) {
        t->mass[i] = t->pauling[i] = t->covalent_radius[i] = t->smact_eneg[i] = NAN;
        for (int j = 0; j <= SH_MAX_Z; j++)
            t->bond_min[i][j] = t->bond_avg[i][j] = NAN;
    }
    sh_status status = read_all(folder, bond_table, t);
    if (status != SH_OK)
        sh_error_hint(status, "reward.bond.table is mp, paper or a CSV file z1,z2,d_min,d_avg; the other tables come with shaft");
    if (status != SH_OK) {
        sh_tables_destroy(&t);
        return status;
    }
    *out = t;
    return SH_OK;
}

void sh_tables_destroy(sh_tables **tables)
{
    sh_free(*tables);
    *tables = NULL;
}
