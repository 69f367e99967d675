#define _DEFAULT_SOURCE /* madvise */
#include "base/memory.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/status.h"

static atomic_llong live;

static void *checked(void *memory, size_t bytes)
{
    if (!memory) {
        fprintf(stderr, "shaft: out of memory: %zu bytes asked for; lower train.batch or train.replay.batch\n", bytes);
        exit(1);
    }
    return memory;
}

void *sh_alloc(size_t bytes)
{
    atomic_fetch_add(&live, 1);
    return checked(malloc(bytes ? bytes : 1), bytes);
}

void *sh_calloc(size_t count, size_t size)
{
    atomic_fetch_add(&live, 1);
    return checked(calloc(count ? count : 1, size ? size : 1), count * size);
}

void *sh_realloc(void *memory, size_t bytes)
{
    if (!memory) return sh_alloc(bytes);
    return checked(realloc(memory, bytes ? bytes : 1), bytes);
}

char *sh_strdup(const char *text)
{
    size_t bytes = strlen(text) + 1;
    return memcpy(sh_alloc(bytes), text, bytes);
}

void sh_free(void *memory)
{
    if (!memory) return;
    atomic_fetch_sub(&live, 1);
    free(memory);
}

int64_t sh_alloc_live(void)
{
    return atomic_load(&live);
}

enum { ALIGNMENT = 64, MAX_BLOCKS = 64, HUGE_PAGE = 2 << 20 };

typedef struct {
    char *base; /* aligned inside `raw` */
    void *raw;
    size_t size, used;
} block;

struct sh_arena {
    const sh_memory_source *source;
    block blocks[MAX_BLOCKS];
    int64_t n_block; /* blocks[n_block - 1] is the one being filled */
};

const sh_memory_source sh_host_memory = {sh_alloc, sh_free};

static void add_block(sh_arena *a, size_t bytes)
{
    SH_ASSERT(a->n_block < MAX_BLOCKS);
    block *b = &a->blocks[a->n_block++];
    bool huge = bytes >= 2 * HUGE_PAGE && a->source == &sh_host_memory;
    size_t alignment = huge ? HUGE_PAGE : ALIGNMENT;
    b->raw = a->source->take(bytes + alignment);
    b->base = (char *)(((uintptr_t)b->raw + alignment - 1) & ~(uintptr_t)(alignment - 1));
    b->size = bytes;
    b->used = 0;
    /* Rows of a batch are read once a pass: small pages cost a fault and a miss of the page table every 4 KiB. Advice only. */
    if (huge) (void)madvise(b->base, bytes & ~(size_t)(HUGE_PAGE - 1), MADV_HUGEPAGE);
}

sh_arena *sh_arena_create(size_t bytes)
{
    return sh_arena_create_in(&sh_host_memory, bytes);
}

sh_arena *sh_arena_create_in(const sh_memory_source *source, size_t bytes)
{
    sh_arena *a = SH_NEW(sh_arena, 1);
    a->source = source;
    add_block(a, bytes < 4096 ? 4096 : bytes);
    return a;
}

void sh_arena_destroy(sh_arena **arena)
{
    if (!*arena) return;
    for (int64_t i = 0; i < (*arena)->n_block; i++)
        (*arena)->source->give((*arena)->blocks[i].raw);
    sh_free(*arena);
    *arena = NULL;
}

void sh_arena_reset(sh_arena *a)
{
    if (a->n_block > 1) {
        size_t total = sh_arena_capacity(a);
        for (int64_t i = 0; i < a->n_block; i++)
            a->source->give(a->blocks[i].raw);
        a->n_block = 0;
        add_block(a, total);
    }
    a->blocks[0].used = 0;
}

void *sh_arena_push(sh_arena *a, size_t bytes)
{
    size_t room = (bytes + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    block *b = &a->blocks[a->n_block - 1];
    if (b->used + room > b->size) {
        size_t total = sh_arena_capacity(a);
        add_block(a, room > total ? room : total); /* at least doubles what there is */
        b = &a->blocks[a->n_block - 1];
    }
    void *memory = b->base + b->used;
    b->used += room;
    return memory;
}

void *sh_arena_push_zero(sh_arena *a, size_t bytes)
{
    return memset(sh_arena_push(a, bytes), 0, bytes);
}

sh_arena_mark sh_arena_get_mark(const sh_arena *a)
{
    return (sh_arena_mark){.block = a->n_block - 1, .used = (int64_t)a->blocks[a->n_block - 1].used};
}

void sh_arena_release(sh_arena *a, sh_arena_mark mark)
{
    /* Blocks taken since the mark stay, so that the reset knows how much was needed: they are kept by filling on
     * in the last one. Only memory of the marked block can be handed out again at once. */
    if (mark.block == a->n_block - 1)
        a->blocks[mark.block].used = (size_t)mark.used;
    else
        a->blocks[a->n_block - 1].used = 0;
}

size_t sh_arena_capacity(const sh_arena *a)
{
    size_t total = 0;
    for (int64_t i = 0; i < a->n_block; i++)
        total += a->blocks[i].size;
    return total;
}
