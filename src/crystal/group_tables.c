#include "crystal/group_tables.h"

#include "backend/backend.h"

/* An array of the host's as kernels read it: itself, or a copy that is the table's. */
static const void *there(const sh_backend *be, const void *array, size_t bytes)
{
    if (!be->room) return array;
    void *copy = be->memory->take(bytes);
    be->copy_in(copy, array, bytes);
    return copy;
}

static void give(const sh_backend *be, const void *array)
{
    be->memory->give((void *)(uintptr_t)array);
}

void sh_group_tables_create(const sh_groups *g, const sh_backend *be, sh_group_tables *out)
{
    const sh_wyckoffs *w = g->wyckoffs;
    *out = (sh_group_tables){.op_start = there(be, g->op_start, sizeof g->op_start),
                             .rot = there(be, g->rot, sizeof g->rot),
                             .trans = there(be, g->trans, sizeof g->trans),
                             .wyckoff_start = there(be, w->start, sizeof w->start),
                             .wyckoff = there(be, w->position, sizeof w->position),
                             .wyckoff_op = there(be, w->op, (size_t)w->n_op * sizeof *w->op)};
}

void sh_group_tables_destroy(const sh_backend *be, sh_group_tables *t)
{
    if (be->room && t->op_start) {
        give(be, t->op_start);
        give(be, t->rot);
        give(be, t->trans);
        give(be, t->wyckoff_start);
        give(be, t->wyckoff);
        give(be, t->wyckoff_op);
    }
    *t = (sh_group_tables){0};
}
