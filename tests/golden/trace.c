/* Intermediate values of the potential against the reference program's, fused on the CPU and by kernels (potentials.h): names the
 * first layer that differs. The basis functions need no weights and are always tested. */
#include "test.h"

#include "basis.h"
#include "cells.h"
#include "backend/workspace.h"
#include "crystal/graph.h"
#include "io/models.h"
#include "io/weights_h5.h"
#include "potential/m3gnet_batch.h"
#include "potentials.h"

#define TRACE_FILE SH_SOURCE_DIR "/tests/data/efs_trace.txt"
#ifdef SH_F64
static const double LIMIT = 1e-9;
#else
static const double LIMIT = 5e-5; /* sums over some 200 edges */
#endif

static sh_m3gnet *model;

static FILE *open_trace(void)
{
    FILE *f = fopen(TRACE_FILE, "r");
    assert_non_null(f);
    return f;
}

static void test_bases(void **state)
{
    (void)state;
    FILE *f = open_trace();
    char line[1024];
    int n = 0;
    while (fgets(line, sizeof line, f)) {
        if (strncmp(line, "basis ", 6)) continue;
        char *at = line + 6;
        double r = strtod(at, &at), bessel[9], smooth[3];
        sh_basis_bessel(r, 5, bessel);
        sh_basis_smooth(r, 5, smooth);
        for (int i = 0; i < 9; i++)
            assert_near(bessel[i], strtod(at, &at), 1e-14);
        for (int i = 0; i < 3; i++)
            assert_near(smooth[i], strtod(at, &at), 1e-13);
        assert_near(sh_basis_fade(r, 4), strtod(at, &at), 1e-15);
        n++;
    }
    fclose(f);
    assert_int_equal(n, 6);
}

/* The series below x = 1.5 and the closed forms meet. */
static void test_bessel_is_smooth(void **state)
{
    (void)state;
    static const double root[3] = {3.141592653589793, 4.493409457909064, 5.763459196894550};
    for (int l = 0; l < 3; l++) {
        double r = 1.5 * 5 / root[l], below[9], above[9];
        sh_basis_bessel(r * (1 - 1e-14), 5, below);
        sh_basis_bessel(r * (1 + 1e-14), 5, above);
        assert_near(below[3 * l], above[3 * l], 1e-13);
    }
    double smooth[3];
    sh_basis_smooth(5, 5, smooth);
    for (int k = 0; k < 3; k++)
        assert_near(smooth[k], 0, 1e-14);
}

typedef struct {
    char name[16];
    int block;
    int64_t n, width;
    double *value;
} layer;

typedef struct {
    layer layers[64];
    int n;
    double *count;
    int64_t n_edge;
} record;

static void keep(void *context, const char *what, int block, const sh_real *rows, int64_t n, int64_t width)
{
    record *r = context;
    if (!strcmp(what, "count")) {
        r->count = SH_NEW(double, n);
        r->n_edge = n;
        for (int64_t i = 0; i < n; i++)
            r->count[i] = (double)rows[i];
        return;
    }
    layer *l = &r->layers[r->n++];
    bool sum = what[0] == 'e' || what[0] == 's';
    snprintf(l->name, sizeof l->name, "%s", what);
    l->block = block;
    l->n = sum ? 1 : n;
    l->width = width;
    l->value = SH_NEW(double, l->n * width);
    for (int64_t i = 0; i < n; i++)
        for (int64_t c = 0; c < width; c++)
            l->value[(sum ? 0 : i) * width + c] += (double)rows[i * width + c];
}

static void compare(const record *r, char *line)
{
    char name[16];
    int block, used;
    long long n, width;
    assert_int_equal(sscanf(line, "rows %15s %d %lld %lld%n", name, &block, &n, &width, &used), 4);
    const layer *l = NULL;
    for (int i = 0; i < r->n; i++)
        if (!strcmp(r->layers[i].name, name) && r->layers[i].block == block) l = &r->layers[i];
    if (!l || l->n != n || l->width != width) fail_msg("no '%s' of block %d with this shape", name, block);
    char *at = line + used;
    double worst = 0;
    for (int64_t i = 0; i < n * width; i++) {
        double want = strtod(at, &at);
        worst = fmax(worst, fabs(l->value[i] - want) / fmax(1, fabs(want)));
    }
    if (!(worst <= LIMIT)) fail_msg("'%s' of block %d differs by %g", name, block, worst);
}

