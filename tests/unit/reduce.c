#include "structures.h"

#include "crystal/reduce.h"
#include "io/extxyz.h"
#include "io/text.h"

static sh_structures read_data(const char *name)
{
    char path[512], *text;
    size_t size;
    snprintf(path, sizeof path, "%s/tests/data/%s", SH_SOURCE_DIR, name);
    assert_ok(sh_text_read(path, &text, &size));
    sh_structures list = {0};
    sh_structures_add_file(&list, name);
    sh_extxyz_parse(name, text, size, &list);
    sh_free(text);
    assert_ok(sh_structures_check(&list));
    return list;
}

static sh_cell cell_of(const sh_structure *s)
{
    return (sh_cell){s->lattice, s->n_atom, s->z, s->frac};
}

static int64_t note(const sh_structure *s, const char *key)
{
    const char *at = strstr(s->name, key);
    assert_non_null(at);
    return strtoll(at + strlen(key), NULL, 10);
}

/* With rotation part w, moved so that x comes to be y, an operation maps the crystal onto itself. */
static void check_operation(const sh_crystals *c, const sh_structure *s, const int8_t *w, const double x[3], const double y[3])
{
    for (int64_t a = 0; a < s->n_atom; a++) {
        double d[3], image[3];
        for (int k = 0; k < 3; k++)
            d[k] = s->frac[3 * a + k] - x[k];
        for (int k = 0; k < 3; k++)
            image[k] = y[k] + w[3 * k] * d[0] + w[3 * k + 1] * d[1] + w[3 * k + 2] * d[2];
        int64_t b = 0;
        while (b < s->n_atom &&
               (s->z[b] != s->z[a] || sh_near_distance(s->lattice, image, s->frac + 3 * b) > c->position_tolerance))
            b++;
        assert_true(b < s->n_atom);
    }
}

/* No atom moved; each operation of a site group maps the surroundings of its representative onto themselves, and that of an atom those
 * of its representative onto its own. */
static void check_crystal(const sh_crystals *c, int64_t crystal, const sh_structure *s)
{
    sh_structure back;
    sh_structure_from_crystal(c, crystal, &back);
    assert_true(same_atoms(s, &back, 1e-12));
    for (int64_t site = c->site_start[crystal]; site < c->site_start[crystal + 1]; site++) {
        assert_int_equal(c->site_crystal[site], crystal);
        const double *x = c->atom_frac + 3 * c->atom_start[site];
        for (int64_t h = c->stab_start[site]; h < c->stab_start[site + 1]; h++)
            check_operation(c, &back, c->stab_rot + 9 * h, x, x);
        for (int64_t a = c->atom_start[site]; a < c->atom_start[site + 1]; a++)
            check_operation(c, &back, c->atom_rot + 9 * a, x, c->atom_frac + 3 * a);
    }
    sh_structure_destroy(&back);
}

static void reduce_list(const sh_structures *list, bool p1, sh_arena *arena, sh_crystals *out)
{
    sh_cell *cells = SH_NEW(sh_cell, list->n);
    for (int64_t i = 0; i < list->n; i++)
        cells[i] = cell_of(&list->item[i]);
    sh_crystals_reduce(cells, list->n, 1e-3, p1, arena, out);
    sh_free(cells);
}

static void test_prototypes(void **state)
{
    (void)state;
    sh_structures list = read_data("prototypes.xyz");
    sh_arena *arena = sh_arena_create(1 << 16);
    sh_crystals c;
    reduce_list(&list, false, arena, &c);
    assert_int_equal(c.n_crystal, 33);
    for (int64_t i = 0; i < list.n; i++) {
        sh_cell cell = cell_of(&list.item[i]);
        assert_int_equal(sh_space_group_number(&cell, 0.1), note(&list.item[i], "space_group="));
        check_crystal(&c, i, &list.item[i]);
    }
    /* rocksalt: two sites of four atoms, m-3m (48 operations) each */
    assert_int_equal(c.site_start[1], 2);
    for (int site = 0; site < 2; site++) {
        assert_int_equal(sh_site_mult(&c, site), 4);
        assert_int_equal(c.stab_start[site + 1] - c.stab_start[site], 48);
    }
    assert_true(c.position_tolerance < 1e-3);
    sh_arena_destroy(&arena);
    sh_structures_destroy(&list);
}

