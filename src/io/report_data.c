#define _POSIX_C_SOURCE 200809L

#include "io/report_data.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/rng.h"
#include "crystal/dataset.h"
#include "crystal/wyckoff.h"
#include "io/export.h"
#include "io/files.h"
#include "io/sample_set.h"
#include "io/samples.h"
#include "io/text.h"

enum { PATH_SIZE = 4096 };

static const double found_symprec = 0.1; /* Å, that of export */

/* ---- metrics.csv ---- */

/* Up to the next comma; false where the line is used up. */
static bool next_field(sh_span *rest, sh_span *field)
{
    if (!rest->p) return false;
    const char *comma = memchr(rest->p, ',', rest->n);
    *field = (sh_span){rest->p, comma ? (size_t)(comma - rest->p) : rest->n};
    *rest = comma ? (sh_span){comma + 1, rest->n - field->n - 1} : (sh_span){NULL, 0};
    return true;
}

static void read_header(sh_span line, sh_report_metrics *m)
{
    sh_span field;
    while (next_field(&line, &field)) {
        m->name = sh_realloc(m->name, (size_t)(m->n_column + 1) * sizeof *m->name);
        m->name[m->n_column++] = sh_span_copy(field);
    }
}

/* Row i of the table `rows`, which lies row by row. */
static sh_status read_row(const sh_lines *lines, sh_span line, const sh_report_metrics *m, double *row)
{
    sh_span field;
    int n = 0;
    for (; next_field(&line, &field); n++) {
        if (n >= m->n_column) continue;
        row[n] = NAN;
        if (!sh_span_blank(field) && !sh_span_number(field, &row[n]))
            return SH_FAIL(SH_EINPUT, "%s:%lld: '%s' in column '%s' is no number", lines->path, (long long)lines->line,
                           SH_SHOW(field), m->name[n]);
    }
    if (n != m->n_column)
        return SH_FAIL(SH_EINPUT, "%s:%lld: %d fields where the header has %d", lines->path, (long long)lines->line, n,
                       m->n_column);
    return SH_OK;
}

static sh_status read_rows(sh_lines *lines, sh_report_metrics *m)
{
    sh_span line;
    int64_t room = 0;
    double *rows = NULL;
    sh_status status = SH_OK;
    size_t width = (size_t)m->n_column;
    while (status == SH_OK && sh_lines_next(lines, &line)) {
        if (m->n_row == room) {
            room = room ? 2 * room : 256;
            rows = sh_realloc(rows, (size_t)room * width * sizeof *rows);
        }
        status = read_row(lines, line, m, rows + (size_t)m->n_row * width);
        if (status == SH_OK) m->n_row++;
    }
    m->value = SH_NEW(double, m->n_row *m->n_column);
    for (int64_t i = 0; i < m->n_row; i++)
        for (int c = 0; c < m->n_column; c++)
            m->value[c * m->n_row + i] = rows[(size_t)i * width + (size_t)c];
    sh_free(rows);
    return status;
}

static sh_status check_iterations(const char *path, const sh_report_metrics *m)
{
    const double *iteration = sh_report_column(m, "iteration");
    if (!iteration) {
        SH_FAIL(SH_EINPUT, "%s:1: there is no column 'iteration' in the header", path);
        return sh_error_hint(SH_EINPUT, "the file is not one that shaft train writes");
    }
    if (!m->n_row) {
        SH_FAIL(SH_EINPUT, "%s: no rows in it", path);
        return sh_error_hint(SH_EINPUT, "the row of an iteration is written when the next one has begun: wait a little");
    }
    for (int64_t i = 0; i < m->n_row; i++)
        if (!isfinite(iteration[i]) || (i && iteration[i] <= iteration[i - 1]))
            return SH_FAIL(SH_EINPUT, "%s:%lld: the iteration does not follow the one before", path, (long long)i + 2);
    return SH_OK;
}

