/* group.h -- the 230 space groups: one setting each, operations from spglib's database by Hall number (the ITA
 * standard: monoclinic unique axis b, origin choice 2 where there are two, hexagonal axes for R groups). */
#ifndef SH_CRYSTAL_GROUP_H
#define SH_CRYSTAL_GROUP_H

#include <stdint.h>

#include "base/real.h"
#include "base/status.h"

typedef enum {
    SH_TRICLINIC,
    SH_MONOCLINIC,
    SH_ORTHORHOMBIC,
    SH_TETRAGONAL,
    SH_HEXAGONAL, /* trigonal groups too: all on hexagonal axes */
    SH_CUBIC,
    SH_N_FAMILY
} sh_family;

enum { SH_N_GROUP = 230, SH_N_GROUP_OP = 4425 };

typedef struct sh_groups {
    int32_t op_start[SH_N_GROUP + 1]; /* operations of sg_number g: op_start[g-1] <= i < op_start[g]; the first is the
                                         identity, general translations in [0,1) */
    int8_t rot[SH_N_GROUP_OP][9];     /* W, row-major */
    double trans[SH_N_GROUP_OP][3];   /* w, exact multiples of 1/12 rounded to double */
    int32_t hall_number[SH_N_GROUP];
    char symbol[SH_N_GROUP][16];      /* international short symbol, "Fm-3m" */
    struct sh_wyckoffs *wyckoffs;     /* positions of all groups, wyckoff.h */
} sh_groups;

sh_status sh_groups_create(sh_groups **out); /* *out is NULL on error; SH_ELIB when spglib's tables differ */
void sh_groups_destroy(sh_groups **groups);

SH_BODY sh_family sh_group_family(int sg_number) /* 1..230 */
{
    const int last[SH_N_FAMILY] = {2, 15, 74, 142, 194, 230};
    int family = 0;
    while (sg_number > last[family])
        family++;
    return (sh_family)family;
}

const char *sh_family_name(sh_family family); /* "cubic" */

#endif
