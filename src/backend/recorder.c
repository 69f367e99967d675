#define _DEFAULT_SOURCE /* MAP_ANONYMOUS, MAP_NORESERVE */
#include "backend/recorder.h"

#include <string.h>
#include <sys/mman.h>

#include "base/status.h"

static const size_t REGION = (size_t)8 << 30, HUGE_PAGE = 2 << 20; /* bytes, of addresses alone */

enum { MAX_UNDER_WAY = 16 };

/* Copies under way: what is copied is held until it arrives. */
typedef struct {
    int n;
    struct {
        void *to, *held;
        size_t bytes;
    } copy[MAX_UNDER_WAY];
} copies;

typedef struct {
    int n;
    sh_real *data[MAX_UNDER_WAY];
    int64_t size[MAX_UNDER_WAY];
} sums;

static struct {
    const sh_backend *cpu;
    copies fetched, ahead; /* to the host, until it waits; from the host, until kernels are to see them */
    sums sums;             /* over processes, until kernels are to see them */
    sh_backend table;
    sh_recorder_counts counts;
    void *reserved;
    char *region; /* in it: all memory, one after the other */
    size_t used;
    int64_t live; /* blocks */
    sh_group_calls group;
} recorder;

/* Whole huge pages: of small ones there would be thousands to open and close at every launch. */
static void protect(int protection)
{
    SH_ASSERT(mprotect(recorder.region, (recorder.used + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE, protection) == 0);
}

static void open_memory(void)
{
    protect(PROT_READ | PROT_WRITE);
}

static void close_memory(void)
{
    protect(PROT_NONE);
}

/* Blocks are not used again: who reads one that was given back reads what nobody writes any more. */
static void *take(size_t bytes)
{
    const size_t page = 4096;
    void *at = recorder.region + recorder.used;
    recorder.used += (bytes + page) / page * page;
    SH_ASSERT(recorder.used <= REGION - HUGE_PAGE);
    recorder.counts.blocks++;
    recorder.live++;
    return at;
}

static void give(void *memory)
{
    SH_ASSERT((char *)memory >= recorder.region && (char *)memory < recorder.region + recorder.used);
    recorder.live--;
}

#define SH_RECORD(kernel)                                                                          \
    static void record_##kernel(const sh_##kernel##_args *args, int64_t n)                         \
    {                                                                                              \
        if (n == 0) return;                                                                        \
        recorder.counts.launches++;                                                                \
        open_memory();                                                                             \
        recorder.cpu->kernel(args, n);                                                             \
        close_memory();                                                                            \
    }
SH_KERNEL_LIST(SH_RECORD)
SH_RECORD(dense)
SH_RECORD(dense_grad)
#undef SH_RECORD

static void offsets(const int64_t *count, int64_t n, int64_t *start)
{
    recorder.counts.launches++;
    open_memory();
    recorder.cpu->offsets(count, n, start);
    close_memory();
}

static void sort_by_key(const int32_t *key, int64_t n, int64_t n_key, int64_t *start, int64_t *list)
{
    recorder.counts.launches++;
    open_memory();
    recorder.cpu->sort_by_key(key, n, n_key, start, list);
    close_memory();
}

static void copy_in(void *to, const void *from, size_t bytes)
{
    recorder.counts.copies_in++;
    recorder.counts.bytes_in += (int64_t)bytes;
    open_memory();
    recorder.cpu->copy_in(to, from, bytes);
    close_memory();
}

/* All memory is open. Until it arrives, what is there is no number. */
static void depart(copies *c, void *to, const void *from, size_t bytes)
{
    SH_ASSERT(c->n < MAX_UNDER_WAY);
    void *held = sh_alloc(bytes);
    memcpy(held, from, bytes);
    memset(to, 0xff, bytes);
    c->copy[c->n].to = to;
    c->copy[c->n].held = held;
    c->copy[c->n++].bytes = bytes;
}

static void arrive(copies *c)
{
    for (int i = 0; i < c->n; i++) {
        memcpy(c->copy[i].to, c->copy[i].held, c->copy[i].bytes);
        sh_free(c->copy[i].held);
    }
    c->n = 0;
}

static void copy_out(void *to, const void *from, size_t bytes)
{
    recorder.counts.copies_out++;
    recorder.counts.bytes_out += (int64_t)bytes;
    recorder.counts.waits++;
    arrive(&recorder.fetched);
    open_memory();
    recorder.cpu->copy_out(to, from, bytes);
    close_memory();
}

static void fetch(void *to, const void *from, size_t bytes)
{
    recorder.counts.copies_out++;
    recorder.counts.bytes_out += (int64_t)bytes;
    open_memory();
    depart(&recorder.fetched, to, from, bytes);
    close_memory();
}

static void copy_ahead(void *to, const void *from, size_t bytes)
{
    recorder.counts.copies_in++;
    recorder.counts.bytes_in += (int64_t)bytes;
    open_memory();
    depart(&recorder.ahead, to, from, bytes);
    close_memory();
}

static void copied(void)
{
    open_memory();
    arrive(&recorder.ahead);
    close_memory();
}

static void clear(void *to, size_t bytes)
{
    recorder.counts.clears++;
    open_memory();
    recorder.cpu->clear(to, bytes);
    close_memory();
}

static void wait(void)
{
    recorder.counts.waits++;
    arrive(&recorder.fetched);
}

static void sum(sh_real *data, int64_t n)
{
    SH_ASSERT(recorder.sums.n < MAX_UNDER_WAY);
    recorder.counts.sums++;
    recorder.sums.data[recorder.sums.n] = data;
    recorder.sums.size[recorder.sums.n++] = n;
}

static void summed(void)
{
    open_memory();
    for (int i = 0; i < recorder.sums.n; i++)
        recorder.group.sum(recorder.sums.data[i], recorder.sums.size[i]);
    recorder.sums.n = 0;
    close_memory();
}

void sh_recorder_use_group(const sh_group_calls *group)
{
    recorder.group = recorder.table.group = *group;
    recorder.table.group.sum = sum;
    recorder.table.group.summed = summed;
}

const sh_backend *sh_recorder_open(void)
{
    static const sh_memory_source memory = {take, give};
    SH_ASSERT(!recorder.cpu);
    recorder.cpu = sh_backend_cpu();
    recorder.reserved = mmap(NULL, REGION, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    SH_ASSERT(recorder.reserved != MAP_FAILED);
    recorder.region = (char *)(((uintptr_t)recorder.reserved + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE);
    (void)madvise(recorder.region, REGION - HUGE_PAGE, MADV_HUGEPAGE);
    recorder.used = 0;
    recorder.table = (sh_backend){
        .name = "recorder",
#define SH_ENTRY(kernel) .kernel = record_##kernel,
        SH_KERNEL_LIST(SH_ENTRY)
#undef SH_ENTRY
        .dense = record_dense,
        .dense_grad = record_dense_grad,
        .offsets = offsets,
        .sort_by_key = sort_by_key,
        .memory = &memory,
        .room = sh_arena_create_in(&memory, 1 << 20),
        .copy_in = copy_in,
        .copy_out = copy_out,
        .fetch = fetch,
        .copy_ahead = copy_ahead,
        .copied = copied,
        .clear = clear,
        .wait = wait,
    };
    sh_recorder_clear();
    return &recorder.table;
}

void sh_recorder_close(void)
{
    sh_arena_destroy(&recorder.table.room);
    SH_ASSERT(recorder.live == 0 && recorder.fetched.n == 0 && recorder.ahead.n == 0 && recorder.sums.n == 0);
    munmap(recorder.reserved, REGION);
    recorder.cpu = NULL;
}

sh_recorder_counts sh_recorder_read(void)
{
    return recorder.counts;
}

void sh_recorder_clear(void)
{
    recorder.counts = (sh_recorder_counts){0};
}
