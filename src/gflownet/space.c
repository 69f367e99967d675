#include "backend/mirror.h"
#include "gflownet/options.h"

sh_space sh_space_of(const sh_groups *groups, const sh_constraints *constraints, sh_sites_mode sites, double merge_tol)
{
    sh_space s = {.groups = groups, .constraints = constraints, .sites = sites, .merge_tol = merge_tol, .constraints_there = constraints};
    sh_group_tables_create(groups, sh_backend_cpu(), &s.tables);
    return s;
}

void sh_space_use(sh_space *s, const sh_backend *be)
{
    if (s->be) {
        sh_group_tables_destroy(s->be, &s->tables);
        sh_constant_give(s->be, s->constraints_there);
    }
    sh_group_tables_create(s->groups, be, &s->tables);
    s->be = be;
    s->constraints_there = sh_constant_there(be, s->constraints, sizeof *s->constraints);
}

sh_rules sh_space_rules(const sh_space *s)
{
    const sh_wyckoffs *w = s->groups->wyckoffs;
    return (sh_rules){.constraints = s->constraints, .wyckoff_start = w->start, .wyckoff = w->position, .sites = s->sites};
}

sh_rules sh_space_rules_there(const sh_space *s)
{
    return (sh_rules){
        .constraints = s->constraints_there, .wyckoff_start = s->tables.wyckoff_start, .wyckoff = s->tables.wyckoff, .sites = s->sites};
}
