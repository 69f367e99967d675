/* matching.h -- what tests of the matcher and of sets share: crystals from JSON, reduced. */
#ifndef SH_TEST_MATCHING_H
#define SH_TEST_MATCHING_H

#include "json_cells.h"

#include "metrics/matcher.h"

static inline sh_cell view_of(const test_cell *c)
{
    return (sh_cell){.lattice = c->lattice, .n_atom = c->n, .z = c->z, .frac = c->frac};
}

static inline sh_reduced reduced_of(const test_cell *c, sh_arena *arena)
{
    sh_reduced r;
    sh_cell view = view_of(c);
    assert_true(sh_reduced_create(&view, arena, &r));
    return r;
}

static inline sh_reduced reduced_of_json(const json *record, sh_arena *arena)
{
    test_cell cell = json_cell(record);
    sh_reduced r = reduced_of(&cell, arena);
    sh_free(cell.z);
    sh_free(cell.frac);
    return r;
}

/* What the reference says of a pair, with three tolerances; where it is marked as depending on the choice among nearly
 * equal bases it is left out. Returns the number of results compared. */
static inline int check_match(const json *results, const sh_reduced *a, const sh_reduced *b, double max_tolerance, sh_arena *arena)
{
    static const struct {
        const char *name;
        const sh_match_opts *opts;
    } sets[] = {{"default", &sh_match_default}, {"cdvae", &sh_match_cdvae}, {"shaft", &sh_match_authors}};
    int n = 0;
    for (int i = 0; i < 3; i++) {
        const json *want = json_get(results, sets[i].name, NULL), *rms = json_get(want, "rms", NULL);
        bool ambiguous = false;
        for (const json *member = want->first; member; member = member->next)
            ambiguous = ambiguous || (!strcmp(member->key, "ambiguous") && member->number == 1);
        if (ambiguous) continue;
        sh_match got, quick;
        sh_match_pair(a, b, sets[i].opts, false, arena, &got);
        sh_match_pair(a, b, sets[i].opts, true, arena, &quick);
        bool larger = a->n_atom > b->n_atom; /* the reference names the larger first */
        assert_int_equal((larger ? a : b)->n_atom, (int)json_get(want, "n1", NULL)->number);
        assert_int_equal((larger ? b : a)->n_atom, (int)json_get(want, "n2", NULL)->number);
        assert_int_equal(got.fit, (int)json_get(want, "fit", NULL)->number);
        assert_int_equal(quick.fit, got.fit);
        assert_int_equal(got.has_rms, rms->type != 'n');
        if (got.has_rms) {
            assert_near(got.rms, rms->number, 1e-7);
            assert_near(got.max, json_get(want, "max", NULL)->number, max_tolerance);
        }
        /* all cells are looked at unless the atoms coincide */
        if (sh_reduced_compare(a, b) == 0 && !(got.rms < 1e-5))
            assert_int_equal(got.n_lattice, (int)json_get(want, "n_lattices_det1", NULL)->number);
        n++;
    }
    return n;
}

#endif