sh_status sh_report_metrics_read(const char *path, sh_report_metrics *out)
{
    char *text;
    size_t size;
    sh_lines lines;
    sh_span line;
    *out = (sh_report_metrics){0};
    SH_TRY(sh_text_read(path, &text, &size));
    while (size && text[size - 1] != '\n')
        size--;
    sh_lines_start(&lines, path, text, size);
    sh_status status = SH_OK;
    if (sh_lines_next(&lines, &line)) {
        read_header(line, out);
        status = read_rows(&lines, out);
    }
    if (status == SH_OK) status = check_iterations(path, out);
    sh_free(text);
    if (status != SH_OK) sh_report_metrics_destroy(out);
    return status;
}

void sh_report_metrics_destroy(sh_report_metrics *m)
{
    for (int c = 0; c < m->n_column; c++)
        sh_free(m->name[c]);
    sh_free(m->name);
    sh_free(m->value);
    *m = (sh_report_metrics){0};
}

const double *sh_report_column(const sh_report_metrics *m, const char *name)
{
    for (int c = 0; c < m->n_column; c++)
        if (!strcmp(m->name[c], name)) return m->value + c * m->n_row;
    return NULL;
}

/* ---- samples ---- */

typedef struct {
    int64_t n;
    int64_t first, last; /* iterations that the segments are of */
    char **path;
} segments;

/* The index, and what else is there, is none. */
static sh_status add_segment(const char *folder, const char *name, void *user)
{
    segments *s = user;
    sh_segment one;
    char path[PATH_SIZE];
    if (!sh_segment_parse(name, &one)) return SH_OK;
    if ((size_t)snprintf(path, sizeof path, "%s/%s", folder, name) >= sizeof path)
        return SH_FAIL(SH_EINPUT, "the path of '%s' is too long", name);
    s->first = s->n && s->first < one.first ? s->first : one.first;
    s->last = s->n && s->last > one.last ? s->last : one.last;
    s->path = sh_realloc(s->path, (size_t)(s->n + 1) * sizeof *s->path);
    s->path[s->n++] = sh_strdup(path);
    return SH_OK;
}

static void add_value(sh_report_part *part, sh_report_value which, double value)
{
    if (!isfinite(value)) return;
    if (part->n_value[which] == part->room[which]) {
        part->room[which] = part->room[which] ? 2 * part->room[which] : 1024;
        part->value[which] = sh_realloc(part->value[which], (size_t)part->room[which] * sizeof(double));
    }
    part->value[which][part->n_value[which]++] = value;
}

static void add_record(sh_report_part *part, const sh_record *r, const sh_constraints *constraints)
{
    int32_t group = r->step[r->n_step - 1].sg_number;
    bool held[SH_MAX_Z + 1] = {false};
    part->n++;
    part->group[group - 1]++;
    part->family[sh_group_family(group)]++;
    for (int32_t t = 0; t < r->n_step; t++)
        held[constraints->element[r->step[t].elem_index]] = true;
    for (int z = 1; z <= SH_MAX_Z; z++)
        part->element[z] += held[z];
    add_value(part, SH_REPORT_REWARD, r->result.reward);
    add_value(part, SH_REPORT_E_FORM, r->result.e_form);
    add_value(part, SH_REPORT_DENSITY, r->result.density);
    add_value(part, SH_REPORT_BOND, r->result.bond);
}

/* Records of a part with the smallest hashes so far. */
typedef struct {
    sh_records records;
    double hash[SH_REPORT_SHOWN];
    int64_t last; /* where the largest of them is */
} shown_records;

static void offer(shown_records *shown, const sh_records *from, int64_t index)
{
    sh_records *kept = &shown->records;
    double hash = sh_rng_u01(&(sh_rng){.traj = sh_record_at(from, index)->traj, .step = UINT32_MAX}, 0); /* no step of a run */
    if (kept->n < SH_REPORT_SHOWN) {
        shown->hash[kept->n] = hash;
        sh_records_append(kept, from, index);
    } else if (hash < shown->hash[shown->last]) {
        shown->hash[shown->last] = hash;
        memcpy(sh_record_at(kept, shown->last), sh_record_at(from, index), kept->stride);
    } else {
        return;
    }
    shown->last = 0;
    for (int64_t i = 1; i < kept->n; i++)
        if (shown->hash[i] > shown->hash[shown->last]) shown->last = i;
}

