/* Sites on Wyckoff positions, against enumeration by the definition of C: Z for a target that depends on everything a
 * trajectory chooses, whatever the policy; and trained policies, by each objective and with each encoder, on a space small
 * enough to count, with the bounds on elements and atoms binding. */
#include "fixture.h"

#include "crystal/wyckoff.h"

static const double C_N[4] = {0, 1.5, 1, 2};

static double group_weight(int32_t sg_number)
{
    return sg_number == 75 ? 1 : sg_number == 195 ? 2 : 0.7;
}

static double site_weight(int32_t elem_index, int32_t wyckoff)
{
    static const double table[3][4] = {{1, 0.4, 1.6, 0.8}, {0.5, 1.3, 0.6, 1.1}, {0.9, 1.8, 0.3, 1.2}};
    return table[elem_index][wyckoff % 4];
}

/* Factors of mean 1 for what is continuous: the first lattice parameter and the free parameters of sites. */
static double log_target(const sh_record *r, const void *context)
{
    const sh_wyckoffs *w = ((const fixture *)context)->groups->wyckoffs;
    const sh_step *last = &r->step[r->n_step - 1];
    double value = C_N[r->n_step] * group_weight(last->sg_number);
    for (int32_t k = 0; k < r->n_step; k++) {
        const sh_step *step = &r->step[k];
        value *= site_weight(step->elem_index, step->wyckoff);
        for (int32_t j = 0; j < w->position[w->start[step->sg_number - 1] + step->wyckoff].dim; j++)
            value *= 1 + 0.5 * cos(2 * SH_PI * step->frac[j]);
    }
    return log(value) + logit_normal(last->y[0], 0.2, 1.4);
}

/* What depends on elements and positions alone. */
static double log_discrete_target(const sh_record *r, const void *context)
{
    (void)context;
    double value = C_N[r->n_step];
    for (int32_t k = 0; k < r->n_step; k++)
        value *= site_weight(r->step[k].elem_index, r->step[k].wyckoff);
    return log(value);
}

typedef struct {
    int32_t n, elem_index[3], wyckoff[3];
} arrangement;

static bool allowed(const fixture *f, int32_t sg_number, const arrangement *a, bool may_stop)
{
    const sh_constraints *c = &f->constraints;
    const sh_wyckoffs *w = f->groups->wyckoffs;
    int32_t n_atom = 0, kinds = 0;
    bool has_one_of = !c->has_one_of;
    for (int32_t k = 0; k < a->n; k++) {
        const sh_wyckoff *p = &w->position[w->start[sg_number - 1] + a->wyckoff[k]];
        bool first = true;
        n_atom += p->mult;
        has_one_of = has_one_of || c->one_of[a->elem_index[k]];
        for (int32_t j = 0; j < k; j++) {
            first = first && a->elem_index[j] != a->elem_index[k];
            if (p->dim == 0 && a->wyckoff[j] == a->wyckoff[k]) return false;
        }
        kinds += first;
    }
    return n_atom <= c->max_atoms && kinds <= c->max_elements && (!may_stop || (a->n >= c->min_sites && has_one_of));
}

/* Sum over ordered sites of the weights, each divided by n!: sites are a set. */
static double partition(const fixture *f, int32_t sg_number, const arrangement *a, double weight)
{
    static const double factorial[4] = {1, 1, 2, 6};
    const int32_t *start = f->groups->wyckoffs->start;
    double sum = a->n && allowed(f, sg_number, a, true) ? C_N[a->n] * weight / factorial[a->n] : 0;
    if (a->n == f->constraints.max_sites) return sum;
    for (int32_t e = 0; e < f->constraints.n_element; e++)
        for (int32_t w = 0; w < start[sg_number] - start[sg_number - 1]; w++) {
            arrangement child = *a;
            child.elem_index[child.n] = e;
            child.wyckoff[child.n++] = w;
            if (allowed(f, sg_number, &child, false)) sum += partition(f, sg_number, &child, weight * site_weight(e, w));
        }
    return sum;
}

static sh_policy_options wyckoff_options(sh_lattice_mode lattice, sh_heads_mode heads)
{
    sh_policy_options options = fixture_options(4);
    options.sites = SH_SITES_WYCKOFF;
    options.group = SH_ONCE;
    options.lattice = lattice;
    options.heads = heads;
    return options;
}

static void check_partition(sh_lattice_mode lattice, sh_heads_mode heads, int64_t n)
{
    const int32_t element[] = {3, 8, 17}, group[] = {6, 75, 195};
    sh_constraints constraints = fixture_constraints(element, 3, group, 3, 1, 2);
    sh_policy_options options = wyckoff_options(lattice, heads);
    constraints.max_elements = lattice == SH_LATTICE_LAST ? 1 : 2;
    constraints.max_atoms = 4;
    constraints.has_one_of = constraints.one_of[0] = true;
    fixture f;
    fixture_create(&f, &constraints, &options);
    double exact = 0;
    for (int i = 0; i < 3; i++)
        exact += group_weight(group[i]) * partition(&f, group[i], &(arrangement){0}, 1);
    check_z(&f, n, log_target, &f, exact);
    fixture_destroy(&f);
}

