/* Trained densities against targets that can be integrated: two lattice parameters that depend on each other, a monoclinic cell
 * with its angle, a triclinic one (Z by quadrature over the valid cells), positions against periodic functions, another one for
 * each Wyckoff position, groups of two families and elements by their shares, elements that depend on the cell. One site each;
 * what a test is not about has nothing to learn but uniform. */
#include "fixture.h"

enum { N = 10000 };

static double u_of(const sh_record *r, int d)
{
    return 1 / (1 + exp(-r->step[0].y[d]));
}

static void train(fixture *f, const int32_t *element, int32_t n_element, const int32_t *group, int32_t n_group, sh_sites_mode sites,
                       int32_t position_mixture, int iterations, log_target_fn log_target)
{
    sh_constraints constraints = fixture_constraints(element, n_element, group, n_group, 1, 1);
    sh_policy_options options = fixture_options(4);
    options.sites = sites;
    options.position_mixture = position_mixture;
    if (sites == SH_SITES_WYCKOFF) {
        options.group = SH_ONCE;
        options.lattice = SH_LATTICE_LAST;
    }
    fixture_create(f, &constraints, &options);
    double loss = fixture_train(f, iterations, 128, 5e-3, log_target, NULL);
    print_message("log Z %.4f, loss %.2g\n", fixture_log_z(f), loss);
    fixture_sample(f, N);
}

/* ---- a tetragonal cell: y_a normal, y_c normal around a line in y_a ---- */

static const double A0 = 0.4, SA = 0.7, C0 = -0.3, SLOPE = 0.8, SC = 0.4;

static double log_tetragonal(const sh_record *r, const void *context)
{
    (void)context;
    const double *y = r->step[0].y;
    return log(2.5) + logit_normal(y[0], A0, SA) + logit_normal(y[2], C0 + SLOPE * y[0], SC);
}

static void test_two_parameters(void **state)
{
    (void)state;
    fixture f;
    train(&f, (const int32_t[]){11}, 1, (const int32_t[]){123}, 1, SH_SITES_GENERAL, 1, 800, log_tetragonal);
    double mean[2] = {0}, square[2] = {0}, product = 0;
    for (int64_t i = 0; i < N; i++) {
        const double *y = sh_record_at(&f.records, i)->step[0].y;
        for (int k = 0; k < 2; k++) {
            mean[k] += y[2 * k] / N;
            square[k] += y[2 * k] * y[2 * k] / N;
        }
        product += y[0] * y[2] / N;
    }
    double var_a = square[0] - mean[0] * mean[0], cov = product - mean[0] * mean[1];
    double var_c = square[1] - mean[1] * mean[1];
    print_message("means %.3f %.3f, slope %.3f, width of c around the line %.3f\n", mean[0], mean[1], cov / var_a,
                  sqrt(var_c - cov * cov / var_a));
    assert_near(fixture_log_z(&f), log(2.5), 0.05);
    assert_near(mean[0], A0, 0.05);
    assert_near(sqrt(var_a), SA, 0.05);
    assert_near(mean[1], C0 + SLOPE * A0, 0.05);
    assert_near(cov / var_a, SLOPE, 0.08); /* heads that do not see a give 0 */
    assert_near(sqrt(var_c - cov * cov / var_a), SC, 0.05);
    fixture_destroy(&f);
}

/* ---- a monoclinic cell: a like u (1-u)^2, beta like a logit-normal ---- */

static double log_monoclinic(const sh_record *r, const void *context)
{
    (void)context;
    double u = u_of(r, 0);
    return log(u) + 2 * log1p(-u) + logit_normal(r->step[0].y[4], 0.5, 0.6);
}

static double beta_cdf(double u)
{
    return u * u * (6 - 8 * u + 3 * u * u);
}

static double angle_cdf(double u)
{
    return 0.5 * erfc(-(log(u) - log1p(-u) - 0.5) / (0.6 * sqrt(2)));
}

static double uniform_cdf(double u)
{
    return u;
}

static void check_parameter(const fixture *f, int d, double (*cdf)(double))
{
    double *u = SH_NEW(double, N);
    for (int64_t i = 0; i < N; i++)
        u[i] = u_of(sh_record_at(&f->records, i), d);
    double apart = kolmogorov_smirnov(u, N, cdf);
    print_message("parameter %d: Kolmogorov-Smirnov distance %.4f\n", d, apart);
    assert_true(apart < 0.05);
    sh_free(u);
}

