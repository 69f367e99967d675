/* The structure fingerprint: published numbers of the prototypes, Voronoi cells that fill space, order parameters of ideal motifs, what
 * must not change it, and cells that nobody would ask for. */
#include "moved_cells.h"

#include "metrics/crystalnn.h"

static sh_tables *tables;
static sh_arena *arena;
static test_cell *prototypes;
static int n_prototype;

static void test_prototypes(void **state)
{
    (void)state;
    char line[4096];
    int n, got;
    FILE *file = fopen(SH_SOURCE_DIR "/tests/data/prototype_fingerprints.txt", "r");
    assert_non_null(file);
    do
        assert_non_null(fgets(line, sizeof line, file));
    while (line[0] == '#');
    n = atoi(line);
    assert_int_equal(n, n_prototype);
    for (int i = 0; i < n; i++) {
        double want[SH_CRYSTALNN_SIZE], x[SH_CRYSTALNN_SIZE];
        char name[128];
        assert_int_equal(fscanf(file, "%127s", name), 1);
        assert_string_equal(name, prototypes[i].name);
        for (int k = 0; k < SH_CRYSTALNN_SIZE; k++)
            assert_int_equal(fscanf(file, "%lf", &want[k]), 1);
        for (int k = 0; k < 132; k++)
            assert_int_equal(fscanf(file, "%*f%n", &got), 0);
        sh_cell cell = cell_view(&prototypes[i]);
        sh_metric_reason reason = sh_crystalnn(tables, &cell, arena, x);
        assert_int_equal(reason, isnan(want[0]) ? SH_METRIC_CLOSE : SH_METRIC_OK);
        for (int k = 0; k < SH_CRYSTALNN_SIZE && reason == SH_METRIC_OK; k++) {
            if (!(fabs(x[k] - want[k]) <= 1e-7)) print_error("%s: number %d\n", name, k);
            assert_near(x[k], want[k], k == SH_CRYSTALNN_BCC ? 2e-5 : 1e-7);
        }
    }
    fclose(file);
}

/* A cell of random shape with `n` atoms at least `apart` (Å) from each other. */
static test_cell random_cell(int n, double apart, test_random *r)
{
    test_cell c = {.n = n, .z = SH_NEW(int32_t, n), .frac = SH_NEW(double, 3 * n)};
    static const int32_t element[] = {3, 8, 11, 14, 17, 22, 26, 29};
    sh_distances d;
    do {
        random_lattice(1, 0.8, 1.2, r, c.lattice);
        double scale = cbrt(14 * n / sh_lattice_volume(c.lattice));
        for (int k = 0; k < 9; k++)
            c.lattice[k] *= scale;
        for (int i = 0; i < n; i++) {
            c.z[i] = element[(int)(8 * test_u01(r))];
            for (int k = 0; k < 3; k++)
                c.frac[3 * i + k] = test_u01(r);
        }
        sh_cell cell = cell_view(&c);
        assert_true(sh_distances_of(&cell, &d));
    } while (!(d.nearest >= apart && d.shortest >= apart));
    return c;
}

/* Pyramids over all faces of all cells fill the lattice's cell, and a face is seen from both sides. */
static void check_fills_space(const test_cell *c)
{
    sh_cell cell = cell_view(c);
    double volume = 0, area = 0, twice = 0;
    for (int64_t site = 0; site < cell.n_atom; site++) {
        sh_crystalnn_site s;
        double angle = 0;
        assert_int_equal(sh_crystalnn_site_of(tables, &cell, site, arena, &s), SH_METRIC_OK);
        for (int64_t f = 0; f < s.n_face; f++) {
            const sh_neighbour *x = &s.around[s.face[f].neighbour];
            angle += s.face[f].solid_angle;
            volume += s.face[f].area * sqrt(x->square) / 6;
            area += (site < x->atom ? 1 : site > x->atom ? -1 : 0) * s.face[f].area * x->square;
            twice += s.face[f].area * x->square;
        }
        if (s.n_face) assert_near(angle, 4 * SH_PI, 1e-9);
    }
    assert_near(volume, sh_lattice_volume(c->lattice), 1e-9 * volume);
    assert_near(area, 0, 1e-9 * twice);
    sh_arena_reset(arena);
}