static void test_partition(void **state)
{
    (void)state;
    check_partition(SH_LATTICE_LAST, SH_HEADS_SEQUENTIAL, 70000);
    check_partition(SH_LATTICE_EACH_STEP, SH_HEADS_SEQUENTIAL, 110000);
    check_partition(SH_LATTICE_LAST, SH_HEADS_INDEPENDENT, 70000);
    check_partition(SH_LATTICE_EACH_STEP, SH_HEADS_FLAT, 110000);
}

/* A number for the set of sites, each one of K = 3 elements on one of four positions or absent. */
enum { N_CODE = 256 };
static int32_t code_of(const int32_t *elem_index, const int32_t *wyckoff, int32_t n)
{
    int32_t code = 0;
    for (int32_t k = 0; k < n; k++)
        code += (1 + elem_index[k]) << 2 * wyckoff[k];
    return code;
}

static void add_up(const fixture *f, const arrangement *a, double weight, double *share)
{
    static const double factorial[4] = {1, 1, 2, 6};
    if (a->n && allowed(f, 221, a, true))
        share[code_of(a->elem_index, a->wyckoff, a->n)] += C_N[a->n] * weight / factorial[a->n];
    for (int32_t k = 0; k < 3 * 4 && a->n < f->constraints.max_sites; k++) {
        arrangement child = *a;
        child.elem_index[child.n] = k / 4;
        child.wyckoff[child.n++] = k % 4;
        if (allowed(f, 221, &child, false)) add_up(f, &child, weight * site_weight(k / 4, k % 4), share);
    }
}

/* Pm-3m, at most 5 atoms of 1a, 1b, 3c, 3d, at most two of three elements, one of them Li: 55 crystals. */
static double trained_distance(const sh_policy_options *options, int iterations, double *log_z_apart)
{
    const int32_t element[] = {3, 8, 17}, group[] = {221};
    sh_constraints constraints = fixture_constraints(element, 3, group, 1, 1, 3);
    constraints.max_elements = 2;
    constraints.max_atoms = 5;
    constraints.has_one_of = constraints.one_of[0] = true;
    fixture f;
    fixture_create(&f, &constraints, options);
    double exact[N_CODE] = {0}, share[N_CODE] = {0}, z = 0, distance = 0;
    int n_crystal = 0;
    add_up(&f, &(arrangement){0}, 1, exact);
    for (int i = 0; i < N_CODE; i++) {
        z += exact[i];
        n_crystal += exact[i] > 0;
    }
    assert_int_equal(n_crystal, 55);
    double loss = fixture_train(&f, iterations, 64, 6e-3, log_discrete_target, NULL);
    *log_z_apart = fixture_log_z(&f) - log(z);
    enum { N = 40000, CHUNK = 1000 };
    for (int part = 0; part < N / CHUNK; part++) {
        fixture_sample(&f, CHUNK);
        for (int64_t i = 0; i < CHUNK; i++) {
            const sh_record *r = sh_record_at(&f.records, i);
            int32_t elem_index[3], wyckoff[3];
            for (int32_t k = 0; k < r->n_step; k++) {
                elem_index[k] = r->step[k].elem_index;
                wyckoff[k] = r->step[k].wyckoff;
            }
            share[code_of(elem_index, wyckoff, r->n_step)] += 1.0 / N;
        }
    }
    for (int i = 0; i < N_CODE; i++) {
        assert_true(exact[i] > 0 || share[i] == 0); /* nothing that violates a constraint */
        distance += 0.5 * fabs(share[i] - exact[i] / z);
    }
    print_message("log Z %.4f, exact %.4f; loss %.2g; total variation %.4f\n", fixture_log_z(&f), log(z), loss, distance);
    fixture_destroy(&f);
    return distance;
}

static void check_trained(const char *name, const sh_policy_options *options, int iterations)
{
    double log_z_apart;
    print_message("%s: ", name);
    assert_true(trained_distance(options, iterations, &log_z_apart) < 0.02);
    assert_near(log_z_apart, 0, 0.05);
}

static void test_trained(void **state)
{
    (void)state;
    sh_policy_options tb = wyckoff_options(SH_LATTICE_LAST, SH_HEADS_SEQUENTIAL), subtb = tb, vargrad = tb, gcn = tb;
    subtb.objective = SH_SUBTB;
    subtb.lambda = 0.9;
    vargrad.objective = SH_VARGRAD;
    gcn.encoder = SH_GCN;
    check_trained("TB", &tb, 600);
    check_trained("SubTB", &subtb, 800);
    check_trained("VarGrad", &vargrad, 600);
    check_trained("GCN", &gcn, 600);
}

/* The position's choice depends on the element: heads that do not see it cannot learn this target. */
static void test_blind_heads_fail(void **state)
{
    (void)state;
    sh_policy_options blind = wyckoff_options(SH_LATTICE_LAST, SH_HEADS_INDEPENDENT);
    double log_z_apart;
    assert_true(trained_distance(&blind, 200, &log_z_apart) > 0.05);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_partition), cmocka_unit_test(test_trained),
                                       cmocka_unit_test(test_blind_heads_fail)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
