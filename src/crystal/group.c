/* group.c -- the table of operations, read once from spglib's database and checked: a program that goes on with another
 * table would describe other crystals by the same numbers. */
#include "crystal/group.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include <spglib.h>

#include "base/memory.h"
#include "crystal/wyckoff.h"

/* spglib's serial number of each group's standard setting: the first with that number, or the one of origin choice 2.
 * (spglib's own default is origin choice 1.) */
static void standard_settings(sh_groups *g)
{
    for (int hall = 1; hall <= 530; hall++) {
        SpglibSpacegroupType type = spg_get_spacegroup_type(hall);
        if (type.number < 1 || type.number > SH_N_GROUP) continue;
        int i = type.number - 1;
        if (g->hall_number[i] && strcmp(type.choice, "2")) continue;
        g->hall_number[i] = hall;
        strncpy(g->symbol[i], type.international_short, sizeof g->symbol[i] - 1);
    }
}

static bool is_identity(const sh_groups *g, int32_t op)
{
    for (int i = 0; i < 9; i++)
        if (g->rot[op][i] != (i % 4 == 0) || g->trans[op][i / 3] != 0) return false;
    return true;
}

sh_status sh_groups_create(sh_groups **out)
{
    *out = NULL;
    sh_groups *g = SH_NEW(sh_groups, 1);
    standard_settings(g);
    int32_t n = 0;
    for (int i = 0; i < SH_N_GROUP; i++) {
        bool is_twelfths = true;
        int rotation[192][3][3];
        double translation[192][3];
        int n_op = spg_get_symmetry_from_database(rotation, translation, g->hall_number[i]);
        if (n_op < 1 || n + n_op > SH_N_GROUP_OP) {
            sh_free(g);
            return SH_FAIL(SH_ELIB, "spglib gives %d operations for space group %d", n_op, i + 1);
        }
        g->op_start[i] = n;
        for (int k = 0; k < n_op; k++, n++)
            for (int a = 0; a < 3; a++) {
                for (int b = 0; b < 3; b++)
                    g->rot[n][3 * a + b] = (int8_t)rotation[k][a][b];
                double twelfths = round(12 * translation[k][a]);
                is_twelfths = is_twelfths && fabs(12 * translation[k][a] - twelfths) < 1e-4 && twelfths >= 0 && twelfths < 12;
                g->trans[n][a] = twelfths / 12;
            }
        if (!is_twelfths || !is_identity(g, g->op_start[i])) {
            sh_free(g);
            return SH_FAIL(SH_ELIB, "spglib's operations of space group %d are not as its version 2 gives them", i + 1);
        }
    }
    g->op_start[SH_N_GROUP] = n;
    if (n != SH_N_GROUP_OP) {
        sh_free(g);
        return SH_FAIL(SH_ELIB, "spglib gives %d operations for the 230 space groups, there are %d", n, SH_N_GROUP_OP);
    }
    const sh_group_operations operations = {g->op_start, (const int8_t(*)[9])g->rot, (const double(*)[3])g->trans};
    sh_status status = sh_wyckoffs_create(&operations, &g->wyckoffs);
    if (status != SH_OK) {
        sh_free(g);
        return status;
    }
    *out = g;
    return SH_OK;
}

void sh_groups_destroy(sh_groups **groups)
{
    if (!*groups) return;
    sh_wyckoffs_destroy(&(*groups)->wyckoffs);
    sh_free(*groups);
    *groups = NULL;
}

const char *sh_family_name(sh_family family)
{
    static const char *const name[SH_N_FAMILY] = {"triclinic",  "monoclinic", "orthorhombic",
                                                  "tetragonal", "hexagonal",  "cubic"};
    return name[family];
}
