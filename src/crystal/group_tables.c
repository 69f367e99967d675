#include "crystal/group_tables.h"

#include "backend/mirror.h"

void sh_group_tables_create(const sh_groups *g, const sh_backend *be, sh_group_tables *out)
{
    const sh_wyckoffs *w = g->wyckoffs;
    *out = (sh_group_tables){.op_start = sh_constant_there(be, g->op_start, sizeof g->op_start),
                             .rot = sh_constant_there(be, g->rot, sizeof g->rot),
                             .trans = sh_constant_there(be, g->trans, sizeof g->trans),
                             .wyckoff_start = sh_constant_there(be, w->start, sizeof w->start),
                             .wyckoff = sh_constant_there(be, w->position, sizeof w->position),
                             .wyckoff_op = sh_constant_there(be, w->op, (size_t)w->n_op * sizeof *w->op)};
}

void sh_group_tables_destroy(const sh_backend *be, sh_group_tables *t)
{
    sh_constant_give(be, t->op_start);
    sh_constant_give(be, t->rot);
    sh_constant_give(be, t->trans);
    sh_constant_give(be, t->wyckoff_start);
    sh_constant_give(be, t->wyckoff);
    sh_constant_give(be, t->wyckoff_op);
    *t = (sh_group_tables){0};
}
