#include "potential/pool.h"

#include <stdio.h>
#include <string.h>

#include "backend/backend.h"
#include "base/memory.h"
#include "potential/carve.h"
#include "rows_product.h"

static sh_status fetch_layer(const sh_weights *w, const char *stem, int64_t layer, sh_pool *p)
{
    int64_t d = p->d, in = layer == 0 ? 2 * d : d;
    char name[160];
    sh_real *second = SH_NEW(sh_real, 4 * d);
    p->w_input[layer] = SH_NEW(sh_real, in * 4 * d);
    p->w_hidden[layer] = SH_NEW(sh_real, d * 4 * d);
    p->bias[layer] = SH_NEW(sh_real, 4 * d);
#define NAMED(part) (snprintf(name, sizeof name, "%s." part "_l%d", stem, (int)layer), name)
    sh_status status = sh_weights_copy(w, NAMED("weight_ih"), in, 4 * d, true, p->w_input[layer]);
    if (status == SH_OK) status = sh_weights_copy(w, NAMED("weight_hh"), d, 4 * d, true, p->w_hidden[layer]);
    if (status == SH_OK) status = sh_weights_copy(w, NAMED("bias_ih"), 1, 4 * d, false, p->bias[layer]);
    if (status == SH_OK) status = sh_weights_copy(w, NAMED("bias_hh"), 1, 4 * d, false, second);
#undef NAMED
    for (int64_t c = 0; c < 4 * d; c++)
        p->bias[layer][c] += second[c];
    sh_free(second);
    return status;
}

sh_status sh_pool_create(const sh_weights *w, const char *stem, int64_t d, sh_pool *out)
{
    *out = (sh_pool){.d = d, .n_layer = w->set2set_layers, .n_step = w->set2set_steps};
    if (out->n_layer < 1 || out->n_layer > SH_POOL_LAYERS || out->n_step < 1 || out->n_step > 100)
        return SH_FAIL(SH_EINPUT, "set2set with %lld layers and %lld steps", (long long)out->n_layer, (long long)out->n_step);
    for (int64_t layer = 0; layer < out->n_layer; layer++)
        SH_TRY(fetch_layer(w, stem, layer, out));
    return SH_OK;
}

void sh_pool_release(sh_pool *p)
{
    for (int layer = 0; layer < SH_POOL_LAYERS; layer++) {
        sh_free(p->w_input[layer]);
        sh_free(p->w_hidden[layer]);
        sh_free(p->bias[layer]);
    }
    *p = (sh_pool){0};
}

typedef struct {
    sh_real *z;                                    /* (n,4d) */
    sh_real *h[SH_POOL_LAYERS], *c[SH_POOL_LAYERS]; /* (n,d) */
    sh_real *weight;                               /* (R) */
    sh_real *seen;                                 /* (n,d) mean of the rows under the attention */
} rows;

static size_t lay_out(const sh_pool *p, int64_t n, int64_t n_row, void *memory, rows *r)
{
    sh_carver carver = {.memory = memory};
    r->z = SH_CARVE(&carver, sh_real, n * 4 * p->d);
    for (int64_t layer = 0; layer < p->n_layer; layer++) {
        r->h[layer] = SH_CARVE(&carver, sh_real, n * p->d);
        r->c[layer] = SH_CARVE(&carver, sh_real, n * p->d);
    }
    r->weight = SH_CARVE(&carver, sh_real, n_row);
    r->seen = SH_CARVE(&carver, sh_real, n * p->d);
    return carver.used;
}

size_t sh_pool_scratch(const sh_pool *p, int64_t n, int64_t n_row)
{
    rows r;
    return lay_out(p, n, n_row, NULL, &r);
}

/* One step of the stack: from y to the hidden rows of the last layer. */
static void lstm_step(const sh_pool *p, const sh_real *y, int64_t n, rows *r)
{
    const sh_real *x = y;
    int64_t d = p->d, in = 2 * d;
    for (int64_t layer = 0; layer < p->n_layer; layer++, x = r->h[layer - 1], in = d) {
        for (int64_t i = 0; i < n; i++)
            memcpy(r->z + i * 4 * d, p->bias[layer], (size_t)(4 * d) * sizeof(sh_real));
        sh_rows_product(n, in, 4 * d, x, in, p->w_input[layer], 4 * d, r->z, 4 * d);
        sh_rows_product(n, d, 4 * d, r->h[layer], d, p->w_hidden[layer], 4 * d, r->z, 4 * d);
        sh_backend_cpu()->lstm_cell(
            &(sh_lstm_cell_args){.z = r->z, .c_before = r->c[layer], .c = r->c[layer], .h = r->h[layer], .d = d}, n);
    }
}

void sh_pool_apply(const sh_pool *p, const sh_real *x, const sh_real *m, const int64_t *start, int64_t n, void *scratch,
                   sh_real *y)
{
    rows r;
    int64_t d = p->d;
    size_t row = (size_t)d * sizeof(sh_real);
    lay_out(p, n, start[n], scratch, &r);
    memset(y, 0, 2 * row * (size_t)n);
    for (int64_t layer = 0; layer < p->n_layer; layer++) {
        memset(r.h[layer], 0, row * (size_t)n);
        memset(r.c[layer], 0, row * (size_t)n);
    }
    for (int64_t step = 0; step < p->n_step; step++) {
        const sh_real *q = r.h[p->n_layer - 1];
        lstm_step(p, y, n, &r);
        sh_backend_cpu()->attend(
            &(sh_attend_args){.x = x, .q = q, .m = m, .start = start, .w = r.weight, .r = r.seen, .d = d}, n);
        for (int64_t i = 0; i < n; i++) {
            memcpy(y + i * 2 * d, q + i * d, row);
            memcpy(y + i * 2 * d + d, r.seen + i * d, row);
        }
    }
}
