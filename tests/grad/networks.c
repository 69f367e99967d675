/* Whole networks: encoders and the policy's objective, all parameters, against central differences; encoders on the quotient
 * graph against the full cell; Adam against its definition. */
#include "gradient.h"

#include "cells.h"
#include "crystal/lattice.h"
#include "crystal/orbit.h"
#include "crystal/transfer.h"
#include "gflownet/objective.h"
#include "gflownet/sampler.h"
#include "nn/adam.h"
#include "nn/gcn.h"
#include "nn/megnet.h"

static sh_groups *groups;

/* Three crystals: two sites each in three groups, the third with no neighbour within 4 Å. */
static void made_crystals(sh_workspace *host, sh_crystals *out)
{
    static const int32_t sg[3] = {225, 62, 1}, z[5] = {11, 17, 3, 8, 19};
    static const double parameters[3][6] = {
        {5.6, 5.6, 5.6, 90, 90, 90}, {5.1, 6.3, 7.2, 90, 90, 90}, {9, 10, 11, 90, 95, 100}};
    static const double frac[15] = {0, 0, 0, 0.5, 0.5, 0.5, 0.11, 0.25, 0.31, 0.4, 0.6, 0.15, 0.2, 0.3, 0.4};
    static const int64_t start[4] = {0, 2, 4, 5};
    double *lattice = SH_PUSH(host->arena, double, 27);
    sh_group_tables tables;
    for (int i = 0; i < 3; i++)
        sh_lattice_matrix(parameters[i], lattice + 9 * i);
    sh_group_tables_create(groups, host->be, &tables);
    sh_crystals_make(host, &tables,
                     &(sh_descriptions){.n_crystal = 3,
                                        .n_site = 5,
                                        .sg_number = sg,
                                        .lattice = lattice,
                                        .site_start = start,
                                        .site_z = z,
                                        .site_frac = frac},
                     0.3, out);
}

/* One of the two encoders. */
typedef struct {
    sh_megnet *megnet;
    sh_gcn *gcn;
    const sh_crystals *crystals;
    const sh_graph *graph;
} encoder_context;

static encoder_context create_encoder(sh_params *params, bool gcn, int64_t node_in)
{
    encoder_context e = {0};
    if (gcn)
        e.gcn = sh_gcn_create(params, "gcn", node_in);
    else
        e.megnet = sh_megnet_create(params, "megnet", node_in);
    return e;
}

static const sh_tensor *encoder_on_node(sh_tape *t, sh_tensor *const *x, const void *context)
{
    const encoder_context *c = context;
    sh_crystals *crystals = SH_PUSH(t->ws->arena, sh_crystals, 1);
    sh_graph *graph = SH_PUSH(t->ws->arena, sh_graph, 1);
    sh_crystals_put(t->ws, c->crystals, crystals);
    sh_graph_put(t->ws, c->graph, crystals, graph);
    return c->gcn ? sh_gcn_forward(t, c->gcn, graph, x[0]) : sh_megnet_forward(t, c->megnet, graph, x[0]);
}

static void check_encoder(bool gcn)
{
    enum { NODE = 5 };
    sh_arena *arena = sh_arena_create(1 << 16);
    sh_workspace host = sh_workspace_host(arena);
    sh_params *params = sh_params_create();
    encoder_context context = create_encoder(params, gcn, NODE);
    sh_params_commit(params, 3);
    sh_params_use(params, be);
    sh_crystals crystals;
    sh_graph graph;
    made_crystals(&host, &crystals);
    sh_graph_build(&host, &crystals, &(sh_graph_opts){.cutoff = 4}, &graph);
    assert_true(graph.n_edge > 10);
    assert_int_equal(graph.edge_start[5], graph.edge_start[4]); /* the third crystal has no edge */
    context.crystals = &crystals;
    context.graph = &graph;
    sh_tensor *node = noise_tensor(5, NODE);
    check_gradient(encoder_on_node, &node, 1, &context, 0);
    /* Each parameter tensor in turn, a few numbers of it. */
    for (int64_t i = 0; i < sh_params_n_tensor(params); i++) {
        sh_tensor *input[2] = {node, sh_params_tensor(params, i)};
        check_gradient(encoder_on_node, input, 2, &context, 6);
    }
    free_noise(node);
    sh_megnet_destroy(&context.megnet);
    sh_gcn_destroy(&context.gcn);
    sh_params_destroy(&params);
    sh_arena_destroy(&arena);
}

static void test_encoders(void **state)
{
    (void)state;
    check_encoder(false);
#ifdef SH_F64 /* steps that float can resolve cross the kinks of relu */
    check_encoder(true);
#endif
}

