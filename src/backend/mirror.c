#include "backend/mirror.h"

void sh_mirror_create(int64_t n, sh_mirror *m)
{
    *m = (sh_mirror){.host = SH_NEW(sh_real, n), .n = n, .be = sh_backend_cpu()};
    m->there = m->host;
}

static void give_back(sh_mirror *m)
{
    if (m->there != m->host) m->be->memory->give(m->there);
    m->there = m->host;
}

void sh_mirror_use(sh_mirror *m, const sh_backend *be)
{
    sh_mirror_pull(m);
    give_back(m);
    m->be = be;
    if (be->room) m->there = be->memory->take((size_t)m->n * sizeof *m->there);
    sh_mirror_push(m);
}

void sh_mirror_pull(const sh_mirror *m)
{
    if (m->there != m->host) m->be->copy_out(m->host, m->there, (size_t)m->n * sizeof *m->host);
}

void sh_mirror_push(const sh_mirror *m)
{
    if (m->there != m->host) m->be->copy_in(m->there, m->host, (size_t)m->n * sizeof *m->host);
}

void sh_mirror_clear(const sh_mirror *m)
{
    m->be->clear(m->there, (size_t)m->n * sizeof *m->there);
}

void sh_mirror_release(sh_mirror *m)
{
    if (!m->host) return;
    give_back(m);
    sh_free(m->host);
    m->host = m->there = NULL;
}

const void *sh_constant_there(const sh_backend *be, const void *array, size_t bytes)
{
    if (!be->room) return array;
    void *copy = be->memory->take(bytes);
    be->copy_in(copy, array, bytes);
    return copy;
}

void sh_constant_give(const sh_backend *be, const void *there)
{
    if (be->room && there) be->memory->give((void *)(uintptr_t)there);
}
