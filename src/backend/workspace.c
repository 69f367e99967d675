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

void sh_workspace_fetch(sh_workspace *ws, void *to, const void *there, size_t bytes)
{
    if (to != there) ws->be->fetch(to, there, bytes);
}

int64_t sh_workspace_count(sh_workspace *ws, const int64_t *there)
{
    int64_t count;
    if (!ws->be->room) return *there;
    ws->be->copy_out(&count, there, sizeof count);
    return count;
}

void *sh_workspace_zeros(sh_workspace *ws, size_t bytes)
{
    void *there = sh_arena_push(ws->room, bytes);
    ws->be->clear(there, bytes);
    return there;
}

/* ---- sizes ---- */

void sh_workspace_plan(sh_workspace *ws, sh_sizes *sizes)
{
    if (!ws->be->room || !sizes) return;
    sh_sizes_begin(sizes);
    ws->sizes = sizes;
    if (sizes->is_planned) sizes->seen = SH_ROOM_ZERO(ws, int64_t, sizes->n_part * SH_SIZES_A_PART);
}

void sh_workspace_part(sh_workspace *ws, int part)
{
    if (!ws->sizes) return;
    SH_ASSERT(part < ws->sizes->n_part);
    ws->sizes->part = part;
    ws->sizes->at = part * SH_SIZES_A_PART;
}

bool sh_workspace_is_planned(const sh_workspace *ws)
{
    return ws->sizes && ws->sizes->is_planned;
}

bool sh_workspace_settle(sh_workspace *ws)
{
    if (!sh_workspace_is_planned(ws)) {
        ws->be->wait();
        return true;
    }
    int64_t n = (int64_t)ws->sizes->n_part * SH_SIZES_A_PART;
    return sh_sizes_settle(ws->sizes, SH_BRING(ws, ws->sizes->seen, n));
}

/* from (n+1) sums; to (n+1) the same, or zeros where the last is beyond the room that is given back. -1: nothing was planned. */
static int64_t plan_size(sh_workspace *ws, const int64_t *from, int64_t n, int64_t *to, int64_t rows)
{
    int64_t room = ws->sizes ? sh_sizes_plan(ws->sizes, rows) : -1;
    if (room < 0) return -1;
    const sh_fit_args args = {.from = from, .n = n, .room = room, .to = to, .seen = ws->sizes->seen + ws->sizes->at - 1};
    ws->be->fit(&args, n + 1);
    return room;
}

static void count_sizes(sh_workspace *ws, const sh_count_list *lists, int n, int64_t *sizes)
{
    const sh_backend *be = ws->be;
    for (int i = 0; i < n && !be->room; i++)
        sizes[i] = lists[i].start[lists[i].n];
    if (!be->room) return;
    sh_workspace_mark mark = sh_workspace_get_mark(ws);
    sh_counts_args args = {.to = SH_ROOM(ws, int64_t, n)};
    for (int i = 0; i < n; i++)
        args.from[i] = &lists[i].start[lists[i].n];
    if (n > 1) be->counts(&args, n);
    be->copy_out(sizes, n > 1 ? args.to : args.from[0], (size_t)n * sizeof *sizes);
    sh_workspace_release(ws, mark);
    for (int i = 0; i < n && ws->sizes; i++)
        sh_sizes_counted(ws->sizes, lists[i].rows, sizes[i]);
}

void sh_workspace_sizes(sh_workspace *ws, const sh_count_list *lists, int n, int64_t *sizes)
{
    const sh_backend *be = ws->be;
    SH_ASSERT(n <= SH_MAX_COUNTS);
    for (int i = 0; i < n; i++) {
        const sh_count_list *l = &lists[i];
        int64_t *sums = sh_workspace_is_planned(ws) ? SH_ROOM(ws, int64_t, l->n + 1) : l->start;
        be->offsets(l->count, l->n, sums);
        if (!sh_workspace_is_planned(ws)) continue;
        sizes[i] = plan_size(ws, sums, l->n, l->start, l->rows);
        if (sizes[i] >= 0) continue;
        be->offsets(l->count, l->n, l->start);
        count_sizes(ws, l, 1, &sizes[i]);
    }
    if (!sh_workspace_is_planned(ws)) count_sizes(ws, lists, n, sizes);
}

int64_t sh_workspace_size(sh_workspace *ws, const int64_t *count, int64_t n, int64_t *start, int64_t rows)
{
    int64_t size;
    sh_workspace_sizes(ws, &(sh_count_list){.count = count, .n = n, .start = start, .rows = rows}, 1, &size);
    return size;
}

int64_t sh_workspace_some(sh_workspace *ws, const int64_t *there, int64_t rows, int64_t most)
{
    int64_t some = plan_size(ws, there, 0, sh_workspace_is_planned(ws) ? SH_ROOM(ws, int64_t, 1) : NULL, rows);
    if (some < 0) {
        some = sh_workspace_count(ws, there);
        if (ws->sizes) sh_sizes_counted(ws->sizes, rows, some);
    }
    return some < most ? some : most;
}

void sh_workspace_sort(sh_workspace *ws, const int32_t *key, int64_t n, const int64_t *counted, int64_t n_key, int64_t *start,
                       int64_t *list)
{
    if (!counted || !sh_workspace_is_planned(ws)) {
        ws->be->sort_by_key(key, n, n_key, start, list);
        return;
    }
    const sh_counted_keys_args args = {.counted = counted, .from = key, .n_key = n_key, .key = SH_ROOM(ws, int32_t, n)};
    ws->be->counted_keys(&args, n);
    ws->be->sort_by_key(args.key, n, n_key + 1, start, list);
}