#ifdef SH_F64
static const double SAME = 1e-12;
#else
static const double SAME = 1e-5;
#endif

/* Equations 13 and 14 of the SHAFT paper on all atoms of the second crystal, as they stand there, with dense matrices. */
static void check_gcn_by_hand(const sh_params *params, const sh_graph *g, const sh_tensor *node, const sh_tensor *got)
{
    enum { W = 128, OUT = SH_GCN_OUT, MOST = 32 };
    int64_t first = g->site_start[1], n = g->site_start[2] - first, in = node->cols;
    assert_true(n <= MOST);
    double adjacency[MOST][MOST] = {{0}}, degree[MOST] = {0};
    static double h[MOST][W], next[MOST][W], mean[W];
    for (int64_t s = 0; s < n; s++) {
        adjacency[s][s] = degree[s] = 1;
        for (int64_t e = g->edge_start[first + s]; e < g->edge_start[first + s + 1]; e++) {
            adjacency[s][g->edge_dst[e] - first] += 1;
            degree[s] += 1;
        }
    }
    for (int layer = 0; layer < 2; layer++) {
        const sh_tensor *w = sh_params_tensor(params, layer);
        int64_t width = layer ? W : in;
        for (int64_t s = 0; s < n; s++)
            for (int64_t c = 0; c < W; c++) {
                double sum = 0;
                for (int64_t t = 0; t < n; t++)
                    for (int64_t k = 0; k < width && adjacency[s][t] > 0; k++)
                        sum += adjacency[s][t] / sqrt(degree[s] * degree[t]) *
                               (layer ? h[t][k] : (double)node->data[(first + t) * in + k]) * (double)w->data[k * W + c];
                next[s][c] = fmax(0, sum);
            }
        const sh_tensor *inner = sh_params_tensor(params, 2);
        for (int64_t s = 0; s < n; s++)
            for (int64_t c = 0; c < W && layer == 1; c++) {
                double sum = h[s][c];
                for (int64_t k = 0; k < W; k++)
                    sum += next[s][k] * (double)inner->data[k * W + c];
                mean[c] += fmax(0, sum) / (double)n;
            }
        memcpy(h, next, sizeof h);
    }
    const sh_tensor *out = sh_params_tensor(params, 3);
    for (int64_t c = 0; c < OUT; c++) {
        double sum = 0;
        for (int64_t k = 0; k < W; k++)
            sum += mean[k] * (double)out->data[k * OUT + c];
        assert_near(got->data[OUT + c], sum, 10 * SAME);
    }
}

/* All atoms explicit, no classes: the same embedding. */
static void check_quotient(bool gcn)
{
    enum { NODE = 5 };
    sh_arena *arena = sh_arena_create(1 << 16);
    sh_workspace host = sh_workspace_host(arena);
    sh_params *params = sh_params_create();
    encoder_context context = create_encoder(params, gcn, NODE);
    sh_params_commit(params, 5);
    sh_params_use(params, be);
    sh_crystals quotient, full;
    sh_graph graph[2];
    made_crystals(&host, &quotient);
    explode(&quotient, arena, &full);
    sh_graph_build(&host, &quotient, &(sh_graph_opts){.cutoff = 4}, &graph[0]);
    sh_graph_build(&host, &full, &(sh_graph_opts){.cutoff = 4, .no_classes = true}, &graph[1]);
    sh_tensor *few = noise_tensor(quotient.n_site, NODE), *many = noise_tensor(full.n_site, NODE);
    for (int64_t s = 0; s < quotient.n_site; s++)
        for (int64_t a = quotient.atom_start[s]; a < quotient.atom_start[s + 1]; a++)
            memcpy(many->data + a * NODE, few->data + s * NODE, NODE * sizeof(sh_real));
    sh_workspace ws;
    sh_tape tape;
    sh_workspace_begin(&ws, be, arena);
    sh_tape_begin(&tape, &ws, false);
    context.crystals = &quotient;
    context.graph = &graph[0];
    const sh_tensor *a = encoder_on_node(&tape, &few, &context);
    context.crystals = &full;
    context.graph = &graph[1];
    const sh_tensor *b = encoder_on_node(&tape, &many, &context);
    for (int64_t i = 0; i < sh_size(a); i++)
        assert_near(a->data[i], b->data[i], SAME);
    if (gcn) check_gcn_by_hand(params, &graph[1], many, b);
    free_noise(few);
    free_noise(many);
    sh_megnet_destroy(&context.megnet);
    sh_gcn_destroy(&context.gcn);
    sh_params_destroy(&params);
    sh_arena_destroy(&arena);
}

static void test_quotients(void **state)
{
    (void)state;
    check_quotient(false);
    check_quotient(true);
}

