#include "train/replay.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/rng.h"
#include "base/status.h"

struct sh_replay {
    int64_t capacity, n;
    sh_records held;  /* in slots, in no order; those from n on are free */
    uint64_t *key;    /* (n) of each slot */
    int64_t *order;   /* (n) slots, best first */
    int64_t *table;   /* (table_size) slot + 1 by key, open addressing; 0 is empty */
    int64_t table_size;
    sh_records sorted; /* a copy in order, for those who want all; n is less than that of `held` while there is none */
};

sh_replay *sh_replay_create(int32_t max_sites, int64_t capacity)
{
    sh_replay *r = SH_NEW(sh_replay, 1);
    r->capacity = capacity;
    r->table_size = 64;
    r->table = SH_NEW(int64_t, r->table_size);
    sh_records_create(&r->held, max_sites, 1);
    sh_records_create(&r->sorted, max_sites, 1);
    return r;
}

void sh_replay_destroy(sh_replay **replay)
{
    sh_replay *r = *replay;
    if (!r) return;
    sh_records_destroy(&r->held);
    sh_records_destroy(&r->sorted);
    sh_free(r->key);
    sh_free(r->order);
    sh_free(r->table);
    sh_free(r);
    *replay = NULL;
}

int64_t sh_replay_count(const sh_replay *r)
{
    return r->n;
}

