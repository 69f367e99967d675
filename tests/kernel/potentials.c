/* Pretrained models of every kind by kernels, with made-up weights: against the version fused for the CPU, on batches of 1, 2 and
 * many crystals, some without edges; what is not wanted; elements that a model does not know; launches and waits. On the
 * recording back-end, or with the argument `cuda` on a device. */
#include "made_models.h"
#include "potentials.h"

#include "potential/references.h"

/* Relative, of values an atom where a model sums atoms up. The weights are made so that nothing fades from layer to layer, and
 * neither does rounding. */
#ifdef SH_F64
static const double LIMIT = 1e-13;
#else
static const double LIMIT = 1e-5;
#endif

enum { SOME = 4 };

static const struct {
    int64_t launches, copies_in;
} most[N_MADE] = {[MADE_PES] = {78, 0},     [MADE_PES_NONE] = {66, 0}, [MADE_EFORM] = {103, 1}, [MADE_EFORM_OTHER] = {107, 1},
                  [MADE_MEGNET] = {118, 2}, [MADE_GAPS] = {117, 2},    [MADE_EFS] = {64, 0}};

static sh_arena *arena;
static sh_groups *groups;
static sh_references *references;
static const sh_backend *other;

typedef struct {
    int kind;
    sh_weights *weights;
    sh_potential *potential;
} subject;

static void create(int kind, subject *s)
{
    *s = (subject){.kind = kind, .weights = made_weights(kind)};
    assert_ok(sh_potential_create(s->weights, references, &s->potential));
}

static void destroy(subject *s)
{
    sh_potential_destroy(&s->potential);
    sh_weights_destroy(&s->weights);
}

/* Values of crystals within `cutoff` by back-end b, and without a list of those that are wanted their energies too. */
static void values(const sh_backend *b, const subject *s, const sh_crystals *c, double cutoff, const int64_t *wanted,
                   int64_t n_wanted, double *value, double *e_form)
{
    sh_workspace host = sh_workspace_host(arena);
    sh_graph g;
    be = b;
    sh_graph_build(&host, c, &(sh_graph_opts){.cutoff = cutoff}, &g);
    sh_potential_use(s->potential, b);
    potential_values(s->potential, arena, c, &g, wanted, n_wanted, value, e_form);
    sh_potential_use(s->potential, sh_backend_cpu());
}

static double scale_of(const subject *s, const sh_crystals *c, int64_t i, double value)
{
    double n = (double)(c->atom_start[c->site_start[i + 1]] - c->atom_start[c->site_start[i]]);
    return sh_potential_quantity(s->potential) == SH_TOTAL_ENERGY ? fmax(n, fabs(value)) : fmax(1, fabs(value));
}

/* NaN, or within the limit; returns how far apart in units of it. */
static double compare(const subject *s, const sh_crystals *c, int64_t i, double got, double want)
{
    if (isnan(want) && isnan(got)) return 0;
    double apart = fabs(got - want) / scale_of(s, c, i, want);
    if (!(apart <= LIMIT)) print_error("%s, crystal %lld of %lld: ", made_name[s->kind], (long long)i, (long long)c->n_crystal);
    assert_near(got, want, LIMIT * scale_of(s, c, i, want));
    return apart;
}

/* Equal bits in any batch, where the dense products promise that: BLAS does not, and has those of set2set and after it. */
static bool keeps_bits(const subject *s)
{
    return potentials_keep_bits() && sh_potential_quantity(s->potential) == SH_TOTAL_ENERGY;
}

static void same(const subject *s, const sh_crystals *c, int64_t i, double got, double want)
{
    if (keeps_bits(s))
        assert_memory_equal(&got, &want, sizeof got);
    else
        compare(s, c, i, got, want);
}

