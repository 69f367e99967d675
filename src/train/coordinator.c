#define _POSIX_C_SOURCE 200809L

#include "train/coordinator.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"

static const double STRUCTURE_VALID_ANG = 0.5; /* metrics, section 1.1 */

static char line[256];

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

void sh_coordinator_create(const sh_config *config, sh_coordinator_state *c)
{
    int32_t max_sites = config->constraints.max_sites;
    *c = (sh_coordinator_state){.replay = sh_replay_create(max_sites, config->train.replay_capacity), .last_row = now()};
    sh_records_create(&c->next_replay, max_sites, 1);
    sh_records_create(&c->pending, max_sites, 1);
}

void sh_coordinator_destroy(sh_coordinator_state *c)
{
    sh_replay_destroy(&c->replay);
    if (c->next_replay.data) sh_records_destroy(&c->next_replay);
    if (c->pending.data) sh_records_destroy(&c->pending);
    sh_free(c->modes);
    c->modes = NULL;
    if (c->metrics) fclose(c->metrics);
    c->metrics = NULL;
}

bool sh_record_is_mode(const sh_record *r)
{
    const sh_reward_result *x = &r->result;
    return x->valid && x->min_dist >= STRUCTURE_VALID_ANG && x->bond_valid && x->e_form < 0;
}

static void write_header(FILE *f)
{
    fputs("iteration,trajectories,loss,loss_replay,log_z,log_z_estimate,gradient_norm,exploration,reward_mean,reward_best", f);
    for (int k = 0; k < SH_N_TERM; k++)
        fprintf(f, ",%s", sh_term_key((sh_term)k));
    fputs(",e_form_mean,e_form_known,e_form_negative,valid_composition,valid_structure,sites_mean,atoms_mean,modes,replay", f);
    for (int k = 1; k < SH_N_REASON; k++)
        fprintf(f, ",n_%s", sh_reason_key((sh_reason)k));
    fputs(",seconds,structures_per_second\n", f);
}

/* Where row number `rows` ends; -1 where the file has fewer. */
static long end_of_row(FILE *f, int64_t rows)
{
    int64_t lines = -1; /* the header is none */
    for (int ch = getc(f); ch != EOF; ch = getc(f))
        if (ch == '\n' && ++lines == rows) return ftell(f);
    return -1;
}

sh_status sh_coordinator_open_metrics(sh_coordinator_state *c, const char *directory, int64_t rows)
{
    char path[SH_PATH_SIZE + 32];
    snprintf(path, sizeof path, "%s/metrics.csv", directory);
    c->metrics = fopen(path, rows < 0 ? "w" : "r+");
    if (!c->metrics) return SH_FAIL(SH_EIO, "cannot open '%s': %s", path, strerror(errno));
    if (rows < 0) {
        write_header(c->metrics);
        return SH_OK;
    }
    long end = end_of_row(c->metrics, rows);
    if (end < 0) return SH_FAIL(SH_EIO, "'%s' has fewer than the %lld rows its checkpoint knows of", path, (long long)rows);
    if (ftruncate(fileno(c->metrics), end) || fseek(c->metrics, end, SEEK_SET))
        return SH_FAIL(SH_EIO, "cannot cut '%s' back: %s", path, strerror(errno));
    return SH_OK;
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return x < y ? -1 : x > y;
}

static void add_modes(sh_coordinator_state *c)
{
    int64_t before = c->n_mode, kept = 0;
    c->modes = sh_realloc(c->modes, (size_t)(c->n_mode + c->pending.n) * sizeof *c->modes);
    for (int64_t i = 0; i < c->pending.n; i++) {
        const sh_record *r = sh_record_at(&c->pending, i);
        if (sh_record_is_mode(r)) c->modes[c->n_mode++] = r->formula;
    }
    if (c->n_mode == before) return;
    qsort(c->modes, (size_t)c->n_mode, sizeof *c->modes, compare);
    for (int64_t i = 0; i < c->n_mode; i++)
        if (kept == 0 || c->modes[kept - 1] != c->modes[i]) c->modes[kept++] = c->modes[i];
    c->n_mode = kept;
}

