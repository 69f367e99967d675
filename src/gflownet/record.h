/* record.h -- a trajectory as numbers: what is sent between ranks, replayed, checkpointed and written as a sample.
 * Records of a run have one size, for its max_sites; they lie one behind the other in a flat block without pointers. */
#ifndef SH_GFLOWNET_RECORD_H
#define SH_GFLOWNET_RECORD_H

#include <stddef.h>
#include <stdint.h>

#include "base/real.h"
#include "reward/result.h"

/* One forward step: what was chosen at it. */
typedef struct {
    int32_t sg_number;  /* 1..230 */
    int32_t elem_index; /* into the run's element list */
    int32_t wyckoff;    /* position of the group where sites are Wyckoff positions, -1 for general sites */
    int32_t reserved;   /* 0: keeps the doubles aligned and the bytes of a record defined */
    double y[6];        /* logit u of the free lattice parameters, 0 for constrained ones */
    double frac[3];     /* as sampled, in [0,1) */
} sh_step;

typedef struct {
    uint64_t traj;  /* global number of the trajectory, the key of its random numbers */
    int32_t n_step; /* sites, 1..max_sites; the crystal is (group and lattice of the last step, sites of all) */
    int32_t reserved;
    uint64_t formula;      /* hash of the reduced composition, for counting kinds of crystals */
    double log_pf, log_pb; /* of the policy that drew it, without exploration */
    sh_reward_result result;
    sh_step step[]; /* max_sites of them; those from n_step on are zero */
} sh_record;

typedef struct {
    int64_t n, capacity;
    int32_t max_sites;
    size_t stride; /* bytes of a record */
    char *data;
    char *there; /* a copy of the data where kernels read it (sh_records_ahead), or NULL */
} sh_records;

static inline size_t sh_record_stride(int32_t max_sites)
{
    return sizeof(sh_record) + (size_t)max_sites * sizeof(sh_step);
}

static inline sh_record *sh_record_at(const sh_records *r, int64_t i)
{
    return (sh_record *)(void *)(r->data + (size_t)i * r->stride);
}

void sh_records_create(sh_records *records, int32_t max_sites, int64_t capacity); /* n = 0 */
void sh_records_destroy(sh_records *records);
void sh_records_append(sh_records *records, const sh_records *from, int64_t index); /* grows; copies */
void sh_records_resize(sh_records *records, int64_t n); /* new ones are zero */
void sh_records_sort(sh_records *records); /* by trajectory */

/* n records from the first on, as they lie: not to be resized or destroyed. */
static inline sh_records sh_records_view(const sh_records *r, int64_t first, int64_t n)
{
    sh_records view = *r;
    view.n = view.capacity = n;
    view.data += (size_t)first * r->stride;
    if (view.there) view.there += (size_t)first * r->stride;
    return view;
}

/* Records where kernels read and write them: n_first in one block, the others (fresh ones and replayed) in a second, which may be
 * empty. A kernel takes it by value. */
typedef struct {
    char *first, *second;
    int64_t n_first, n, stride;
    int64_t n_step, n_site; /* where a step of training wants them: steps of all, and sites of all states s_1 .. s_n of all; else 0 */
} sh_record_list;

SH_BODY sh_record *sh_listed(const sh_record_list *list, int64_t i)
{
    char *at = i < list->n_first ? list->first + i * list->stride : list->second + (i - list->n_first) * list->stride;
    return (sh_record *)(void *)at;
}

/* Records of the host, for kernels of the CPU. */
static inline sh_record_list sh_records_list(const sh_records *r)
{
    sh_record_list list = {r->data, NULL, r->n, r->n, (int64_t)r->stride, 0, 0};
    return list;
}

struct sh_workspace;

/* n records of zeros to be filled in there, on a back-end with memory of its own with one more behind them for blank rows; they become `records`
 * (resized) with the first wait after they are fetched. */
sh_record_list sh_records_begin(struct sh_workspace *ws, sh_records *records, int64_t n);
void sh_records_fetch(struct sh_workspace *ws, const sh_record_list *there, sh_records *records);

/* Memory of a back-end for records that are copied there beside the kernels of something else. */
typedef struct {
    const struct sh_backend *be;
    char *memory;
    size_t bytes;
} sh_records_room;

/* Begins the copy of all of them; they have it from be->copied() on, until the next. No effect on a back-end without memory. */
void sh_records_ahead(sh_records_room *room, const struct sh_backend *be, sh_records *records);
void sh_records_room_release(sh_records_room *room);

/* The records begin .. begin + n - 1 of those of `first` and then those of `second` (NULL: none), there: themselves, or copies. */
sh_record_list sh_records_there(struct sh_workspace *ws, const sh_records *first, const sh_records *second, int64_t begin, int64_t n);

#endif
