/* Forces and stress of pretrained models of every kind, with made-up weights: against differences of energies of the version fused for
 * the CPU; on the quotient graph against full cells; what symmetry and rotations promise; batches, what is not wanted, unknown
 * elements. On the CPU and the recording back-end, or with the argument `cuda` on a device. */
#include "force_values.h"
#include "basis.h"
#include "made_models.h"
#include "potentials.h"

#include "potential/references.h"

#ifdef SH_F64
static const double STEP = 1e-5, SLOPE = 2e-7, EXACT = 1e-10;
#else
static const double STEP = 4e-3, SLOPE = 5e-2, EXACT = 2e-4;
#endif

static sh_arena *arena;
static sh_groups *groups;
static sh_references *references;

typedef struct {
    sh_weights *weights;
    sh_potential *potential;
    sh_forces *forces;
    double cutoff;
} subject;

static void create(int kind, subject *s)
{
    s->weights = made_weights(kind);
    assert_ok(sh_potential_create(s->weights, references, &s->potential));
    sh_potential_use(s->potential, be);
    assert_ok(sh_forces_create(s->potential, &s->forces));
    s->cutoff = sh_potential_cutoff(s->potential);
}

static void destroy(subject *s)
{
    sh_forces_destroy(&s->forces);
    sh_potential_destroy(&s->potential);
    sh_weights_destroy(&s->weights);
}

static double largest(const double *x, int64_t n)
{
    double most = 0;
    for (int64_t i = 0; i < n; i++)
        most = fmax(most, fabs(x[i]));
    return most;
}

/* ---- against differences of energies ---- */

/* Energies of cells, eV each, and how many edges they have. */
static void energies_of(const subject *s, const test_cell *cells, int n, double *energy, int64_t *n_edge)
{
    sh_workspace ws = sh_workspace_host(arena);
    sh_crystals c;
    sh_graph g;
    cells_p1(cells, n, arena, &c);
    sh_graph_build(&ws, &c, &(sh_graph_opts){.cutoff = s->cutoff}, &g);
    sh_potential_predict(s->potential, &ws, &c, &g, NULL, 0, energy);
    for (int i = 0; i < n; i++) {
        n_edge[i] = g.edge_start[g.site_start[i + 1]] - g.edge_start[g.site_start[i]];
        if (sh_potential_quantity(s->potential) == SH_FORMATION_ENERGY) energy[i] *= cells[i].n;
    }
}

static void copy_cell(const test_cell *from, test_cell *to)
{
    *to = *from;
    to->frac = SH_PUSH(arena, double, 3 * from->n);
    memcpy(to->frac, from->frac, (size_t)(3 * from->n) * sizeof(double));
}

/* The energy's slopes: on each atom in each direction, then by each element of the strain; NaN where an edge comes or goes on the
 * way. */
static void slopes_of(const subject *s, const test_cell *cell, double *slope)
{
    int n = 3 * cell->n + 9;
    test_cell *moved = SH_PUSH(arena, test_cell, 2 * n);
    double *energy = SH_PUSH(arena, double, 2 * n);
    int64_t *n_edge = SH_PUSH(arena, int64_t, 2 * n);
    double inverse[9];
    const double *l = cell->lattice;
    double volume = l[0] * (l[4] * l[8] - l[5] * l[7]) - l[1] * (l[3] * l[8] - l[5] * l[6]) + l[2] * (l[3] * l[7] - l[4] * l[6]);
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            inverse[3 * j + i] = (l[3 * ((i + 1) % 3) + (j + 1) % 3] * l[3 * ((i + 2) % 3) + (j + 2) % 3] -
                                  l[3 * ((i + 1) % 3) + (j + 2) % 3] * l[3 * ((i + 2) % 3) + (j + 1) % 3]) / volume;
    for (int k = 0; k < 2 * n; k++) {
        double step = k % 2 ? -STEP : STEP;
        int what = k / 2, axis = what % 3;
        copy_cell(cell, &moved[k]);
        if (what < 3 * cell->n) {
            for (int j = 0; j < 3; j++)
                moved[k].frac[what - axis + j] += step * inverse[3 * axis + j];
            continue;
        }
        int from = (what - 3 * cell->n) / 3;
        for (int i = 0; i < 3; i++)
            moved[k].lattice[3 * i + axis] += step * l[3 * i + from];
    }
    energies_of(s, moved, 2 * n, energy, n_edge);
    for (int i = 0; i < n; i++)
        slope[i] = n_edge[2 * i] == n_edge[2 * i + 1] ? (energy[2 * i] - energy[2 * i + 1]) / (2 * STEP) : (double)NAN;
}

