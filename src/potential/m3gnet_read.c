/* m3gnet_read.c -- an M3GNet from a weight file, under the names of the original program (TensorFlow, matrices as [in,out]) or of
 * matgl (torch, [out,in]). */
#include <stdio.h>
#include <string.h>

#include "potential/m3gnet_params.h"

typedef struct {
    const sh_weights *weights;
    bool torch;
} source;

enum { NAME = 160, STEM = 96 };

/* Layer `i` of a branch (0 value, 1 gate) of a perceptron: matrix (rows,cols) and, where it has one, bias (cols). torch counts
 * activations as layers. */
static sh_status fetch(source s, const char *stem, int gate, int i, int64_t rows, int64_t cols, sh_real *matrix, sh_real *bias)
{
    char layer[NAME], name[NAME + 8];
    if (s.torch)
        snprintf(layer, sizeof layer, "%s.%s.%d", stem, gate ? "gates" : "layers", 2 * i);
    else
        snprintf(layer, sizeof layer, "%s/%s/layers/%d", stem, gate ? "gate" : "pipe", i);
    snprintf(name, sizeof name, "%s%s", layer, s.torch ? ".weight" : "/kernel");
    SH_TRY(sh_weights_copy(s.weights, name, rows, cols, s.torch, matrix));
    if (!bias) return SH_OK;
    snprintf(name, sizeof name, "%s%cbias", layer, s.torch ? '.' : '/');
    return sh_weights_copy(s.weights, name, 1, cols, false, bias);
}

static sh_status fetch_gated(source s, const char *stem, const char *radial, int n_radial, int n_later, gated *g)
{
    for (int gate = 0; gate < 2; gate++) {
        pair *const parts[3] = {&g->source, &g->target, &g->edge};
        sh_real first[3 * W * W];
        SH_TRY(fetch(s, stem, gate, 0, 3 * W, W, first, g->bias + gate * W));
        for (int part = 0; part < 3; part++)
            memcpy(gate ? parts[part]->gate : parts[part]->value, first + part * W * W, W * W * sizeof(sh_real));
        for (int i = 0; i < n_later; i++)
            SH_TRY(fetch(s, stem, gate, i + 1, W, W, gate ? g->later[i].gate : g->later[i].value, g->later_bias[i] + gate * W));
    }
    return sh_weights_copy(s.weights, radial, n_radial, W, s.torch, g->radial);
}

#define STEM_OF(tensorflow, matgl) (snprintf(stem, sizeof stem, s.torch ? matgl : tensorflow, b), stem)
#define RADIAL_OF(tensorflow, matgl) (snprintf(radial, sizeof radial, s.torch ? matgl : tensorflow, b), radial)
static sh_status fetch_block(source s, const sh_m3gnet *m, int b, block *k)
{
    char stem[STEM], radial[STEM];
    STEM_OF("three_interactions/%d/update_network", "three_body_interactions.%d.update_network_atom");
    SH_TRY(fetch(s, stem, 0, 0, W, N_BESSEL, k->atom, k->atom_bias));
    STEM_OF("three_interactions/%d/update_network2", "three_body_interactions.%d.update_network_bond");
    SH_TRY(fetch(s, stem, 0, 0, N_BESSEL, W, k->three_value, NULL));
    SH_TRY(fetch(s, stem, 1, 0, N_BESSEL, W, k->three_gate, NULL));
    STEM_OF("graph_layers/%d/bond_network/update_func", "graph_layers.%d.conv.edge_update_func");
    RADIAL_OF("graph_layers/%d/bond_network/weight_func/kernel", "graph_layers.%d.conv.edge_weight_func.weight");
    SH_TRY(fetch_gated(s, stem, radial, m->n_radial, m->n_later, &k->edge));
    STEM_OF("graph_layers/%d/atom_network/bond_dense", "graph_layers.%d.conv.node_update_func");
    RADIAL_OF("graph_layers/%d/atom_network/weight_update/kernel", "graph_layers.%d.conv.node_weight_func.weight");
    return fetch_gated(s, stem, radial, m->n_radial, m->n_later, &k->node);
}
#undef STEM_OF
#undef RADIAL_OF