static void test_voronoi_fills_space(void **state)
{
    (void)state;
    test_random r = test_random_create(1);
    for (int i = 0; i < n_prototype; i++)
        if (strncmp(prototypes[i].name, "edge_", 5)) check_fills_space(&prototypes[i]);
    for (int i = 0; i < 40; i++) {
        test_cell c = random_cell(1 + i, 1, &r);
        check_fills_space(&c);
        free_moved(&c);
    }
}

/* The plane of each neighbour one after the other in any order gives the same cell as nearest first; here by brute force: points of
 * a grid of directions are as far out as the nearest plane lets them, and the cell's volume is the mean of that cubed. */
static void test_voronoi_volume_by_rays(void **state)
{
    (void)state;
    test_random r = test_random_create(2);
    enum { N = 60, RAYS = 200000 };
    sh_neighbour list[N], copy[N];
    for (int i = 0; i < N; i++) {
        double length = 2 + 2 * test_u01(&r), z = 2 * test_u01(&r) - 1, phi = 2 * SH_PI * test_u01(&r), s = sqrt(1 - z * z);
        list[i] = (sh_neighbour){.vec = {length * s * cos(phi), length * s * sin(phi), length * z}, .square = length * length, .atom = i};
    }
    memcpy(copy, list, sizeof copy);
    sh_voronoi v;
    assert_true(sh_voronoi_of(copy, N, 4, arena, &v));
    double volume = 0, sampled = 0;
    for (int64_t f = 0; f < v.n_face; f++)
        volume += v.face[f].area * sqrt(copy[v.face[f].neighbour].square) / 6;
    for (int i = 0; i < RAYS; i++) { /* Fibonacci's sphere */
        double z = 1 - (2 * i + 1.0) / RAYS, phi = i * SH_PI * (3 - sqrt(5)), s = sqrt(1 - z * z), reach = INFINITY;
        const double u[3] = {s * cos(phi), s * sin(phi), z};
        for (int k = 0; k < N; k++) {
            double along = sh_dot3(u, list[k].vec);
            if (along > 0) reach = fmin(reach, list[k].square / 2 / along);
        }
        sampled += 4 * SH_PI / 3 * reach * reach * reach / RAYS;
    }
    assert_near(volume, sampled, 2e-5 * volume);
    for (int i = 0; i < 3; i++) { /* a half space is no cell */
        int n = 0;
        for (int k = 0; k < N; k++)
            if (list[k].vec[i] > 0) copy[n++] = list[k];
        assert_false(sh_voronoi_of(copy, n, 4, arena, &v));
    }
    assert_false(sh_voronoi_of(copy, 0, 4, arena, &v));
    sh_arena_reset(arena);
}

/* fcc: the rhombic dodecahedron, whose twelve faces meet in corners of four: the six second neighbours touch a corner each and have no
 * face. */
static void test_rhombic_dodecahedron(void **state)
{
    (void)state;
    test_random r = test_random_create(3);
    for (int turn = 0; turn < 20; turn++) {
        int32_t z = 29;
        double frac[3] = {0, 0, 0};
        test_cell fcc = {.lattice = {0, 1.8, 1.8, 1.8, 0, 1.8, 1.8, 1.8, 0}, .n = 1, .z = &z, .frac = frac};
        test_cell c = cell_turned(&fcc, false, &r);
        sh_cell cell = cell_view(&c);
        sh_crystalnn_site s;
        assert_int_equal(sh_crystalnn_site_of(tables, &cell, 0, arena, &s), SH_METRIC_OK);
        int n = 0;
        for (int64_t f = 0; f < s.n_face; f++) {
            if (s.face[f].solid_angle < 1e-12) continue;
            n++;
            assert_near(s.face[f].solid_angle, SH_PI / 3, 1e-10);
            assert_near(s.face[f].area, 3.6 * 3.6 / (4 * sqrt(2)), 1e-10);
        }
        assert_int_equal(n, 12);
        assert_int_equal(s.n_neighbour, 12);
        assert_near(s.fingerprint[44], 1, 0); /* 12 neighbours for certain */
        free_moved(&c);
    }
    sh_arena_reset(arena);
}