static int32_t made_z[] = {8, 11, 14, 14, 8, 11, 11};
static double made_frac[] = {0.02, 0.05, 0.01, 0.45, 0.52, 0.61, 0.1, 0.6, 0.4, 0.55, 0.05, 0.97, 0.3, 0.2, 0.7, 0.71, 0.8, 0.33, 0.5,
                             0.5, 0.5};

/* Low and skew, of either hand. */
static const test_cell made_cells[] = {
    {.lattice = {3.1, 0, 0.2, 0.5, 3.4, 0, 0.1, -0.4, 3.9}, .n = 1, .z = made_z + 2, .frac = made_frac},
    {.lattice = {4.2, 0.3, 0, 1.1, 4.9, 0.2, 0, 0.7, 4.4}, .n = 2, .z = made_z, .frac = made_frac},
    {.lattice = {0, 5.2, 0.3, 5.6, 0.5, 0, 0.2, 0.7, 5.9}, .n = 5, .z = made_z, .frac = made_frac},
    {.lattice = {7.2, 0, 0, 0, 6.1, 1.3, 0, 0, 6.4}, .n = 6, .z = made_z + 1, .frac = made_frac}};
enum { N_CELL = 4 };

static void test_differences(void **state)
{
    (void)state;
    for (int kind = 0; kind < N_MADE; kind++) {
        if (kind == MADE_GAPS) continue;
        subject s;
        double worst = 0;
        int n_left = 0;
        create(kind, &s);
        for (int i = 0; i < N_CELL; i++) {
            const test_cell *cell = &made_cells[i];
            sh_crystals c;
            double slope[3 * 8 + 9], energy;
            int64_t n_edge;
            sh_arena_reset(arena);
            cells_p1(cell, 1, arena, &c);
            force_values v = forces_of(s.forces, arena, &c, s.cutoff + 0.5, false);
            energies_of(&s, cell, 1, &energy, &n_edge);
            assert_near(v.energy[0], energy, EXACT * fmax(1, fabs(energy)));
            slopes_of(&s, cell, slope);
            double volume = sh_lattice_volume(cell->lattice), scale = 0;
            for (int k = 0; k < 3 * cell->n + 9; k++)
                if (!isnan(slope[k])) scale = fmax(scale, fabs(slope[k]));
            assert_true(scale > 1e-2);
            for (int k = 0; k < 3 * cell->n + 9; k++) {
                double got = k < 3 * cell->n ? -v.force[k] : v.stress[k - 3 * cell->n] * volume;
                if (isnan(slope[k])) {
                    n_left++;
                    continue;
                }
                worst = fmax(worst, fabs(got - slope[k]) / scale);
                if (!(fabs(got - slope[k]) <= SLOPE * scale)) print_error("%s, cell %d, slope %d: ", made_name[kind], i, k);
                assert_near(got, slope[k], SLOPE * scale);
            }
        }
        print_message("%-13s slopes within %.2g, %d left out\n", made_name[kind], worst, n_left);
        assert_true(n_left <= 12);
        destroy(&s);
    }
}

/* ---- on the quotient graph ---- */

static void compare(const char *name, const char *what, const double *got, const double *want, int64_t n, double scale, double *worst)
{
    for (int64_t i = 0; i < n; i++) {
        *worst = fmax(*worst, fabs(got[i] - want[i]) / scale);
        if (!(fabs(got[i] - want[i]) <= EXACT * scale)) print_error("%s, %s %lld: ", name, what, (long long)i);
        assert_near(got[i], want[i], EXACT * scale);
    }
}

