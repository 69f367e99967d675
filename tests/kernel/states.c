/* Masks, steps of sampling and states of random records by kernels: on the CPU as the functions that the host has say, and on the
 * recorder to the CPU's bits (a look of the host at its memory would end this program). With the argument `cuda` on a device:
 * integers equal, floats near. */
#include "device.h"

#include "backend/recorder.h"
#include "backend/workspace.h"
#include "base/rng.h"
#include "gflownet/state.h"
#include "mask.h"
#include "step_cell.h"

enum { N = 300 };

static sh_groups *groups;
static sh_arena *arena;

static int setup(void **state)
{
    (void)state;
    arena = sh_arena_create(1 << 20);
    return sh_groups_create(&groups) != SH_OK;
}

static int teardown(void **state)
{
    (void)state;
    sh_arena_destroy(&arena);
    sh_groups_destroy(&groups);
    return sh_alloc_live() != 0;
}

static sh_constraints make_constraints(void)
{
    sh_constraints c = {.n_element = 70, /* more than a word of bits */
                        .max_elements = 3,
                        .min_sites = 2,
                        .max_sites = 5,
                        .max_atoms = 60,
                        .has_one_of = true,
                        .cell = {.length = {3, 12}, .angle = {80, 130}}};
    for (int32_t e = 0; e < c.n_element; e++) {
        c.element[e] = 1 + e;
        c.one_of[e] = e % 7 == 3;
    }
    for (int g = 0; g < SH_N_GROUP; g++)
        c.group_allowed[g] = g % 3 != 1;
    return c;
}

static double uniform(int64_t record, int32_t step, uint32_t draw)
{
    return sh_rng_u01(&(sh_rng){.seed = 11, .traj = (uint64_t)record, .step = (uint32_t)step}, draw);
}

/* One of the allowed. */
static int32_t pick(const uint8_t *allowed, int32_t n, double u)
{
    int32_t n_allowed = 0, last = -1;
    for (int32_t k = 0; k < n; k++)
        n_allowed += allowed[k];
    assert_true(n_allowed > 0);
    for (int32_t k = 0, seen = 0; k < n; k++) {
        if (!allowed[k]) continue;
        last = k;
        if (++seen > u * n_allowed) break;
    }
    return last;
}

/* Records that the masks allow, as long as chance and masks will have them. */
static void make_records(const sh_space *space, sh_records *out)
{
    const sh_rules rules = sh_space_rules(space);
    const sh_constraints *c = space->constraints;
    bool wyckoff = space->sites == SH_SITES_WYCKOFF;
    uint8_t group[SH_N_GROUP], element[SH_MAX_ELEMENTS], position[SH_MAX_WYCKOFF];
    sh_records_create(out, c->max_sites, N);
    sh_records_resize(out, N);
    assert_true(sh_mask_groups(&rules, group) > 0);
    for (int64_t i = 0; i < N; i++) {
        sh_record *r = sh_record_at(out, i);
        r->traj = (uint64_t)(7 + i);
        for (int32_t t = 0; t < c->max_sites; t++) {
            sh_step *step = &r->step[t];
            sh_partial state = sh_partial_of(&rules, r, t);
            if (sh_mask_stop(&rules, &state) && (uniform(i, t, 0) < 0.3 || sh_mask_elements(&rules, &state, NULL) == 0)) break;
            bool anew = t == 0 || !wyckoff;
            step->sg_number = anew ? 1 + pick(group, SH_N_GROUP, uniform(i, t, 1)) : r->step[t - 1].sg_number;
            state.sg_number = step->sg_number;
            sh_mask_elements(&rules, &state, element);
            step->elem_index = pick(element, c->n_element, uniform(i, t, 2));
            step->wyckoff = -1;
            if (wyckoff) {
                sh_mask_positions(&rules, &state, step->elem_index, position);
                step->wyckoff = pick(position, SH_MAX_WYCKOFF, uniform(i, t, 3));
            }
            for (int d = 0; d < 6; d++)
                step->y[d] = sh_step_is_free(step, d) ? 4 * uniform(i, t, (uint32_t)(4 + d)) - 2 : 0;
            for (int j = 0; j < 3; j++)
                step->frac[j] = uniform(i, t, (uint32_t)(10 + j));
            r->n_step = t + 1;
        }
    }
}

