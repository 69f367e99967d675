/* tables.h -- elements, oxidation states and bond statistics, read from the data files under configs/tables. Parsing a
 * text file needs no library, so these live in the core; where the files are found is the caller's affair. */
#ifndef SH_REWARD_TABLES_H
#define SH_REWARD_TABLES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

enum { SH_MAX_Z = 118, SH_MAX_OXIDATION = 16, SH_MAX_CHARGE = 9 };

typedef struct {
    double mass[SH_MAX_Z + 1];            /* amu by Z; NaN where unknown */
    double pauling[SH_MAX_Z + 1];         /* electronegativity, NaN where unknown */
    double covalent_radius[SH_MAX_Z + 1]; /* Å, NaN where unknown */
    double smact_eneg[SH_MAX_Z + 1];      /* as SMACT has it, NaN where unknown */
    bool smact_metal[SH_MAX_Z + 1];
    bool smact_known[SH_MAX_Z + 1];       /* Z 1..103 */
    int32_t n_oxidation[SH_MAX_Z + 1];
    int32_t oxidation[SH_MAX_Z + 1][SH_MAX_OXIDATION]; /* -SH_MAX_CHARGE..SH_MAX_CHARGE without 0 */
    double bond_min[SH_MAX_Z + 1][SH_MAX_Z + 1]; /* Å, symmetric; NaN where the pair is missing */
    double bond_avg[SH_MAX_Z + 1][SH_MAX_Z + 1];
} sh_tables;

/* `folder` holds elements.csv and oxidation.csv; `bond_table` is a CSV z1,z2,d_min,d_avg. */
sh_status sh_tables_create(const char *folder, const char *bond_table, sh_tables **out);
void sh_tables_destroy(sh_tables **tables);

/* The periodic table, which needs no file. */
const char *sh_element_symbol(int z);         /* NULL outside 1..118 */
int sh_element_number(const char *symbol);    /* 0 where there is none; exact case: "Na" */

#endif
