/* memory.h -- counted allocation and the arena of a step.
 *
 * sh_alloc is malloc that cannot return NULL (out of memory ends the program with a message: nothing sensible
 * could follow) and that is counted, so that a test can see what was not released.
 *
 * An arena hands out memory that all goes at once. One arena serves a training step: reset at its start, pushed
 * to during it, never freed inside it. A step that needs more than any before it takes one further block; the
 * next reset merges the blocks into one, so that in steady state nothing is allocated inside a step. */
#ifndef SH_BASE_MEMORY_H
#define SH_BASE_MEMORY_H

#include <stddef.h>
#include <stdint.h>

void *sh_alloc(size_t bytes);                  /* uninitialised; 0 bytes gives a unique pointer */
void *sh_calloc(size_t count, size_t size);    /* zeroed */
void *sh_realloc(void *memory, size_t bytes);
char *sh_strdup(const char *text);
void sh_free(void *memory);                    /* NULL in is fine */
int64_t sh_alloc_live(void);                   /* allocations minus frees */

#define SH_NEW(type, count) ((type *)sh_calloc((size_t)(count), sizeof(type)))

typedef struct sh_arena sh_arena;
typedef struct {
    int64_t block, used;
} sh_arena_mark;

sh_arena *sh_arena_create(size_t bytes); /* bytes is a first guess; it grows */

/* Where an arena has its blocks from, if not from sh_alloc: memory of a device, which the host must not look at. */
typedef struct {
    void *(*take)(size_t bytes); /* never NULL: ends the program with a message, as sh_alloc does */
    void (*give)(void *memory);
} sh_memory_source;

extern const sh_memory_source sh_host_memory; /* sh_alloc and sh_free */

sh_arena *sh_arena_create_in(const sh_memory_source *source, size_t bytes); /* source is borrowed */
void sh_arena_destroy(sh_arena **arena); /* leaves NULL */
void sh_arena_reset(sh_arena *arena);    /* everything pushed is gone; merges what grew */
void *sh_arena_push(sh_arena *arena, size_t bytes); /* aligned to 64 bytes, uninitialised */
void *sh_arena_push_zero(sh_arena *arena, size_t bytes); /* of the host's memory */
sh_arena_mark sh_arena_get_mark(const sh_arena *arena);
void sh_arena_release(sh_arena *arena, sh_arena_mark mark); /* all pushed since the mark is gone */
size_t sh_arena_capacity(const sh_arena *arena);

#define SH_PUSH(arena, type, count) ((type *)sh_arena_push((arena), (size_t)(count) * sizeof(type)))
#define SH_PUSH_ZERO(arena, type, count) ((type *)sh_arena_push_zero((arena), (size_t)(count) * sizeof(type)))

#endif