static void test_materials_project(void **state)
{
    (void)state;
    sh_structures list = read_data("mp64.xyz");
    sh_arena *arena = sh_arena_create(1 << 16);
    sh_crystals c;
    reduce_list(&list, false, arena, &c);
    int64_t atoms = 0;
    for (int64_t i = 0; i < list.n; i++) {
        sh_cell cell = cell_of(&list.item[i]);
        assert_int_equal(sh_space_group_number(&cell, 0.1), note(&list.item[i], "space_group="));
        assert_int_equal(c.site_start[i + 1] - c.site_start[i], note(&list.item[i], "orbits="));
        check_crystal(&c, i, &list.item[i]);
        atoms += list.item[i].n_atom;
    }
    assert_int_equal(c.n_atom, atoms);
    assert_true(c.position_tolerance < 4e-3);

    reduce_list(&list, true, arena, &c);
    assert_int_equal(c.n_site, atoms);
    assert_int_equal(c.n_stab, atoms);
    for (int64_t i = 0; i < list.n; i++)
        check_crystal(&c, i, &list.item[i]);
    sh_arena_destroy(&arena);
    sh_structures_destroy(&list);
}

/* Rocksalt in other cells: a supercell that keeps the cubic symmetry or breaks it, and a left-handed cell. */
static void test_cells(void **state)
{
    (void)state;
    static const int repeat[3][3] = {{2, 2, 2}, {2, 1, 1}, {3, 1, 2}};
    sh_structures list = read_data("prototypes.xyz");
    sh_arena *arena = sh_arena_create(1 << 16);
    const sh_structure *salt = &list.item[0];
    for (int t = 0; t < 3; t++) {
        const int *m = repeat[t];
        sh_structure big;
        sh_structure_create(&big, 8 * m[0] * m[1] * m[2]);
        memcpy(big.lattice, salt->lattice, sizeof big.lattice);
        for (int i = 0; i < 9; i++)
            big.lattice[i] *= m[i / 3];
        int64_t n = 0;
        for (int i = 0; i < m[0] * m[1] * m[2]; i++)
            for (int a = 0; a < 8; a++, n++) {
                big.z[n] = salt->z[a];
                big.frac[3 * n] = (salt->frac[3 * a] + i % m[0]) / m[0];
                big.frac[3 * n + 1] = (salt->frac[3 * a + 1] + i / m[0] % m[1]) / m[1];
                big.frac[3 * n + 2] = (salt->frac[3 * a + 2] + i / m[0] / m[1]) / m[2];
            }
        sh_crystals c;
        sh_cell cell = cell_of(&big);
        sh_crystals_reduce(&cell, 1, 1e-3, false, arena, &c);
        check_crystal(&c, 0, &big);
        assert_int_equal(c.n_site, 2); /* lattice translations are among the operations */
        assert_int_equal(sh_space_group_number(&cell, 1e-3), 225);
        sh_structure_destroy(&big);
    }
    for (int64_t i = 0; i < list.n; i++) {
        sh_structure *s = &list.item[i], left;
        sh_structure_copy(s, &left);
        for (int k = 0; k < 3; k++) { /* two vectors and coordinates exchanged */
            double swap = left.lattice[k];
            left.lattice[k] = left.lattice[3 + k];
            left.lattice[3 + k] = swap;
        }
        for (int64_t a = 0; a < left.n_atom; a++) {
            double swap = left.frac[3 * a];
            left.frac[3 * a] = left.frac[3 * a + 1];
            left.frac[3 * a + 1] = swap;
        }
        sh_cell cells[2] = {cell_of(s), cell_of(&left)};
        sh_crystals c;
        sh_crystals_reduce(cells, 2, 1e-3, false, arena, &c);
        assert_int_equal(c.site_start[2], 2 * c.site_start[1]);
        check_crystal(&c, 1, &left);
        /* chiral groups keep their hand: quartz stays 152 or 154 */
        assert_int_equal(sh_space_group_number(&cells[1], 1e-3), sh_space_group_number(&cells[0], 1e-3));
        sh_structure_destroy(&left);
    }
    sh_arena_destroy(&arena);
    sh_structures_destroy(&list);
}

