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

void sh_coordinator_create(const sh_config *config, sh_coordinator_state *c)
{
    int32_t max_sites = config->constraints.max_sites;
    *c = (sh_coordinator_state){.replay = sh_replay_create(max_sites, config->train.replay_capacity), .last_row = sh_clock_s()};
    sh_records_create(&c->came_in, max_sites, 1);
    sh_heard_create(max_sites, &c->pending);
}

void sh_coordinator_destroy(sh_coordinator_state *c)
{
    sh_replay_destroy(&c->replay);
    if (c->came_in.data) sh_records_destroy(&c->came_in);
    sh_heard_destroy(&c->pending);
    sh_number_set_destroy(&c->modes);
    if (c->metrics) fclose(c->metrics);
    c->metrics = NULL;
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

/* Of the iteration's records: means, empty where there is nothing to take a mean of. */
static void write_row(sh_coordinator_state *c, int64_t iteration)
{
    const sh_report *r = &c->pending_report;
    const sh_step_sums *s = &r->sums;
    const sh_tally *t = &c->pending.tally;
    double time = sh_clock_s(), seconds = time - c->last_row, estimate = r->log_z + log(s->weight / s->n_weight);
    double loss = s->square_fresh / s->n_fresh, e_form = t->e_form / t->n_e_form;
    FILE *f = c->metrics;
    c->last_row = time;
    const double first[] = {loss, s->square_replay / s->n_replay, r->log_z, estimate, r->norm, r->epsilon, t->reward / t->n,
                            c->best_reward};
    const double last[] = {e_form,          c->pending.e_form_median, t->n_e_form,    t->negative / t->n_e_form,
                           t->valid / t->n, t->structure / t->n,      t->sites / t->n, t->atoms / t->n};
    fprintf(f, "%lld,%lld", (long long)iteration, (long long)c->n_visited);
    for (size_t k = 0; k < sizeof first / sizeof *first; k++)
        put(f, first[k]);
    for (int k = 0; k < SH_N_TERM; k++)
        put(f, t->term[k] / t->n);
    for (size_t k = 0; k < sizeof last / sizeof *last; k++)
        put(f, last[k]);
    fprintf(f, ",%lld,%lld", (long long)c->modes.n, (long long)sh_replay_count(c->replay));
    for (int k = 1; k < SH_N_REASON; k++)
        fprintf(f, ",%.0f", t->reason[k]);
    fprintf(f, ",%.3f,%.1f\n", seconds, t->n / fmax(seconds, 1e-6));
    if (ferror(f) && !c->metrics_error) c->metrics_error = errno ? errno : EIO;
    char text[4][24];
    snprintf(c->line, sizeof c->line, "loss %s  log Z %s (%s)  reward %.4f best %.4f  E_f %s  valid %3.0f%%  modes %lld",
             shown(text[0], 8, loss), shown(text[1], 7, r->log_z), shown(text[2], 7, estimate), t->reward / t->n, c->best_reward,
             shown(text[3], 6, e_form), 100 * t->valid / t->n, (long long)c->modes.n);
}

void sh_coordinator_absorb(sh_coordinator_state *c, int64_t iteration)
{
    SH_ASSERT(c->has_pending);
    sh_records_resize(&c->came_in, 0);
    sh_replay_merge(c->replay, &c->pending.wanted, &c->came_in);
    sh_number_set_add(&c->modes, c->pending.modes.value, c->pending.modes.n);
    c->n_visited += (int64_t)c->pending.tally.n;
    c->best_reward = fmax(c->best_reward, c->pending.tally.best);
    write_row(c, iteration);
    c->has_pending = false;
}

sh_status sh_coordinator_metrics(sh_coordinator_state *c)
{
    if (!c->metrics_error && fflush(c->metrics)) c->metrics_error = errno;
    if (!c->metrics_error) return SH_OK;
    SH_FAIL(SH_EIO, "cannot write metrics.csv: %s", strerror(c->metrics_error));
    return sh_error_hint(SH_EIO, "what was written before is unharmed: --resume goes on from there");
}