typedef struct {
    const sh_policy *policy;
    const sh_records *records;
    const double *target;
} objective_context;

/* The loss; log P_F, log P_B and residuals go to numbers (3, n) there. */
static sh_tensor *loss_of(sh_tape *t, const objective_context *c, double *numbers)
{
    int64_t n = c->records->n;
    const sh_record_list records = sh_records_there(t->ws, c->records, NULL, 0, n);
    const sh_balance out = {.log_pf = numbers, .log_pb = numbers + n, .residual = numbers + 2 * n};
    return sh_objective(c->policy, t, &records, SH_PUT(t->ws, c->target, n), 0.01, &out);
}

static const sh_tensor *objective(sh_tape *t, sh_tensor *const *x, const void *context)
{
    (void)x;
    const objective_context *c = context;
    return loss_of(t, c, SH_ROOM(t->ws, double, 3 * c->records->n));
}

/* Which tensor in so many is compared with differences: all in double, where differences are exact enough to tell. */
#ifdef SH_F64
enum { EVERY = 1 };
#else
enum { EVERY = 7 };
#endif

/* Tensors that no batch moves: weights of what is constant zero (MEGNet's input state), and s_0 as seen by encoders of the
 * backward choices, of which s_0 has none. */
static bool without_gradient(const char *name)
{
    static const char *const list[] = {"megnet.state.0.w", "pb_high.start", "pb_low.start"};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        size_t length = strlen(list[i]), whole = strlen(name);
        if (whole >= length && strcmp(name + whole - length, list[i]) == 0) return true;
    }
    return false;
}

static void check_policy(const sh_policy_options *choices)
{
    sh_constraints constraints = {.n_element = 3,
                                  .element = {3, 8, 17},
                                  .has_one_of = true,
                                  .one_of = {true, false, false},
                                  .max_elements = 2,
                                  .min_sites = 1,
                                  .max_sites = 3,
                                  .max_atoms = 1000,
                                  .cell = {.length = {4, 9}, .angle = {80, 130}}};
    constraints.group_allowed[0] = constraints.group_allowed[15] = constraints.group_allowed[194] = true;
    sh_policy_options options = *choices;
    options.mixture = 3;
    options.position_mixture = 2;
    options.neighbours = 3;
    options.lambda = 0.9;
    options.merge_tol = 0.3;
    sh_space space = sh_space_of(groups, &constraints, options.sites, 0.3);
    sh_params *params = sh_params_create();
    sh_policy *policy;
    assert_ok(sh_policy_create(&options, &space, params, &policy));
    sh_params_commit(params, 2);
    sh_policy_start_values(policy, 0.5);
    for (int64_t i = 0; i < sh_params_size(params); i++) /* biases of zero would hide what multiplies them */
        sh_params_data(params)->host[i] += (sh_real)(0.05 * noise());
    sh_params_use(params, be);
    sh_space_use(&space, be);
    sh_arena *arena = sh_arena_create(1 << 16);
    sh_records records;
    sh_records_create(&records, 3, 1);
    const sh_exploration none = {.epsilon = 0, .widen = 1};
    enum { N = 6 };
    sh_workspace ws;
    sh_workspace_begin(&ws, be, arena);
    sh_sample(policy, &ws, 4, 0, N, &none, &records);
    double target[N];
    int longest = 0;
    for (int i = 0; i < N; i++) {
        int32_t n_step = sh_record_at(&records, i)->n_step;
        target[i] = noise();
        longest = n_step > longest ? n_step : longest;
    }
    assert_int_equal(longest, 3); /* backward steps from three sites are among them */
    const objective_context context = {policy, &records, target};
    const sh_tensor *log_z = sh_policy_log_z(policy);
    for (int64_t i = 0; i < sh_params_n_tensor(params); i += EVERY) {
        sh_tensor *input = sh_params_tensor(params, i);
        if (options.objective != SH_VARGRAD || input != log_z) check_gradient(objective, &input, 1, &context, 2);
    }
    sh_params_zero_grad(params);
    sh_tape tape;
    sh_arena_reset(arena);
    sh_workspace_begin(&ws, be, arena);
    sh_tape_begin(&tape, &ws, true);
    double *numbers = SH_ROOM(&ws, double, 3 * N), sum = 0;
    sh_tape_backward(&tape, loss_of(&tape, &context, numbers));
    const double *residual = (const double *)SH_BRING(&ws, numbers, 3 * N) + 2 * N;
    for (int64_t i = 0; i < sh_params_n_tensor(params); i++) {
        const sh_tensor *input = sh_params_tensor(params, i);
        double largest = 0;
        for (int64_t k = 0; k < sh_size(input); k++)
            largest = fmax(largest, fabs((double)input->grad[k]));
        if ((largest > 0) == without_gradient(sh_params_name(params, i)))
            print_error("%s: largest gradient %g\n", sh_params_name(params, i), largest);
        assert_true((largest > 0) != without_gradient(sh_params_name(params, i)));
    }
    for (int i = 0; i < N; i++)
        sum += residual[i];
    if (options.objective == SH_VARGRAD) /* its loss does not hold log Z, which follows by the gradient of TB */
        assert_near(log_z->grad[0], 2 * 0.01 * sum, 1e-4);
    sh_records_destroy(&records);
    sh_arena_destroy(&arena);
    sh_space_use(&space, sh_backend_cpu());
    sh_policy_destroy(&policy);
    sh_params_destroy(&params);
}

