#define _POSIX_C_SOURCE 200809L

#include "train/coordinator.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

static const double STRUCTURE_VALID_ANG = 0.5; /* metrics, section 1.1 */
static const double ENERGY_CLAMP = 10;         /* eV/atom, of the means; the reward's bound */

void sh_coordinator_create(const sh_config *config, sh_coordinator_state *c)
{
    int32_t max_sites = config->constraints.max_sites;
    *c = (sh_coordinator_state){.replay = sh_replay_create(max_sites, config->train.replay_capacity), .last_row = sh_clock_s()};
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
    fputs(",e_form_mean,e_form_median,e_form_known,e_form_negative,valid_composition,valid_structure,sites_mean,atoms_mean", f);
    fputs(",modes,replay", f);
    for (int k = 1; k < SH_N_REASON; k++)
        fprintf(f, ",n_%s", sh_reason_key((sh_reason)k));
    fputs(",seconds,structures_per_second\n", f);
}

/* Behind the header and the rows before `iteration`; *found: how many they are. A last line without its end is none. */
static long end_of_rows(FILE *f, int64_t iteration, int64_t *found)
{
    char row[2048];
    long end = 0;
    *found = -1; /* the header is none */
    while (fgets(row, sizeof row, f) && strchr(row, '\n') && (*found < 0 || strtoll(row, NULL, 10) < iteration)) {
        end = ftell(f);
        ++*found;
    }
    return end;
}

static sh_status cut_back(FILE *f, const char *path, int64_t iterations)
{
    int64_t found;
    long end = end_of_rows(f, iterations, &found);
    if (ftruncate(fileno(f), end) || fseek(f, end, SEEK_SET))
        return SH_FAIL(SH_EIO, "cannot cut '%s' back: %s", path, strerror(errno));
    if (end == 0) write_header(f);
    if (found < iterations)
        sh_log_warn("'%s' has rows of %lld of the %lld iterations before", path, (long long)(found < 0 ? 0 : found),
                    (long long)iterations);
    return SH_OK;
}

sh_status sh_coordinator_open_metrics(sh_coordinator_state *c, const char *directory, int64_t iterations)
{
    char path[SH_PATH_SIZE + 32];
    snprintf(path, sizeof path, "%s/metrics.csv", directory);
    if (iterations >= 0) c->metrics = fopen(path, "r+");
    if (!c->metrics && (iterations < 0 || errno == ENOENT)) c->metrics = fopen(path, "w+");
    if (!c->metrics) return SH_FAIL(SH_EIO, "cannot open '%s': %s", path, strerror(errno));
    setvbuf(c->metrics, NULL, _IOLBF, 0); /* a row can be read when it is written */
    if (iterations >= 0) return cut_back(c->metrics, path, iterations);
    write_header(c->metrics);
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

/* Means over the records of one iteration; NaN where there is nothing to take a mean of. */
typedef struct {
    double reward, term[SH_N_TERM], e_form, e_form_median, n_e_form, negative, valid, structure, sites, atoms;
    double reason[SH_N_REASON];
} means;

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void average_energies(const sh_records *records, means *m)
{
    double *e_form = SH_NEW(double, records->n), sum = 0, negative = 0;
    int64_t n = 0;
    for (int64_t i = 0; i < records->n; i++) {
        double e = sh_record_at(records, i)->result.e_form;
        if (!isfinite(e)) continue;
        e_form[n++] = e;
        sum += fmax(-ENERGY_CLAMP, fmin(ENERGY_CLAMP, e)); /* one broken crystal of 1000 eV/atom would rule the mean */
        negative += e < 0;
    }
    if (n) qsort(e_form, (size_t)n, sizeof *e_form, ascending);
    m->n_e_form = (double)n;
    m->e_form = n ? sum / (double)n : NAN;
    m->negative = n ? negative / (double)n : NAN;
    m->e_form_median = n ? (e_form[(n - 1) / 2] + e_form[n / 2]) / 2 : NAN;
    sh_free(e_form);
}

static means average(const sh_records *records)
{
    means m = {0};
    double n = (double)records->n;
    for (int64_t i = 0; i < records->n; i++) {
        const sh_reward_result *x = &sh_record_at(records, i)->result;
        m.reward += x->reward / n;
        for (int k = 0; k < SH_N_TERM; k++)
            m.term[k] += x->term[k] / n;
        m.valid += x->valid / n;
        m.structure += (x->min_dist >= STRUCTURE_VALID_ANG) / n;
        m.sites += x->n_site / n;
        m.atoms += x->n_atom / n;
        m.reason[x->reason]++;
    }
    average_energies(records, &m);
    return m;
}

/* A field of the row, empty where there is no number. */
static void put(FILE *f, double value)
{
    if (isfinite(value))
        fprintf(f, ",%.9g", value);
    else
        fputc(',', f);
}

/* A number of the line, a dash where there is none. */
static const char *shown(char text[24], int width, double value)
{
    if (isfinite(value))
        snprintf(text, 24, "%*.3f", width, value);
    else
        snprintf(text, 24, "%*s", width, "-");
    return text;
}

static void write_row(sh_coordinator_state *c, int64_t iteration, const means *m)
{
    const sh_report *r = &c->pending_report;
    const sh_step_sums *s = &r->sums;
    double time = sh_clock_s(), seconds = time - c->last_row, estimate = r->log_z + log(s->weight / s->n_weight);
    double loss = s->square_fresh / s->n_fresh;
    FILE *f = c->metrics;
    c->last_row = time;
    const double first[] = {loss, s->square_replay / s->n_replay, r->log_z, estimate, r->norm, r->epsilon, m->reward,
                            c->best_reward};
    const double last[] = {m->e_form, m->e_form_median, m->n_e_form, m->negative,
                           m->valid,  m->structure,     m->sites,    m->atoms};
    fprintf(f, "%lld,%lld", (long long)iteration, (long long)c->n_visited);
    for (size_t k = 0; k < sizeof first / sizeof *first; k++)
        put(f, first[k]);
    for (int k = 0; k < SH_N_TERM; k++)
        put(f, m->term[k]);
    for (size_t k = 0; k < sizeof last / sizeof *last; k++)
        put(f, last[k]);
    fprintf(f, ",%lld,%lld", (long long)c->n_mode, (long long)sh_replay_records(c->replay)->n);
    for (int k = 1; k < SH_N_REASON; k++)
        fprintf(f, ",%.0f", m->reason[k]);
    fprintf(f, ",%.3f,%.1f\n", seconds, (double)c->pending.n / fmax(seconds, 1e-6));
    char text[4][24];
    snprintf(c->line, sizeof c->line, "loss %s  log Z %s (%s)  reward %.4f best %.4f  E_f %s  valid %3.0f%%  modes %lld",
             shown(text[0], 8, loss), shown(text[1], 7, r->log_z), shown(text[2], 7, estimate), m->reward, c->best_reward,
             shown(text[3], 6, m->e_form), 100 * m->valid, (long long)c->n_mode);
}

sh_status sh_coordinator_absorb(sh_coordinator_state *c, int64_t iteration)
{
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
