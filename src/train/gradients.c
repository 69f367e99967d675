#include "train/gradients.h"

#include <string.h>

void sh_gradients_create(const sh_comm *c, const sh_setup *s, sh_gradients *out)
{
    int64_t n = sh_params_size(s->params);
    *out = (sh_gradients){.has_group = c->has_group};
    out->scratch = SH_NEW(sh_real, sh_comm_sum_scratch(c, n));
    out->leaves = c->my_shards > 1 ? SH_NEW(sh_real, c->my_shards * n) : NULL;
}

void sh_gradients_destroy(sh_gradients *g, const sh_setup *s)
{
    if (g->early) s->be->memory->give(g->early);
    sh_free(g->leaves);
    sh_free(g->scratch);
    *g = (sh_gradients){0};
}

bool sh_gradients_on_devices(const sh_gradients *g, const sh_setup *s)
{
    return g->has_group && !g->leaves && !s->config->run.deterministic;
}

void sh_gradients_early(sh_gradients *g, const sh_setup *s)
{
    const sh_mirror *grad = sh_params_grad(s->params);
    if (!g->early) g->early = s->be->memory->take((size_t)grad->n * sizeof *g->early);
    s->be->add(&(sh_add_args){.a = grad->there, .y = g->early}, grad->n);
    sh_params_zero_grad(s->params);
    s->be->group.sum(g->early, grad->n);
    g->has_early = true;
}

void sh_gradients_take(const sh_gradients *g, const sh_setup *s, int k)
{
    const sh_mirror *grad = sh_params_grad(s->params);
    if (!g->leaves) return;
    sh_mirror_pull(grad);
    memcpy(g->leaves + k * grad->n, grad->host, (size_t)grad->n * sizeof *g->leaves);
}

void sh_gradients_sum(sh_gradients *g, sh_comm *c, const sh_setup *s)
{
    const sh_mirror *grad = sh_params_grad(s->params);
    if (sh_gradients_on_devices(g, s)) {
        s->be->group.sum(grad->there, grad->n);
        s->be->group.summed();
        if (g->has_early) s->be->add(&(sh_add_args){.a = grad->there, .b = g->early, .y = grad->there}, grad->n);
        g->has_early = false;
        return;
    }
    if (!g->leaves) sh_mirror_pull(grad);
    sh_comm_sum_real(c, g->leaves ? g->leaves : grad->host, grad->n, g->scratch);
    if (g->leaves) memcpy(grad->host, g->leaves, (size_t)grad->n * sizeof *grad->host);
    sh_mirror_push(grad);
}
