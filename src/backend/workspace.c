#include "backend/workspace.h"

#include "base/status.h"

void sh_workspace_begin(sh_workspace *ws, const sh_backend *be, sh_arena *arena)
{
    *ws = (sh_workspace){.be = be, .arena = arena, .room = be->room ? be->room : arena};
    if (be->room) sh_arena_reset(be->room);
}

sh_workspace_mark sh_workspace_get_mark(const sh_workspace *ws)
{
    return (sh_workspace_mark){sh_arena_get_mark(ws->arena), sh_arena_get_mark(ws->room)};
}

void sh_workspace_release(sh_workspace *ws, sh_workspace_mark mark)
{
    sh_arena_release(ws->arena, mark.arena);
    if (ws->be->room) sh_arena_release(ws->room, mark.room);
}

const void *sh_workspace_put(sh_workspace *ws, const void *array, size_t bytes)
{
    if (!ws->be->room || !array) return array;
    void *there = sh_arena_push(ws->room, bytes);
    ws->be->copy_in(there, array, bytes);
    return there;
}

const void *sh_workspace_bring(sh_workspace *ws, const void *there, size_t bytes)
{
    if (!ws->be->room) return there;
    void *here = sh_arena_push(ws->arena, bytes);
    ws->be->copy_out(here, there, bytes);
    return here;
}

int64_t sh_workspace_count(sh_workspace *ws, const int64_t *there)
{
    int64_t count;
    if (!ws->be->room) return *there;
    ws->be->copy_out(&count, there, sizeof count);
    return count;
}

void sh_workspace_counts(sh_workspace *ws, const int64_t *const *there, int n, int64_t *counts)
{
    sh_workspace_mark mark = sh_workspace_get_mark(ws);
    sh_counts_args args = {.to = ws->be->room ? SH_ROOM(ws, int64_t, n) : counts};
    SH_ASSERT(n <= SH_MAX_COUNTS);
    for (int i = 0; i < n; i++)
        args.from[i] = there[i];
    ws->be->counts(&args, n);
    if (ws->be->room) ws->be->copy_out(counts, args.to, (size_t)n * sizeof *counts);
    sh_workspace_release(ws, mark);
}

void *sh_workspace_zeros(sh_workspace *ws, size_t bytes)
{
    void *there = sh_arena_push(ws->room, bytes);
    ws->be->clear(there, bytes);
    return there;
}
