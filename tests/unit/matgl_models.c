/* The architectures of matgl with made-up weights, so that they are tested where the published ones are not there: quotient
 * graphs against full cells, batches, and weight files that are not what they should be. golden/models.c has the numbers. */
#include "cells.h"
#include "potentials.h"

#include "backend/workspace.h"
#include "crystal/lattice.h"
#include "crystal/orbit.h"
#include "potential/weights.h"

#ifdef SH_F64
static const double EXACT = 1e-11;
#else
static const double EXACT = 1e-4;
#endif

static sh_arena *arena;
static sh_groups *groups;
static sh_workspace ws;
static sh_group_tables tables;
static uint32_t lcg;

static double uniform(void)
{
    lcg = lcg * 1664525u + 1013904223u;
    return (lcg >> 8) / 16777216.0;
}

/* ---- weights ---- */

/* Numbers of a size at which features neither vanish nor explode from layer to layer. */
static void add(sh_weights *w, const char *name, int64_t rows, int64_t cols)
{
    w->tensor = sh_realloc(w->tensor, (size_t)(w->n + 1) * sizeof *w->tensor);
    sh_weight *t = &w->tensor[w->n++];
    *t = (sh_weight){.name = sh_strdup(name), .rows = rows, .cols = cols, .data = SH_NEW(float, rows * cols)};
    for (int64_t i = 0; i < rows * cols; i++)
        t->data[i] = (float)((uniform() - 0.5) * 5 / sqrt((double)cols));
}

/* A layer (out,in) with or without bias. */
static void add_layer(sh_weights *w, const char *name, int64_t out, int64_t in, bool bias)
{
    char full[176];
    snprintf(full, sizeof full, "%s.weight", name);
    add(w, full, out, in);
    snprintf(full, sizeof full, "%s.bias", name);
    if (bias) add(w, full, 1, out);
}

static void add_perceptron(sh_weights *w, const char *stem, const int64_t *width, int n)
{
    char name[144];
    for (int i = 0; i < n; i++) {
        snprintf(name, sizeof name, "%s.%d", stem, 2 * i);
        add_layer(w, name, width[i + 1], width[i], true);
    }
}

static void add_lstm(sh_weights *w, const char *stem, int64_t d, int n_layer)
{
    static const char *const part[] = {"weight_ih", "weight_hh", "bias_ih", "bias_hh"};
    char name[144];
    for (int layer = 0; layer < n_layer; layer++)
        for (int i = 0; i < 4; i++) {
            snprintf(name, sizeof name, "%s.%s_l%d", stem, part[i], layer);
            add(w, name, i < 2 ? 4 * d : 1, i == 0 ? (layer == 0 ? 2 * d : d) : i == 1 ? d : 4 * d);
        }
}

static sh_weights *empty(const char *model, const char *basis, const char *target, double cutoff)
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

static sh_weights *m3gnet(bool pooled, const char *threebody_from, double cutoff3)
{
    static const int64_t perceptron[] = {192, 64, 64, 64}, sum[] = {64, 64, 64, 64, 1}, pool[] = {128, 64, 64, 1};
    sh_weights *w = empty("matgl.M3GNet", "bessel9", pooled ? "intensive" : "extensive", 5);
    char name[128];
    snprintf(w->threebody_from, sizeof w->threebody_from, "%s", threebody_from);
    w->threebody_cutoff = cutoff3;
    add(w, "embedding.layer_node_embedding.weight", 3, 64);
    add_layer(w, "embedding.layer_edge_embedding.layers.0", 64, 9, true);
    for (int b = 0; b < 3; b++) {
        snprintf(name, sizeof name, "three_body_interactions.%d.update_network_atom.layers.0", b);
        add_layer(w, name, 9, 64, true);
        for (int gate = 0; gate < 2; gate++) {
            const char *branch = gate ? "gates" : "layers";
            snprintf(name, sizeof name, "three_body_interactions.%d.update_network_bond.%s.0", b, branch);
            add_layer(w, name, 64, 9, false);
            snprintf(name, sizeof name, "graph_layers.%d.conv.edge_update_func.%s", b, branch);
            add_perceptron(w, name, perceptron, 3);
            snprintf(name, sizeof name, "graph_layers.%d.conv.node_update_func.%s", b, branch);
            add_perceptron(w, name, perceptron, 3);
        }
        snprintf(name, sizeof name, "graph_layers.%d.conv.edge_weight_func", b);
        add_layer(w, name, 64, 9, false);
        snprintf(name, sizeof name, "graph_layers.%d.conv.node_weight_func", b);
        add_layer(w, name, 64, 9, false);
    }
    w->set2set_layers = w->set2set_steps = pooled ? 3 : 0;
    if (pooled) add_lstm(w, "readout.set2set.lstm", 64, 3);
    if (pooled) add_perceptron(w, "final_layer.layers", pool, 3);
    if (!pooled) add_perceptron(w, "final_layer.gated.layers", sum, 4);
    if (!pooled) add_perceptron(w, "final_layer.gated.gates", sum, 4);
    return w;
}