/* A trajectory's number says its iteration: there are train.batch of them in each. shown[2]: of the parts. */
static void add_records(sh_report_run *run, const sh_sample_set *set, shown_records *shown)
{
    int64_t batch = set->config.train.batch;
    run->n_sample += set->records.n;
    for (int64_t i = 0; i < set->records.n; i++) {
        const sh_record *r = sh_record_at(&set->records, i);
        int64_t iteration = (int64_t)(r->traj / (uint64_t)batch);
        for (int k = 0; k < 2; k++)
            if (iteration >= run->part[k].first && iteration < run->part[k].last) {
                add_record(&run->part[k], r, &set->config.constraints);
                offer(&shown[k], &set->records, i);
            }
    }
}

/* `best` holds the best distinct crystals of the segments before: of those and this segment's, the best distinct are taken. */
static sh_status keep_best(const sh_sample_set *set, int64_t top, sh_records *best)
{
    sh_export_report picked;
    sh_records all;
    sh_records_create(&all, set->records.max_sites, set->records.n + best->n);
    for (int64_t i = 0; i < best->n; i++)
        sh_records_append(&all, best, i);
    for (int64_t i = 0; i < set->records.n; i++)
        sh_records_append(&all, &set->records, i);
    sh_status status = sh_export_best(&set->space, &all, &(sh_export_opts){.top = top}, &picked);
    if (status == SH_OK) {
        sh_records_resize(best, 0);
        for (int64_t i = 0; i < picked.n; i++) {
            int64_t at = 0;
            while (sh_record_at(&all, at)->traj != picked.item[i].traj)
                at++;
            sh_records_append(best, &all, at);
        }
        sh_export_report_destroy(&picked);
    }
    sh_records_destroy(&all);
    return status;
}

/* "Na a, Cl b c": letters of each element in the order of the formula. */
static void describe_sites(const sh_structure *s, const SpglibDataset *d, char *out, size_t size)
{
    int32_t z[SH_MAX_Z];
    int64_t count[SH_MAX_Z];
    int n = sh_structure_composition(s, z, count);
    size_t used = 0;
    out[0] = '\0';
    for (int e = 0; e < n; e++) {
        used += (size_t)snprintf(out + used, size - used, "%s%s", e ? ", " : "", sh_element_symbol(z[e]));
        for (int letter = 0; letter < SH_MAX_WYCKOFF && used + 16 < size; letter++)
            for (int64_t a = 0; a < s->n_atom; a++)
                if (s->z[a] == z[e] && d->wyckoffs[a] == letter && d->crystallographic_orbits[a] == a)
                    used += (size_t)snprintf(out + used, size - used, " %c", sh_wyckoff_letter(letter));
        if (used + 16 >= size) return;
    }
}

static void make_crystal(const sh_sample_set *set, const sh_record *record, sh_arena *arena, sh_report_crystal *out)
{
    sh_crystals crystal;
    sh_arena_reset(arena);
    sh_record_crystal(&set->space, record, arena, &crystal);
    *out = (sh_report_crystal){.traj = record->traj, .result = record->result};
    sh_structure_from_crystal(&crystal, 0, &out->structure);
    sh_structure_formula(&out->structure, out->formula, sizeof out->formula, NULL);
    out->sampled_group = out->structure.sampled_group;
    const sh_structure *s = &out->structure;
    SpglibDataset *d = sh_dataset_create(&(sh_cell){s->lattice, s->n_atom, s->z, s->frac}, found_symprec, 0);
    if (!d) return;
    out->group = d->spacegroup_number;
    if (out->group >= 1 && out->group <= SH_N_GROUP)
        snprintf(out->symbol, sizeof out->symbol, "%s", set->groups->symbol[out->group - 1]);
    describe_sites(s, d, out->sites, sizeof out->sites);
    spg_free_dataset(d);
}