static int order_index(int n, const char *name)
{
    for (int k = 0; k < sh_order_count(n); k++)
        if (!strcmp(sh_order_name(n, k), name)) return k;
    fail();
    return -1;
}

/* One order parameter of unit vectors, and whether their order matters. */
static double order_of(const double (*u)[3], int n, const char *name)
{
    double out[SH_ORDER_PER_COUNT], reversed[SH_ORDER_PER_COUNT], back[SH_ORDER_SHAPED][3], unit[SH_ORDER_SHAPED][3];
    int k = order_index(n, name);
    for (int i = 0; i < n; i++) {
        double length = sqrt(sh_dot3(u[i], u[i]));
        for (int j = 0; j < 3; j++)
            back[n - 1 - i][j] = unit[i][j] = u[i][j] / length;
    }
    sh_order_of((const double(*)[3])unit, n, out);
    sh_order_of((const double(*)[3])back, n, reversed);
    assert_near(reversed[k], out[k], 1e-9);
    return out[k];
}

static void test_ideal_motifs(void **state)
{
    (void)state;
    const double s3 = sqrt(3) / 2, golden = (1 + sqrt(5)) / 2;
    const double line[][3] = {{0, 0, 1}, {0, 0, -1}}, corner[][3] = {{0, 0, 1}, {1, 0, 0}};
    const double triangle[][3] = {{1, 0, 0}, {-0.5, s3, 0}, {-0.5, -s3, 0}}, tee[][3] = {{1, 0, 0}, {0, 1, 0}, {-1, 0, 0}};
    const double tetrahedron[][3] = {{1, 1, 1}, {1, -1, -1}, {-1, 1, -1}, {-1, -1, 1}};
    const double square[][3] = {{1, 0, 0}, {0, 1, 0}, {-1, 0, 0}, {0, -1, 0}};
    const double octahedron[][3] = {{1, 0, 0}, {0, 1, 0}, {0, 0, 1}, {-1, 0, 0}, {0, -1, 0}, {0, 0, -1}};
    const double bipyramid[][3] = {{0, 0, 1}, {0, 0, -1}, {1, 0, 0}, {-0.5, s3, 0}, {-0.5, -s3, 0}};
    const double cube[][3] = {{1, 1, 1}, {1, 1, -1}, {1, -1, 1}, {1, -1, -1}, {-1, 1, 1}, {-1, 1, -1}, {-1, -1, 1}, {-1, -1, -1}};
    const double cuboctahedron[][3] = {{1, 1, 0}, {1, -1, 0}, {-1, 1, 0}, {-1, -1, 0}, {1, 0, 1}, {1, 0, -1},
                                       {-1, 0, 1}, {-1, 0, -1}, {0, 1, 1}, {0, 1, -1}, {0, -1, 1}, {0, -1, -1}};
    const double icosahedron[][3] = {{0, 1, golden}, {0, 1, -golden}, {0, -1, golden}, {0, -1, -golden}, {1, golden, 0}, {1, -golden, 0},
                                     {-1, golden, 0}, {-1, -golden, 0}, {golden, 0, 1}, {golden, 0, -1}, {-golden, 0, 1}, {-golden, 0, -1}};
    assert_near(order_of(line, 2, "linear"), 1, 1e-9);
    assert_near(order_of(corner, 2, "L-shaped"), 1, 1e-9);
    assert_near(order_of(triangle, 3, "trigonal planar"), 1, 1e-6);
    assert_near(order_of(tee, 3, "T-shaped"), 1, 1e-9);
    assert_near(order_of(tetrahedron, 4, "tetrahedral"), 1, 1e-6);
    assert_near(order_of(square, 4, "square co-planar"), 1, 1e-9);
    assert_near(order_of(bipyramid, 5, "trigonal bipyramidal"), 1, 1e-9);
    assert_near(order_of(octahedron, 6, "octahedral"), 1, 1e-9);
    assert_near(order_of(cube, 8, "body-centred cubic"), 0.975, 0.05);
    assert_near(order_of(cuboctahedron, 12, "cuboctahedral"), 1, 0.01);
    assert_true(order_of(square, 4, "tetrahedral") < 0.2 && order_of(tetrahedron, 4, "square co-planar") < 0.2);
    /* W. Mickel et al., J. Chem. Phys. 138, 044501 (2013), table I: fcc and the icosahedron */
    assert_near(order_of(cuboctahedron, 12, "q4"), 0.1909406540, 1e-9);
    assert_near(order_of(cuboctahedron, 12, "q6"), 0.5745242597, 1e-9);
    assert_near(order_of(icosahedron, 12, "q6"), 0.6633249581, 1e-9);
    assert_near(order_of(icosahedron, 12, "q4"), 0, 1e-7);
    assert_near(order_of(cuboctahedron, 12, "q2"), 0, 1e-7);
}