/* ---- steps of sampling ---- */

typedef struct {
    sh_workspace *ws;
    const sh_records *records; /* the whole ones */
    sh_rules here, there;
    sh_sample_rows rows;
    int64_t n;
    int64_t record[N]; /* the host's rows.record */
} player;

static const sh_step *step_of(const player *p, int64_t row)
{
    return &sh_record_at(p->records, p->record[row])->step[p->rows.t];
}

static sh_partial partial_of(const player *p, int64_t row, bool with_group)
{
    sh_partial state = sh_partial_of(&p->here, sh_record_at(p->records, p->record[row]), p->rows.t);
    if (with_group) state.sg_number = step_of(p, row)->sg_number;
    return state;
}

/* What is chosen in this step, for kernels: which 0 group, 1 element, 2 position. */
static const int32_t *choices(const player *p, int which)
{
    int32_t *choice = SH_PUSH(p->ws->arena, int32_t, p->n);
    for (int64_t i = 0; i < p->n; i++) {
        const sh_step *step = step_of(p, i);
        choice[i] = which == 0 ? step->sg_number - 1 : which == 1 ? step->elem_index : step->wyckoff;
    }
    return SH_PUT(p->ws, choice, p->n);
}

/* Rows of the records that have a step t: the others go, and the order of those that stay is turned round. */
static void next_rows(player *p)
{
    int64_t n = 0, list[N], before[N];
    int64_t *record = SH_ROOM(p->ws, int64_t, N), *n_site = SH_ROOM(p->ws, int64_t, N);
    int32_t *row = SH_ROOM(p->ws, int32_t, N), *group_index = SH_ROOM(p->ws, int32_t, N);
    memcpy(before, p->record, sizeof before);
    for (int64_t i = p->n - 1; i >= 0; i--)
        if (sh_record_at(p->records, before[i])->n_step > p->rows.t) list[n++] = i;
    const sh_sample_order_args args = {.rows = p->rows,
                                       .list = SH_PUT(p->ws, list, n),
                                       .n_go = SH_PUT(p->ws, &n, 1),
                                       .record = record,
                                       .row = row,
                                       .n_site = n_site,
                                       .group_index = group_index};
    p->ws->be->sample_order(&args, n);
    const int64_t *record_here = SH_BRING(p->ws, record, n), *n_site_here = SH_BRING(p->ws, n_site, n);
    const int32_t *row_here = SH_BRING(p->ws, row, n), *group_here = SH_BRING(p->ws, group_index, n);
    for (int64_t i = 0; i < n; i++) {
        assert_int_equal(record_here[i], before[list[i]]);
        assert_int_equal(row_here[i], 1 + list[i]);
        assert_int_equal(n_site_here[i], p->rows.t + 1);
        assert_int_equal(group_here[i], sh_record_at(p->records, before[list[i]])->step[p->rows.t - 1].sg_number - 1);
        p->record[i] = record_here[i];
    }
    p->rows.record = record;
    p->n = n;
}

static void check_stop(const player *p)
{
    const sh_mask_stop_args args = {.rows = p->rows, .rules = p->there, .mask = SH_ROOM(p->ws, uint8_t, 2 * p->n)};
    p->ws->be->mask_stop(&args, p->n);
    const uint8_t *mask = SH_BRING(p->ws, args.mask, 2 * p->n);
    for (int64_t i = 0; i < p->n; i++) {
        sh_partial state = partial_of(p, i, false);
        assert_int_equal(mask[2 * i], sh_mask_elements(&p->here, &state, NULL) > 0);
        assert_int_equal(mask[2 * i + 1], sh_mask_stop(&p->here, &state));
    }
}

