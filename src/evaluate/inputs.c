#include "evaluate/inputs.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "evaluate/row.h"
#include "io/collect.h"
#include "io/relaxed.h"

/* ---- partners ---- */

/* Relaxed structures in the order of the inputs while they are put together, on rank 0. */
typedef struct {
    sh_structures list; /* (n) what is not there is without atoms */
    int32_t *verdict;   /* (n) */
    int64_t n_found;
} partners;

static void partners_start(const sh_structures *raw, partners *p)
{
    *p = (partners){.verdict = SH_NEW(int32_t, raw->n)};
    sh_structures_add_file(&p->list, "");
    for (int64_t i = 0; i < raw->n; i++) {
        sh_structure none = {0};
        sh_structures_add(&p->list, &none);
        p->verdict[i] = SH_NOT_RELAXED;
    }
}

static void partners_end(partners *p)
{
    sh_structures_destroy(&p->list);
    sh_free(p->verdict);
}

/* Structure i of the inputs is row k of a file of relaxations. */
static void set_partner(partners *p, int64_t i, const sh_relaxed *r, int64_t k)
{
    p->verdict[i] = r->verdict[k];
    p->n_found++;
    sh_structure_destroy(&p->list.item[i]);
    if (r->verdict[k] <= SH_RELAX_STEPS) sh_relaxed_structure(r, k, 1, &p->list.item[i]);
}

static void keep_model(sh_evaluation_inputs *in, const char *path)
{
    if (!in->relaxed_model) in->relaxed_model = sh_relaxed_model(path);
    if (!in->relaxed_how) in->relaxed_how = sh_relaxed_protocol(path);
}

/* One more structure; model: as in sh_structure. */
static void count_rewarded(sh_rewarded *r, const char *model)
{
    int64_t k = 0;
    r->n++;
    if (!model) {
        r->n_unknown++;
        return;
    }
    if (!strcmp(model, SH_NO_REWARD_MODEL)) model = "";
    while (k < r->n_model && strcmp(r->model[k], model))
        k++;
    if (k == r->n_model) {
        r->model = sh_realloc(r->model, (size_t)(k + 1) * sizeof *r->model);
        r->count = sh_realloc(r->count, (size_t)(k + 1) * sizeof *r->count);
        r->model[k] = sh_strdup(model);
        r->count[k] = 0;
        r->n_model++;
    }
    r->count[k]++;
}

static void release_rewarded(sh_rewarded *r)
{
    for (int64_t k = 0; k < r->n_model; k++)
        sh_free(r->model[k]);
    sh_free(r->model);
    sh_free(r->count);
    *r = (sh_rewarded){0};
}

/* Of the structures that are there now; on rank 0, others have no list. */
static void count_all_rewarded(sh_evaluation_inputs *in)
{
    release_rewarded(&in->rewarded);
    for (int64_t i = 0; in->list.n && i < in->n; i++) {
        const sh_structure *s = &in->list.item[in->place[i]];
        if (!s->error) count_rewarded(&in->rewarded, s->reward_model);
    }
}

/* Inputs that are files of relaxations bring their partners with them. */
static sh_status partners_of_inputs(sh_evaluation_inputs *in, partners *p)
{
    for (int32_t f = 0; f < in->list.n_file; f++) {
        sh_relaxed r;
        if (!sh_relaxed_is(in->list.file[f])) continue;
        SH_TRY(sh_relaxed_read(in->list.file[f], &r));
        for (int64_t i = 0; i < in->list.n; i++)
            if (in->list.item[i].file == f && in->list.item[i].index <= r.n) set_partner(p, i, &r, in->list.item[i].index - 1);
        sh_relaxed_destroy(&r);
        keep_model(in, in->list.file[f]);
        in->has_relaxed = true;
    }
    return SH_OK;
}

/* What two structures are found to be the same by. */
typedef struct {
    uint64_t hash;
    int64_t row;
} keyed;