static void test_quotient_equals_full_cell(void **state)
{
    (void)state;
    for (int kind = 0; kind < N_MADE; kind++) {
        if (kind == MADE_GAPS) continue;
        subject s;
        sh_crystals quotient, full;
        double worst = 0;
        create(kind, &s);
        sh_arena_reset(arena);
        int n = made_crystals(groups, arena, &quotient, &full);
        force_values q = forces_of(s.forces, arena, &quotient, s.cutoff, false), f = forces_of(s.forces, arena, &full, s.cutoff, true);
        for (int i = 0; i < n; i++) {
            int64_t first = full.site_start[i], n_atom = full.site_start[i + 1] - first;
            double force = fmax(1, largest(f.force + 3 * first, 3 * n_atom)), stress = fmax(1, largest(f.stress + 9 * i, 9));
            compare(made_name[kind], "energy", q.energy + i, f.energy + i, 1, fmax(1, fabs(f.energy[i])), &worst);
            compare(made_name[kind], "force", q.atom_force + 3 * first, f.force + 3 * first, 3 * n_atom, force, &worst);
            compare(made_name[kind], "stress", q.stress + 9 * i, f.stress + 9 * i, 9, stress, &worst);
        }
        print_message("%-13s quotient and full cell within %.2g\n", made_name[kind], worst);
        destroy(&s);
    }
}

/* ---- symmetry ---- */

/* Row x times W^-1 in fractional terms, as forces of an operation's image turn: F L^T W^-1 L^-T, by hand: F R with R = L^-1 W^T L. */
static void turned(const double *lattice, const int8_t *w, const double x[3], double out[3])
{
    double g[9], r[9], inverse[9], det = 0;
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++)
            inverse[3 * j + i] = lattice[3 * ((i + 1) % 3) + (j + 1) % 3] * lattice[3 * ((i + 2) % 3) + (j + 2) % 3] -
                                 lattice[3 * ((i + 1) % 3) + (j + 2) % 3] * lattice[3 * ((i + 2) % 3) + (j + 1) % 3];
    for (int j = 0; j < 3; j++)
        det += lattice[j] * inverse[3 * j];
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) {
            g[3 * i + j] = 0;
            for (int k = 0; k < 3; k++)
                g[3 * i + j] += w[3 * k + i] * lattice[3 * k + j];
        }
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) {
            r[3 * i + j] = 0;
            for (int k = 0; k < 3; k++)
                r[3 * i + j] += inverse[3 * i + k] * g[3 * k + j] / det;
        }
    for (int j = 0; j < 3; j++)
        out[j] = x[0] * r[j] + x[1] * r[3 + j] + x[2] * r[6 + j];
}

/* Forces of a cell add up to nothing, those of a site are left alone by its group; stress is symmetric to the last bit, and the
 * operations of sites and atoms leave it alone. */
static void test_symmetry(void **state)
{
    (void)state;
    subject s;
    sh_crystals c, full;
    create(MADE_PES, &s);
    sh_arena_reset(arena);
    int n = made_crystals(groups, arena, &c, &full);
    force_values v = forces_of(s.forces, arena, &c, s.cutoff, false);
    for (int i = 0; i < n; i++) {
        const double *stress = v.stress + 9 * i;
        double sum[3] = {0, 0, 0}, most = 1, scale = fmax(1, largest(stress, 9));
        for (int64_t site = c.site_start[i]; site < c.site_start[i + 1]; site++) {
            const double *force = v.force + 3 * site;
            most = fmax(most, largest(force, 3));
            for (int64_t a = c.atom_start[site]; a < c.atom_start[site + 1]; a++)
                for (int k = 0; k < 3; k++)
                    sum[k] += v.atom_force[3 * a + k];
            for (int64_t h = c.stab_start[site]; h < c.stab_start[site + 1]; h++) {
                double image[3];
                turned(c.lattice + 9 * i, c.stab_rot + 9 * h, force, image);
                for (int k = 0; k < 3; k++)
                    assert_near(image[k], force[k], 1e-11 * most);
            }
            for (int64_t a = c.atom_start[site]; a < c.atom_start[site + 1]; a++) { /* R^T stress R = stress: rows, then columns */
                double rows[9], image[9];
                for (int k = 0; k < 3; k++)
                    turned(c.lattice + 9 * i, c.atom_rot + 9 * a, stress + 3 * k, rows + 3 * k);
                for (int k = 0; k < 3; k++) {
                    const double column[3] = {rows[k], rows[3 + k], rows[6 + k]};
                    turned(c.lattice + 9 * i, c.atom_rot + 9 * a, column, image + 3 * k);
                }
                for (int k = 0; k < 9; k++)
                    assert_near(image[k], stress[k], EXACT * scale);
            }
        }
        for (int k = 0; k < 3; k++)
            assert_near(sum[k], 0, EXACT * most * (double)(c.atom_start[c.site_start[i + 1]] - c.atom_start[c.site_start[i]]));
        for (int k = 0; k < 9; k++)
            assert_true(stress[k] == stress[3 * (k % 3) + k / 3]);
    }
    destroy(&s);
}