static void play_step(const player *p, bool group_anew)
{
    const sh_backend *on = p->ws->be;
    int64_t n = p->n, n_element = p->here.constraints->n_element;
    const sh_sample_group_args of_group = {.rows = p->rows,
                                           .rules = p->there,
                                           .choice = group_anew ? choices(p, 0) : NULL,
                                           .group_index = SH_ROOM(p->ws, int32_t, n),
                                           .mask = SH_ROOM(p->ws, uint8_t, n * n_element)};
    on->sample_group(&of_group, n);
    uint8_t *dim = SH_ROOM(p->ws, uint8_t, n);
    const sh_sample_element_args of_element = {.rows = p->rows,
                                               .rules = p->there,
                                               .choice = choices(p, 1),
                                               .z = SH_ROOM(p->ws, int32_t, n),
                                               .mask = SH_ROOM_ZERO(p->ws, uint8_t, n * SH_MAX_WYCKOFF),
                                               .dim = dim};
    on->sample_element(&of_element, n);
    const sh_sample_wyckoff_args of_wyckoff = {
        .rows = p->rows, .rules = p->there, .choice = choices(p, 2), .position = SH_ROOM(p->ws, int32_t, n), .dim = dim};
    bool wyckoff = p->here.sites == SH_SITES_WYCKOFF;
    if (wyckoff) on->sample_wyckoff(&of_wyckoff, n);
    const int32_t *group_index = SH_BRING(p->ws, of_group.group_index, n), *z = SH_BRING(p->ws, of_element.z, n);
    const int32_t *position = wyckoff ? SH_BRING(p->ws, of_wyckoff.position, n) : NULL;
    const uint8_t *element_mask = SH_BRING(p->ws, of_group.mask, n * n_element), *dim_here = SH_BRING(p->ws, dim, n);
    const uint8_t *position_mask = SH_BRING(p->ws, of_element.mask, n * SH_MAX_WYCKOFF);
    for (int64_t i = 0; i < n; i++) {
        uint8_t element[SH_MAX_ELEMENTS], allowed[SH_MAX_WYCKOFF];
        const sh_step *step = step_of(p, i);
        sh_partial state = partial_of(p, i, true);
        assert_int_equal(group_index[i], step->sg_number - 1);
        assert_int_equal(z[i], p->here.constraints->element[step->elem_index]);
        sh_mask_elements(&p->here, &state, element);
        assert_memory_equal(element_mask + i * n_element, element, (size_t)n_element);
        if (!wyckoff) {
            assert_int_equal(dim_here[i], 3);
            continue;
        }
        int32_t first = p->here.wyckoff_start[step->sg_number - 1];
        sh_mask_positions(&p->here, &state, step->elem_index, allowed);
        assert_memory_equal(position_mask + i * SH_MAX_WYCKOFF, allowed, SH_MAX_WYCKOFF);
        assert_int_equal(position[i], first + step->wyckoff);
        assert_int_equal(dim_here[i], p->here.wyckoff[first + step->wyckoff].dim);
    }
}

/* The choices of all records step by step, from records that have none: the records come out. */
static void check_sampling(const sh_space *space, const sh_backend *on, const sh_records *records)
{
    sh_workspace ws;
    sh_records played;
    sh_space used = *space;
    sh_arena_reset(arena);
    sh_workspace_begin(&ws, on, arena);
    sh_space_use(&used, on);
    sh_records_create(&played, records->max_sites, 1);
    sh_record_list list = sh_records_begin(&ws, &played, N);
    int64_t *record = SH_ROOM(&ws, int64_t, N), *n_site = SH_ROOM(&ws, int64_t, N);
    const sh_sample_begin_args begin = {
        .records = list, .first_traj = 7, .record = record, .row = SH_ROOM(&ws, int32_t, N), .n_site = n_site};
    on->sample_begin(&begin, N);
    player p = {.ws = &ws,
                .records = records,
                .here = sh_space_rules(&used),
                .there = sh_space_rules_there(&used),
                .rows = {.records = list, .record = record},
                .n = N};
    for (int64_t i = 0; i < N; i++)
        p.record[i] = i;
    int64_t longest = 0;
    for (; p.rows.t < records->max_sites; p.rows.t++) {
        check_stop(&p);
        if (p.rows.t > 0) next_rows(&p);
        play_step(&p, p.rows.t == 0 || space->sites == SH_SITES_GENERAL);
        longest = p.n;
    }
    assert_true(longest > 5);
    sh_records_fetch(&ws, &list, &played);
    on->wait();
    for (int64_t i = 0; i < N; i++) {
        const sh_record *want = sh_record_at(records, i);
        sh_record *got = sh_record_at(&played, i);
        for (int32_t t = 0; t < want->n_step; t++) { /* what kernels of draws write */
            memcpy(got->step[t].y, want->step[t].y, sizeof want->step[t].y);
            memcpy(got->step[t].frac, want->step[t].frac, sizeof want->step[t].frac);
        }
        assert_memory_equal(got, want, records->stride);
    }
    sh_space_use(&used, sh_backend_cpu());
    sh_records_destroy(&played);
}

