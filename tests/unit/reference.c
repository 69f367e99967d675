#define _POSIX_C_SOURCE 200809L

/* Reference data: JSON lines, gzip, the file and what is damaged in it, the hull and the crystals that come out of it. */
#include "crystals.h"
#include "matching.h"

#include <unistd.h>
#include <zlib.h>

#include "io/gzip.h"
#include "io/h5.h"
#include "io/jsonl.h"
#include "io/reference.h"
#include "metrics/hull.h"
#include "metrics/sets.h"

static json *prototypes;

static char path[256];

static void write_file(const char *text, size_t size, bool compressed)
{
    if (compressed) {
        gzFile f = gzopen(path, "ab");
        assert_int_equal(gzwrite(f, text, (unsigned)size), (int)size);
        assert_int_equal(gzclose(f), Z_OK);
    } else {
        FILE *f = fopen(path, "ab");
        assert_int_equal(fwrite(text, 1, size, f), size);
        fclose(f);
    }
}

static void test_gzip(void **state)
{
    (void)state;
    char *text, *large = malloc(1 << 20);
    size_t size;
    for (int i = 0; i < 1 << 20; i++)
        large[i] = (char)('a' + i % 17);
    for (int compressed = 0; compressed < 2; compressed++) {
        unlink(path);
        write_file("one\n", 4, compressed);
        write_file(large, 1 << 20, compressed); /* a second member */
        assert_ok(sh_gzip_read(path, &text, &size));
        assert_int_equal(size, (1 << 20) + 4);
        assert_memory_equal(text, "one\n", 4);
        assert_memory_equal(text + 4, large, 1 << 20);
        assert_int_equal(text[size], 0);
        sh_free(text);
    }
    assert_int_equal(truncate(path, 1000), 0);
    assert_fails(sh_gzip_read(path, &text, &size), SH_EINPUT, "damaged, or cut off");
    assert_null(text);
    sh_error_clear();
    unlink(path);
    write_file("\x1f\x8b", 2, false);
    assert_fails(sh_gzip_read(path, &text, &size), SH_EINPUT, "damaged, or cut off");
    sh_error_clear();
    unlink(path);
    assert_fails(sh_gzip_read(path, &text, &size), SH_EIO, "cannot be opened");
    sh_error_clear();
    free(large);
}