/* Means over the records of one iteration. */
typedef struct {
    double reward, term[SH_N_TERM], e_form, n_e_form, negative, valid, structure, sites, atoms, reason[SH_N_REASON];
} means;

static means average(const sh_records *records)
{
    means m = {0};
    double n = (double)records->n;
    for (int64_t i = 0; i < records->n; i++) {
        const sh_reward_result *x = &sh_record_at(records, i)->result;
        m.reward += x->reward / n;
        for (int k = 0; k < SH_N_TERM; k++)
            m.term[k] += x->term[k] / n;
        if (isfinite(x->e_form)) {
            m.e_form += x->e_form;
            m.negative += x->e_form < 0;
            m.n_e_form++;
        }
        m.valid += x->valid / n;
        m.structure += (x->min_dist >= STRUCTURE_VALID_ANG) / n;
        m.sites += x->n_site / n;
        m.atoms += x->n_atom / n;
        m.reason[x->reason]++;
    }
    m.e_form /= m.n_e_form;
    m.negative /= m.n_e_form;
    return m;
}

static void write_row(sh_coordinator_state *c, int64_t iteration, const means *m)
{
    const sh_report *r = &c->pending_report;
    const sh_step_sums *s = &r->sums;
    double time = now(), seconds = time - c->last_row, estimate = r->log_z + log(s->weight / s->n_weight);
    FILE *f = c->metrics;
    c->last_row = time;
    fprintf(f, "%lld,%lld,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g", (long long)iteration, (long long)c->n_visited,
            s->square_fresh / s->n_fresh, s->square_replay / s->n_replay, r->log_z, estimate, r->norm, r->epsilon, m->reward,
            c->best_reward);
    for (int k = 0; k < SH_N_TERM; k++)
        fprintf(f, ",%.9g", m->term[k]);
    fprintf(f, ",%.9g,%.0f,%.9g,%.9g,%.9g,%.9g,%.9g,%lld,%lld", m->e_form, m->n_e_form, m->negative, m->valid, m->structure,
            m->sites, m->atoms, (long long)c->n_mode, (long long)sh_replay_records(c->replay)->n);
    for (int k = 1; k < SH_N_REASON; k++)
        fprintf(f, ",%.0f", m->reason[k]);
    fprintf(f, ",%.3f,%.1f\n", seconds, (double)c->pending.n / seconds);
    snprintf(line, sizeof line, "loss %8.3f  log Z %7.3f (%7.3f)  reward %.4f best %.4f  E_f %6.3f  valid %3.0f%%  modes %lld",
             s->square_fresh / s->n_fresh, r->log_z, estimate, m->reward, c->best_reward, m->e_form, 100 * m->valid,
             (long long)c->n_mode);
}

sh_status sh_coordinator_absorb(sh_coordinator_state *c, const sh_config *config, int64_t iteration)
{
    (void)config;
    SH_ASSERT(c->has_pending);
    sh_replay_merge(c->replay, &c->pending);
    add_modes(c);
    c->n_visited += c->pending.n;
    for (int64_t i = 0; i < c->pending.n; i++)
        c->best_reward = fmax(c->best_reward, sh_record_at(&c->pending, i)->result.reward);
    means m = average(&c->pending);
    write_row(c, iteration, &m);
    c->has_pending = false;
    if (ferror(c->metrics)) return SH_FAIL(SH_EIO, "cannot write the metrics file: %s", strerror(errno));
    return SH_OK;
}

void sh_coordinator_draw(sh_coordinator_state *c, const sh_config *config, int64_t iteration)
{
    sh_records_resize(&c->next_replay, 0);
    sh_replay_draw(c->replay, (uint64_t)config->run.seed, (uint64_t)iteration, config->train.replay_batch,
                   config->train.replay_uniform, &c->next_replay);
}

const char *sh_coordinator_line(const sh_coordinator_state *c)
{
    (void)c;
    return line;
}