static void make_crystals(sh_report_run *run, const sh_sample_set *set, const sh_records *best)
{
    sh_arena *arena = sh_arena_create(1 << 16);
    run->symbol = sh_alloc(sizeof set->groups->symbol);
    memcpy(run->symbol, set->groups->symbol, sizeof set->groups->symbol);
    run->crystal = SH_NEW(sh_report_crystal, best->n);
    for (; run->n_crystal < best->n; run->n_crystal++)
        make_crystal(set, sh_record_at(best, run->n_crystal), arena, &run->crystal[run->n_crystal]);
    sh_arena_destroy(&arena);
}

static void make_shown(const sh_sample_set *set, const sh_records *records, sh_report_part *part)
{
    sh_arena *arena = sh_arena_create(1 << 16);
    part->shown = SH_NEW(sh_structure, records->n);
    for (; part->n_shown < records->n; part->n_shown++) {
        sh_crystals crystal;
        sh_arena_reset(arena);
        sh_record_crystal(&set->space, sh_record_at(records, part->n_shown), arena, &crystal);
        sh_structure_from_crystal(&crystal, 0, &part->shown[part->n_shown]);
    }
    sh_arena_destroy(&arena);
}

static sh_status read_segments(sh_report_run *run, const segments *s, int64_t top)
{
    sh_sample_set *set = sh_alloc(sizeof *set); /* large: it holds a configuration */
    shown_records *shown = SH_NEW(shown_records, 2);
    sh_records best = {0};
    int64_t tenth = (s->last - s->first + 9) / 10;
    run->part[0].first = s->first;
    run->part[0].last = s->first + tenth;
    run->part[1].first = s->last - tenth;
    run->part[1].last = s->last;
    sh_status status = sh_sample_set_read(s->path[0], set);
    bool is_open = status == SH_OK;
    if (is_open) sh_records_create(&best, set->records.max_sites, top);
    for (int k = 0; is_open && k < 2; k++)
        sh_records_create(&shown[k].records, set->records.max_sites, SH_REPORT_SHOWN);
    for (int64_t i = 0; status == SH_OK && i < s->n; i++) {
        if (i) status = sh_sample_set_replace(set, s->path[i]);
        if (status == SH_OK) add_records(run, set, shown);
        if (status == SH_OK && top) status = keep_best(set, top, &best);
    }
    if (status == SH_OK) make_crystals(run, set, &best);
    for (int k = 0; is_open && k < 2; k++) {
        if (status == SH_OK) make_shown(set, &shown[k].records, &run->part[k]);
        sh_records_destroy(&shown[k].records);
    }
    sh_free(shown);
    if (is_open) sh_sample_set_destroy(set);
    if (best.data) sh_records_destroy(&best);
    sh_free(set);
    if (status != SH_OK) sh_error_hint(status, "without that file the report is made of the other samples: move it away");
    return status;
}

static sh_status read_samples(sh_report_run *run, int64_t top)
{
    segments s = {0};
    char folder[PATH_SIZE];
    snprintf(folder, sizeof folder, "%s/samples", run->path);
    sh_status status = sh_folder_visit(folder, add_segment, &s);
    if (status == SH_OK && s.n && s.last <= s.first)
        status = SH_FAIL(SH_EINPUT, "'%s' names iterations that do not follow each other", s.path[0]);
    if (status == SH_OK && s.n) status = read_segments(run, &s, top);
    for (int64_t i = 0; i < s.n; i++)
        sh_free(s.path[i]);
    sh_free(s.path);
    return status;
}

/* ---- run ---- */