static void test_jsonl(void **state)
{
    (void)state;
    static const char good[] =
        "{\"id\": \"mp-1\", \"lattice\": [[4,0,0],[0,4,0],[0,0,4]], \"species\": [\"Cs\", \"Cl\"],\n" /* cut by its line's end */
        "\n"
        "{\"id\":\"a \\\"b\\\"\",\"tags\":[1,{\"x\":[null,true,\"]\"]}],\"lattice\":[[4.0,0,0],[0,4e0,0],[0,0,4]],"
        "\"species\":[\"Cs\",\"Cl\"],\"frac\":[[0,0,-0.25],[0.5,0.5,1.5]],\"e_form\":-2.25,\"energy\":-7.5} \r\n"
        "{\"frac\":[[0,0,0]],\"species\":[\"Cu\"],\"lattice\":[[0,1.8,1.8],[1.8,0,1.8],[1.8,1.8,0]],\"e_form\":null}";
    sh_lines lines;
    sh_jsonl_record r;
    bool more;
    sh_lines_start(&lines, "x.jsonl", good, strlen(good));
    assert_fails(sh_jsonl_next(&lines, &more, &r), SH_EINPUT, "x.jsonl:1:");
    sh_error_clear();
    assert_ok(sh_jsonl_next(&lines, &more, &r));
    assert_true(more);
    assert_string_equal(r.structure.name, "a \\\"b\\\"");
    assert_int_equal(r.structure.n_atom, 2);
    assert_int_equal(r.structure.z[0], 55);
    assert_near(r.structure.frac[2], 0.75, 0);
    assert_near(r.structure.frac[5], 0.5, 0);
    assert_near(r.structure.lattice[4], 4, 0);
    assert_near(r.e_form, -2.25, 0);
    assert_near(r.energy, -7.5, 0);
    sh_structure_destroy(&r.structure);
    assert_ok(sh_jsonl_next(&lines, &more, &r));
    assert_true(more && !r.structure.name && isnan(r.e_form) && isnan(r.energy));
    sh_structure_destroy(&r.structure);
    assert_ok(sh_jsonl_next(&lines, &more, &r));
    assert_false(more);

    static const struct {
        const char *line, *message;
    } wrong[] = {
        {"[1]", "x.jsonl:1:1: '{' is missing here"},
        {"{\"a\":1 \"b\":2}", "x.jsonl:1:8: ',' is missing here"},
        {"{\"a\":1}", "the member \"lattice\" is missing"},
        {"{\"lattice\":[[4,0,0],[0,4,0]],\"species\":[\"Cu\"],\"frac\":[[0,0,0]]}", "\"lattice\" has not three rows"},
        {"{\"lattice\":[[4,0,0],[0,4,0],[0,0,4],[1,1,1]],\"species\":[\"Cu\"],\"frac\":[[0,0,0]]}", "more rows than there should be"},
        {"{\"lattice\":[[4,0,0],[0,4,0],[0,8,0]],\"species\":[\"Cu\"],\"frac\":[[0,0,0]]}", "the lattice is no cell"},
        {"{\"lattice\":[[4,0,0],[0,4,0],[0,0,4]],\"species\":[\"Qq\"],\"frac\":[[0,0,0]]}", "no element has the symbol"},
        {"{\"lattice\":[[4,0,0],[0,4,0],[0,0,4]],\"species\":[],\"frac\":[]}", "\"species\" is empty"},
        {"{\"lattice\":[[4,0,0],[0,4,0],[0,0,4]],\"species\":[\"Cu\"],\"frac\":[[0,0,0],[0,0,1]]}", "of different length"},
        {"{\"lattice\":[[4,0,0],[0,4,0],[0,0,4]],\"species\":[\"Cu\"],\"frac\":[[0,0]]}", "',' is missing here"},
        {"{\"lattice\":[[4,0,0],[0,4,0],[0,0,nan]],\"species\":[\"Cu\"],\"frac\":[[0,0,0]]}", "a number is expected here"},
        {"{\"lattice\":[[4,0,0],[0,4,0],[0,0,4]],\"species\":[\"Cu\"],\"frac\":[[0,0,0]]} x", "something follows the record"},
        {"{\"id\":\"abc", "the line ends inside a string"},
        {"{\"id\":\"abc\\", "the line ends inside a string"},
        {"{", "'\"' is missing here"},
        {"{\"a\":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]", "too many"},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        sh_lines_start(&lines, "x.jsonl", wrong[i].line, strlen(wrong[i].line));
        assert_fails(sh_jsonl_next(&lines, &more, &r), SH_EINPUT, wrong[i].message);
        sh_error_clear();
    }
}

/* Prototypes with made-up energies. */
static void fill(sh_reference *r)
{
    sh_arena *arena = sh_arena_create(1 << 16);
    sh_reference_start(r);
    r->energy = SH_ENERGY_FORMATION;
    sh_free(r->attribution);
    r->attribution = sh_strdup("made for this test");
    sh_free(r->energies_of);
    r->energies_of = sh_strdup("m3gnet-pes");
    double energy = -1;
    for (const json *p = json_get(prototypes, "prototypes", NULL)->first; p; p = p->next, energy -= 0.01) {
        sh_reduced reduced = reduced_of_json(p, arena);
        sh_phase phase;
        int64_t *count = SH_NEW(int64_t, reduced.n_atom);
        for (int64_t a = 0; a < reduced.n_atom; a++)
            count[a] = 1;
        assert_ok(sh_phase_create(reduced.z, count, reduced.n_atom, energy, &phase));
        sh_reference_add_phase(r, &phase, p->key);
        sh_reference_add_structure(r, reduced.lattice, reduced.n_atom, reduced.z, reduced.frac, r->n_structure % 2 ? NAN : energy, p->key);
        sh_free(count);
    }
    sh_reference_finish(r);
    sh_arena_destroy(&arena);
}