/* A turned crystal has turned forces and a turned stress. */
static void test_rotation(void **state)
{
    (void)state;
    const double angle = 0.7, tilt = -1.1;
    const double about_z[9] = {cos(angle), sin(angle), 0, -sin(angle), cos(angle), 0, 0, 0, 1};
    const double about_x[9] = {1, 0, 0, 0, cos(tilt), sin(tilt), 0, -sin(tilt), cos(tilt)};
    double r[9];
    for (int i = 0; i < 9; i++)
        r[i] = about_z[i - i % 3] * about_x[i % 3] + about_z[i - i % 3 + 1] * about_x[3 + i % 3] +
               about_z[i - i % 3 + 2] * about_x[6 + i % 3];
    for (int kind = 0; kind < N_MADE; kind++) {
        if (kind == MADE_GAPS) continue;
        subject s;
        create(kind, &s);
        for (int k = 0; k < N_CELL; k++) {
            test_cell both[2] = {made_cells[k], made_cells[k]};
            sh_crystals c;
            for (int i = 0; i < 9; i++)
                both[1].lattice[i] = both[0].lattice[i - i % 3] * r[i % 3] + both[0].lattice[i - i % 3 + 1] * r[3 + i % 3] +
                                     both[0].lattice[i - i % 3 + 2] * r[6 + i % 3];
            sh_arena_reset(arena);
            cells_p1(both, 2, arena, &c);
            force_values v = forces_of(s.forces, arena, &c, s.cutoff, false);
            int n = made_cells[k].n;
            double scale = fmax(1, largest(v.force, 6 * n)), of_stress = fmax(1, largest(v.stress, 18));
            for (int a = 0; a < n; a++)
                for (int j = 0; j < 3; j++) {
                    const double *f = v.force + 3 * a;
                    assert_near(v.force[3 * (n + a) + j], f[0] * r[j] + f[1] * r[3 + j] + f[2] * r[6 + j], EXACT * scale);
                }
            for (int i = 0; i < 3; i++)
                for (int j = 0; j < 3; j++) {
                    double want = 0;
                    for (int p = 0; p < 3; p++)
                        for (int q = 0; q < 3; q++)
                            want += r[3 * p + i] * v.stress[3 * p + q] * r[3 * q + j];
                    assert_near(v.stress[9 + 3 * i + j], want, EXACT * of_stress);
                }
        }
        destroy(&s);
    }
}

/* ---- batches ---- */

/* Equal bits where products promise them: of the potentials, on the CPU. */
static void same(int kind, const double *got, const double *want, int64_t n)
{
    bool bits = potentials_keep_bits() && (kind == MADE_PES || kind == MADE_PES_NONE || kind == MADE_EFS);
    double scale = fmax(1, largest(want, n));
    for (int64_t i = 0; i < n; i++) {
        if (bits) assert_memory_equal(got + i, want + i, sizeof *got);
        assert_near(got[i], want[i], EXACT * scale);
    }
}