static void test_monoclinic(void **state)
{
    (void)state;
    fixture f;
    train(&f, (const int32_t[]){11}, 1, (const int32_t[]){10}, 1, SH_SITES_GENERAL, 1, 600, log_monoclinic);
    assert_near(fixture_log_z(&f), log(1.0 / 12), 0.05);
    check_parameter(&f, 0, beta_cdf);
    check_parameter(&f, 1, uniform_cdf);
    check_parameter(&f, 2, uniform_cdf);
    check_parameter(&f, 4, angle_cdf);
    fixture_destroy(&f);
}

/* ---- a triclinic cell: the square of its volume over abc, of angles in degree ---- */

static double volume_square(const double angle[3])
{
    double c[3];
    for (int i = 0; i < 3; i++)
        c[i] = cos(angle[i] * SH_PI / 180);
    return 1 - c[0] * c[0] - c[1] * c[1] - c[2] * c[2] + 2 * c[0] * c[1] * c[2];
}

/* alpha and beta in [80, 130], gamma in [80, min(130, 355 - alpha - beta)]: the bounds of the fixture. */
static void angles_of(const double u[3], double angle[3])
{
    angle[0] = 80 + 50 * u[0];
    angle[1] = 80 + 50 * u[1];
    double most = fmin(130, 355 - angle[0] - angle[1]);
    angle[2] = 80 + (most - 80) * u[2];
}

static double log_triclinic(const sh_record *r, const void *context)
{
    (void)context;
    double angle[3];
    angles_of((const double[]){u_of(r, 3), u_of(r, 4), u_of(r, 5)}, angle);
    return 2 * log(volume_square(angle));
}

static void test_triclinic(void **state)
{
    (void)state;
    enum { GRID = 100 };
    double z = 0, gamma = 0, sampled = 0;
    for (int k = 0; k < GRID * GRID * GRID; k++) {
        double angle[3], u[3] = {(k / (GRID * GRID) + 0.5) / GRID, (k / GRID % GRID + 0.5) / GRID, (k % GRID + 0.5) / GRID};
        angles_of(u, angle);
        assert_true(volume_square(angle) > 0); /* every u is a cell */
        double weight = pow(volume_square(angle), 2) / (GRID * GRID * GRID);
        z += weight;
        gamma += weight * angle[2];
    }
    fixture f;
    train(&f, (const int32_t[]){11}, 1, (const int32_t[]){2}, 1, SH_SITES_GENERAL, 1, 800, log_triclinic);
    for (int64_t i = 0; i < N; i++) {
        const sh_record *r = sh_record_at(&f.records, i);
        double lattice[9], parameters[6];
        sh_step_lattice(&f.constraints.cell, &r->step[0], lattice);
        sh_lattice_parameters(lattice, parameters);
        sampled += parameters[5] / N;
    }
    print_message("exact log Z %.4f; mean gamma %.3f, exact %.3f\n", log(z), sampled, gamma / z);
    assert_near(fixture_log_z(&f), log(z), 0.05);
    assert_near(sampled, gamma / z, 0.5);
    fixture_destroy(&f);
}

/* ---- positions: 1 + 0.8 cos(2 pi (x - c)) along each free coordinate ---- */

/* Another c for each Wyckoff position; general sites, which have none, take the last. */
static const double CENTRE[3][3] = {{0.3, 0.55}, {0.8, 0.1}, {0.5, 0.75, 0.9}};

static const double *centre_of(int32_t wyckoff)
{
    return CENTRE[wyckoff < 0 ? 2 : wyckoff];
}

static double log_periodic(const sh_record *r, int32_t dim)
{
    const double *centre = centre_of(r->step[0].wyckoff);
    double sum = 0;
    for (int32_t j = 0; j < dim; j++)
        sum += log(1 + 0.8 * cos(2 * SH_PI * (r->step[0].frac[j] - centre[j])));
    return sum;
}

static double centre; /* of the distribution function below */
static double periodic_cdf(double x)
{
    return x + 0.8 * (sin(2 * SH_PI * (x - centre)) + sin(2 * SH_PI * centre)) / (2 * SH_PI);
}

/* Pm (6): positions a and b are mirror planes of two free coordinates, c is general; weights make each dimension count. */
static double log_positions(const sh_record *r, const void *context)
{
    (void)context;
    bool plane = r->step[0].wyckoff < 2;
    return log(plane ? 1 : 3) + log_periodic(r, plane ? 2 : 3);
}

static double log_general(const sh_record *r, const void *context)
{
    (void)context;
    return log_periodic(r, 3);
}