static double against_fused(const subject *s, const sh_crystals *c)
{
    int64_t n = c->n_crystal;
    double worst = 0, cutoff = sh_potential_cutoff(s->potential);
    double *here = SH_PUSH(arena, double, 2 * n), *there = SH_PUSH(arena, double, 2 * n);
    bool energies = sh_potential_quantity(s->potential) != SH_BAND_GAP;
    for (int wide = 0; wide < 2; wide++) {
        values(sh_backend_cpu(), s, c, cutoff + wide, NULL, 0, here, energies ? here + n : NULL);
        values(other, s, c, cutoff + wide, NULL, 0, there, energies ? there + n : NULL);
        for (int64_t i = 0; i < (energies ? 2 : 1) * n; i++)
            worst = fmax(worst, compare(s, c, i % n, there[i], here[i]));
    }
    return worst;
}

/* A lone atom, one atom in a small cell, a pair, a lone atom. */
static void few_crystals(int first, int n, sh_crystals *out)
{
    static int32_t z[5] = {11, 14, 8, 11, 8};
    static double frac[6] = {0, 0, 0, 0.4, 0.5, 0.6};
    const test_cell cells[SOME] = {{.lattice = {12, 0, 0, 0, 12, 0, 0, 0, 12}, .n = 1, .z = z, .frac = frac},
                                   {.lattice = {3, 0, 0, 0, 3, 0, 0, 0, 3}, .n = 1, .z = z + 1, .frac = frac},
                                   {.lattice = {4, 0, 0, 1, 5, 0, 0, 0, 4}, .n = 2, .z = z + 2, .frac = frac},
                                   {.lattice = {0, 9, 0, 0, 0, 9, 9, 0, 0}, .n = 1, .z = z + 4, .frac = frac}};
    cells_p1(cells + first, n, arena, out);
}

static void test_against_fused(void **state)
{
    (void)state;
    for (int kind = 0; kind < N_MADE; kind++) {
        subject s;
        sh_crystals c, full;
        double worst;
        create(kind, &s);
        sh_arena_reset(arena);
        made_crystals(groups, arena, &c, &full);
        worst = against_fused(&s, &c);
        for (int first = 0; first < SOME; first++)
            for (int n = 1; n <= SOME - first; n++) {
                few_crystals(first, n, &c);
                worst = fmax(worst, against_fused(&s, &c));
            }
        print_message("%-13s within %.2g\n", made_name[kind], worst);
        destroy(&s);
    }
}

/* What else is in the batch, and which of it is wanted. */
static void test_batch_does_not_matter(void **state)
{
    (void)state;
    for (int kind = 0; kind < N_MADE; kind++) {
        subject s;
        sh_crystals c, full, one;
        create(kind, &s);
        sh_arena_reset(arena);
        int n = made_crystals(groups, arena, &c, &full);
        double *together = SH_PUSH(arena, double, n), *some = SH_PUSH(arena, double, n), alone;
        double cutoff = sh_potential_cutoff(s.potential);
        int64_t *wanted = SH_PUSH(arena, int64_t, n), n_wanted = 0;
        values(other, &s, &c, cutoff, NULL, 0, together, NULL);
        for (int i = 0; i < n; i++)
            some[i] = -77;
        for (int i = n - 1; i >= 0; i -= 3)
            wanted[n_wanted++] = i;
        values(other, &s, &c, cutoff, wanted, n_wanted, some, NULL);
        for (int i = 0; i < n; i++)
            if ((n - 1 - i) % 3 == 0)
                same(&s, &c, i, some[i], together[i]);
            else
                assert_true(some[i] == -77);
        for (int64_t i = 0; i < n; i += 9) {
            sh_workspace host = sh_workspace_host(arena);
            sh_crystals_select(&host, &c, &i, 1, &one);
            values(other, &s, &one, cutoff, NULL, 0, &alone, NULL);
            same(&s, &c, i, alone, together[i]);
        }
        destroy(&s);
    }
}