static sh_status check_folder(const char *path)
{
    struct stat info;
    char metrics[PATH_SIZE];
    if (stat(path, &info)) return SH_FAIL(SH_EINPUT, "'%s' cannot be opened: %s", path, strerror(errno));
    if (!S_ISDIR(info.st_mode)) {
        SH_FAIL(SH_EINPUT, "'%s' is no folder of a run", path);
        return sh_error_hint(SH_EINPUT, "name the folder that run.directory says, in which metrics.csv lies");
    }
    if (snprintf(metrics, sizeof metrics, "%s/metrics.csv", path) > PATH_SIZE - 64)
        return SH_FAIL(SH_EINPUT, "the name of the folder '%.60s...' is too long", path);
    if (stat(metrics, &info)) {
        SH_FAIL(SH_EINPUT, "'%s' is no run: there is no metrics.csv in it", path);
        return sh_error_hint(SH_EINPUT, "name the folder that run.directory says");
    }
    return SH_OK;
}

static sh_status read_config(sh_report_run *run)
{
    char path[PATH_SIZE];
    size_t size;
    struct stat info;
    snprintf(path, sizeof path, "%s/config.yaml", run->path);
    return stat(path, &info) ? SH_OK : sh_text_read(path, &run->config, &size);
}

sh_status sh_report_run_read(const char *path, int64_t top, sh_report_run *out)
{
    char metrics[PATH_SIZE];
    *out = (sh_report_run){.path = sh_strdup(path)};
    for (size_t n = strlen(out->path); n > 1 && out->path[n - 1] == '/'; n--)
        out->path[n - 1] = '\0';
    sh_status status = check_folder(out->path);
    if (status == SH_OK) {
        snprintf(metrics, sizeof metrics, "%s/metrics.csv", out->path);
        status = sh_report_metrics_read(metrics, &out->metrics);
    }
    if (status == SH_OK) status = read_config(out);
    if (status == SH_OK) status = read_samples(out, top);
    if (status != SH_OK) sh_report_run_destroy(out);
    return status;
}

void sh_report_run_destroy(sh_report_run *run)
{
    sh_report_metrics_destroy(&run->metrics);
    for (int k = 0; k < 2; k++) {
        for (int v = 0; v < SH_REPORT_N_VALUE; v++)
            sh_free(run->part[k].value[v]);
        for (int64_t i = 0; i < run->part[k].n_shown; i++)
            sh_structure_destroy(&run->part[k].shown[i]);
        sh_free(run->part[k].shown);
    }
    for (int64_t i = 0; i < run->n_crystal; i++)
        sh_structure_destroy(&run->crystal[i].structure);
    sh_free(run->crystal);
    sh_free(run->symbol);
    sh_free(run->config);
    sh_free(run->path);
    *run = (sh_report_run){0};
}

/* ---- keys of a configuration ---- */

bool sh_report_keys_next(sh_report_keys *k)
{
    enum { MAX_DEPTH = sizeof k->parent / sizeof *k->parent };
    while (*k->at) {
        size_t length = strcspn(k->at, "\n"), indent = strspn(k->at, " "), colon = strcspn(k->at, ":\n");
        const char *line = k->at;
        k->at += length + (k->at[length] == '\n');
        int depth = (int)(indent / 2);
        if (colon >= length || colon <= indent || depth >= MAX_DEPTH || line[indent] == '#') continue;
        snprintf(k->parent[depth], sizeof *k->parent, "%.*s", (int)(colon - indent), line + indent);
        size_t start = colon + 1 + strspn(line + colon + 1, " ");
        if (start >= length) continue; /* a group of keys */
        k->key[0] = '\0';
        for (int i = 0; i <= depth; i++) {
            size_t used = strlen(k->key);
            snprintf(k->key + used, sizeof k->key - used, "%s%s", i ? "." : "", k->parent[i]);
        }
        snprintf(k->value, sizeof k->value, "%.*s", (int)(length - start), line + start);
        return true;
    }
    return false;
}