/* ---- states ---- */

typedef struct {
    int64_t n, n_site, n_finished;
    const double *lattice; /* (n_finished,9) */
    const int32_t *sg_number, *group_index, *site_position;
    const sh_real *lattice_features, *site_features;
} look;

/* All states of the records, and their crystals, the last record first; brought to the arena. */
static look look_at(const sh_space *space, const sh_backend *on, const sh_records *records)
{
    sh_workspace ws;
    sh_space used = *space;
    int64_t n = 0, n_site = 0, index[N];
    for (int64_t i = 0; i < N; i++) {
        n += sh_record_at(records, i)->n_step;
        index[i] = N - 1 - i;
    }
    int64_t *record = SH_PUSH(arena, int64_t, n), *t = SH_PUSH(arena, int64_t, n), at = 0;
    for (int64_t i = 0; i < N; i++)
        for (int32_t k = 1; k <= sh_record_at(records, i)->n_step; k++, at++) {
            record[at] = i;
            n_site += t[at] = k;
        }
    sh_workspace_begin(&ws, on, arena);
    sh_space_use(&used, on);
    const sh_policy_options options = {
        .neighbours = 12, .lattice = space->sites == SH_SITES_WYCKOFF ? SH_LATTICE_LAST : SH_LATTICE_EACH_STEP};
    const int64_t n_first = N / 3; /* in two blocks */
    sh_record_list list = sh_records_list(records);
    list.first = (char *)(uintptr_t)SH_PUT(&ws, list.first, n_first * list.stride);
    list.second = (char *)(uintptr_t)SH_PUT(&ws, records->data + n_first * list.stride, (N - n_first) * list.stride);
    list.n_first = n_first;
    const sh_state_list wanted = {
        .rows = {.records = list, .record = SH_PUT(&ws, record, n), .t = SH_PUT(&ws, t, n)}, .n = n, .n_site = n_site};
    sh_states states;
    sh_crystals finished;
    sh_states_build(&used, &options, &ws, &wanted, &states);
    sh_finished_crystals(&used, &ws, &list, SH_PUT(&ws, index, N), N, &finished);
    assert_int_equal(states.n, n);
    assert_int_equal(states.crystals.n_site, n_site);
    const look out = {.n = n,
                      .n_site = n_site,
                      .lattice = SH_BRING(&ws, finished.lattice, 9 * N),
                      .sg_number = SH_BRING(&ws, finished.sg_number, N),
                      .group_index = SH_BRING(&ws, states.group_index, n),
                      .site_position = SH_BRING(&ws, states.site_position, n_site),
                      .lattice_features = SH_BRING(&ws, states.lattice, n * SH_LATTICE_FEATURES),
                      .site_features = SH_BRING(&ws, states.site_features, n_site * SH_SITE_FEATURES)};
    sh_space_use(&used, sh_backend_cpu());
    return out;
}