static double by_kernels(sh_arena *arena, const sh_crystals *c, const sh_graph *g, record *r)
{
    sh_workspace ws;
    sh_crystals crystals;
    sh_graph graph;
    sh_workspace_begin(&ws, be, arena);
    sh_crystals_put(&ws, c, &crystals);
    sh_graph_put(&ws, g, &crystals, &graph);
    double *energy = SH_ROOM(&ws, double, 1);
    sh_m3gnet_batch(model, &ws, &graph, crystals.site_z, NULL, 0, energy, keep, r);
    return *(const double *)SH_BRING(&ws, energy, 1);
}

static void test_layers(void **state)
{
    (void)state;
    int32_t z[5] = {3, 8, 14, 14, 14};
    double frac[15] = {0.01, 0.02, 0, 0.5, 0.5, 0.515, 0.5, 0.51, 0, 0.48, 0, 0.51, 0, 0.5, 0.5};
    test_cell cell = {.lattice = {3.7, 0, 0, 0, 3.7, 0, 0, 0, 3.7}, .n = 5, .z = z, .frac = frac};
    sh_arena *arena = sh_arena_create(1 << 16);
    sh_workspace ws = sh_workspace_host(arena);
    sh_crystals c;
    sh_graph g;
    cells_p1(&cell, 1, arena, &c);
    sh_graph_build(&ws, &c, &(sh_graph_opts){.cutoff = sh_m3gnet_cutoff(model)}, &g);
    int64_t one = 0;
    double energy;
    record *r = SH_NEW(record, 1);
    if (be->room)
        energy = by_kernels(arena, &c, &g, r);
    else
        sh_m3gnet_energies(model, &g, c.site_z, &one, 1, sh_arena_push(arena, sh_m3gnet_scratch(model, &g, &one, 1)), &energy,
                           keep, r);
    for (int64_t e = 0; e < r->n_edge; e++)
        assert_true(r->count[e] == 1); /* the sums above are over edges, not classes */
    FILE *f = open_trace();
    static char line[1 << 14];
    int n = 0;
    while (fgets(line, sizeof line, f)) {
        if (!strncmp(line, "rows ", 5)) {
            compare(r, line);
            n++;
        } else if (!strncmp(line, "energy ", 7)) {
            assert_near(energy, strtod(line + 7, NULL), 5 * fmin(LIMIT, 1e-5));
            n++;
        }
    }
    fclose(f);
    assert_int_equal(n, 15);
    for (int i = 0; i < r->n; i++)
        sh_free(r->layers[i].value);
    sh_free(r->count);
    sh_free(r);
    sh_arena_destroy(&arena);
}

static int run(void)
{
    const struct CMUnitTest layers[] = {cmocka_unit_test(test_layers)};
    sh_m3gnet_use(model, be);
    int failed = cmocka_run_group_tests(layers, NULL, NULL);
    sh_m3gnet_use(model, sh_backend_cpu());
    return failed;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest bases[] = {cmocka_unit_test(test_bases), cmocka_unit_test(test_bessel_is_smooth)};
    int failed = cmocka_run_group_tests(bases, NULL, NULL);
    char path[4096];
    sh_weights *weights;
    if (failed) return failed;
    if (sh_model_path("m3gnet-efs", path, sizeof path) != SH_OK) {
        printf("skipped: %s\n", sh_error_message());
        return SH_TEST_SKIPPED;
    }
    if (sh_weights_read(path, &weights) != SH_OK || sh_m3gnet_create(weights, &model) != SH_OK) {
        fprintf(stderr, "%s\n", sh_error_message());
        return 1;
    }
    failed = potentials_run(argc, argv, run);
    sh_m3gnet_destroy(&model);
    sh_weights_destroy(&weights);
    return failed;
}