/* NaN for a crystal with an element that has no row, whatever its number; the others' values as they were. */
static void test_unknown_elements(void **state)
{
    (void)state;
    static const int32_t unknown[] = {92, 0, -5, 119, INT32_MAX};
    for (int kind = 0; kind < N_MADE; kind++) {
        subject s;
        sh_crystals c, full;
        create(kind, &s);
        sh_arena_reset(arena);
        int n = made_crystals(groups, arena, &c, &full);
        double *before = SH_PUSH(arena, double, n), *after = SH_PUSH(arena, double, 2 * n);
        bool energies = sh_potential_quantity(s.potential) != SH_BAND_GAP;
        values(other, &s, &c, sh_potential_cutoff(s.potential), NULL, 0, before, NULL);
        for (int k = 0; k < 5; k++)
            c.site_z[c.site_start[7 * k] + 1] = unknown[k];
        values(other, &s, &c, sh_potential_cutoff(s.potential), NULL, 0, after, energies ? after + n : NULL);
        const double *value = sh_potential_quantity(s.potential) == SH_FORMATION_ENERGY ? after + n : after;
        for (int i = 0; i < n; i++)
            if (i % 7 == 0 && i / 7 < 5)
                assert_true(isnan(value[i]) && (!energies || isnan(after[n + i])));
            else
                same(&s, &c, i, value[i], before[i]);
        destroy(&s);
    }
}

/* Of one call, when the room has grown. */
static void test_launches(void **state)
{
    (void)state;
    for (int kind = 0; kind < N_MADE; kind++) {
        subject s;
        create(kind, &s);
        sh_potential_use(s.potential, other);
        for (int wide = 0; wide < 2; wide++)
            for (int round = 0; round < 2; round++) {
                sh_workspace ws, host = sh_workspace_host(arena);
                sh_crystals c, full, crystals;
                sh_graph g, graph;
                sh_arena_reset(arena);
                made_crystals(groups, arena, &c, &full);
                sh_graph_build(&host, &c, &(sh_graph_opts){.cutoff = sh_potential_cutoff(s.potential) + wide}, &g);
                sh_workspace_begin(&ws, other, arena);
                sh_crystals_put(&ws, &c, &crystals);
                sh_graph_put(&ws, &g, &crystals, &graph);
                double *value = SH_ROOM(&ws, double, c.n_crystal), *e_form = SH_ROOM(&ws, double, c.n_crystal);
                sh_recorder_clear();
                if (sh_potential_quantity(s.potential) == SH_BAND_GAP)
                    sh_potential_predict(s.potential, &ws, &crystals, &graph, NULL, 0, value);
                else
                    sh_potential_evaluate(s.potential, &ws, &crystals, &graph, NULL, 0, value, e_form);
                sh_recorder_counts counts = sh_recorder_read();
                if (round == 0) continue;
                print_message("%-13s %lld launches, %lld copies in, %lld clears, %lld waits\n", made_name[kind],
                              (long long)counts.launches, (long long)counts.copies_in, (long long)counts.clears,
                              (long long)counts.waits);
                assert_in_range(counts.launches, 1, most[kind].launches + 4 * wide);
                assert_in_range(counts.copies_in, 0, most[kind].copies_in);
                assert_int_equal(counts.waits, wide);
                assert_int_equal(counts.blocks, 0);
            }
        destroy(&s);
    }
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_against_fused), cmocka_unit_test(test_batch_does_not_matter),
                                       cmocka_unit_test(test_unknown_elements)},
                            on_recorder[] = {cmocka_unit_test(test_launches)};
    bool cuda = argc > 1 && !strcmp(argv[1], "cuda");
    if (cuda && !sh_cuda_look()->n_device) {
        print_message("skipped: %s\n", sh_cuda_look()->why);
        return SH_TEST_SKIPPED;
    }
    arena = sh_arena_create(1 << 20);
    if (sh_groups_create(&groups) != SH_OK ||
        sh_references_create(SH_SOURCE_DIR "/configs/tables/references_m3gnet_efs.csv", &references) != SH_OK)
        device_fatal(sh_error_message());
    if (!cuda)
        other = sh_recorder_open();
    else if (sh_cuda_open(&(sh_cuda_options){.fatal = device_fatal}, &other) != SH_OK)
        device_fatal(sh_error_message());
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    if (!cuda) failed += cmocka_run_group_tests(on_recorder, NULL, NULL);
    if (cuda)
        sh_cuda_close();
    else
        sh_recorder_close();
    sh_references_destroy(&references);
    sh_groups_destroy(&groups);
    sh_arena_destroy(&arena);
    return failed;
}
