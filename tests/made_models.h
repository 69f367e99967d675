/* made_models.h -- pretrained models of every kind with made-up weights, and crystals for them, where the published ones are not
 * there. */
#ifndef SH_TEST_MADE_MODELS_H
#define SH_TEST_MADE_MODELS_H

#include "backend/workspace.h"
#include "cells.h"

#include "crystal/lattice.h"
#include "crystal/orbit.h"
#include "potential/weights.h"

static uint32_t made_lcg;

static inline double made_u01(void)
{
    made_lcg = made_lcg * 1664525u + 1013904223u;
    return (made_lcg >> 8) / 16777216.0;
}

/* Numbers of a size at which features neither vanish nor explode from layer to layer. */
static inline void made_add(sh_weights *w, const char *name, int64_t rows, int64_t cols)
{
    w->tensor = sh_realloc(w->tensor, (size_t)(w->n + 1) * sizeof *w->tensor);
    sh_weight *t = &w->tensor[w->n++];
    *t = (sh_weight){.name = sh_strdup(name), .rows = rows, .cols = cols, .data = SH_NEW(float, rows * cols)};
    for (int64_t i = 0; i < rows * cols; i++)
        t->data[i] = (float)((made_u01() - 0.5) * 5 / sqrt((double)cols));
}

/* A layer (out,in) with or without bias. */
static inline void made_add_layer(sh_weights *w, const char *name, int64_t out, int64_t in, bool bias)
{
    char full[176];
    snprintf(full, sizeof full, "%s.weight", name);
    made_add(w, full, out, in);
    snprintf(full, sizeof full, "%s.bias", name);
    if (bias) made_add(w, full, 1, out);
}

static inline void made_add_perceptron(sh_weights *w, const char *stem, const int64_t *width, int n)
{
    char name[144];
    for (int i = 0; i < n; i++) {
        snprintf(name, sizeof name, "%s.%d", stem, 2 * i);
        made_add_layer(w, name, width[i + 1], width[i], true);
    }
}

static inline void made_add_lstm(sh_weights *w, const char *stem, int64_t d, int n_layer)
{
    static const char *const part[] = {"weight_ih", "weight_hh", "bias_ih", "bias_hh"};
    char name[144];
    for (int layer = 0; layer < n_layer; layer++)
        for (int i = 0; i < 4; i++) {
            snprintf(name, sizeof name, "%s.%s_l%d", stem, part[i], layer);
            made_add(w, name, i < 2 ? 4 * d : 1, i == 0 ? (layer == 0 ? 2 * d : d) : i == 1 ? d : 4 * d);
        }
}

static inline sh_weights *made_empty(const char *model, const char *basis, const char *target, double cutoff)
{
    sh_weights *w = SH_NEW(sh_weights, 1);
    snprintf(w->model, sizeof w->model, "%s", model);
    snprintf(w->basis, sizeof w->basis, "%s", basis);
    snprintf(w->target, sizeof w->target, "%s", target);
    snprintf(w->aggregate, sizeof w->aggregate, "target");
    w->cutoff = cutoff;
    w->std = 1.5;
    w->mean = -0.25;
    w->n_row = 3;
    w->element_number = SH_NEW(int32_t, 3);
    w->element_ref = SH_NEW(double, 3);
    for (int i = 0; i < 3; i++) {
        w->element_number[i] = 8 + 3 * i; /* O Na Si */
        w->element_ref[i] = i;
    }
    return w;
}