static void test_policy(void **state)
{
    (void)state;
    static const sh_policy_options cases[] = {
        {.shared_encoder = true, .sites = SH_SITES_GENERAL, .group = SH_EACH_STEP},
        {.shared_encoder = true, .sites = SH_SITES_GENERAL, .group = SH_ONCE},
        {.sites = SH_SITES_GENERAL, .group = SH_EACH_STEP, .heads = SH_HEADS_INDEPENDENT, .objective = SH_SUBTB},
        {.shared_encoder = true, .sites = SH_SITES_WYCKOFF, .group = SH_ONCE, .lattice = SH_LATTICE_LAST},
        {.shared_encoder = true, .sites = SH_SITES_WYCKOFF, .group = SH_ONCE, .heads = SH_HEADS_FLAT, .objective = SH_VARGRAD},
        {.sites = SH_SITES_WYCKOFF, .group = SH_ONCE, .lattice = SH_LATTICE_LAST, .heads = SH_HEADS_INDEPENDENT},
        {.shared_encoder = true, .encoder = SH_GCN, .sites = SH_SITES_WYCKOFF, .group = SH_ONCE, .lattice = SH_LATTICE_LAST,
         .objective = SH_SUBTB},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_policy(&cases[i]);
}

static void test_adam(void **state)
{
    (void)state;
    sh_params *params = sh_params_create();
    sh_tensor *a = sh_params_add(params, "a", 1, 2, SH_INIT_CONSTANT, 1), *b = sh_params_add(params, "b", 1, 1, SH_INIT_CONSTANT, -1);
    sh_params_commit(params, 1);
    sh_params_use(params, be);
    sh_adam *adam = sh_adam_create(params);
    sh_adam_use(adam, be);
    sh_adam_set_factor(adam, b, 10);
    double x[3] = {1, 1, -1}, m[3] = {0}, v[3] = {0}, norm;
    for (int step = 1; step <= 5; step++) {
        const double g[3] = {3 * step, -4, 0.5 * step};
        for (int i = 0; i < 2; i++)
            a->grad[i] = (sh_real)g[i];
        b->grad[0] = (sh_real)g[2];
        assert_ok(sh_adam_step(adam, 0.01, 5, &norm));
        be->wait();
        assert_near(norm, sqrt(g[0] * g[0] + g[1] * g[1] + g[2] * g[2]), 1e-5);
        double plain = sqrt(g[0] * g[0] + g[1] * g[1]), scale[2] = {fmin(1, 5 / plain), fmin(1, 5 / fabs(g[2]))};
        for (int i = 0; i < 3; i++) { /* Kingma and Ba, algorithm 1 */
            double clipped = g[i] * scale[i == 2];
            m[i] = 0.9 * m[i] + 0.1 * clipped;
            v[i] = 0.999 * v[i] + 0.001 * clipped * clipped;
            x[i] -= (i == 2 ? 0.1 : 0.01) * (m[i] / (1 - pow(0.9, step))) / (sqrt(v[i] / (1 - pow(0.999, step))) + 1e-8);
        }
        assert_near(a->data[0], x[0], 1e-5);
        assert_near(a->data[1], x[1], 1e-5);
        assert_near(b->data[0], x[2], 1e-5);
    }
    sh_real before = a->data[0];
    a->grad[1] = (sh_real)NAN;
    assert_fails(sh_adam_step(adam, 0.01, 5, &norm), SH_ENUM, "not finite");
    assert_true(a->data[0] == before);
    assert_int_equal(sh_adam_steps(adam), 5);
    sh_adam_destroy(&adam);
    sh_params_destroy(&params);
}

int main(int argc, char **argv)
{
    if (!device_open(argc, argv)) return 77;
    if (sh_groups_create(&groups) != SH_OK) return 1;
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_encoders), cmocka_unit_test(test_quotients),
                                       cmocka_unit_test(test_policy), cmocka_unit_test(test_adam)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sh_groups_destroy(&groups);
    sh_cuda_close();
    return failed;
}