static void same_crystal(int kind, const sh_crystals *c, int64_t i, const force_values *got, const sh_crystals *d, int64_t k,
                         const force_values *want)
{
    int64_t first = c->site_start[i], n = c->site_start[i + 1] - first;
    same(kind, got->energy + i, want->energy + k, 1);
    same(kind, got->force + 3 * first, want->force + 3 * d->site_start[k], 3 * n);
    same(kind, got->stress + 9 * i, want->stress + 9 * k, 9);
}

/* What else is in the batch, and which of it is wanted; a graph of a larger cut-off. */
static void test_batch_does_not_matter(void **state)
{
    (void)state;
    for (int kind = 0; kind < N_MADE; kind++) {
        if (kind == MADE_GAPS) continue;
        subject s;
        sh_crystals c, full, one;
        sh_graph g;
        create(kind, &s);
        sh_arena_reset(arena);
        int n = made_crystals(groups, arena, &c, &full);
        sh_workspace host = sh_workspace_host(arena);
        int64_t *wanted = SH_PUSH(arena, int64_t, n), n_wanted = 0;
        force_values all = forces_of(s.forces, arena, &c, s.cutoff, false);
        for (int i = n - 1; i >= 0; i -= 3)
            wanted[n_wanted++] = i;
        sh_graph_build(&host, &c, &(sh_graph_opts){.cutoff = s.cutoff + 1}, &g);
        force_values some = forces_of_graph(s.forces, arena, &c, &g, wanted, n_wanted);
        for (int64_t i = 0; i < n; i++) {
            if ((n - 1 - i) % 3 == 0) {
                same_crystal(kind, &c, i, &some, &c, i, &all);
                continue;
            }
            assert_true(some.energy[i] == -77);
            for (int64_t k = 3 * c.site_start[i]; k < 3 * c.site_start[i + 1]; k++)
                assert_true(some.force[k] == -77);
            for (int64_t k = 9 * i; k < 9 * i + 9; k++)
                assert_true(some.stress[k] == -77);
        }
        for (int64_t i = 0; i < n; i += 9) {
            sh_crystals_select(&host, &c, &i, 1, &one);
            force_values alone = forces_of(s.forces, arena, &one, s.cutoff, false);
            same_crystal(kind, &one, 0, &alone, &c, i, &all);
        }
        force_values none = forces_of_graph(s.forces, arena, &c, &g, wanted, 0);
        assert_true(none.energy[0] == -77 && none.force[0] == -77 && none.stress[0] == -77);
        destroy(&s);
    }
}

/* A lone atom has no forces; a crystal with an unknown element has no numbers, its neighbours in the batch do. */
static void test_lone_and_unknown(void **state)
{
    (void)state;
    static const int32_t z[4] = {11, 14, 8, 92};
    static const double frac[6] = {0, 0, 0, 0.4, 0.5, 0.6};
    for (int kind = 0; kind < N_MADE; kind++) {
        if (kind == MADE_GAPS) continue;
        subject s;
        sh_crystals c;
        const test_cell cells[3] = {
            {.lattice = {12, 0, 0, 0, 12, 0, 0, 0, 12}, .n = 1, .z = (int32_t *)(uintptr_t)z, .frac = (double *)(uintptr_t)frac},
            {.lattice = {4, 0, 0, 1, 5, 0, 0, 0, 4}, .n = 2, .z = (int32_t *)(uintptr_t)(z + 1), .frac = (double *)(uintptr_t)frac},
            {.lattice = {4, 0, 0, 1, 5, 0, 0, 0, 4}, .n = 2, .z = (int32_t *)(uintptr_t)(z + 2), .frac = (double *)(uintptr_t)frac}};
        create(kind, &s);
        sh_arena_reset(arena);
        cells_p1(cells, 3, arena, &c);
        force_values v = forces_of(s.forces, arena, &c, s.cutoff, false);
        assert_true(isfinite(v.energy[0]) && isfinite(v.energy[1]) && isnan(v.energy[2]));
        for (int k = 0; k < 3; k++)
            assert_true(v.force[k] == 0 && isfinite(v.force[3 + k]) && isfinite(v.force[6 + k]) && isnan(v.force[9 + k]));
        for (int k = 0; k < 9; k++)
            assert_true(v.stress[k] == 0 && isfinite(v.stress[9 + k]) && isnan(v.stress[18 + k]));
        assert_true(largest(v.force + 3, 3) > 1e-6);
        destroy(&s);
    }
}

