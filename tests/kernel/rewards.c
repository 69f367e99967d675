/* The reward of crystals of all kinds - drawn in every group, from files, and spoilt in each way that has a reason - on the CPU
 * with 1 and 3 threads and on the recording back-end: the same bits, and no more launches, copies and waits than written here. With
 * the argument `cuda`, on a device: the same reasons, counts and validity, and the other numbers to TOLERANCE. Without energies,
 * which need weights: golden/reward.c has those. */
#include "cells.h"
#include "device.h"

#include <omp.h>

#include "backend/recorder.h"
#include "base/rng.h"
#include "composition.h"
#include "crystal/reduce.h"
#include "gflownet/state.h"
#include "reward_options.h"
#include "rewards.h"

static const double TOLERANCE = 1e-11; /* relative: exp and fused products differ in the last bits, in sums of hundreds */
enum { DRAWN = 5 * SH_N_GROUP, MAX_SITES = 5 };

static sh_arena *arena; /* of a case */
static sh_tables *tables;
static sh_groups *groups;

static double u01(int64_t what, uint32_t draw)
{
    sh_rng rng = {.seed = 7, .traj = (uint64_t)what};
    return sh_rng_u01(&rng, draw);
}

/* Five of each group: one to five sites anywhere, any elements. */
static void draw(sh_crystals *out)
{
    static sh_constraints constraints = {
        .n_element = SH_MAX_Z, .max_sites = MAX_SITES, .cell = {.length = {2.5, 9}, .angle = {75, 120}}};
    sh_space space = sh_space_of(groups, &constraints, SH_SITES_GENERAL, 0.3);
    sh_workspace ws;
    sh_records records;
    for (int i = 0; i < SH_MAX_Z; i++)
        constraints.element[i] = i + 1;
    sh_records_create(&records, MAX_SITES, DRAWN);
    sh_records_resize(&records, DRAWN);
    for (int64_t i = 0; i < DRAWN; i++) {
        sh_record *r = sh_record_at(&records, i);
        r->n_step = 1 + (int32_t)(MAX_SITES * u01(i, 0));
        for (int32_t k = 0; k < r->n_step; k++) {
            sh_step *s = &r->step[k];
            s->sg_number = 1 + (int32_t)(i % SH_N_GROUP);
            s->elem_index = (int32_t)(92 * u01(i, (uint32_t)(1 + 10 * k)));
            s->wyckoff = -1;
            for (uint32_t d = 0; d < 6; d++)
                s->y[d] = 6 * u01(i, 100 + d) - 3;
            for (uint32_t d = 0; d < 3; d++)
                s->frac[d] = u01(i, (uint32_t)(2 + 10 * k) + d);
        }
    }
    sh_workspace_begin(&ws, sh_backend_cpu(), arena);
    const sh_record_list list = sh_records_list(&records);
    sh_finished_crystals(&space, &ws, &list, NULL, DRAWN, out);
    sh_records_destroy(&records);
}

/* Cells of a file with all their atoms as sites, or as sites of symmetry. */
static void read(const char *name, bool reduced, sh_crystals *out)
{
    char path[512];
    int n;
    snprintf(path, sizeof path, "%s/%s", SH_SOURCE_DIR, name);
    test_cell *cells = read_cells(path, &n);
    sh_cell *views = SH_NEW(sh_cell, n);
    for (int i = 0; i < n; i++)
        views[i] = (sh_cell){.lattice = cells[i].lattice, .n_atom = cells[i].n, .z = cells[i].z, .frac = cells[i].frac};
    sh_crystals_reduce(views, n, 1e-3, !reduced, arena, out);
    sh_free(views);
    free_cells(cells, n);
}

/* A random cell of hundreds of atoms, each a site: the bit sets of its charges are long. */
static void make_large(sh_crystals *out)
{
    enum { EDGE = 9, N = EDGE * EDGE * EDGE };
    test_cell cell = {.lattice = {20, 0, 0, 0, 20, 0, 0, 0, 20}, .n = N, .z = SH_NEW(int32_t, N), .frac = SH_NEW(double, 3 * N)};
    static const int32_t element[] = {8, 8, 8, 22, 38, 57};
    for (int k = 0; k < N; k++) {
        cell.z[k] = element[(int)(6 * u01(k, 0))];
        for (int d = 0; d < 3; d++)
            cell.frac[3 * k + d] = (double)(d == 0 ? k % EDGE : d == 1 ? k / EDGE % EDGE : k / (EDGE * EDGE)) / EDGE;
    }
    cells_p1(&cell, 1, arena, out);
    sh_free(cell.z);
    sh_free(cell.frac);
}

