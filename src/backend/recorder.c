#define _DEFAULT_SOURCE /* MAP_ANONYMOUS, MAP_NORESERVE */
#include "backend/recorder.h"

#include <string.h>
#include <sys/mman.h>

#include "backend/footprint.h"
#include "base/clock.h"
#include "base/status.h"
#include "combine.h"

static const size_t REGION = (size_t)8 << 30, HUGE_PAGE = 2 << 20; /* bytes, of addresses alone */

enum { MAX_UNDER_WAY = 16 };
enum { OFFSETS_LAUNCHES = 3, SORT_LAUNCHES = 6 }; /* about: CUB's scan and its radix sort, with the kernels around them */

/* Launches by kernel. */
#define SH_INDEX(kernel) OF_##kernel,
enum { SH_KERNEL_LIST(SH_INDEX) SH_INDEX(dense) SH_INDEX(dense_grad) SH_INDEX(offsets) SH_INDEX(sort_by_key) SH_INDEX(clear) N_KERNEL };
#undef SH_INDEX
#define SH_NAME(kernel) #kernel,
static const char *const kernel_name[N_KERNEL] = {SH_KERNEL_LIST(SH_NAME) SH_NAME(dense) SH_NAME(dense_grad) SH_NAME(offsets)
                                                      SH_NAME(sort_by_key) SH_NAME(clear)};
#undef SH_NAME

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
    sh_recorder_kernel kernel[N_KERNEL];
    bool footprints;
    double launched; /* when the launch in hand began */
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

static void begin_work(void)
{
    if (recorder.footprints)
        sh_footprint_begin(recorder.region, recorder.used);
    else
        open_memory();
    recorder.launched = sh_clock_s();
}

/* device_launches: src/backend/cuda has them. */
static void end_work(int kernel, int64_t n, double operations, int device_launches)
{
    sh_recorder_kernel *k = &recorder.kernel[kernel];
    k->launches++;
    k->items += n;
    k->operations += operations;
    k->device_launches += device_launches;
    if (!recorder.footprints) {
        k->seconds += sh_clock_s() - recorder.launched;
        close_memory();
        return;
    }
    sh_footprint f = sh_footprint_end();
    k->read += f.read;
    k->written += f.written;
}

#define SH_RECORD(kernel)                                                                          \
    static void record_##kernel(const sh_##kernel##_args *args, int64_t n)                         \
    {                                                                                              \
        if (n == 0) return;                                                                        \
        recorder.counts.launches++;                                                                \
        begin_work();                                                                              \
        recorder.cpu->kernel(args, n);                                                             \
        end_work(OF_##kernel, n, 0, 1);                                                               \
    }
SH_KERNEL_LIST(SH_RECORD)
#undef SH_RECORD

static void record_dense(const sh_dense_args *args, int64_t n)
{
    if (n == 0) return;
    recorder.counts.launches++;
    begin_work();
    recorder.cpu->dense(args, n);
    end_work(OF_dense, n, 2.0 * (double)n * (double)args->k * (double)args->out.cols, sh_combine_is_bare(&args->out) ? 1 : 2);
}

static void record_dense_grad(const sh_dense_grad_args *args, int64_t n)
{
    int products = (args->grad_input != NULL) + (args->grad_w != NULL);
    if (n == 0) return;
    recorder.counts.launches++;
    begin_work();
    recorder.cpu->dense_grad(args, n);
    end_work(OF_dense_grad, n, 2.0 * products * (double)n * (double)args->k * (double)args->cols,
             products + (args->kind >= 0) + (args->grad_bias != NULL));
}

static void offsets(const int64_t *count, int64_t n, int64_t *start)
{
    recorder.counts.launches++;
    begin_work();
    recorder.cpu->offsets(count, n, start);
    end_work(OF_offsets, n, 0, OFFSETS_LAUNCHES);
}

static void sort_by_key(const int32_t *key, int64_t n, int64_t n_key, int64_t *start, int64_t *list)
{
    recorder.counts.launches++;
    begin_work();
    recorder.cpu->sort_by_key(key, n, n_key, start, list);
    end_work(OF_sort_by_key, n, 0, SORT_LAUNCHES);
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
    begin_work();
    recorder.cpu->clear(to, bytes);
    end_work(OF_clear, (int64_t)bytes, 0, 1);
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
    recorder.footprints = false;
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
    for (int k = 0; k < N_KERNEL; k++)
        recorder.kernel[k] = (sh_recorder_kernel){.name = kernel_name[k]};
}

const sh_recorder_kernel *sh_recorder_kernels(int *n)
{
    *n = N_KERNEL;
    return recorder.kernel;
}

void sh_recorder_take_footprints(bool yes)
{
    recorder.footprints = yes;
}