static sh_weights *megnet(int64_t n_fidelity)
{
    static const char *const what[] = {"edge", "node", "state"};
    static const int64_t first[] = {100, 16, 2}, before[] = {32, 64, 32}, out[] = {160, 32, 16, 1};
    sh_weights *w = empty("matgl.MEGNet", "gaussian", "intensive", n_fidelity ? 5 : 4);
    char name[128];
    w->gauss_width = 0.5;
    w->set2set_layers = 1;
    w->set2set_steps = 2;
    w->n_fidelity = n_fidelity;
    add(w, "bond_expansion.rbf.centers", 1, 100);
    for (int i = 0; i < 100; i++)
        w->tensor[0].data[i] = (float)(i * (w->cutoff + 1) / 99);
    if (n_fidelity) add(w, "embedding.layer_state_embedding.weight", n_fidelity, 16);
    add(w, "embedding.layer_node_embedding.weight", 3, 16);
    for (int k = 0; k < 3; k++) {
        const int64_t width[] = {k == 2 && n_fidelity ? 16 : first[k], 64, 32};
        const int64_t conv[] = {k == 0 ? 128 : 96, 64, 64, 32};
        snprintf(name, sizeof name, "%s_encoder.layers", what[k]);
        add_perceptron(w, name, width, 2);
        for (int b = 0; b < 3; b++) {
            snprintf(name, sizeof name, "blocks.%d.%s_func.layers", b, what[k]);
            if (b) add_perceptron(w, name, before, 2);
            snprintf(name, sizeof name, "blocks.%d.conv.%s_func.layers", b, what[k]);
            add_perceptron(w, name, conv, 3);
        }
    }
    add_lstm(w, "edge_s2s.lstm", 32, 1);
    add_lstm(w, "node_s2s.lstm", 32, 1);
    add_perceptron(w, "output_proj.layers", out, 3);
    return w;
}

enum { N_KIND = 6 };
static const char *const kind_name[N_KIND] = {"PES", "PES without three-body terms", "Eform", "Eform, other", "MEGNet", "gaps"};

static sh_weights *weights_of(int kind)
{
    lcg = 99 + (uint32_t)kind;
    switch (kind) {
    case 0: return m3gnet(false, "other", 4);
    case 1: return m3gnet(false, "none", 4);
    case 2: return m3gnet(true, "self", 5);
    case 3: return m3gnet(true, "other", 5);
    case 4: return megnet(0);
    default: return megnet(4);
    }
}

/* ---- crystals ---- */

