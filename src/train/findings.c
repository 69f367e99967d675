#include "train/findings.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/status.h"

static const double STRUCTURE_VALID_ANG = 0.5; /* metrics, section 1.1 */
static const double ENERGY_CLAMP = 10;         /* eV/atom, of the means; the reward's bound */

/* Energies of all shards together that rank 0 sorts, and at most of one shard. */
enum { ENERGIES = 4096, ENERGIES_OF_SHARD = 1024 };

/* ---- sets and sums ---- */

void sh_number_set_destroy(sh_number_set *set)
{
    sh_free(set->value);
    *set = (sh_number_set){0};
}

static int ascending_numbers(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

int64_t sh_number_set_add(sh_number_set *set, uint64_t *numbers, int64_t n)
{
    int64_t fresh = 0;
    if (n) qsort(numbers, (size_t)n, sizeof *numbers, ascending_numbers);
    for (int64_t i = 0; i < n; i++) {
        if (fresh && numbers[fresh - 1] == numbers[i]) continue;
        if (set->n && bsearch(&numbers[i], set->value, (size_t)set->n, sizeof *numbers, ascending_numbers)) continue;
        numbers[fresh++] = numbers[i];
    }
    if (fresh == 0) return 0;
    set->value = sh_realloc(set->value, (size_t)(set->n + fresh) * sizeof *set->value);
    int64_t from = set->n - 1, to = set->n + fresh - 1;
    for (int64_t k = fresh - 1; k >= 0; to--) /* from the end: nothing is overwritten before it has moved */
        set->value[to] = from >= 0 && set->value[from] > numbers[k] ? set->value[from--] : numbers[k--];
    set->n += fresh;
    return fresh;
}

void sh_tally_add(sh_tally *sum, const sh_tally *more)
{
    double best = fmax(sum->best, more->best), *to = (double *)sum;
    const double *from = (const double *)more;
    for (size_t i = 0; i < sizeof *sum / sizeof *to; i++)
        to[i] += from[i];
    sum->best = best;
}

static int ascending_energies(const void *a, const void *b)
{
    double x = ((const sh_energy *)a)->e_form, y = ((const sh_energy *)b)->e_form;
    return (x > y) - (x < y);
}

double sh_energies_median(sh_energy *energy, int64_t n)
{
    double all = 0, below = 0;
    int64_t lower = 0, upper;
    if (n == 0) return NAN;
    qsort(energy, (size_t)n, sizeof *energy, ascending_energies);
    for (int64_t i = 0; i < n; i++)
        all += energy[i].weight;
    while (lower < n - 1 && below + energy[lower].weight < all / 2)
        below += energy[lower++].weight;
    upper = lower < n - 1 && below + energy[lower].weight <= all / 2 ? lower + 1 : lower;
    return (energy[lower].e_form + energy[upper].e_form) / 2;
}

bool sh_record_is_mode(const sh_record *r)
{
    const sh_reward_result *x = &r->result;
    return x->valid && x->min_dist >= STRUCTURE_VALID_ANG && x->bond_valid && x->e_form < 0;
}

/* ---- a worker's ---- */

/* Before what a message says of a shard: then its energies, kinds and records. */
typedef struct {
    sh_tally tally;
    int64_t n_energy, n_mode, n_wanted;
} head;

struct sh_findings {
    int64_t n_energy; /* of a shard, at most */
    size_t stride;
    sh_number_set told;
    char *message;
    int64_t bytes, room;
};

static int64_t energies_of_shard(int n_shard)
{
    int64_t n = ENERGIES / n_shard;
    return n < 4 ? 4 : n < ENERGIES_OF_SHARD ? n : ENERGIES_OF_SHARD;
}

sh_findings *sh_findings_create(int32_t max_sites, int n_shard)
{
    sh_findings *f = SH_NEW(sh_findings, 1);
    f->n_energy = energies_of_shard(n_shard);
    f->stride = sh_record_stride(max_sites);
    return f;
}

void sh_findings_destroy(sh_findings **findings)
{
    if (!*findings) return;
    sh_number_set_destroy(&(*findings)->told);
    sh_free((*findings)->message);
    sh_free(*findings);
    *findings = NULL;
}

void sh_findings_begin(sh_findings *f)
{
    f->bytes = 0;
}

/* A shard's part of a message, at most. */
static int64_t most_of_shard(int64_t n_energy, int64_t n_record, size_t stride)
{
    return (int64_t)sizeof(head) + n_energy * (int64_t)sizeof(sh_energy) + n_record * (int64_t)(sizeof(uint64_t) + stride);
}

int64_t sh_findings_most(int32_t max_sites, int n_shard, int64_t shards, int64_t n_record)
{
    size_t stride = sh_record_stride(max_sites);
    int64_t n_energy = energies_of_shard(n_shard);
    return (shards - 1) * most_of_shard(n_energy, 0, stride) + most_of_shard(n_energy, n_record, stride);
}

static void *append(sh_findings *f, int64_t bytes)
{
    void *at = f->message + f->bytes;
    f->bytes += bytes;
    return at;
}

static void tally_record(const sh_record *r, sh_tally *t)
{
    const sh_reward_result *x = &r->result;
    t->n++;
    t->reward += x->reward;
    t->best = fmax(t->best, x->reward);
    for (int k = 0; k < SH_N_TERM; k++)
        t->term[k] += x->term[k];
    t->valid += x->valid;
    t->structure += x->min_dist >= STRUCTURE_VALID_ANG;
    t->sites += x->n_site;
    t->atoms += x->n_atom;
    t->reason[x->reason]++;
    if (!isfinite(x->e_form)) return;
    t->n_e_form++;
    t->e_form += fmax(-ENERGY_CLAMP, fmin(ENERGY_CLAMP, x->e_form)); /* one broken crystal of 1000 eV/atom would rule the mean */
    t->negative += x->e_form < 0;
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* All energies where they are few; otherwise those in the middle of as many equal stretches. */
static int64_t add_energies(sh_findings *f, const sh_records *shard)
{
    double *all = SH_NEW(double, shard->n);
    int64_t n = 0;
    for (int64_t i = 0; i < shard->n; i++) {
        double e = sh_record_at(shard, i)->result.e_form;
        if (isfinite(e)) all[n++] = e;
    }
    int64_t told = n < f->n_energy ? n : f->n_energy;
    if (told < n) qsort(all, (size_t)n, sizeof *all, ascending);
    sh_energy *out = append(f, told * (int64_t)sizeof *out);
    for (int64_t i = 0; i < told; i++)
        out[i] = (sh_energy){told < n ? all[(2 * i + 1) * n / (2 * told)] : all[i], (double)n / (double)told};
    sh_free(all);
    return told;
}

static int64_t add_modes(sh_findings *f, const sh_records *shard)
{
    uint64_t *out = (uint64_t *)(void *)(f->message + f->bytes);
    int64_t n = 0;
    for (int64_t i = 0; i < shard->n; i++) {
        const sh_record *r = sh_record_at(shard, i);
        if (sh_record_is_mode(r)) out[n++] = r->formula;
    }
    n = sh_number_set_add(&f->told, out, n);
    append(f, n * (int64_t)sizeof *out);
    return n;
}

void sh_findings_add(sh_findings *f, const sh_replay *known, const sh_records *shard)
{
    int64_t most = f->bytes + most_of_shard(f->n_energy, shard->n, f->stride);
    if (f->room < most) f->message = sh_realloc(f->message, (size_t)(f->room = most));
    head h = {0}, *at = append(f, (int64_t)sizeof h);
    for (int64_t i = 0; i < shard->n; i++)
        tally_record(sh_record_at(shard, i), &h.tally);
    h.n_energy = add_energies(f, shard);
    h.n_mode = add_modes(f, shard);
    for (int64_t i = 0; i < shard->n; i++) {
        const sh_record *r = sh_record_at(shard, i);
        if (!sh_replay_wants(known, r)) continue;
        memcpy(append(f, (int64_t)f->stride), r, f->stride);
        h.n_wanted++;
    }
    *at = h;
}

const char *sh_findings_message(const sh_findings *f, int64_t *bytes)
{
    *bytes = f->bytes;
    return f->message;
}

/* ---- rank 0's ---- */

void sh_heard_create(int32_t max_sites, sh_heard *h)
{
    *h = (sh_heard){.e_form_median = NAN};
    sh_records_create(&h->wanted, max_sites, 1);
}

void sh_heard_destroy(sh_heard *h)
{
    if (h->wanted.data) sh_records_destroy(&h->wanted);
    sh_number_set_destroy(&h->modes);
    sh_free(h->energy);
    *h = (sh_heard){0};
}

void sh_heard_begin(sh_heard *h)
{
    h->tally = (sh_tally){0};
    h->n_energy = h->modes.n = 0;
    sh_records_resize(&h->wanted, 0);
}

void sh_heard_add(sh_heard *h, const char *message, int64_t bytes)
{
    const char *at = message;
    while (at < message + bytes) {
        head shard;
        memcpy(&shard, at, sizeof shard);
        at += sizeof shard;
        sh_tally_add(&h->tally, &shard.tally);
        size_t energies = (size_t)shard.n_energy * sizeof *h->energy, modes = (size_t)shard.n_mode * sizeof(uint64_t),
               records = (size_t)shard.n_wanted * h->wanted.stride;
        h->energy = sh_realloc(h->energy, (size_t)h->n_energy * sizeof *h->energy + energies);
        memcpy(h->energy + h->n_energy, at, energies);
        h->n_energy += shard.n_energy;
        h->modes.value = sh_realloc(h->modes.value, (size_t)h->modes.n * sizeof(uint64_t) + modes);
        memcpy(h->modes.value + h->modes.n, at + energies, modes);
        h->modes.n += shard.n_mode;
        int64_t before = h->wanted.n;
        sh_records_resize(&h->wanted, before + shard.n_wanted);
        memcpy(sh_record_at(&h->wanted, before), at + energies + modes, records);
        at += energies + modes + records;
    }
    SH_ASSERT(at == message + bytes);
}

/* What workers told twice, or after a restart again, is told once: equal runs have equal checkpoints. */
void sh_heard_end(sh_heard *h, const sh_number_set *known)
{
    sh_number_set once = {0};
    int64_t n = sh_number_set_add(&once, h->modes.value, h->modes.n), kept = 0;
    for (int64_t i = 0; i < n; i++)
        if (!known->n || !bsearch(&once.value[i], known->value, (size_t)known->n, sizeof *once.value, ascending_numbers))
            once.value[kept++] = once.value[i];
    once.n = kept;
    sh_number_set_destroy(&h->modes);
    h->modes = once;
    h->e_form_median = sh_energies_median(h->energy, h->n_energy);
}
