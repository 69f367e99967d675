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
    sh_mirror_create(in * 4 * d, &p->w_input[layer]);
    sh_mirror_create(d * 4 * d, &p->w_hidden[layer]);
    sh_mirror_create(4 * d, &p->bias[layer]);
#define NAMED(part) (snprintf(name, sizeof name, "%s." part "_l%d", stem, (int)layer), name)
    sh_status status = sh_weights_copy(w, NAMED("weight_ih"), in, 4 * d, true, p->w_input[layer].host);
    if (status == SH_OK) status = sh_weights_copy(w, NAMED("weight_hh"), d, 4 * d, true, p->w_hidden[layer].host);
    if (status == SH_OK) status = sh_weights_copy(w, NAMED("bias_ih"), 1, 4 * d, false, p->bias[layer].host);
    if (status == SH_OK) status = sh_weights_copy(w, NAMED("bias_hh"), 1, 4 * d, false, second);
#undef NAMED
    for (int64_t c = 0; c < 4 * d; c++)
        p->bias[layer].host[c] += second[c];
    sh_free(second);
    return status;
}

sh_status sh_pool_create(const sh_weights *w, const char *stem, int64_t d, sh_pool *out)
{
    int64_t n_layer = w->set2set_layers, n_step = w->set2set_steps;
    *out = (sh_pool){0};
    if (n_layer < 1 || n_layer > SH_POOL_LAYERS || n_step < 1 || n_step > 100)
        return SH_FAIL(SH_EINPUT, "set2set with %lld layers and %lld steps", (long long)n_layer, (long long)n_step);
    *out = (sh_pool){.d = d, .n_layer = n_layer, .n_step = n_step};
    for (int64_t layer = 0; layer < out->n_layer; layer++)
        SH_TRY(fetch_layer(w, stem, layer, out));
    return SH_OK;
}

void sh_pool_release(sh_pool *p)
{
    for (int layer = 0; layer < SH_POOL_LAYERS; layer++) {
        sh_mirror_release(&p->w_input[layer]);
        sh_mirror_release(&p->w_hidden[layer]);
        sh_mirror_release(&p->bias[layer]);
    }
    *p = (sh_pool){0};
}

void sh_pool_use(sh_pool *p, const sh_backend *be)
{
    for (int64_t layer = 0; layer < p->n_layer; layer++) {
        sh_mirror_use(&p->w_input[layer], be);
        sh_mirror_use(&p->w_hidden[layer], be);
        sh_mirror_use(&p->bias[layer], be);
    }
}

/* ---- on the CPU ---- */

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
            memcpy(r->z + i * 4 * d, p->bias[layer].host, (size_t)(4 * d) * sizeof(sh_real));
        sh_rows_product(n, in, 4 * d, x, in, p->w_input[layer].host, 4 * d, r->z, 4 * d);
        sh_rows_product(n, d, 4 * d, r->h[layer], d, p->w_hidden[layer].host, 4 * d, r->z, 4 * d);
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

/* ---- by kernels ---- */

void sh_pool_batch(const sh_pool *p, sh_workspace *ws, const sh_real *x, const sh_real *m, const int64_t *start, int64_t n,
                   int64_t n_row, sh_real *y, int64_t first, int64_t stride)
{
    const sh_backend *be = ws->be;
    int64_t d = p->d, last = p->n_layer - 1;
    sh_real *z = SH_ROOM(ws, sh_real, n * 4 * d), *of_hidden = SH_ROOM(ws, sh_real, n * 4 * d),
            *before = SH_ROOM_ZERO(ws, sh_real, n * 2 * d), *seen = SH_ROOM(ws, sh_real, n * d),
            *weight = SH_ROOM(ws, sh_real, n_row), *h[SH_POOL_LAYERS], *c[SH_POOL_LAYERS];
    int32_t *own = SH_PUSH(ws->arena, int32_t, n); /* row i adds row i of what comes of the hidden state */
    for (int64_t i = 0; i < n; i++)
        own[i] = (int32_t)i;
    const int32_t *own_there = SH_PUT(ws, own, n);
    for (int64_t layer = 0; layer < p->n_layer; layer++) {
        h[layer] = SH_ROOM(ws, sh_real, n * d);
        c[layer] = SH_ROOM(ws, sh_real, n * d);
    }
    for (int64_t step = 0; step < p->n_step; step++) {
        const sh_real *input = before;
        int64_t width = 2 * d;
        for (int64_t layer = 0; layer < p->n_layer; layer++, input = h[layer - 1], width = d) {
            sh_combine_args out = {.bias = p->bias[layer].there, .pre = z, .y = z, .cols = 4 * d, .kind = -1};
            if (step > 0) {
                const sh_combine_args bare = {.pre = of_hidden, .y = of_hidden, .cols = 4 * d, .kind = -1};
                be->dense(&(sh_dense_args){.input = h[layer], .w = p->w_hidden[layer].there, .k = d, .out = bare}, n);
                out.p_src = of_hidden;
                out.src = own_there;
            }
            be->dense(&(sh_dense_args){.input = input, .w = p->w_input[layer].there, .k = width, .out = out}, n);
            be->lstm_cell(
                &(sh_lstm_cell_args){.z = z, .c_before = step > 0 ? c[layer] : NULL, .c = c[layer], .h = h[layer], .d = d}, n);
        }
        be->attend(&(sh_attend_args){.x = x, .q = h[last], .m = m, .start = start, .w = weight, .r = seen, .d = d}, n);
        bool done = step == p->n_step - 1;
        const sh_put_cols_args both = {.part = {h[last], seen},
                                       .part_cols = {d, d},
                                       .whole = done ? y : before,
                                       .cols = 2 * d,
                                       .first = done ? first : 0,
                                       .stride = done ? stride : 2 * d};
        be->put_cols(&both, n);
    }
}
