/* group_tables.h -- the operations and Wyckoff positions of all groups where kernels read them. Pointers only: a kernel takes it by
 * value. On a back-end without memory of its own they are those of the sh_groups it was made from. */
#ifndef SH_CRYSTAL_GROUP_TABLES_H
#define SH_CRYSTAL_GROUP_TABLES_H

#include "crystal/group.h"
#include "crystal/wyckoff.h"

struct sh_backend;

typedef struct {
    const int32_t *op_start;      /* (231) operations of sg_number g: op_start[g-1] <= i < op_start[g], the identity first */
    const int8_t *rot;            /* (4425,9) W, row-major */
    const double *trans;          /* (4425,3) w */
    const int32_t *wyckoff_start; /* (231) positions of sg_number g likewise */
    const sh_wyckoff *wyckoff;
    const int16_t *wyckoff_op;    /* what stab and coset of a position point into */
} sh_group_tables;

void sh_group_tables_create(const sh_groups *groups, const struct sh_backend *be, sh_group_tables *out); /* groups are borrowed */
void sh_group_tables_destroy(const struct sh_backend *be, sh_group_tables *tables);

#endif
