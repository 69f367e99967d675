#include "train/replay.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/rng.h"

struct sh_replay {
    sh_records held; /* best first */
    int64_t capacity;
};

sh_replay *sh_replay_create(int32_t max_sites, int64_t capacity)
{
    sh_replay *r = SH_NEW(sh_replay, 1);
    r->capacity = capacity;
    sh_records_create(&r->held, max_sites, capacity);
    return r;
}

void sh_replay_destroy(sh_replay **replay)
{
    if (!*replay) return;
    sh_records_destroy(&(*replay)->held);
    sh_free(*replay);
    *replay = NULL;
}

const sh_records *sh_replay_records(const sh_replay *r)
{
    return &r->held;
}

static uint64_t rounded(double value, double unit)
{
    return isfinite(value) ? (uint64_t)(int64_t)llround(value / unit) : UINT64_MAX;
}

uint64_t sh_record_key(const sh_record *r)
{
    int32_t element[256], n = r->n_step < 256 ? r->n_step : 256;
    for (int32_t i = 0; i < n; i++) { /* insertion sort: sites are a set */
        int32_t e = r->step[i].elem_index, at = i;
        for (; at > 0 && element[at - 1] > e; at--)
            element[at] = element[at - 1];
        element[at] = e;
    }
    uint64_t hash = SH_HASH_START;
    hash = sh_hash_mix(hash, (uint64_t)r->step[r->n_step - 1].sg_number);
    for (int32_t i = 0; i < n; i++)
        hash = sh_hash_mix(hash, (uint64_t)element[i]);
    hash = sh_hash_mix(hash, (uint64_t)r->result.n_atom);
    hash = sh_hash_mix(hash, rounded(r->result.e_form, 1e-4));
    hash = sh_hash_mix(hash, rounded(r->result.density, 1e-4));
    return sh_hash_mix(hash, rounded(r->result.bond, 1e-4));
}

static int compare(const void *a, const void *b)
{
    const sh_record *x = *(const sh_record *const *)a, *y = *(const sh_record *const *)b;
    if (x->result.reward != y->result.reward) return x->result.reward > y->result.reward ? -1 : 1;
    return x->traj < y->traj ? -1 : x->traj > y->traj;
}

/* All candidates sorted by reward; then each is taken unless its crystal was taken already, until the buffer is full:
 * the first of a crystal is its best. */
void sh_replay_merge(sh_replay *r, const sh_records *records)
{
    int64_t n = 0;
    const sh_record **all = SH_NEW(const sh_record *, r->held.n + records->n);
    for (int64_t i = 0; i < r->held.n; i++)
        all[n++] = sh_record_at(&r->held, i);
    for (int64_t i = 0; i < records->n; i++) {
        const sh_record *record = sh_record_at(records, i);
        int32_t reason = record->result.reason;
        if (reason == SH_REASON_NONE || reason > SH_REASON_NOT_FINITE) all[n++] = record;
    }
    qsort(all, (size_t)n, sizeof *all, compare);

    uint64_t size = 64;
    while (size < 2 * (uint64_t)n)
        size *= 2;
    uint64_t *table = SH_NEW(uint64_t, size); /* open addressing; 0 is empty */
    sh_records merged;
    sh_records_create(&merged, r->held.max_sites, r->capacity);
    for (int64_t i = 0; i < n && merged.n < r->capacity; i++) {
        uint64_t key = sh_record_key(all[i]);
        key += key == 0;
        uint64_t slot = key & (size - 1);
        while (table[slot] && table[slot] != key)
            slot = (slot + 1) & (size - 1);
        if (table[slot]) continue;
        table[slot] = key;
        memcpy(sh_record_at(&merged, merged.n++), all[i], merged.stride);
    }
    sh_free(table);
    sh_free(all);
    sh_records_destroy(&r->held);
    r->held = merged;
}

void sh_replay_draw(const sh_replay *r, uint64_t seed, uint64_t iteration, int64_t n, double uniform, sh_records *out)
{
    int64_t held = r->held.n, best = (held + 9) / 10;
    if (held == 0) return;
    for (int64_t i = 0; i < n; i++) {
        /* Trajectory numbers stay far below 2^63: these draws have keys of their own. */
        sh_rng rng = {.seed = seed, .traj = iteration | 1ULL << 63, .step = (uint32_t)i};
        double u[2];
        sh_rng_u01x2(&rng, 0, u);
        int64_t range = u[0] < uniform ? held : best, pick = (int64_t)(u[1] * (double)range);
        sh_records_append(out, &r->held, pick < range ? pick : range - 1);
    }
}
