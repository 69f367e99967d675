#include "backend/backend.h"
#include "gflownet/options.h"

#include "backend/backend.h"

sh_space sh_space_of(const sh_groups *groups, const sh_constraints *constraints, sh_sites_mode sites, double merge_tol)
{
    sh_space s = {.groups = groups, .constraints = constraints, .sites = sites, .merge_tol = merge_tol, .constraints_there = constraints};
    sh_group_tables_create(groups, sh_backend_cpu(), &s.tables);
    return s;
}

void sh_space_use(sh_space *s, const sh_backend *be)
{
    if (s->be && s->be->room) {
        sh_group_tables_destroy(s->be, &s->tables);
        s->be->memory->give((void *)(uintptr_t)s->constraints_there);
    }
    sh_group_tables_create(s->groups, be, &s->tables);
    s->be = be;
    s->constraints_there = s->constraints;
    if (!be->room) return;
    void *copy = be->memory->take(sizeof *s->constraints);
    be->copy_in(copy, s->constraints, sizeof *s->constraints);
    s->constraints_there = copy;
}