static void check_positions(const fixture *f, int32_t wyckoff, int32_t dim)
{
    double *x = SH_NEW(double, N);
    for (int32_t axis = 0; axis < dim; axis++) {
        int64_t n = 0;
        centre = centre_of(wyckoff)[axis];
        for (int64_t i = 0; i < N; i++) {
            const sh_step *step = &sh_record_at(&f->records, i)->step[0];
            if (step->wyckoff == wyckoff) x[n++] = step->frac[axis];
        }
        assert_true(n > N / 6);
        double apart = kolmogorov_smirnov(x, n, periodic_cdf);
        print_message("position %d, coordinate %d of %d: Kolmogorov-Smirnov distance %.4f\n", wyckoff, axis, dim, apart);
        assert_true(apart < 0.05);
    }
    sh_free(x);
}

static void test_positions(void **state)
{
    (void)state;
    fixture f;
    train(&f, (const int32_t[]){11}, 1, (const int32_t[]){6}, 1, SH_SITES_WYCKOFF, 4, 600, log_positions);
    assert_near(fixture_log_z(&f), log(1 + 1 + 3), 0.05);
    check_positions(&f, 0, 2); /* heads that do not see the position have one density for all three */
    check_positions(&f, 1, 2);
    check_positions(&f, 2, 3);
    fixture_destroy(&f);
    train(&f, (const int32_t[]){11}, 1, (const int32_t[]){1}, 1, SH_SITES_GENERAL, 4, 600, log_general);
    assert_near(fixture_log_z(&f), 0, 0.05);
    check_positions(&f, -1, 3);
    fixture_destroy(&f);
}

/* ---- shares: equal reward means equal groups, whatever the size of their boxes; elements by their weights ---- */

static double log_elements(const sh_record *r, const void *context)
{
    (void)context;
    return log(r->step[0].elem_index ? 3 : 1);
}

static void test_shares(void **state)
{
    (void)state;
    fixture f;
    train(&f, (const int32_t[]){11, 17}, 2, (const int32_t[]){2, 221}, 2, SH_SITES_GENERAL, 1, 500, log_elements);
    double cubic = 0, chlorine = 0;
    for (int64_t i = 0; i < N; i++) {
        const sh_record *r = sh_record_at(&f.records, i);
        cubic += r->step[0].sg_number == 221 ? 1.0 / N : 0;
        chlorine += r->step[0].elem_index ? 1.0 / N : 0;
    }
    print_message("cubic %.4f, chlorine %.4f\n", cubic, chlorine);
    assert_near(fixture_log_z(&f), log(8), 0.05);
    assert_near(cubic, 0.5, 0.02);
    assert_near(chlorine, 0.75, 0.02);
    fixture_destroy(&f);
}

/* ---- a cubic cell whose element depends on the lattice parameter: chlorine with logistic(4 y) ---- */

static const double SY = 1.2;

static double log_element_of_lattice(const sh_record *r, const void *context)
{
    (void)context;
    double y = r->step[0].y[0];
    return log(2.5) + logit_normal(y, 0, SY) - log1p(exp(r->step[0].elem_index ? -4 * y : 4 * y));
}

static void test_element_of_lattice(void **state)
{
    (void)state;
    double exact = 0, large = 0, chlorine = 0;
    enum { GRID = 2000 };
    for (int i = 0; i < GRID; i++) { /* of the normal density above 0, which holds half of it */
        double y = 8 * SY * (i + 0.5) / GRID;
        exact += 2 * exp(-0.5 * y * y / (SY * SY)) / (SY * sqrt(2 * SH_PI)) / (1 + exp(-4 * y)) * 8 * SY / GRID;
    }
    fixture f;
    train(&f, (const int32_t[]){11, 17}, 2, (const int32_t[]){221}, 1, SH_SITES_GENERAL, 1, 600, log_element_of_lattice);
    for (int64_t i = 0; i < N; i++) {
        const sh_step *step = &sh_record_at(&f.records, i)->step[0];
        large += step->y[0] > 0;
        chlorine += step->y[0] > 0 && step->elem_index;
    }
    print_message("chlorine in large cells %.4f, exact %.4f\n", chlorine / large, exact);
    assert_near(fixture_log_z(&f), log(2.5), 0.05); /* out of reach of heads that do not see the lattice */
    assert_near(chlorine / large, exact, 0.03);
    fixture_destroy(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_two_parameters), cmocka_unit_test(test_monoclinic),
                                       cmocka_unit_test(test_triclinic), cmocka_unit_test(test_positions),
                                       cmocka_unit_test(test_shares), cmocka_unit_test(test_element_of_lattice)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
