#include "gflownet/record.h"

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

sh_record_list sh_records_begin(sh_workspace *ws, sh_records *records, int64_t n)
{
    sh_records_resize(records, 0);
    sh_records_resize(records, n);
    char *block = ws->be->room ? sh_workspace_zeros(ws, (size_t)n * records->stride) : records->data;
    return (sh_record_list){.first = block, .n_first = n, .n = n, .stride = (int64_t)records->stride};
}

void sh_records_bring(sh_workspace *ws, const sh_record_list *there, sh_records *records)
{
    if (ws->be->room) ws->be->copy_out(records->data, there->first, (size_t)there->n * records->stride);
}