/* Atoms off their places by less than the tolerance, by more, and in one place. */
static void test_tolerance(void **state)
{
    (void)state;
    sh_structures list = read_data("prototypes.xyz");
    sh_arena *arena = sh_arena_create(1 << 16);
    sh_structure *salt = &list.item[0];
    sh_cell cell = cell_of(salt);
    sh_crystals c;
    for (int64_t i = 0; i < 24; i++)
        salt->frac[i] = sh_wrap01(salt->frac[i] + 3e-5 * sin(7.0 * (double)i)); /* 0.17 mÅ each */
    sh_crystals_reduce(&cell, 1, 1e-3, false, arena, &c);
    assert_int_equal(c.n_site, 2);
    assert_true(c.position_tolerance > 1e-4 && c.position_tolerance <= 4e-3);
    check_crystal(&c, 0, salt);
    salt->frac[0] = sh_wrap01(salt->frac[0] + 0.02); /* 0.11 Å */
    sh_crystals_reduce(&cell, 1, 1e-3, false, arena, &c);
    assert_true(c.n_site > 2);
    check_crystal(&c, 0, salt);
    memcpy(salt->frac + 3, salt->frac, 3 * sizeof(double)); /* two atoms in one place: spglib gives up */
    assert_int_equal(sh_space_group_number(&cell, 0.1), 0);
    sh_crystals_reduce(&cell, 1, 1e-3, false, arena, &c);
    assert_int_equal(c.n_site, 8);
    assert_int_equal(c.n_stab, 8);
    check_crystal(&c, 0, salt);
    sh_arena_destroy(&arena);
    sh_structures_destroy(&list);
    assert_int_equal(sh_alloc_live(), 0);
}

/* Symmetry does not depend on the cell that is given, and changes with strains, displacements, ordering and translations as it should. */
static void test_symmetry(void **state)
{
    (void)state;
    sh_structures list = read_data("prototypes.xyz");
    const sh_structure *salt = &list.item[0]; /* 4 atoms of Na, then 4 of Cl */
    const double primitive_lattice[9] = {0, 2.82, 2.82, 2.82, 0, 2.82, 2.82, 2.82, 0}, primitive_frac[6] = {0, 0, 0, 0.5, 0.5, 0.5};
    const int32_t two[2] = {11, 17};
    const sh_cell primitive = {primitive_lattice, 2, two, primitive_frac}, whole = cell_of(salt);
    sh_symmetry before = sh_symmetry_of(&whole, 0.1), same = sh_symmetry_of(&primitive, 0.1);
    assert_int_equal(before.number, 225);
    assert_int_equal(before.n_operation * same.n_atom, same.n_operation * before.n_atom);
    assert_int_equal(before.n_operation * 2, 48 * before.n_atom); /* m-3m over two atoms */
    assert_int_equal(sh_symmetry_compare(&before, &same), SH_SYMMETRY_KEPT);

    sh_structure s[5];
    for (int k = 0; k < 5; k++)
        sh_structure_copy(salt, &s[k]);
    s[0].lattice[8] *= 1.1;                 /* tetragonal: I4/mmm */
    s[1].frac[0] += 0.05;                   /* fewer translations, and a smaller point group */
    for (int a = 0; a < 8; a++)
        s[2].z[a] = 11;                     /* simple cubic: more translations */
    memcpy(s[3].frac + 3, s[3].frac, 3 * sizeof(double)); /* two atoms in one place */
    static const int diamond[] = {0, 0, 0, 0, 1, 1, 1, 1}; /* zincblende: -43m, half of m-3m, over two atoms again */
    for (int a = 0; a < 8; a++)
        for (int c = 0; c < 3; c++)
            s[4].frac[3 * a + c] = salt->frac[3 * (a % 4) + c] + 0.25 * diamond[a];
    const sh_symmetry_change wanted[] = {SH_SYMMETRY_LOWER, SH_SYMMETRY_LOWER, SH_SYMMETRY_HIGHER, SH_SYMMETRY_UNKNOWN, SH_SYMMETRY_LOWER};
    for (int k = 0; k < 5; k++) {
        const sh_cell cell = cell_of(&s[k]);
        sh_symmetry after = sh_symmetry_of(&cell, 0.1);
        assert_int_equal(sh_symmetry_compare(&before, &after), wanted[k]);
        static const sh_symmetry_change back[] = {SH_SYMMETRY_UNKNOWN, SH_SYMMETRY_KEPT, SH_SYMMETRY_LOWER, SH_SYMMETRY_HIGHER};
        assert_int_equal(sh_symmetry_compare(&after, &before), back[wanted[k]]);
        sh_structure_destroy(&s[k]);
    }
    const sh_symmetry tetragonal = {139, 32, 4}, trigonal = {191, 24, 3}; /* 16 / 2 and 24 / 3 */
    assert_int_equal(sh_symmetry_compare(&tetragonal, &trigonal), SH_SYMMETRY_OTHER);
    sh_structures_destroy(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_prototypes), cmocka_unit_test(test_materials_project),
                                       cmocka_unit_test(test_cells), cmocka_unit_test(test_tolerance), cmocka_unit_test(test_symmetry)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