static inline sh_weights *made_m3gnet(bool pooled, const char *threebody_from, double cutoff3)
{
    static const int64_t perceptron[] = {192, 64, 64, 64}, sum[] = {64, 64, 64, 64, 1}, pool[] = {128, 64, 64, 1};
    sh_weights *w = made_empty("matgl.M3GNet", "bessel9", pooled ? "intensive" : "extensive", 5);
    char name[128];
    snprintf(w->threebody_from, sizeof w->threebody_from, "%s", threebody_from);
    w->threebody_cutoff = cutoff3;
    made_add(w, "embedding.layer_node_embedding.weight", 3, 64);
    made_add_layer(w, "embedding.layer_edge_embedding.layers.0", 64, 9, true);
    for (int b = 0; b < 3; b++) {
        snprintf(name, sizeof name, "three_body_interactions.%d.update_network_atom.layers.0", b);
        made_add_layer(w, name, 9, 64, true);
        for (int gate = 0; gate < 2; gate++) {
            const char *branch = gate ? "gates" : "layers";
            snprintf(name, sizeof name, "three_body_interactions.%d.update_network_bond.%s.0", b, branch);
            made_add_layer(w, name, 64, 9, false);
            snprintf(name, sizeof name, "graph_layers.%d.conv.edge_update_func.%s", b, branch);
            made_add_perceptron(w, name, perceptron, 3);
            snprintf(name, sizeof name, "graph_layers.%d.conv.node_update_func.%s", b, branch);
            made_add_perceptron(w, name, perceptron, 3);
        }
        snprintf(name, sizeof name, "graph_layers.%d.conv.edge_weight_func", b);
        made_add_layer(w, name, 64, 9, false);
        snprintf(name, sizeof name, "graph_layers.%d.conv.node_weight_func", b);
        made_add_layer(w, name, 64, 9, false);
    }
    w->set2set_layers = w->set2set_steps = pooled ? 3 : 0;
    if (pooled) made_add_lstm(w, "readout.set2set.lstm", 64, 3);
    if (pooled) made_add_perceptron(w, "final_layer.layers", pool, 3);
    if (!pooled) made_add_perceptron(w, "final_layer.gated.layers", sum, 4);
    if (!pooled) made_add_perceptron(w, "final_layer.gated.gates", sum, 4);
    return w;
}

/* A branch pair of the original program: matrices (in,out). */
static inline void made_pair(sh_weights *w, const char *stem, const int64_t *width, int n, bool bias)
{
    char name[176];
    for (int gate = 0; gate < 2; gate++)
        for (int i = 0; i < n; i++) {
            snprintf(name, sizeof name, "%s/%s/layers/%d/kernel", stem, gate ? "gate" : "pipe", i);
            made_add(w, name, width[i], width[i + 1]);
            snprintf(name, sizeof name, "%s/%s/layers/%d/bias", stem, gate ? "gate" : "pipe", i);
            if (bias) made_add(w, name, 1, width[i + 1]);
        }
}

static inline sh_weights *made_efs(void)
{
    static const int64_t perceptron[] = {192, 64, 64}, out[] = {64, 64, 64, 1}, three[] = {9, 64};
    sh_weights *w = made_empty("m3gnet.M3GNet", "smooth3", "extensive", 5);
    char name[128];
    snprintf(w->aggregate, sizeof w->aggregate, "source");
    snprintf(w->threebody_from, sizeof w->threebody_from, "other");
    w->threebody_cutoff = 4;
    made_add(w, "featurizer/atom_network/embedding/embeddings", 3, 64);
    made_add(w, "feature_adjust/update_func/pipe/layers/0/kernel", 3, 64);
    for (int b = 0; b < 3; b++) {
        snprintf(name, sizeof name, "three_interactions/%d/update_network/pipe/layers/0/kernel", b);
        made_add(w, name, 64, 9);
        snprintf(name, sizeof name, "three_interactions/%d/update_network/pipe/layers/0/bias", b);
        made_add(w, name, 1, 9);
        snprintf(name, sizeof name, "three_interactions/%d/update_network2", b);
        made_pair(w, name, three, 1, false);
        snprintf(name, sizeof name, "graph_layers/%d/bond_network/update_func", b);
        made_pair(w, name, perceptron, 2, true);
        snprintf(name, sizeof name, "graph_layers/%d/bond_network/weight_func/kernel", b);
        made_add(w, name, 3, 64);
        snprintf(name, sizeof name, "graph_layers/%d/atom_network/bond_dense", b);
        made_pair(w, name, perceptron, 2, true);
        snprintf(name, sizeof name, "graph_layers/%d/atom_network/weight_update/kernel", b);
        made_add(w, name, 3, 64);
    }
    made_pair(w, "final/layers/0/atom_network/update_func", out, 3, true);
    return w;
}