/* Of the radial functions; double whatever sh_real is. */
static void test_radial_slopes(void **state)
{
    (void)state;
    const double step = 1e-5;
    for (double r = 0.3; r < 4.99; r += 0.0717) {
        double slope[9], above[9], below[9];
        sh_basis_bessel_slope(r, 5, slope);
        sh_basis_bessel(r + step, 5, above);
        sh_basis_bessel(r - step, 5, below);
        for (int i = 0; i < 9; i++)
            assert_near(slope[i], (above[i] - below[i]) / (2 * step), 1e-8);
        sh_basis_smooth_slope(r, 5, slope);
        sh_basis_smooth(r + step, 5, above);
        sh_basis_smooth(r - step, 5, below);
        for (int i = 0; i < 3; i++)
            assert_near(slope[i], (above[i] - below[i]) / (2 * step), 1e-8);
        assert_near(sh_basis_fade_slope(r, 4), (sh_basis_fade(r + step, 4) - sh_basis_fade(r - step, 4)) / (2 * step), 1e-9);
    }
}

/* ---- what a device would be asked to do ---- */

static void test_launches(void **state)
{
    (void)state;
    static const int64_t most[N_MADE] = {[MADE_PES] = 213, [MADE_PES_NONE] = 186, [MADE_EFORM] = 277, [MADE_EFORM_OTHER] = 277,
                                         [MADE_MEGNET] = 287, [MADE_EFS] = 185};
    if (strcmp(be->name, "recorder")) skip();
    for (int kind = 0; kind < N_MADE; kind++) {
        if (kind == MADE_GAPS) continue;
        subject s;
        sh_recorder_counts counts = {0};
        create(kind, &s);
        for (int round = 0; round < 2; round++) {
            sh_workspace ws, host = sh_workspace_host(arena);
            sh_crystals c, full, crystals;
            sh_graph g, graph;
            sh_arena_reset(arena);
            made_crystals(groups, arena, &c, &full);
            sh_graph_build(&host, &c, &(sh_graph_opts){.cutoff = s.cutoff}, &g);
            sh_workspace_begin(&ws, be, arena);
            sh_crystals_put(&ws, &c, &crystals);
            sh_graph_put(&ws, &g, &crystals, &graph);
            double *energy = SH_ROOM(&ws, double, c.n_crystal), *force = SH_ROOM(&ws, double, 3 * c.n_site),
                   *stress = SH_ROOM(&ws, double, 9 * c.n_crystal);
            sh_recorder_clear();
            sh_forces_evaluate(s.forces, &ws, &crystals, &graph, NULL, 0, energy, force, stress);
            counts = sh_recorder_read();
        }
        print_message("%-13s %lld launches, %lld copies in, %lld clears, %lld waits\n", made_name[kind], (long long)counts.launches,
                      (long long)counts.copies_in, (long long)counts.clears, (long long)counts.waits);
        assert_in_range(counts.launches, 1, most[kind]);
        assert_int_equal(counts.copies_in, 0);
        assert_int_equal(counts.waits, 0);
        assert_int_equal(counts.blocks, 0);
        destroy(&s);
    }
}

static int run(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_radial_slopes),    cmocka_unit_test(test_differences),
        cmocka_unit_test(test_symmetry),         cmocka_unit_test(test_quotient_equals_full_cell),
        cmocka_unit_test(test_rotation),         cmocka_unit_test(test_batch_does_not_matter),
        cmocka_unit_test(test_lone_and_unknown), cmocka_unit_test(test_launches)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}

int main(int argc, char **argv)
{
    arena = sh_arena_create(1 << 20);
    if (sh_groups_create(&groups) != SH_OK ||
        sh_references_create(SH_SOURCE_DIR "/configs/tables/references_m3gnet_efs.csv", &references) != SH_OK)
        device_fatal(sh_error_message());
    int failed = potentials_run(argc, argv, run);
    sh_references_destroy(&references);
    sh_groups_destroy(&groups);
    sh_arena_destroy(&arena);
    return failed;
}