const sh_records *sh_replay_records(sh_replay *r)
{
    for (int64_t i = r->sorted.n; i < r->n; i++)
        sh_records_append(&r->sorted, &r->held, r->order[i]);
    return &r->sorted;
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

static int compare_records(const sh_record *x, const sh_record *y)
{
    if (x->result.reward != y->result.reward) return x->result.reward > y->result.reward ? -1 : 1;
    return x->traj < y->traj ? -1 : x->traj > y->traj;
}

/* Where the key is in the table, or the empty place where it would be. */
static int64_t place_of(const sh_replay *r, uint64_t key)
{
    uint64_t mask = (uint64_t)r->table_size - 1, at = key & mask;
    while (r->table[at] && r->key[r->table[at] - 1] != key)
        at = (at + 1) & mask;
    return (int64_t)at;
}

static const sh_record *held_of(const sh_replay *r, uint64_t key)
{
    int64_t slot = r->table[place_of(r, key)] - 1;
    return slot < 0 ? NULL : sh_record_at(&r->held, slot);
}

static bool wants(const sh_replay *r, const sh_record *x, uint64_t *key)
{
    int32_t reason = x->result.reason;
    if (reason != SH_REASON_NONE && reason <= SH_REASON_NOT_FINITE) return false;
    if (r->n == r->capacity && compare_records(x, sh_record_at(&r->held, r->order[r->n - 1])) > 0) return false;
    *key = sh_record_key(x);
    const sh_record *same = held_of(r, *key);
    return !same || compare_records(x, same) < 0;
}

bool sh_replay_wants(const sh_replay *r, const sh_record *record)
{
    uint64_t key;
    return wants(r, record, &key);
}

/* A record that may come in. */
typedef struct {
    const sh_record *record;
    uint64_t key;
} candidate;

static int by_key(const void *a, const void *b)
{
    const candidate *x = a, *y = b;
    if (x->key != y->key) return x->key < y->key ? -1 : 1;
    return compare_records(x->record, y->record);
}

static int best_first(const void *a, const void *b)
{
    return compare_records(((const candidate *)a)->record, ((const candidate *)b)->record);
}

/* The best of each crystal, best first; returns how many. */
static int64_t choose(const sh_replay *r, const sh_records *records, candidate *out)
{
    int64_t n = 0, kept = 0;
    for (int64_t i = 0; i < records->n; i++) {
        candidate c = {.record = sh_record_at(records, i)};
        if (wants(r, c.record, &c.key)) out[n++] = c;
    }
    if (n) qsort(out, (size_t)n, sizeof *out, by_key);
    for (int64_t i = 0; i < n; i++)
        if (kept == 0 || out[kept - 1].key != out[i].key) out[kept++] = out[i];
    if (kept) qsort(out, (size_t)kept, sizeof *out, best_first);
    return kept;
}

static void index_slots(sh_replay *r)
{
    if (r->table_size < 2 * r->n) {
        while (r->table_size < 2 * r->n)
            r->table_size *= 2;
        sh_free(r->table);
        r->table = SH_NEW(int64_t, r->table_size);
    }
    memset(r->table, 0, (size_t)r->table_size * sizeof *r->table);
    for (int64_t slot = 0; slot < r->n; slot++)
        r->table[place_of(r, r->key[slot])] = slot + 1;
}

/* Two lists, both best first, become one: what is held, but for those of which a better one comes, and the candidates. What ends beyond
 * the capacity goes, and those that came in take the places of those that went. */
void sh_replay_merge(sh_replay *r, const sh_records *records, sh_records *taken)
{
    candidate *come = SH_NEW(candidate, records->n);
    int64_t n_come = choose(r, records, come);
    if (n_come == 0) {
        sh_free(come);
        return;
    }
    int64_t most = r->n + n_come, n = 0, i = 0, k = 0, n_free = 0;
    int64_t *order = SH_NEW(int64_t, most), *empty = SH_NEW(int64_t, r->n); /* order: a slot, or -1 - the candidate */
    bool *replaced = SH_NEW(bool, r->n);
    for (int64_t c = 0; c < n_come; c++) {
        int64_t slot = r->table[place_of(r, come[c].key)] - 1;
        if (slot >= 0) replaced[slot] = true;
    }
    while (n < r->capacity && (i < r->n || k < n_come)) {
        if (i < r->n && replaced[r->order[i]])
            empty[n_free++] = r->order[i++];
        else if (k == n_come || (i < r->n && compare_records(sh_record_at(&r->held, r->order[i]), come[k].record) < 0))
            order[n++] = r->order[i++];
        else
            order[n++] = -1 - k++;
    }
    for (; i < r->n; i++)
        empty[n_free++] = r->order[i];
    /* Those who leave are at most as many as those who come: each is one's worse self, or gives way at the end. */
    SH_ASSERT(n_free <= k);
    sh_records_resize(&r->held, n);
    r->key = sh_realloc(r->key, (size_t)n * sizeof *r->key);
    for (int64_t at = 0, used = 0, next = r->n; at < n; at++) {
        if (order[at] >= 0) continue;
        const candidate *c = &come[-1 - order[at]];
        int64_t slot = used < n_free ? empty[used++] : next++;
        memcpy(sh_record_at(&r->held, slot), c->record, r->held.stride);
        r->key[slot] = c->key;
        order[at] = slot;
        if (taken) sh_records_append(taken, &r->held, slot);
    }
    sh_free(r->order);
    r->order = order;
    r->n = n;
    r->sorted.n = 0;
    index_slots(r);
    sh_free(come);
    sh_free(empty);
    sh_free(replaced);
}

void sh_replay_draw(const sh_replay *r, uint64_t seed, uint64_t iteration, int64_t first, int64_t n, double uniform, sh_records *out)
{
    int64_t held = r->n, best = (held + 9) / 10;
    if (held == 0) return;
    for (int64_t i = first; i < first + n; i++) {
        /* Trajectory numbers stay far below 2^63: these draws have keys of their own. */
        sh_rng rng = {.seed = seed, .traj = iteration | 1ULL << 63, .step = (uint32_t)i};
        double u[2];
        sh_rng_u01x2(&rng, 0, u);
        int64_t range = u[0] < uniform ? held : best, pick = (int64_t)(u[1] * (double)range);
        sh_records_append(out, &r->held, r->order[pick < range ? pick : range - 1]);
    }
}
