#include "gflownet/record.h"

#include <stdlib.h>
#include <string.h>

#include "backend/workspace.h"
#include "base/memory.h"
#include "base/status.h"

void sh_records_create(sh_records *r, int32_t max_sites, int64_t capacity)
{
    *r = (sh_records){.max_sites = max_sites, .stride = sh_record_stride(max_sites), .capacity = capacity};
    r->data = sh_calloc((size_t)capacity, r->stride);
}

void sh_records_destroy(sh_records *r)
{
    sh_free(r->data);
    *r = (sh_records){0};
}

static void reserve(sh_records *r, int64_t n)
{
    if (n <= r->capacity) return;
    r->capacity = n > 2 * r->capacity ? n : 2 * r->capacity;
    r->data = sh_realloc(r->data, (size_t)r->capacity * r->stride);
}

void sh_records_append(sh_records *r, const sh_records *from, int64_t index)
{
    SH_ASSERT(r->stride == from->stride && index < from->n);
    reserve(r, r->n + 1);
    memcpy(sh_record_at(r, r->n++), sh_record_at(from, index), r->stride);
}

void sh_records_resize(sh_records *r, int64_t n)
{
    reserve(r, n);
    if (n > r->n) memset(sh_record_at(r, r->n), 0, (size_t)(n - r->n) * r->stride);
    r->n = n;
}

static int by_trajectory(const void *a, const void *b)
{
    uint64_t x = ((const sh_record *)a)->traj, y = ((const sh_record *)b)->traj;
    return (x > y) - (x < y);
}

void sh_records_sort(sh_records *r)
{
    int64_t i = 1;
    while (i < r->n && sh_record_at(r, i - 1)->traj <= sh_record_at(r, i)->traj)
        i++;
    if (i < r->n) qsort(r->data, (size_t)r->n, r->stride, by_trajectory);
}

sh_record_list sh_records_begin(sh_workspace *ws, sh_records *records, int64_t n)
{
    sh_records_resize(records, 0);
    sh_records_resize(records, n);
    size_t bytes = (size_t)n * records->stride;
    char *block = ws->be->room ? sh_workspace_zeros(ws, bytes + records->stride) : records->data;
    return (sh_record_list){.first = block, .second = block + bytes, .n_first = n, .n = n, .stride = (int64_t)records->stride};
}

void sh_records_fetch(sh_workspace *ws, const sh_record_list *there, sh_records *records)
{
    sh_workspace_fetch(ws, records->data, there->first, (size_t)there->n * records->stride);
}

void sh_records_ahead(sh_records_room *room, const sh_backend *be, sh_records *records)
{
    size_t bytes = (size_t)records->n * records->stride;
    records->there = NULL;
    if (!be->room || bytes == 0) return;
    if (room->be != be || room->bytes < bytes) {
        sh_records_room_release(room);
        *room = (sh_records_room){be, be->memory->take(2 * bytes), 2 * bytes}; /* the replay grows at first */
    }
    be->copy_ahead(room->memory, records->data, bytes);
    records->there = room->memory;
}

void sh_records_room_release(sh_records_room *room)
{
    if (room->memory) room->be->memory->give(room->memory);
    *room = (sh_records_room){0};
}

static void count_steps(sh_record_list *list, int64_t n_step)
{
    list->n_step += n_step;
    list->n_site += n_step * (n_step + 1) / 2;
}

/* Those of a range that begins at `begin`, counted from the first of r; *n goes down by how many were taken. */
static char *block_there(sh_workspace *ws, const sh_records *r, int64_t begin, int64_t *n, sh_record_list *list)
{
    int64_t there = r->n - begin, taken = there < 0 ? 0 : there < *n ? there : *n;
    char *data = r->data + (size_t)begin * r->stride;
    for (int64_t i = 0; i < taken; i++)
        count_steps(list, sh_record_at(r, begin + i)->n_step);
    *n -= taken;
    if (taken && r->there) return r->there + (size_t)begin * r->stride;
    return taken ? (char *)(uintptr_t)sh_workspace_put(ws, data, (size_t)taken * r->stride) : NULL;
}

sh_record_list sh_records_there(sh_workspace *ws, const sh_records *first, const sh_records *second, int64_t begin, int64_t n)
{
    sh_record_list list = {.n = n, .stride = (int64_t)first->stride};
    int64_t left = n;
    if (begin < first->n) list.first = block_there(ws, first, begin, &left, &list);
    list.n_first = n - left;
    if (left > 0) list.second = block_there(ws, second, begin + list.n_first - first->n, &left, &list);
    SH_ASSERT(left == 0);
    return list;
}