/* Every third crystal, in one of six ways. */
static void spoil(sh_crystals *c)
{
    for (int64_t i = 0; i < c->n_crystal; i += 3) {
        int64_t first = c->site_start[i], last = c->site_start[i + 1];
        int64_t site = first + (int64_t)((double)(last - first) * u01(i, 200));
        double *l = c->lattice + 9 * i, *x = c->atom_frac + 3 * c->atom_start[first];
        switch (i / 3 % 6) {
        case 0: l[3 * (i % 3) + i % 2] = NAN; break;
        case 1: l[6] = l[7] = l[8] = 0; break;
        case 2: x[i % 3] = INFINITY; break;
        case 3: c->site_z[site] = i % 2 ? 0 : SH_MAX_Z + 1; break;
        case 4: c->site_z[site] = 110; break; /* no mass */
        case 5: /* two atoms in one place, or nearly so */
            if (c->atom_start[last] - c->atom_start[first] < 2) break;
            for (int d = 0; d < 3; d++)
                x[3 + d] = i % 2 ? x[d] : x[d] + 0.01;
            break;
        }
    }
}

static void assert_same(const sh_reward_result *got, const sh_reward_result *want, int64_t n)
{
    for (int64_t i = 0; i < n; i++) {
        const double *a = &got[i].reward, *b = &want[i].reward; /* all doubles come first */
        for (size_t k = 0; k < offsetof(sh_reward_result, n_atom) / sizeof *a; k++) {
            if (isnan(b[k]))
                assert_true(isnan(a[k]));
            else
                assert_near(a[k], b[k], TOLERANCE * fmax(1, fabs(b[k])));
        }
        assert_memory_equal(&got[i].n_atom, &want[i].n_atom, sizeof *got - offsetof(sh_reward_result, n_atom));
    }
}

/* Results and formulas in records, by the kernels of be and by hand. */
static void check_records(const sh_backend *back_end, const sh_crystals *crystals, const sh_reward_result *results)
{
    sh_workspace ws;
    sh_crystals there;
    sh_records records;
    int64_t n = crystals->n_crystal;
    sh_records_create(&records, MAX_SITES, 1);
    sh_workspace_begin(&ws, back_end, arena);
    sh_crystals_put(&ws, crystals, &there);
    const sh_record_list list = sh_records_begin(&ws, &records, n);
    const sh_reward_record_args args = {.crystals = there,
                                        .kind_z = SH_ROOM(&ws, int32_t, there.n_site),
                                        .kind_count = SH_ROOM(&ws, int64_t, there.n_site),
                                        .results = SH_PUT(&ws, results, n),
                                        .records = list};
    back_end->reward_record(&args, n);
    sh_records_fetch(&ws, &list, &records);
    back_end->wait();
    for (int64_t i = 0; i < n; i++) {
        int64_t n_site = crystals->site_start[i + 1] - crystals->site_start[i];
        sh_composition composition = {.z = SH_PUSH(arena, int32_t, n_site), .count = SH_PUSH(arena, int64_t, n_site)};
        uint64_t key = 0;
        if (sh_composition_of(crystals, i, &composition)) {
            sh_composition_reduce(&composition);
            key = sh_composition_key(&composition);
        }
        assert_true(sh_record_at(&records, i)->formula == key);
        assert_memory_equal(&sh_record_at(&records, i)->result, &results[i], sizeof *results);
    }
    sh_records_destroy(&records);
}

static void check_recorder(sh_reward *reward, const sh_crystals *crystals, bool outside_guard, const sh_reward_result *want)
{
    const sh_backend *recorder = sh_recorder_open();
    int64_t n = crystals->n_crystal;
    sh_reward_result *x = SH_PUSH(arena, sh_reward_result, n);
    evaluate_on(recorder, reward, crystals, outside_guard, arena, x);
    assert_memory_equal(x, want, (size_t)n * sizeof *x);
    check_records(recorder, crystals, want);
    sh_reward_use(reward, sh_backend_cpu());
    sh_recorder_close();
}