static void assert_same(const test_cell *a, const test_cell *b, const char *how)
{
    double x[SH_CRYSTALNN_SIZE], y[SH_CRYSTALNN_SIZE];
    sh_cell one = cell_view(a), other = cell_view(b);
    assert_int_equal(sh_crystalnn(tables, &one, arena, x), SH_METRIC_OK);
    assert_int_equal(sh_crystalnn(tables, &other, arena, y), SH_METRIC_OK);
    for (int k = 0; k < SH_CRYSTALNN_SIZE; k++) {
        double near = k == SH_CRYSTALNN_BCC ? 2e-5 : 1e-7;
        if (!(fabs(x[k] - y[k]) <= near)) print_error("%s, %s: number %d: ", a->name, how, k);
        assert_near(y[k], x[k], near);
    }
}

static void check_invariant(const test_cell *c, test_random *r)
{
    const int times[3] = {2, 1, 2};
    test_cell moved[] = {cell_turned(c, false, r), cell_turned(c, true, r), cell_shifted(c, r), cell_shuffled(c, r),
                         cell_repeated(c, times), cell_on_other_axes(c)};
    static const char *const how[] = {"turned", "mirrored", "shifted", "shuffled", "repeated", "on other axes"};
    for (int k = 0; k < 6; k++) {
        assert_same(c, &moved[k], how[k]);
        free_moved(&moved[k]);
    }
}

static void test_invariances(void **state)
{
    (void)state;
    test_random r = test_random_create(4);
    for (int i = 0; i < n_prototype; i++)
        if (strcmp(prototypes[i].name, "edge_clash_LiO2")) check_invariant(&prototypes[i], &r);
    for (int i = 0; i < 30; i++) {
        test_cell c = random_cell(1 + i % 12, 1.2, &r);
        snprintf(c.name, sizeof c.name, "random %d", i);
        check_invariant(&c, &r);
        free_moved(&c);
    }
}

/* Whatever the cell: a reason, or 61 finite numbers with weights that add up to no more than 1. */
static sh_metric_reason ask(const test_cell *c)
{
    double x[SH_CRYSTALNN_SIZE], sum = 0;
    sh_cell cell = cell_view(c);
    for (int k = 0; k < SH_CRYSTALNN_SIZE; k++)
        x[k] = 7;
    sh_metric_reason reason = sh_crystalnn(tables, &cell, arena, x);
    for (int k = 0; k < SH_CRYSTALNN_SIZE; k++) {
        char name[48];
        sh_crystalnn_name(k, name);
        if (reason != SH_METRIC_OK)
            assert_near(x[k], 7, 0);
        else if (!strncmp(name, "wt", 2))
            sum += x[k];
        assert_true(isfinite(x[k]));
    }
    assert_true(sum <= 1 + 1e-12);
    assert_non_null(sh_metric_reason_text(reason));
    return reason;
}

