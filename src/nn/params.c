#include "nn/params.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "base/status.h"

typedef struct {
    char *name;
    sh_tensor *tensor;
    sh_init init;
    double value;
} entry;

struct sh_params {
    entry *entries;
    int64_t n, capacity, size;
    sh_mirror data, grad;
};

sh_params *sh_params_create(void)
{
    return SH_NEW(sh_params, 1);
}

void sh_params_destroy(sh_params **params)
{
    sh_params *p = *params;
    if (!p) return;
    for (int64_t i = 0; i < p->n; i++) {
        sh_free(p->entries[i].name);
        sh_free(p->entries[i].tensor);
    }
    sh_free(p->entries);
    sh_mirror_release(&p->data);
    sh_mirror_release(&p->grad);
    sh_free(p);
    *params = NULL;
}

sh_tensor *sh_params_add(sh_params *p, const char *name, int64_t rows, int64_t cols, sh_init init, double value)
{
    SH_ASSERT(!p->data.host);
    for (int64_t i = 0; i < p->n; i++)
        SH_ASSERT(strcmp(p->entries[i].name, name));
    if (p->n == p->capacity) {
        p->capacity = p->capacity ? 2 * p->capacity : 64;
        p->entries = sh_realloc(p->entries, (size_t)p->capacity * sizeof *p->entries);
    }
    sh_tensor *t = SH_NEW(sh_tensor, 1);
    t->rows = rows;
    t->cols = cols;
    p->entries[p->n++] = (entry){.name = sh_strdup(name), .tensor = t, .init = init, .value = value};
    p->size += rows * cols;
    return t;
}

static double start_value(const entry *e, const sh_rng *rng, uint32_t i)
{
    double z[2];
    switch (e->init) {
    case SH_INIT_UNIFORM_FAN_IN:
        return (2 * sh_rng_u01(rng, i) - 1) / sqrt((double)e->tensor->rows);
    case SH_INIT_NORMAL:
        sh_rng_normalx2(rng, i, z);
        return e->value * z[0];
    default:
        return e->value;
    }
}

/* The tensors at their places in the blocks. */
static void point(sh_params *p)
{
    int64_t offset = 0;
    for (int64_t i = 0; i < p->n; i++) {
        sh_tensor *t = p->entries[i].tensor;
        t->data = p->data.there + offset;
        t->grad = p->grad.there + offset;
        offset += sh_size(t);
    }
}

void sh_params_use(sh_params *p, const sh_backend *be)
{
    sh_mirror_use(&p->data, be);
    sh_mirror_use(&p->grad, be);
    point(p);
}

void sh_params_commit(sh_params *p, uint64_t seed)
{
    SH_ASSERT(!p->data.host);
    sh_mirror_create(p->size, &p->data);
    sh_mirror_create(p->size, &p->grad);
    point(p);
    for (int64_t i = 0; i < p->n; i++) {
        const sh_tensor *t = p->entries[i].tensor;
        sh_rng rng = {.seed = seed, .traj = (uint64_t)i | 1ULL << 62}; /* no trajectory has such a number */
        for (int64_t k = 0; k < sh_size(t); k++)
            t->data[k] = (sh_real)start_value(&p->entries[i], &rng, (uint32_t)k);
    }
}

int64_t sh_params_size(const sh_params *p)
{
    return p->size;
}

const sh_mirror *sh_params_data(const sh_params *p)
{
    return &p->data;
}

const sh_mirror *sh_params_grad(const sh_params *p)
{
    return &p->grad;
}

sh_real *sh_params_values(const sh_params *p, const sh_tensor *tensor)
{
    return p->data.host + sh_params_offset(p, tensor);
}

void sh_params_zero_grad(sh_params *p)
{
    sh_mirror_clear(&p->grad);
}

int64_t sh_params_n_tensor(const sh_params *p)
{
    return p->n;
}

const char *sh_params_name(const sh_params *p, int64_t index)
{
    return p->entries[index].name;
}

sh_tensor *sh_params_tensor(const sh_params *p, int64_t index)
{
    return p->entries[index].tensor;
}

int64_t sh_params_offset(const sh_params *p, const sh_tensor *tensor)
{
    return tensor->data - p->data.there;
}