static void test_round_trip(void **state)
{
    (void)state;
    sh_reference r, back;
    fill(&r);
    assert_int_equal(r.n_structure, 33);
    assert_true(r.n_phase >= 27 && r.n_phase < 33); /* some share a composition, and the lowest stays */
    for (int64_t i = 1; i < r.n_phase; i++)
        assert_true(sh_phase_compare(&r.phase[i - 1], &r.phase[i]) < 0);
    unlink(path);
    assert_ok(sh_reference_write(&r, path));
    assert_ok(sh_reference_read(path, &back));
    assert_string_equal(back.attribution, r.attribution);
    assert_string_equal(back.energies_of, "m3gnet-pes");
    assert_int_equal(back.energy, SH_ENERGY_FORMATION);
    assert_int_equal(back.n_phase, r.n_phase);
    assert_memory_equal(back.phase, r.phase, (size_t)r.n_phase * sizeof *r.phase);
    assert_int_equal(back.n_structure, r.n_structure);
    assert_int_equal(back.n_atom, r.n_atom);
    assert_memory_equal(back.lattice, r.lattice, (size_t)r.n_structure * 9 * sizeof(double));
    assert_memory_equal(back.frac, r.frac, (size_t)r.n_atom * 3 * sizeof(double));
    assert_memory_equal(back.z, r.z, (size_t)r.n_atom * sizeof *r.z);
    for (int64_t i = 0; i < r.n_structure; i++) {
        assert_string_equal(back.structure_id.text + back.structure_id.start[i], r.structure_id.text + r.structure_id.start[i]);
        assert_true(i % 2 ? isnan(back.energy_per_atom[i]) : back.energy_per_atom[i] == r.energy_per_atom[i]);
    }
    for (int64_t i = 0; i < r.n_phase; i++)
        assert_string_equal(back.phase_id.text + back.phase_id.start[i], r.phase_id.text + r.phase_id.start[i]);

    /* each crystal is known as the first of its kind, itself where there is no other */
    sh_cell *cells = sh_reference_cells(&back);
    sh_crystal_store *store;
    int64_t known_as[33];
    sh_crystal_store_create(cells, 33, true, &store);
    const sh_crystal_set *set = sh_crystal_store_set(store);
    assert_int_equal(sh_sets_novel(set, set, &sh_match_default, NULL, NULL, NULL, known_as), 0);
    for (int i = 0; i < 33; i++)
        assert_true(known_as[i] >= 0 && known_as[i] <= i);
    sh_crystal_store_destroy(&store);
    sh_free(cells);

    sh_hull *hull;
    sh_hull_result result;
    sh_arena *scratch = sh_arena_create(1 << 16);
    sh_phase salt;
    assert_ok(sh_hull_of_reference(&back, &hull));
    assert_ok(sh_phase_parse("Na2Cl", 0, &salt, NULL));
    sh_hull_energy(hull, &salt, scratch, &result);
    assert_true(result.feasible); /* by NaCl and Na, which came with the formation energies */
    assert_near(result.hull_energy, -1 * 2.0 / 3, 1e-9);
    sh_hull_destroy(&hull);
    sh_arena_destroy(&scratch);
    back.energy = SH_ENERGY_NONE;
    assert_fails(sh_hull_of_reference(&back, &hull), SH_EINPUT, "have no energies");
    sh_error_clear();
    sh_reference_destroy(&r);
    sh_reference_destroy(&back);
}

static void test_empty(void **state)
{
    (void)state;
    sh_reference r, back;
    sh_reference_start(&r);
    sh_reference_finish(&r);
    unlink(path);
    assert_ok(sh_reference_write(&r, path));
    assert_ok(sh_reference_read(path, &back));
    assert_int_equal(back.n_phase + back.n_structure, 0);
    sh_reference_destroy(&back);
    sh_reference_destroy(&r);
}

