/* bench_constraints.c -- draws many crystals and counts what must not be: violated constraints, and what is held back.
 *
 *     bench_constraints CONFIG.yaml [RUN] [N]        also under mpirun; N 1,000,000
 *
 * With RUN the policy is that of its newest checkpoint, otherwise a new one, which draws more of everything. Constraints are checked on
 * the finished crystals, by the definitions in the configuration and not by the masks. Ends with 1 where one is violated or
 * something that is written has two atoms closer than 0.5 Å. */
#define _POSIX_C_SOURCE 200809L

#include <stdio.h>
#include <stdlib.h>

#include "comm/comm.h"
#include "crystal/wyckoff.h"
#include "io/samples.h"
#include "timing.h"
#include "train/exchange.h"
#include "train/run_state.h"

enum { DRAWN, GROUP, CELL, ELEMENTS, ONE_OF, KINDS, SITES, ATOMS, TWICE, OVERLAP, SHORT, HELD, WRITTEN, WRITTEN_OVERLAP, N_COUNT };

static const char *const count_name[N_COUNT] = {
    "crystals drawn",
    "  violated: space_groups",
    "  violated: bounds of the lattice",
    "  violated: elements",
    "  violated: one_of",
    "  violated: max_elements",
    "  violated: min_sites, max_sites",
    "  violated: max_atoms",
    "  violated: a position without freedom twice",
    "drawn with two atoms closer than 0.5 A",
    "drawn with a distance below its pair's in the bond table",
    "held back",
    "would be written",
    "  of these closer than 0.5 A",
};

static void check(const sh_setup *s, const sh_record *r, double *count)
{
    const sh_constraints *c = &s->config->constraints;
    const sh_step *last = &r->step[r->n_step - 1];
    const sh_wyckoffs *w = s->groups->wyckoffs;
    bool wyckoff = s->config->policy.sites == SH_SITES_WYCKOFF, one_of = !c->has_one_of, present[SH_MAX_ELEMENTS] = {false}, twice = false;
    bool overlap, written = sh_samples_may_write(&r->result, &overlap);
    double lattice[9], p[6];
    int32_t kinds = 0, atoms = 0;
    for (int32_t k = 0; k < r->n_step; k++) {
        const sh_step *step = &r->step[k];
        count[ELEMENTS] += step->elem_index < 0 || step->elem_index >= c->n_element;
        one_of = one_of || c->one_of[step->elem_index];
        kinds += !present[step->elem_index];
        present[step->elem_index] = true;
        if (!wyckoff) continue;
        const sh_wyckoff *position = &w->position[w->start[last->sg_number - 1] + step->wyckoff];
        atoms += position->mult;
        for (int32_t j = 0; j < k; j++)
            twice = twice || (position->dim == 0 && r->step[j].wyckoff == step->wyckoff);
    }
    sh_step_lattice(&c->cell, last, lattice);
    sh_lattice_parameters(lattice, p);
    bool cell = true;
    unsigned free_mask = sh_family_free(sh_group_family(last->sg_number));
    for (int d = 0; d < 6; d++) {
        const double *bounds = d < 3 ? c->cell.length : c->cell.angle;
        cell = cell && (!(free_mask >> d & 1) || (p[d] > bounds[0] - 1e-6 && p[d] < bounds[1] + 1e-6));
    }
    count[DRAWN]++;
    count[GROUP] += !c->group_allowed[last->sg_number - 1];
    count[CELL] += !cell;
    count[ONE_OF] += !one_of;
    count[KINDS] += kinds > c->max_elements;
    count[SITES] += r->n_step < c->min_sites || r->n_step > c->max_sites;
    count[ATOMS] += wyckoff && (atoms > c->max_atoms || atoms != r->result.n_atom);
    count[TWICE] += twice;
    count[OVERLAP] += r->result.min_dist < 0.5;
    count[SHORT] += !r->result.bond_valid;
    count[HELD] += !written;
    count[WRITTEN] += written;
    count[WRITTEN_OVERLAP] += written && !(r->result.min_dist >= 0.5);
}

int main(int argc, char **argv)
{
    static sh_config config;
    sh_setup s;
    sh_comm *comm;
    enum { BATCH = 2048 };
    int64_t total = argc > 3 ? atoll(argv[3]) : 1000000, done = 0, first, n;
    const char *run = argc > 2 && argv[2][0] ? argv[2] : NULL, *const settings[] = {"reward.formation_energy.weight=0"};
    const sh_exploration none = {.epsilon = 0, .widen = 1};
    double count[N_COUNT] = {0};
    if (argc < 2 || total < 1) {
        fprintf(stderr, "usage: bench_constraints CONFIG.yaml [RUN] [N]\n");
        return 2;
    }
    if (sh_comm_create(&argc, &argv, &comm) != SH_OK || sh_config_read(argv[1], settings, 1, NULL, &config) != SH_OK ||
        sh_setup_create(&config, &s) != SH_OK || (run && sh_run_state_read(run, &s, NULL, &done) != SH_OK)) {
        fprintf(stderr, "%s\n", sh_error_message());
        return 1;
    }
    sh_records records;
    sh_records_create(&records, config.constraints.max_sites, BATCH);
    sh_exchange_slice(comm, total, &first, &n);
    double start = now();
    for (int64_t i = 0; i < n; i += BATCH) {
        sh_setup_draw(&s, 7, (uint64_t)(first + i), n - i < BATCH ? n - i : BATCH, &none, &records);
        for (int64_t k = 0; k < records.n; k++)
            check(&s, sh_record_at(&records, k), count);
    }
    sh_comm_sum_double(comm, count, N_COUNT);
    double violated = 0;
    for (int k = GROUP; k <= TWICE; k++)
        violated += count[k];
    if (comm->rank == 0) {
        printf("%s, %s policy (%lld iterations), %.0f crystals/s without energies\n", argv[1], run ? "trained" : "new", (long long)done,
               (double)total / (now() - start));
        for (int k = 0; k < N_COUNT; k++)
            printf("%-58s %10.0f  %8.4f %%\n", count_name[k], count[k], 100 * count[k] / count[DRAWN]);
    }
    sh_records_destroy(&records);
    sh_setup_destroy(&s);
    sh_comm_destroy(&comm);
    return violated > 0 || count[WRITTEN_OVERLAP] > 0;
}