static void check_states(const sh_space *space, const sh_backend *other, const sh_records *records)
{
    sh_arena_reset(arena);
    look here = look_at(space, sh_backend_cpu(), records), there = look_at(space, other, records);
    const double limit = be ? 1e-6 : 0; /* of numbers of order 1; bits on the recorder */
    assert_memory_equal(there.sg_number, here.sg_number, N * sizeof *here.sg_number);
    assert_memory_equal(there.group_index, here.group_index, (size_t)here.n * sizeof *here.group_index);
    assert_memory_equal(there.site_position, here.site_position, (size_t)here.n_site * sizeof *here.site_position);
    for (int64_t i = 0; i < 9 * N; i++)
        assert_near(there.lattice[i], here.lattice[i], limit * 10);
    for (int64_t i = 0; i < here.n * SH_LATTICE_FEATURES; i++)
        assert_near(there.lattice_features[i], here.lattice_features[i], limit);
    for (int64_t i = 0; i < here.n_site * SH_SITE_FEATURES; i++)
        assert_near(there.site_features[i], here.site_features[i], limit);
    /* what they should be */
    const sh_wyckoffs *w = groups->wyckoffs;
    int64_t state = 0, site = 0;
    for (int64_t i = 0; i < N; i++) {
        const sh_record *r = sh_record_at(records, i);
        double lattice[9];
        sh_step_lattice(&space->constraints->cell, &r->step[r->n_step - 1], lattice);
        assert_memory_equal(here.lattice + 9 * (N - 1 - i), lattice, sizeof lattice);
        assert_int_equal(here.sg_number[N - 1 - i], r->step[r->n_step - 1].sg_number);
        for (int32_t t = 1; t <= r->n_step; t++, state++) {
            assert_int_equal(here.group_index[state], r->step[t - 1].sg_number - 1);
            if (space->sites == SH_SITES_WYCKOFF) /* 15 Å^3 an atom */
                assert_near(here.lattice_features[state * SH_LATTICE_FEATURES + 9], 0, 1e-6);
            for (int32_t k = 0; k < t; k++, site++) {
                const sh_step *step = &r->step[k];
                double x[3];
                if (space->sites == SH_SITES_WYCKOFF) {
                    int32_t position = w->start[step->sg_number - 1] + step->wyckoff;
                    assert_int_equal(here.site_position[site], position);
                    sh_wyckoff_point(&w->position[position], step->frac, x);
                } else {
                    assert_int_equal(here.site_position[site], 0);
                    memcpy(x, step->frac, sizeof x);
                }
                for (int j = 0; j < 3; j++) {
                    assert_near(here.site_features[site * SH_SITE_FEATURES + 2 * j], sin(2 * SH_PI * x[j]), 1e-6);
                    assert_near(here.site_features[site * SH_SITE_FEATURES + 12 + 2 * j + 1], cos(6 * SH_PI * x[j]), 1e-6);
                }
            }
        }
    }
}

static void check(sh_sites_mode sites)
{
    const sh_constraints constraints = make_constraints();
    const sh_space space = sh_space_of(groups, &constraints, sites, 0.3);
    sh_records records;
    make_records(&space, &records);
    const sh_backend *other = be ? be : sh_recorder_open();
    check_sampling(&space, sh_backend_cpu(), &records);
    check_sampling(&space, other, &records);
    check_states(&space, other, &records);
    if (!be) sh_recorder_close();
    sh_records_destroy(&records);
}

static void test_general_sites(void **state)
{
    (void)state;
    check(SH_SITES_GENERAL);
}

static void test_wyckoff_positions(void **state)
{
    (void)state;
    check(SH_SITES_WYCKOFF);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_general_sites), cmocka_unit_test(test_wyckoff_positions)};
    if (argc < 2 || strcmp(argv[1], "cuda")) return cmocka_run_group_tests(tests, setup, teardown); /* be stays NULL: the recorder */
    if (!sh_cuda_look()->n_device) {
        print_message("skipped: %s\n", sh_cuda_look()->why);
        return SH_TEST_SKIPPED;
    }
    if (sh_cuda_open(&(sh_cuda_options){.fatal = device_fatal}, &be) != SH_OK) device_fatal(sh_error_message());
    int failed = cmocka_run_group_tests(tests, setup, teardown);
    sh_cuda_close();
    return failed;
}
