/* Masks: the forward predicate allows a choice exactly when some completion may stop, by enumeration of all completions: of
 * elements alone for general sites, of elements and positions for sites on Wyckoff positions. */
#include "test.h"

#include "base/memory.h"
#include "mask.h"

static sh_groups *groups;

static int setup(void **state)
{
    (void)state;
    return sh_groups_create(&groups) != SH_OK;
}

static int teardown(void **state)
{
    (void)state;
    sh_groups_destroy(&groups);
    return sh_alloc_live() != 0;
}

static sh_rules rules_of(const sh_constraints *constraints, sh_sites_mode sites)
{
    const sh_space space = sh_space_of(groups, constraints, sites, 0);
    return sh_space_rules(&space);
}

static int32_t n_position(const sh_rules *rules, const sh_partial *s)
{
    const int32_t *start = groups->wyckoffs->start;
    return rules->sites == SH_SITES_GENERAL ? 1 : start[s->sg_number] - start[s->sg_number - 1];
}

static sh_partial child_of(const sh_rules *rules, const sh_partial *s, int32_t element, int32_t position)
{
    return sh_partial_add(rules, s, &(sh_step){.sg_number = s->sg_number, .elem_index = element, .wyckoff = position});
}

/* What C says, from its definition. Positions are told apart by number: taken twice means that a bit was set before. */
static bool consistent(const sh_rules *rules, const sh_partial *parent, const sh_partial *s, int32_t position)
{
    bool taken = rules->sites == SH_SITES_WYCKOFF && parent->used >> position & 1;
    return s->n_kind <= rules->constraints->max_elements && !taken &&
           (rules->sites == SH_SITES_GENERAL || s->n_atom <= rules->constraints->max_atoms);
}

/* Some completion of s, s itself included, may stop: by trying everything. */
static bool reaches_stop(const sh_rules *rules, const sh_partial *s)
{
    const sh_constraints *c = rules->constraints;
    if (s->n_site >= c->min_sites && s->n_site >= 1 && s->has_one_of) return true;
    if (s->n_site == c->max_sites) return false;
    for (int32_t e = 0; e < c->n_element; e++)
        for (int32_t w = 0; w < n_position(rules, s); w++) {
            sh_partial child = child_of(rules, s, e, w);
            if (consistent(rules, s, &child, w) && reaches_stop(rules, &child)) return true;
        }
    return false;
}

static int64_t walk(const sh_rules *rules, const sh_partial *s)
{
    const sh_constraints *c = rules->constraints;
    uint8_t elements[SH_MAX_ELEMENTS], positions[SH_MAX_WYCKOFF];
    int64_t n = 1;
    int32_t n_allowed = sh_mask_elements(rules, s, elements), found = 0;
    assert_true(sh_mask_consistent(rules, s));
    assert_int_equal(sh_mask_completable(rules, s), reaches_stop(rules, s));
    assert_int_equal(sh_mask_stop(rules, s), s->n_site >= c->min_sites && s->n_site >= 1 && s->has_one_of);
    for (int32_t e = 0; e < c->n_element; e++) {
        bool any = false;
        if (rules->sites == SH_SITES_WYCKOFF) sh_mask_positions(rules, s, e, positions);
        for (int32_t w = 0; w < n_position(rules, s); w++) {
            sh_partial child = child_of(rules, s, e, w);
            bool expected = s->n_site < c->max_sites && consistent(rules, s, &child, w) && reaches_stop(rules, &child);
            if (rules->sites == SH_SITES_WYCKOFF) assert_int_equal(positions[w], expected);
            any = any || expected;
            if (expected) n += walk(rules, &child);
        }
        assert_int_equal(elements[e], any);
        found += any;
    }
    assert_int_equal(n_allowed, found);
    return n;
}

static void set_one_of(sh_constraints *c, int which)
{
    c->has_one_of = which > 0;
    if (which == 1) c->one_of[2] = true;
    if (which == 2) c->one_of[0] = c->one_of[1] = true;
    for (int i = 0; which == 3 && i < c->n_element; i++)
        c->one_of[i] = true;
}

