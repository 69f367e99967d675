/* workspace.h -- where a piece of work has its arrays: what kernels read and write lies in `room`, what the host fills in and reads on
 * `arena`. On a back-end without memory of its own both are one, and nothing is copied; on others nothing crosses but by the calls here.
 * A pointer to an array of the room is said to be "there": the host must not look at it. */
#ifndef SH_BACKEND_WORKSPACE_H
#define SH_BACKEND_WORKSPACE_H

#include "backend/backend.h"
#include "backend/sizes.h"
#include "base/memory.h"

typedef struct sh_workspace {
    const sh_backend *be;
    sh_arena *arena; /* the host's; the caller's, and reset by it */
    sh_arena *room;  /* the back-end's */
    sh_sizes *sizes; /* NULL: every size is waited for */
} sh_workspace;

/* Beginning a workspace ends what was in the back-end's room: one at a time has a back-end with memory of its own. */
void sh_workspace_begin(sh_workspace *ws, const sh_backend *be, sh_arena *arena);

/* The host's own: the kernels of the CPU on arrays of its arena. */
static inline sh_workspace sh_workspace_host(sh_arena *arena)
{
    return (sh_workspace){.be = sh_backend_cpu(), .arena = arena, .room = arena};
}

/* Everything pushed since the mark is gone, here and there. */
typedef struct {
    sh_arena_mark arena, room;
} sh_workspace_mark;

sh_workspace_mark sh_workspace_get_mark(const sh_workspace *ws);
void sh_workspace_release(sh_workspace *ws, sh_workspace_mark mark);

/* An array of the host for kernels to read: itself, or its copy there. NULL of NULL. */
const void *sh_workspace_put(sh_workspace *ws, const void *array, size_t bytes);
/* What kernels wrote there for the host to read: itself, or a copy on the arena. Waits for it. */
const void *sh_workspace_bring(sh_workspace *ws, const void *there, size_t bytes);
/* The same for later: `to` has it after the next wait. */
void sh_workspace_fetch(sh_workspace *ws, void *to, const void *there, size_t bytes);
/* A number that kernels have counted. Waits for it. */
int64_t sh_workspace_count(sh_workspace *ws, const int64_t *there);

/* Sizes. On a back-end without memory of its own they are read where they stand. On others the host waits for them; or, in a pass that
 * is planned (sizes.h), it takes a room that was enough before, and nobody waits. What a planned room holds beyond the counted is
 * blank: no list names it. If a room was too small, all the lists that lead into it are empty. */
void sh_workspace_plan(sh_workspace *ws, sh_sizes *sizes); /* a pass begins; no effect without memory of the back-end's own */
void sh_workspace_part(sh_workspace *ws, int part);
bool sh_workspace_is_planned(const sh_workspace *ws);
/* At the end: whether there was room for all. Waits. If not, all of the pass has to be done again. */
bool sh_workspace_settle(sh_workspace *ws);

/* start (n+1) there: sums of the counts before; the size of what they lead into, about proportional to `rows`. */
typedef struct {
    const int64_t *count; /* (n) there */
    int64_t n;
    int64_t *start;
    int64_t rows;
} sh_count_list;
/* Up to SH_MAX_COUNTS of them at once. */
void sh_workspace_sizes(sh_workspace *ws, const sh_count_list *lists, int n, int64_t *sizes);
int64_t sh_workspace_size(sh_workspace *ws, const int64_t *count, int64_t n, int64_t *start, int64_t rows);
/* Room for as many as *there, which are `most` at most. */
int64_t sh_workspace_some(sh_workspace *ws, const int64_t *there, int64_t rows, int64_t most);

#define SH_PUT(ws, array, count) sh_workspace_put((ws), (array), (size_t)(count) * sizeof *(array))
#define SH_BRING(ws, array, count) sh_workspace_bring((ws), (array), (size_t)(count) * sizeof *(array))
/* Uninitialised arrays there, and arrays of zero bits. */
#define SH_ROOM(ws, type, count) ((type *)sh_arena_push((ws)->room, (size_t)(count) * sizeof(type)))
#define SH_ROOM_ZERO(ws, type, count) ((type *)sh_workspace_zeros((ws), (size_t)(count) * sizeof(type)))
void *sh_workspace_zeros(sh_workspace *ws, size_t bytes);

/* Items by key (backend.h) where a planned room may hold more than the *counted (there): what is beyond is in the list of no key.
 * start (n_key+2). counted NULL: all are. */
void sh_workspace_sort(sh_workspace *ws, const int32_t *key, int64_t n, const int64_t *counted, int64_t n_key, int64_t *start,
                       int64_t *list);
/* Of zero bits where a planned room may hold blanks that a kernel reads: indices, weights, lengths. */
#define SH_ROOM_BLANK(ws, type, count)                                                             \
    (sh_workspace_is_planned(ws) ? SH_ROOM_ZERO(ws, type, count) : SH_ROOM(ws, type, count))

#endif