static void test_degenerate(void **state)
{
    (void)state;
    int32_t z[2];
    double frac[6];
    test_cell c = two_atoms(5, 5, 5, 2.4, z, frac);
    assert_int_equal(ask(&c), SH_METRIC_OK);
    c.n = 1;
    assert_int_equal(ask(&c), SH_METRIC_OK);
    c.n = 0;
    assert_int_equal(ask(&c), SH_METRIC_CELL);
    c = two_atoms(5, 5, 5, 0, z, frac);
    assert_int_equal(ask(&c), SH_METRIC_CLOSE);
    c = two_atoms(5, 5, 5, 1e-9, z, frac);
    assert_int_equal(ask(&c), SH_METRIC_CLOSE);
    c = two_atoms(5, 5, 5, 0.5 + 1e-9, z, frac);
    assert_int_equal(ask(&c), SH_METRIC_OK);
    for (int k = 0; k < 4; k++) {
        const double bad[] = {NAN, INFINITY, 1e200, 0};
        c = two_atoms(5, 5, 5, 2.4, z, frac);
        c.lattice[4] = bad[k];
        assert_int_equal(ask(&c), SH_METRIC_CELL);
        if (k > 1) continue;
        c = two_atoms(5, 5, 5, 2.4, z, frac);
        frac[4] = bad[k];
        assert_int_equal(ask(&c), SH_METRIC_CELL);
    }
    for (int k = 0; k < 5; k++) {
        const int32_t unknown[] = {0, -3, 97, 119, 2000000000};
        c = two_atoms(5, 5, 5, 2.4, z, frac);
        z[1] = unknown[k];
        assert_int_equal(ask(&c), SH_METRIC_ELEMENT);
    }
    c = two_atoms(4, 4, 4, 2, z, frac); /* noble gases: no electronegativity */
    z[0] = z[1] = 2;
    assert_int_equal(ask(&c), SH_METRIC_OK);
}

/* Cells from crowded to empty, and of very unequal lengths: an answer in a moment. */
static void test_sizes(void **state)
{
    (void)state;
    int32_t z[2];
    double frac[6];
    test_cell c = two_atoms(0.47, 0.47, 0.47, 0, z, frac); /* 1500 atoms within 7 Å in each direction of a cell of 0.1 Å^3 */
    c.n = 1;
    assert_int_equal(ask(&c), SH_METRIC_OK);
    c = two_atoms(0.01, 3.2, 3.2, 0, z, frac);
    c.n = 1;
    assert_int_equal(ask(&c), SH_METRIC_OK);
    c = two_atoms(1e-6, 400, 400, 0, z, frac);
    c.n = 1;
    assert_int_equal(ask(&c), SH_METRIC_IMAGES);
    c = two_atoms(0.1, 0.9, 0.9, 0, z, frac); /* below 0.1 Å^3 */
    c.n = 1;
    assert_int_equal(ask(&c), SH_METRIC_CELL);
    c = two_atoms(3, 3, 60, 1.5, z, frac); /* layers that do not see each other within 7 Å */
    assert_int_equal(ask(&c), SH_METRIC_OK);
    c = two_atoms(3, 3, 50000, 1.5, z, frac);
    assert_int_equal(ask(&c), SH_METRIC_IMAGES);
    c = two_atoms(30, 30, 30, 2.4, z, frac); /* a molecule in a box */
    assert_int_equal(ask(&c), SH_METRIC_OK);
    for (double a = 10; a < 9e5; a *= 9) { /* and atoms alone: all zero, found at once */
        double x[SH_CRYSTALNN_SIZE];
        c = two_atoms(a, 1.1 * a / 2, a / 3, a / 2, z, frac);
        c.n = a < 20 ? 1 : 2;
        if (a < 20) c.lattice[4] = c.lattice[8] = a;
        sh_cell cell = cell_view(&c);
        assert_int_equal(sh_crystalnn(tables, &cell, arena, x), SH_METRIC_OK);
        for (int k = 0; k < SH_CRYSTALNN_SIZE; k++)
            assert_near(x[k], 0, 0);
    }
}

/* Cells of any shape over many orders of magnitude. */
static void test_any_cell(void **state)
{
    (void)state;
    test_random r = test_random_create(7);
    int n_reason[SH_METRIC_IMAGES + 1] = {0};
    for (int i = 0; i < 3000; i++) {
        int32_t z[6];
        double frac[18];
        test_cell c = {.n = 1 + (int)(6 * test_u01(&r)), .z = z, .frac = frac};
        double power = 3 * test_u01(&r) - 0.5, spread = test_u01(&r) < 0.7 ? 0.3 : 2;
        for (int k = 0; k < 9; k++)
            c.lattice[k] = (2 * test_u01(&r) - 1) * pow(10, power + spread * (test_u01(&r) - 0.5));
        for (int k = 0; k < c.n; k++)
            z[k] = 1 + (int)(96 * test_u01(&r));
        for (int k = 0; k < 3 * c.n; k++)
            frac[k] = floor(4 * test_u01(&r)) / 4 + (test_u01(&r) < 0.5 ? 0 : test_u01(&r) * pow(10, -9 * test_u01(&r)));
        n_reason[ask(&c)]++;
    }
    assert_true(n_reason[SH_METRIC_OK] > 500 && n_reason[SH_METRIC_CLOSE] > 100 && n_reason[SH_METRIC_CELL] > 10);
}