/* Two sites in every fifth group, none of them near another. Returns their number. */
static int make_crystals(sh_crystals *quotient, sh_crystals *full)
{
    enum { N = 46 };
    sh_cell_bounds bounds = {.length = {5, 9}, .angle = {80, 130}};
    static int32_t sg[N], z[2 * N];
    static int64_t start[N + 1];
    static double lattice[9 * N], frac[6 * N];
    lcg = 2024;
    for (int i = 0; i < N; i++) {
        double u[6], parameters[6];
        sg[i] = 1 + 5 * i;
        start[i + 1] = 2 * (i + 1);
        for (int k = 0; k < 6; k++) {
            u[k] = 0.2 + 0.6 * uniform();
            frac[6 * i + k] = (k < 3 ? 0 : 0.5) + (uniform() < 0.5 ? 0 : 0.25) + 0.004;
        }
        z[2 * i] = 8;
        z[2 * i + 1] = i % 2 ? 11 : 14;
        sh_lattice_from_u(sh_group_family(sg[i]), &bounds, u, parameters);
        sh_lattice_matrix(parameters, lattice + 9 * i);
    }
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

static void predict(const sh_potential *p, const sh_crystals *c, bool no_classes, double *value)
{
    sh_graph g;
    sh_graph_build(&ws, c, &(sh_graph_opts){.cutoff = sh_potential_cutoff(p), .no_classes = no_classes}, &g);
    potential_values(p, arena, c, &g, NULL, 0, value, NULL);
}

static void test_quotient_equals_full_cell(void **state)
{
    (void)state;
    for (int kind = 0; kind < N_KIND; kind++) {
        sh_weights *w = weights_of(kind);
        sh_potential *p;
        sh_crystals quotient, full;
        assert_ok(sh_potential_create(w, NULL, &p));
        sh_arena_reset(arena);
        int n = make_crystals(&quotient, &full);
        assert_true(full.n_site > 4 * quotient.n_site);
        double *value = SH_NEW(double, n), *wanted = SH_NEW(double, n), low = INFINITY, high = -INFINITY;
        predict(p, &quotient, false, value);
        predict(p, &full, true, wanted);
        for (int i = 0; i < n; i++) {
            double n_atom = kind < 2 ? (double)(full.site_start[i + 1] - full.site_start[i]) : 1;
            double each = wanted[i] / n_atom;
            if (!(fabs(value[i] / n_atom - each) <= EXACT * fmax(1, fabs(each)))) print_error("%s, crystal %d: ", kind_name[kind], i);
            assert_near(value[i] / n_atom, each, EXACT * fmax(1, fabs(each)));
            low = fmin(low, each);
            high = fmax(high, each);
        }
        assert_true(high - low > 0.01); /* they do tell crystals apart */
        sh_free(value);
        sh_free(wanted);
        sh_potential_destroy(&p);
        sh_weights_destroy(&w);
    }
}

/* The largest difference. */
static double apart(const double *a, const double *b, int n)
{
    double most = 0;
    for (int i = 0; i < n; i++)
        most = fmax(most, fabs(a[i] - b[i]));
    return most;
}

/* Each choice that a weight file can make changes the numbers. */
static void test_choices_matter(void **state)
{
    (void)state;
    sh_crystals quotient, full;
    sh_arena_reset(arena);
    int n = make_crystals(&quotient, &full);
    double *value[5];
    for (int k = 0; k < 5; k++) {
        sh_weights *w = weights_of(k < 3 ? 2 : 5);
        sh_potential *p;
        if (k == 1) snprintf(w->threebody_from, sizeof w->threebody_from, "other");
        if (k == 2) snprintf(w->aggregate, sizeof w->aggregate, "source");
        if (k == 4) w->fidelity = 2;
        assert_ok(sh_potential_create(w, NULL, &p));
        assert_int_equal(sh_potential_quantity(p), k < 3 ? SH_FORMATION_ENERGY : SH_BAND_GAP);
        value[k] = SH_NEW(double, n);
        predict(p, &quotient, false, value[k]);
        sh_potential_destroy(&p);
        sh_weights_destroy(&w);
    }
    assert_true(apart(value[1], value[0], n) > 1e-3);
    assert_true(apart(value[2], value[0], n) > 1e-3);
    assert_true(apart(value[4], value[3], n) > 1e-3);
    for (int k = 0; k < 5; k++)
        sh_free(value[k]);
}

static void refuse(sh_weights *w, const char *text)
{
    sh_potential *p;
    assert_fails(sh_potential_create(w, NULL, &p), SH_EINPUT, text);
    assert_null(p);
    sh_error_clear();
    sh_weights_destroy(&w);
}

static void test_refused(void **state)
{
    sh_weights *w = weights_of(2);
    snprintf(w->basis, sizeof w->basis, "bessel12");
    refuse(w, "an M3GNet with the basis 'bessel12' is not known to this version");
    w = weights_of(2);
    snprintf(w->threebody_from, sizeof w->threebody_from, "both");
    refuse(w, "an M3GNet with three-body terms from 'both'");
    w = weights_of(2);
    w->element_number[2] = 8;
    refuse(w, "row 2 of the element table is element 8: none, or there twice");
    w = weights_of(2);
    w->set2set_layers = 9;
    refuse(w, "set2set with 9 layers and 3 steps");
    for (int kind = 0; kind < N_KIND; kind++) { /* any tensor missing, or of another shape */
        w = weights_of(kind);
        int64_t n = w->n;
        sh_weights_destroy(&w);
        for (int64_t i = 0; i < n; i += 1 + n / 23) {
            char text[200];
            w = weights_of(kind);
            snprintf(text, sizeof text, "tensor '%s' is not in the weight file", w->tensor[i].name);
            w->tensor[i].name[0] = '_';
            refuse(w, text);
            w = weights_of(kind);
            snprintf(text, sizeof text, "tensor '%s' has shape", w->tensor[i].name);
            w->tensor[i].cols++;
            refuse(w, text);
        }
    }
    w = weights_of(5);
    w->fidelity = 4;
    refuse(w, "fidelity 4 of 4");
    w = weights_of(4);
    snprintf(w->target, sizeof w->target, "extensive");
    refuse(w, "is no MEGNet of matgl");
    assert_int_equal(sh_alloc_live(), *(const int64_t *)*state);
}

int main(void)
{
    int64_t live;
    be = sh_backend_cpu();
    arena = sh_arena_create(1 << 20);
    ws = sh_workspace_host(arena);
    if (sh_groups_create(&groups) != SH_OK) return 1;
    sh_group_tables_create(groups, sh_backend_cpu(), &tables);
    live = sh_alloc_live();
    void *start = &live;
    const struct CMUnitTest tests[] = {
        {.name = "test_refused", .test_func = test_refused, .initial_state = start}, /* first: the arena has not grown yet */
        cmocka_unit_test(test_quotient_equals_full_cell), cmocka_unit_test(test_choices_matter)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sh_groups_destroy(&groups);
    sh_arena_destroy(&arena);
    return failed;
}