/* How many crystals had each reason is added to count. */
static void check(const char *name, sh_crystals *crystals, int64_t count[SH_N_REASON])
{
    sh_reward *reward;
    sh_reward_options o = reward_options();
    int64_t n = crystals->n_crystal;
    o.weight[SH_TERM_ENERGY] = 0;
    o.max_atoms = 120;
    o.guard_atoms = 60;
    o.guard_density[1] = 9;
    assert_ok(sh_reward_create(&o, tables, NULL, &reward));
    sh_reward_result *want = SH_PUSH(arena, sh_reward_result, n), *x = SH_PUSH(arena, sh_reward_result, n);
    for (int outside = 0; outside < 2; outside++) {
        omp_set_num_threads(1);
        evaluate_on(sh_backend_cpu(), reward, crystals, outside, arena, want);
        omp_set_num_threads(3);
        evaluate_on(sh_backend_cpu(), reward, crystals, outside, arena, x);
        assert_memory_equal(x, want, (size_t)n * sizeof *x);
        check_records(sh_backend_cpu(), crystals, want);
        if (be == sh_backend_cpu()) {
            check_recorder(reward, crystals, outside, want);
        } else {
            evaluate_on(be, reward, crystals, outside, arena, x);
            assert_same(x, want, n);
            check_records(be, crystals, want);
            sh_reward_use(reward, sh_backend_cpu());
        }
    }
    for (int64_t i = 0; i < n; i++)
        count[want[i].reason]++;
    print_message("%-32s %5lld crystals\n", name, (long long)n);
    sh_reward_destroy(&reward);
}

static void test_all_kinds(void **state)
{
    (void)state;
    static const char *const files[] = {"tests/data/efs_energies.txt", "tests/data/prototypes.txt", "benchmarks/crystals64.txt"};
    int64_t count[SH_N_REASON] = {0};
    sh_crystals c;
    for (int spoilt = 0; spoilt < 2; spoilt++) {
        sh_arena_reset(arena);
        draw(&c);
        if (spoilt) spoil(&c);
        check(spoilt ? "drawn, some spoilt" : "drawn", &c, count);
        for (size_t f = 0; f < 2 * sizeof files / sizeof *files; f++) {
            sh_arena_reset(arena);
            read(files[f / 2], f % 2, &c);
            if (spoilt) spoil(&c);
            check(files[f / 2], &c, count);
        }
    }
    sh_arena_reset(arena);
    make_large(&c);
    check("large", &c, count);
    for (int reason = 0; reason < SH_N_REASON; reason++) {
        print_message("%-14s %5lld\n", sh_reason_key((sh_reason)reason), (long long)count[reason]);
        if (reason != SH_REASON_NOT_FINITE && reason != SH_REASON_GUARD_ENERGY) assert_true(count[reason] > 5);
    }
}

/* No crystals, and crystals none of which goes on. */
static void test_nothing_to_do(void **state)
{
    (void)state;
    int64_t count[SH_N_REASON] = {0};
    sh_crystals c;
    sh_arena_reset(arena);
    draw(&c);
    for (int64_t i = 0; i < DRAWN; i++)
        c.lattice[9 * i] = NAN;
    check("no cells", &c, count);
    assert_int_equal(count[SH_REASON_CELL], DRAWN);
    c.n_crystal = c.n_site = c.n_atom = c.n_stab = 0;
    check("no crystals", &c, count);
}

/* Selection, graph, bonds, sum. One wait for the number of crystals that have a graph; selection waits once, graph twice. */
static void test_counts(void **state)
{
    (void)state;
    sh_reward *reward;
    sh_reward_options o = reward_options();
    sh_crystals c;
    if (be != sh_backend_cpu()) return;
    o.weight[SH_TERM_ENERGY] = 0;
    assert_ok(sh_reward_create(&o, tables, NULL, &reward));
    sh_arena_reset(arena);
    draw(&c);
    sh_recorder_counts counts = count_evaluation(sh_recorder_open(), reward, &c, arena);
    sh_reward_destroy(&reward);
    sh_recorder_close();
    assert_in_range(counts.launches, 4, 20);
    assert_int_equal(counts.copies_in, 0);
    assert_in_range(counts.waits, 1, 4);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_all_kinds), cmocka_unit_test(test_nothing_to_do),
                                       cmocka_unit_test(test_counts)};
    if (!device_open(argc, argv)) return SH_TEST_SKIPPED;
    arena = sh_arena_create(1 << 20);
    if (sh_tables_create(SH_SOURCE_DIR "/configs/tables", SH_SOURCE_DIR "/configs/tables/bonds_mp.csv", &tables) != SH_OK ||
        sh_groups_create(&groups) != SH_OK) {
        fprintf(stderr, "%s\n", sh_error_message());
        return 1;
    }
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    sh_groups_destroy(&groups);
    sh_tables_destroy(&tables);
    sh_arena_destroy(&arena);
    return failed;
}