/* A molecule in a box: two neighbours bonded to each other alone, whatever is around. */
static void test_molecule(void **state)
{
    (void)state;
    int32_t z[2];
    double frac[6], x[SH_CRYSTALNN_SIZE];
    for (double a = 12; a < 100; a *= 2) {
        test_cell c = two_atoms(a, 1.07 * a, 1.13 * a, 2.4, z, frac);
        sh_cell cell = cell_view(&c);
        assert_int_equal(sh_crystalnn(tables, &cell, arena, x), SH_METRIC_OK);
        for (int k = 0; k < SH_CRYSTALNN_SIZE; k++)
            assert_near(x[k], k < 2 ? 1 : 0, 1e-9);
    }
}

static void test_names(void **state)
{
    (void)state;
    char name[48];
    sh_crystalnn_name(0, name);
    assert_string_equal(name, "wt CN_1");
    sh_crystalnn_name(15, name);
    assert_string_equal(name, "rectangular see-saw-like CN_4");
    sh_crystalnn_name(SH_CRYSTALNN_BCC, name);
    assert_string_equal(name, "body-centred cubic CN_8");
    sh_crystalnn_name(SH_CRYSTALNN_SIZE - 1, name);
    assert_string_equal(name, "wt CN_24");
}

/* The same bits from several threads at once, an arena each. */
static void test_threads(void **state)
{
    (void)state;
    double(*alone)[SH_CRYSTALNN_SIZE] = sh_calloc((size_t)n_prototype, sizeof *alone);
    double(*together)[SH_CRYSTALNN_SIZE] = sh_calloc((size_t)n_prototype, sizeof *together);
    for (int i = 0; i < n_prototype; i++) {
        sh_cell cell = cell_view(&prototypes[i]);
        sh_crystalnn(tables, &cell, arena, alone[i]);
    }
#pragma omp parallel num_threads(4)
    {
        sh_arena *own = sh_arena_create(1 << 16);
#pragma omp for schedule(dynamic)
        for (int i = 0; i < n_prototype; i++) {
            sh_cell cell = cell_view(&prototypes[i]);
            sh_crystalnn(tables, &cell, own, together[i]);
        }
        sh_arena_destroy(&own);
    }
    assert_memory_equal(alone, together, (size_t)n_prototype * sizeof *alone);
    sh_free(alone);
    sh_free(together);
}

int main(void)
{
    arena = sh_arena_create(1 << 20);
    if (sh_tables_create(SH_SOURCE_DIR "/configs/tables", SH_SOURCE_DIR "/configs/tables/bonds_paper.csv", &tables) != SH_OK) {
        fprintf(stderr, "%s\n", sh_error_message());
        return 1;
    }
    prototypes = read_cells(SH_SOURCE_DIR "/tests/data/prototypes.txt", &n_prototype);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_prototypes),     cmocka_unit_test(test_voronoi_fills_space),
        cmocka_unit_test(test_voronoi_volume_by_rays), cmocka_unit_test(test_rhombic_dodecahedron),
        cmocka_unit_test(test_ideal_motifs),   cmocka_unit_test(test_invariances),
        cmocka_unit_test(test_degenerate),     cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_any_cell),       cmocka_unit_test(test_molecule),       cmocka_unit_test(test_names),
        cmocka_unit_test(test_threads)};
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    free_cells(prototypes, n_prototype);
    sh_tables_destroy(&tables);
    sh_arena_destroy(&arena);
    if (sh_alloc_live() != 0) print_error("%lld pieces of memory were not released\n", (long long)sh_alloc_live());
    return failed || sh_alloc_live() != 0;
}