static void test_general_sites(void **state)
{
    (void)state;
    for (int32_t max_elements = 1; max_elements <= 3; max_elements++)
        for (int32_t max_sites = 1; max_sites <= 4; max_sites++)
            for (int32_t min_sites = 1; min_sites <= max_sites; min_sites++)
                for (int one_of = 0; one_of < 4; one_of++) {
                    sh_constraints c = {.n_element = 4,
                                        .element = {3, 8, 11, 17},
                                        .max_elements = max_elements,
                                        .min_sites = min_sites,
                                        .max_sites = max_sites};
                    set_one_of(&c, one_of);
                    const sh_rules rules = rules_of(&c, SH_SITES_GENERAL);
                    sh_partial empty = sh_partial_empty(&rules);
                    assert_true(reaches_stop(&rules, &empty));
                    assert_true(walk(&rules, &empty) > 1);
                }
}

/* Groups with few and with many positions, with point positions of several sizes, and bounds that bind. */
static void test_wyckoff_positions(void **state)
{
    (void)state;
    static const int32_t number[] = {1, 2, 25, 123, 198, 216, 225};
    static const int32_t most[] = {1, 2, 3, 5, 8, 12, 24, 56, 200};
    int n_group = 0, n_refused = 0;
    for (size_t g = 0; g < sizeof number / sizeof *number; g++)
        for (size_t m = 0; m < sizeof most / sizeof *most; m++)
            for (int32_t max_sites = 1; max_sites <= 3; max_sites++)
                for (int32_t min_sites = 1; min_sites <= max_sites; min_sites++)
                    for (int one_of = 0; one_of < 3; one_of++) {
                        sh_constraints c = {.n_element = 3,
                                            .element = {3, 8, 11},
                                            .max_elements = 1 + (max_sites + one_of) % 2,
                                            .min_sites = min_sites,
                                            .max_sites = max_sites,
                                            .max_atoms = most[m]};
                        uint8_t allowed[SH_N_GROUP];
                        set_one_of(&c, one_of);
                        c.group_allowed[number[g] - 1] = true;
                        const sh_rules rules = rules_of(&c, SH_SITES_WYCKOFF);
                        sh_partial s = sh_partial_empty(&rules);
                        s.sg_number = number[g];
                        bool expected = reaches_stop(&rules, &s);
                        assert_int_equal(sh_mask_groups(&rules, allowed), expected);
                        assert_int_equal(allowed[number[g] - 1], expected);
                        if (expected && max_sites < 3) assert_true(walk(&rules, &s) > 1);
                        n_group += expected;
                        n_refused += !expected;
                    }
    assert_true(n_group > 100 && n_refused > 100);
}

/* C is closed under taking a site away: what the backward policy relies on. */
static void test_consistent_is_closed(void **state)
{
    (void)state;
    sh_constraints c = {.n_element = 4, .max_elements = 2, .min_sites = 1, .max_sites = 4, .max_atoms = 8};
    for (int sites = 0; sites < 2; sites++) {
        const sh_rules rules = rules_of(&c, sites ? SH_SITES_WYCKOFF : SH_SITES_GENERAL);
        int n = 0;
        for (int code = 0; code < 256 * 256; code++) {
            sh_partial whole = sh_partial_empty(&rules), parent;
            whole.sg_number = 10; /* P2/m: positions of 1, 2 and 4 atoms */
            for (int k = 0; k < 4; k++)
                whole = child_of(&rules, &whole, code >> 2 * k & 3, 5 + (code >> (8 + 2 * k) & 3) * 3);
            if (!sh_mask_consistent(&rules, &whole)) continue;
            n++;
            for (int left_out = 0; left_out < 4; left_out++) {
                parent = sh_partial_empty(&rules);
                parent.sg_number = 10;
                for (int k = 0; k < 4; k++)
                    if (k != left_out)
                        parent = child_of(&rules, &parent, code >> 2 * k & 3, 5 + (code >> (8 + 2 * k) & 3) * 3);
                assert_true(sh_mask_consistent(&rules, &parent));
            }
        }
        assert_true(n > 0 && n < 256 * 256);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_general_sites), cmocka_unit_test(test_wyckoff_positions),
                                       cmocka_unit_test(test_consistent_is_closed)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
