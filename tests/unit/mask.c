/* Masks: the forward predicate allows a choice exactly when some completion may stop, by enumeration of all completions. */
#include "test.h"

#include "gflownet/mask.h"

/* Some completion of s, s itself included, may stop: by trying everything. */
static bool reaches_stop(const sh_constraints *c, const sh_partial *s)
{
    if (s->n_kind > c->max_elements) return false;
    if (s->n_site >= c->min_sites && s->n_site >= 1 && s->has_one_of) return true;
    if (s->n_site == c->max_sites) return false;
    for (int32_t e = 0; e < c->n_element; e++) {
        sh_partial child = sh_partial_add(c, s, e);
        if (reaches_stop(c, &child)) return true;
    }
    return false;
}

static int64_t walk(const sh_constraints *c, const sh_partial *s)
{
    uint8_t allowed[SH_MAX_ELEMENTS];
    int64_t n = 1;
    sh_mask_elements(c, s, allowed);
    assert_int_equal(sh_mask_completable(c, s), reaches_stop(c, s));
    assert_int_equal(sh_mask_stop(c, s), s->n_site >= c->min_sites && s->n_site >= 1 && s->has_one_of &&
                                             s->n_kind <= c->max_elements);
    for (int32_t e = 0; e < c->n_element; e++) {
        sh_partial child = sh_partial_add(c, s, e);
        bool expected = s->n_site < c->max_sites && reaches_stop(c, &child);
        assert_int_equal(allowed[e], expected);
        if (allowed[e]) n += walk(c, &child);
    }
    return n;
}

static void test_masks_equal_enumeration(void **state)
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
                                        .max_sites = max_sites,
                                        .has_one_of = one_of > 0};
                    if (one_of == 1) c.one_of[2] = true;
                    if (one_of == 2) c.one_of[0] = c.one_of[3] = true;
                    if (one_of == 3) c.one_of[0] = c.one_of[1] = c.one_of[2] = c.one_of[3] = true;
                    sh_partial empty = sh_partial_empty(&c);
                    assert_true(reaches_stop(&c, &empty));
                    assert_true(walk(&c, &empty) > 1);
                }
}

/* C is closed under taking a site away: what the backward policy relies on. */
static void test_consistent_is_closed(void **state)
{
    (void)state;
    sh_constraints c = {.n_element = 4, .max_elements = 2, .min_sites = 1, .max_sites = 4};
    for (int code = 0; code < 256; code++) {
        sh_partial whole = sh_partial_empty(&c);
        for (int k = 0; k < 4; k++)
            whole = sh_partial_add(&c, &whole, code >> 2 * k & 3);
        if (!sh_mask_consistent(&c, &whole)) continue;
        for (int left_out = 0; left_out < 4; left_out++) {
            sh_partial parent = sh_partial_empty(&c);
            for (int k = 0; k < 4; k++)
                if (k != left_out) parent = sh_partial_add(&c, &parent, code >> 2 * k & 3);
            assert_true(sh_mask_consistent(&c, &parent));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_masks_equal_enumeration),
                                       cmocka_unit_test(test_consistent_is_closed)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