static uint64_t hash_of(const sh_structure *s)
{
    uint64_t hash = sh_hash_bytes(SH_HASH_START, s->lattice, sizeof s->lattice);
    hash = sh_hash_bytes(hash, s->z, (size_t)s->n_atom * sizeof *s->z);
    return sh_hash_bytes(hash, s->frac, (size_t)(3 * s->n_atom) * sizeof *s->frac);
}

static bool same(const sh_structure *a, const sh_structure *b)
{
    return a->n_atom == b->n_atom && !memcmp(a->lattice, b->lattice, sizeof a->lattice) &&
           !memcmp(a->z, b->z, (size_t)a->n_atom * sizeof *a->z) && !memcmp(a->frac, b->frac, (size_t)(3 * a->n_atom) * sizeof *a->frac);
}

static int by_hash(const void *a, const void *b)
{
    const keyed *p = a, *q = b;
    return p->hash != q->hash ? (p->hash > q->hash) - (p->hash < q->hash) : (p->row > q->row) - (p->row < q->row);
}

static int64_t first_with(const keyed *key, int64_t n, uint64_t hash)
{
    int64_t low = 0, high = n;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (key[middle].hash < hash)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Partners by content, from one file of relaxations. */
static sh_status partners_by_content(sh_evaluation_inputs *in, const char *path, partners *p)
{
    sh_relaxed r;
    SH_TRY(sh_relaxed_read(path, &r));
    sh_structure *raw = SH_NEW(sh_structure, r.n);
    keyed *key = SH_NEW(keyed, r.n);
    for (int64_t k = 0; k < r.n; k++) {
        sh_relaxed_structure(&r, k, 0, &raw[k]);
        key[k] = (keyed){hash_of(&raw[k]), k};
    }
    if (r.n) qsort(key, (size_t)r.n, sizeof *key, by_hash);
    for (int64_t i = 0; i < in->list.n; i++) {
        const sh_structure *s = &in->list.item[i];
        if (s->error) continue;
        uint64_t hash = hash_of(s);
        for (int64_t k = first_with(key, r.n, hash); k < r.n && key[k].hash == hash; k++) {
            if (!same(s, &raw[key[k].row])) continue;
            set_partner(p, i, &r, key[k].row);
            break;
        }
    }
    for (int64_t k = 0; k < r.n; k++)
        sh_structure_destroy(&raw[k]);
    sh_free(raw);
    sh_free(key);
    sh_relaxed_destroy(&r);
    keep_model(in, path);
    return SH_OK;
}

/* The file's name without folder and ending. */
static uint64_t hash_of_name(const sh_structures *list, int64_t i)
{
    const char *path = sh_structures_path(list, i), *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    const char *dot = strrchr(name, '.');
    uint64_t hash = sh_hash_bytes(SH_HASH_START, name, dot && dot > name ? (size_t)(dot - name) : strlen(name));
    return sh_hash_bytes(hash, &list->item[i].index, sizeof list->item[i].index);
}

static sh_cell cell_of(const sh_structure *s)
{
    return (sh_cell){.lattice = s->lattice, .n_atom = s->n_atom, .z = s->z, .frac = s->frac};
}

/* How a structure of the right name and place fits as the relaxed one: atoms that come together may have been merged, and then it has
 * another composition; of other elements it is not the same material. */
typedef enum { OTHER_ELEMENTS, OTHER_COMPOSITION, SAME_COMPOSITION } likeness;

static likeness alike(const sh_structure *raw, const sh_structure *relaxed)
{
    const sh_cell a = cell_of(raw), b = cell_of(relaxed);
    if (sh_cell_formula(&a) == sh_cell_formula(&b)) return SAME_COMPOSITION;
    return sh_cell_elements(&a) == sh_cell_elements(&b) ? OTHER_COMPOSITION : OTHER_ELEMENTS;
}

/* By name, place in the file and elements; of several of one name the first with the composition. */
static void partners_by_name(const sh_evaluation_inputs *in, const char *path, partners *p)
{
    sh_structures other = {0};
    sh_collect(&path, 1, NULL, &other);
    keyed *key = SH_NEW(keyed, other.n);
    for (int64_t k = 0; k < other.n; k++)
        key[k] = (keyed){hash_of_name(&other, k), k};
    if (other.n) qsort(key, (size_t)other.n, sizeof *key, by_hash);
    for (int64_t i = 0; i < in->list.n; i++) {
        uint64_t hash = hash_of_name(&in->list, i);
        for (int64_t k = first_with(key, other.n, hash); k < other.n && key[k].hash == hash; k++) {
            const sh_structure *s = &other.item[key[k].row];
            if (s->error || in->list.item[i].error) continue;
            likeness how = alike(&in->list.item[i], s);
            if (how == OTHER_ELEMENTS) {
                if (p->verdict[i] == SH_NOT_RELAXED) p->verdict[i] = SH_OTHER_ELEMENTS;
                continue;
            }
            if (how == OTHER_COMPOSITION && p->verdict[i] == SH_RELAX_N_VERDICT) continue;
            sh_structure_destroy(&p->list.item[i]);
            sh_structure_copy(s, &p->list.item[i]);
            p->verdict[i] = SH_RELAX_N_VERDICT;
            if (how == OTHER_COMPOSITION) continue;
            p->n_found++;
            break;
        }
    }
    sh_free(key);
    sh_structures_destroy(&other);
}

static sh_status find_partners(sh_evaluation_inputs *in, const char *path, partners *p)
{
    if (!path) return partners_of_inputs(in, p);
    in->has_relaxed = true;
    if (sh_relaxed_is(path))
        SH_TRY(partners_by_content(in, path, p));
    else
        partners_by_name(in, path, p);
    if (p->n_found) return SH_OK;
    SH_FAIL(SH_EINPUT, "no structure of the inputs has a relaxed one in '%s'", path);
    return sh_error_hint(SH_EINPUT, "give what `shaft relax` made of these very inputs, or a folder whose files have the same names "
                                    "and compositions");
}

/* ---- reading, and handing on ---- */

static sh_status read_all(const char *const *paths, int n_path, const char *relaxed, sh_evaluation_inputs *in)
{
    int64_t n_good = 0;
    sh_collect(paths, n_path, sh_hdf5_collect_raw, &in->list);
    for (int64_t i = 0; i < in->list.n; i++)
        n_good += !in->list.item[i].error;
    if (!in->list.n) return SH_FAIL(SH_EINPUT, "no structure was found");
    if (!n_good)
        return SH_FAIL(SH_EINPUT, "none of %lld structures could be read; the first: %s", (long long)in->list.n, in->list.item[0].error);
    partners p;
    partners_start(&in->list, &p);
    sh_status status = find_partners(in, relaxed, &p);
    in->n = in->n_all = in->list.n;
    sh_cell_list_create(&in->list, &in->raw);
    if (in->has_relaxed) sh_cell_list_create(&p.list, &in->relaxed);
    in->relaxation = SH_NEW(int32_t, in->n);
    memcpy(in->relaxation, p.verdict, (size_t)in->n * sizeof *p.verdict);
    in->reward = SH_NEW(double, in->n);
    in->sampled_group = SH_NEW(int32_t, in->n);
    in->place = SH_NEW(int64_t, in->n);
    for (int64_t i = 0; i < in->n; i++) {
        in->reward[i] = in->list.item[i].reward > 0 ? in->list.item[i].reward : NAN;
        in->sampled_group[i] = in->list.item[i].sampled_group;
        in->place[i] = i;
    }
    partners_end(&p);
    count_all_rewarded(in);
    return status;
}

static sh_status hand_on(sh_comm *comm, sh_evaluation_inputs *in)
{
    SH_TRY(sh_comm_bcast(comm, &in->n, sizeof in->n, 0));
    SH_TRY(sh_comm_bcast(comm, &in->has_relaxed, sizeof in->has_relaxed, 0));
    if (comm->rank) {
        in->n_all = in->n;
        in->relaxation = SH_NEW(int32_t, in->n);
        in->reward = SH_NEW(double, in->n);
        in->sampled_group = SH_NEW(int32_t, in->n);
        in->place = SH_NEW(int64_t, in->n);
    }
    SH_TRY(sh_comm_bcast(comm, in->relaxation, in->n * (int64_t)sizeof *in->relaxation, 0));
    SH_TRY(sh_comm_bcast(comm, in->reward, in->n * (int64_t)sizeof *in->reward, 0));
    SH_TRY(sh_comm_bcast(comm, in->sampled_group, in->n * (int64_t)sizeof *in->sampled_group, 0));
    SH_TRY(sh_comm_bcast(comm, in->place, in->n * (int64_t)sizeof *in->place, 0));
    SH_TRY(sh_cell_list_share(comm, &in->raw));
    return in->has_relaxed ? sh_cell_list_share(comm, &in->relaxed) : SH_OK;
}

sh_status sh_evaluation_inputs_read(sh_comm *comm, const char *const *paths, int n_path, const char *relaxed, sh_evaluation_inputs *out)
{
    *out = (sh_evaluation_inputs){0};
    sh_status status = sh_comm_agree(comm, comm->rank == 0 ? read_all(paths, n_path, relaxed, out) : SH_OK);
    if (status == SH_OK) status = hand_on(comm, out);
    if (status != SH_OK) sh_evaluation_inputs_destroy(out);
    return status;
}

void sh_evaluation_inputs_destroy(sh_evaluation_inputs *in)
{
    sh_cell_list_destroy(&in->raw);
    sh_cell_list_destroy(&in->relaxed);
    sh_structures_destroy(&in->list);
    sh_free(in->relaxation);
    sh_free(in->reward);
    sh_free(in->sampled_group);
    sh_free(in->place);
    release_rewarded(&in->rewarded);
    sh_free(in->relaxed_model);
    sh_free(in->relaxed_how);
    *in = (sh_evaluation_inputs){0};
}

/* ---- the best ---- */

typedef struct {
    double value;
    int64_t index;
} ranked;

static int best_first(const void *a, const void *b)
{
    const ranked *p = a, *q = b;
    return p->value != q->value ? (p->value < q->value) - (p->value > q->value) : (p->index > q->index) - (p->index < q->index);
}

void sh_evaluation_inputs_keep_best(sh_evaluation_inputs *in, const double *value, int64_t top)
{
    ranked *order = SH_NEW(ranked, in->n);
    int64_t n = 0;
    for (int64_t i = 0; i < in->n; i++)
        if (!isnan(value[i])) order[n++] = (ranked){value[i], i};
    if (n) qsort(order, (size_t)n, sizeof *order, best_first);
    if (n > top) n = top;
    int64_t *index = SH_NEW(int64_t, n), *place = SH_NEW(int64_t, n);
    int32_t *relaxation = SH_NEW(int32_t, n), *group = SH_NEW(int32_t, n);
    double *reward = SH_NEW(double, n);
    for (int64_t k = 0; k < n; k++) {
        int64_t i = index[k] = order[k].index;
        place[k] = in->place[i];
        relaxation[k] = in->relaxation[i];
        group[k] = in->sampled_group[i];
        reward[k] = in->reward[i];
    }
    sh_cell_list_keep(&in->raw, index, n);
    if (in->has_relaxed) sh_cell_list_keep(&in->relaxed, index, n);
    sh_free(in->place);
    sh_free(in->relaxation);
    sh_free(in->sampled_group);
    sh_free(in->reward);
    sh_free(order);
    sh_free(index);
    in->place = place;
    in->relaxation = relaxation;
    in->sampled_group = group;
    in->reward = reward;
    in->n = n;
    count_all_rewarded(in);
}