static sh_status fetch_sum(source s, sh_m3gnet *m)
{
    const char *stem = s.torch ? "final_layer.gated" : "final/layers/0/atom_network/update_func";
    for (int gate = 0; gate < 2; gate++) {
        for (int i = 0; i < m->n_out; i++)
            SH_TRY(fetch(s, stem, gate, i, W, W, gate ? m->out[i].gate : m->out[i].value, m->out_bias[i] + gate * W));
        SH_TRY(fetch(s, stem, gate, m->n_out, W, 1, m->out_last + gate * W, m->out_end + gate));
    }
    return SH_OK;
}

static sh_status fetch_pool(source s, sh_m3gnet *m)
{
    SH_TRY(sh_pool_create(s.weights, "readout.set2set.lstm", W, &m->pool));
    SH_TRY(fetch(s, "final_layer", 0, 0, 2 * W, W, m->pool_first, m->pool_first_bias));
    SH_TRY(fetch(s, "final_layer", 0, 1, W, W, m->pool_second, m->pool_second_bias));
    return fetch(s, "final_layer", 0, 2, W, 1, m->pool_last, &m->pool_end);
}

/* A word of the file that must be one of two or three; its index. */
static sh_status one_of(const char *what, const char *word, const char *const *words, int n, int *index)
{
    for (*index = 0; *index < n; (*index)++)
        if (!strcmp(word, words[*index])) return SH_OK;
    return SH_FAIL(SH_EINPUT, "an M3GNet with %s '%s' is not known to this version", what, word);
}

static sh_status read_form(const sh_weights *w, sh_m3gnet *m)
{
    static const char *const basis[] = {"smooth3", "bessel9"}, *const aggregate[] = {"source", "target"},
                             *const three[] = {"none", "other", "self"}, *const target[] = {"extensive", "intensive"};
    int which;
    SH_TRY(one_of("the basis", w->basis, basis, 2, &which));
    m->n_radial = which ? N_BESSEL : N_SMOOTH;
    SH_TRY(one_of("messages to", w->aggregate, aggregate, 2, &which));
    m->to_target = which;
    SH_TRY(one_of("three-body terms from", w->threebody_from, three, 3, &which));
    m->three = (three_body)which;
    SH_TRY(one_of("the target", w->target, target, 2, &which));
    m->pooled = which;
    return SH_OK;
}

static sh_status read_elements(const sh_weights *w, sh_m3gnet *m)
{
    if (w->n_row > MAX_ROW) return SH_FAIL(SH_EINPUT, "the element table has %lld rows", (long long)w->n_row);
    SH_TRY(sh_weights_rows(w, m->row));
    for (int z = 1; z <= SH_WEIGHTS_MAX_Z; z++) {
        m->known[z] = m->row[z] >= 0 && !(z >= 84 && z <= 88); /* Po At Rn Fr Ra: without training data where they have rows */
        if (m->row[z] >= 0) m->reference[m->row[z]] = w->element_ref[m->row[z]];
    }
    return SH_OK;
}

sh_status sh_m3gnet_read(const sh_weights *w, sh_m3gnet *m)
{
    source s = {.weights = w, .torch = !strcmp(w->model, "matgl.M3GNet")};
    if (!s.torch && strcmp(w->model, "m3gnet.M3GNet")) return SH_FAIL(SH_EINPUT, "model '%s' is no M3GNet", w->model);
    SH_TRY(read_form(w, m));
    m->n_later = s.torch ? 2 : 1;
    m->n_out = s.torch ? 3 : 2;
    m->swish_radial = !s.torch;
    m->cutoff = w->cutoff;
    m->cutoff3 = w->threebody_cutoff;
    m->mean = w->mean;
    m->std = w->std;
    SH_TRY(read_elements(w, m));
    const char *table = s.torch ? "embedding.layer_node_embedding.weight" : "featurizer/atom_network/embedding/embeddings";
    const char *first = s.torch ? "embedding.layer_edge_embedding" : "feature_adjust/update_func";
    SH_TRY(sh_weights_copy(w, table, w->n_row, W, false, m->table));
    SH_TRY(fetch(s, first, 0, 0, m->n_radial, W, m->first, s.torch ? m->first_bias : NULL));
    for (int b = 0; b < SH_M3GNET_BLOCKS; b++)
        SH_TRY(fetch_block(s, m, b, &m->blocks[b]));
    return m->pooled ? fetch_pool(s, m) : fetch_sum(s, m);
}