/* One column after the other with a value or a shape that it must not have. */
static void damage(const char *name, hid_t type, int64_t at, const void *value)
{
    sh_reference r;
    fill(&r);
    unlink(path);
    assert_ok(sh_reference_write(&r, path));
    sh_reference_destroy(&r);
    hid_t file = H5Fopen(path, H5F_ACC_RDWR, H5P_DEFAULT), set = H5Dopen2(file, name, H5P_DEFAULT), space = H5Dget_space(set);
    hsize_t dims[2] = {0, 0}, coordinate[2];
    int rank = H5Sget_simple_extent_dims(space, dims, NULL);
    coordinate[0] = (hsize_t)at;
    coordinate[1] = 0;
    hid_t memory = H5Screate(H5S_SCALAR);
    H5Sselect_elements(space, H5S_SELECT_SET, 1, coordinate);
    assert_true(rank >= 1 && H5Dwrite(set, type, memory, space, H5P_DEFAULT, value) >= 0);
    H5Sclose(memory);
    H5Sclose(space);
    H5Dclose(set);
    H5Fclose(file);
    if (sh_reference_read(path, &r) == SH_OK) print_error("%s\n", name);
    assert_fails(sh_reference_read(path, &r), SH_EIO, path);
    assert_int_equal(r.n_structure, 0);
    sh_error_clear();
}

static void test_damaged(void **state)
{
    (void)state;
    const int64_t minus = -5, huge = INT64_MAX;
    const double nan = NAN, outside = 1;
    const int number = 200, none = 0;
    damage("phase/start", H5T_NATIVE_INT64, 1, &minus);
    damage("phase/start", H5T_NATIVE_INT64, 3, &huge);
    damage("phase/z", H5T_NATIVE_INT, 0, &number);
    damage("phase/count", H5T_NATIVE_INT64, 2, &minus);
    damage("phase/count", H5T_NATIVE_INT64, 2, &huge);
    damage("phase/energy", H5T_NATIVE_DOUBLE, 0, &nan);
    damage("structure/atom_start", H5T_NATIVE_INT64, 0, &minus);
    damage("structure/atom_start", H5T_NATIVE_INT64, 33, &huge);
    damage("structure/lattice", H5T_NATIVE_DOUBLE, 5, &nan);
    damage("structure/z", H5T_NATIVE_INT, 3, &none);
    damage("structure/frac", H5T_NATIVE_DOUBLE, 3, &outside);
    damage("structure/frac", H5T_NATIVE_DOUBLE, 3, &nan);
    damage("phase/id", H5T_NATIVE_INT, 2, &none); /* one name more */

    sh_reference r;
    unlink(path);
    write_file("no HDF5", 7, false);
    assert_fails(sh_reference_read(path, &r), SH_EIO, path);
    sh_error_clear();
    sh_h5_file file;
    assert_ok(sh_h5_create(path, &file));
    assert_ok(sh_h5_write_text(file.id, "/", "format", "shaft samples"));
    assert_ok(sh_h5_finish(&file, path));
    assert_fails(sh_reference_read(path, &r), SH_EINPUT, "is no file of reference data");
    sh_error_clear();
}

int main(void)
{
    const char *folder = getenv("TMPDIR");
    snprintf(path, sizeof path, "%s/shaft-reference-%ld", folder ? folder : "/tmp", (long)getpid());
    prototypes = json_read(SH_SOURCE_DIR "/tests/data/matching.json");
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gzip),  cmocka_unit_test(test_jsonl),   cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_empty), cmocka_unit_test(test_damaged),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    json_free(prototypes);
    if (!failed && sh_alloc_live()) {
        fprintf(stderr, "%lld pieces of memory were not released\n", (long long)sh_alloc_live());
        failed = 1;
    }
    return failed;
}