static inline sh_weights *made_megnet(int64_t n_fidelity)
{
    static const char *const what[] = {"edge", "node", "state"};
    static const int64_t first[] = {100, 16, 2}, before[] = {32, 64, 32}, out[] = {160, 32, 16, 1};
    sh_weights *w = made_empty("matgl.MEGNet", "gaussian", "intensive", n_fidelity ? 5 : 4);
    char name[128];
    w->gauss_width = 0.5;
    w->set2set_layers = 1;
    w->set2set_steps = 2;
    w->n_fidelity = n_fidelity;
    made_add(w, "bond_expansion.rbf.centers", 1, 100);
    for (int i = 0; i < 100; i++)
        w->tensor[0].data[i] = (float)(i * (w->cutoff + 1) / 99);
    if (n_fidelity) made_add(w, "embedding.layer_state_embedding.weight", n_fidelity, 16);
    made_add(w, "embedding.layer_node_embedding.weight", 3, 16);
    for (int k = 0; k < 3; k++) {
        const int64_t width[] = {k == 2 && n_fidelity ? 16 : first[k], 64, 32};
        const int64_t conv[] = {k == 0 ? 128 : 96, 64, 64, 32};
        snprintf(name, sizeof name, "%s_encoder.layers", what[k]);
        made_add_perceptron(w, name, width, 2);
        for (int b = 0; b < 3; b++) {
            snprintf(name, sizeof name, "blocks.%d.%s_func.layers", b, what[k]);
            if (b) made_add_perceptron(w, name, before, 2);
            snprintf(name, sizeof name, "blocks.%d.conv.%s_func.layers", b, what[k]);
            made_add_perceptron(w, name, conv, 3);
        }
    }
    made_add_lstm(w, "edge_s2s.lstm", 32, 1);
    made_add_lstm(w, "node_s2s.lstm", 32, 1);
    made_add_perceptron(w, "output_proj.layers", out, 3);
    return w;
}

enum { MADE_PES, MADE_PES_NONE, MADE_EFORM, MADE_EFORM_OTHER, MADE_MEGNET, MADE_GAPS, MADE_EFS, N_MADE };
static const char *const made_name[N_MADE] = {"PES", "PES, none", "Eform", "Eform, other", "MEGNet", "gaps", "EFS"};

static inline sh_weights *made_weights(int kind)
{
    made_lcg = 99 + (uint32_t)kind;
    switch (kind) {
    case MADE_PES: return made_m3gnet(false, "other", 4);
    case MADE_PES_NONE: return made_m3gnet(false, "none", 4);
    case MADE_EFORM: return made_m3gnet(true, "self", 5);
    case MADE_EFORM_OTHER: return made_m3gnet(true, "other", 5);
    case MADE_MEGNET: return made_megnet(0);
    case MADE_GAPS: return made_megnet(4);
    default: return made_efs();
    }
}

/* Two sites in every fifth group, none of them near another. Returns their number. */
static inline int made_crystals(const sh_groups *groups, sh_arena *arena, sh_crystals *quotient, sh_crystals *full)
{
    enum { N = 46 };
    sh_cell_bounds bounds = {.length = {5, 9}, .angle = {80, 130}};
    static int32_t sg[N], z[2 * N];
    static int64_t start[N + 1];
    static double lattice[9 * N], frac[6 * N];
    made_lcg = 2024;
    for (int i = 0; i < N; i++) {
        double u[6], parameters[6];
        sg[i] = 1 + 5 * i;
        start[i + 1] = 2 * (i + 1);
        for (int k = 0; k < 6; k++) {
            u[k] = 0.2 + 0.6 * made_u01();
            frac[6 * i + k] = (k < 3 ? 0 : 0.5) + (made_u01() < 0.5 ? 0 : 0.25) + 0.004;
        }
        z[2 * i] = 8;
        z[2 * i + 1] = i % 2 ? 11 : 14;
        sh_lattice_from_u(sh_group_family(sg[i]), &bounds, u, parameters);
        sh_lattice_matrix(parameters, lattice + 9 * i);
    }
    sh_workspace ws = sh_workspace_host(arena);
    sh_group_tables tables;
    sh_group_tables_create(groups, ws.be, &tables);
    sh_crystals_make(&ws, &tables,
                     &(sh_descriptions){.n_crystal = N,
                                        .n_site = 2 * N,
                                        .sg_number = sg,
                                        .lattice = lattice,
                                        .site_start = start,
                                        .site_z = z,
                                        .site_frac = frac},
                     0.3, quotient);
    explode(quotient, arena, full);
    return N;
}

#endif
