#include "io/export.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "crystal/dataset.h"
#include "crystal/lattice.h"
#include "io/cif.h"
#include "io/extxyz.h"
#include "io/files.h"
#include "io/poscar.h"
#include "io/samples.h"

static const double shortest_pair = 0.5;   /* Å; nothing closer is ever written */
static const double report_symprec = 0.1;  /* Å, as the literature of generated crystals reports groups */
/* Samples are not relaxed: one crystal comes with many sizes of its cell, and all would relax to one. */
static const double same_energy = 0.05;    /* eV/atom */
static const double same_volume = 0.2;     /* relative */

typedef struct {
    double key; /* ascending is better */
    uint64_t traj;
    int64_t index;
} candidate;

static int by_rank(const void *a, const void *b)
{
    const candidate *p = a, *q = b;
    if (p->key != q->key) return p->key < q->key ? -1 : 1;
    return (p->traj > q->traj) - (p->traj < q->traj);
}

/* The samples that may be written, best first; the others are counted. */
static candidate *rank_samples(const sh_records *records, bool by_energy, sh_export_report *report, int64_t *n)
{
    candidate *list = SH_NEW(candidate, records->n);
    *n = 0;
    for (int64_t i = 0; i < records->n; i++) {
        const sh_record *r = sh_record_at(records, i);
        const sh_reward_result *result = &r->result;
        bool overlap, good = sh_samples_may_write(result, &overlap);
        if (overlap) {
            report->n_overlap++;
        } else if (!good) {
            report->n_refused++;
        } else if (by_energy && (!isfinite(result->e_form) || result->reason != SH_REASON_NONE)) {
            report->n_no_energy++;
        } else {
            list[(*n)++] = (candidate){by_energy ? result->e_form : -result->reward, r->traj, i};
        }
    }
    if (*n) qsort(list, (size_t)*n, sizeof *list, by_rank);
    return list;
}

/* Nearly the same energy and volume; without energies (a reward that has none) the volume alone. */
static bool close_to(const sh_exported *a, const sh_exported *b, double share)
{
    bool energy = isfinite(a->result.e_form) && isfinite(b->result.e_form)
                      ? fabs(a->result.e_form - b->result.e_form) <= same_energy * share
                      : !isfinite(a->result.e_form) && !isfinite(b->result.e_form);
    return energy && fabs(a->volume - b->volume) <= same_volume * share * fmax(a->volume, b->volume) &&
           !strcmp(a->formula, b->formula);
}

/* The crystal already taken that this one is, or NULL. spglib's search is the slow part: copies that agree a hundred times
 * closer than they need and come from the same group are known without it. */
static sh_exported *find_same(const sh_export_report *report, const sh_cell *cell, sh_exported *one)
{
    for (int64_t i = 0; i < report->n; i++) {
        sh_exported *other = &report->item[i];
        if (other->sampled_group == one->sampled_group && other->n_atom == one->n_atom && close_to(other, one, 0.01))
            return other;
    }
    one->found_group = sh_space_group_number(cell, report_symprec);
    for (int64_t i = 0; i < report->n; i++) {
        sh_exported *other = &report->item[i];
        if (other->found_group == one->found_group && close_to(other, one, 1)) return other;
    }
    return NULL;
}

static sh_status write_crystal(const sh_export_opts *opts, const sh_structure *s, const sh_exported *one, int64_t rank)
{
    char path[4096], value[8 + SH_N_TERM][40], term_key[SH_N_TERM][64], comment[160];
    sh_cif_item items[8 + SH_N_TERM];
    int n = 0;
    const sh_reward_result *r = &one->result;
    if ((size_t)snprintf(path, sizeof path, "%s/%s", opts->folder, one->file) >= sizeof path)
        return SH_FAIL(SH_EINPUT, "the name of the folder '%.60s...' is too long", opts->folder);
    snprintf(value[n], sizeof value[n], "%lld", (long long)rank);
    items[n].key = "_shaft_rank", items[n].value = value[n], n++;
    snprintf(value[n], sizeof value[n], "%llu", (unsigned long long)one->traj);
    items[n].key = "_shaft_trajectory", items[n].value = value[n], n++;
    snprintf(value[n], sizeof value[n], "%d", (int)one->found_group);
    items[n].key = "_shaft_found_space_group_number", items[n].value = value[n], n++;
    if (isfinite(r->e_form)) {
        snprintf(value[n], sizeof value[n], "%.8g", r->e_form);
        items[n].key = "_shaft_formation_energy_eV_per_atom", items[n].value = value[n], n++;
    }
    snprintf(value[n], sizeof value[n], "%.6g", r->density);
    items[n].key = "_shaft_density_g_per_cm3", items[n].value = value[n], n++;
    for (int t = 0; t < SH_N_TERM; t++) {
        snprintf(term_key[t], sizeof term_key[t], "_shaft_term_%s", sh_term_key((sh_term)t));
        snprintf(value[n], sizeof value[n], "%.6g", r->term[t]);
        items[n].key = term_key[t], items[n].value = value[n], n++;
    }
    FILE *f = fopen(path, "w");
    if (!f) return SH_FAIL(SH_EIO, "cannot write '%s': %s", path, strerror(errno));
    sh_status status = SH_OK;
    switch (opts->format) {
    case SH_EXPORT_CIF:
        status = sh_cif_write(f, s, &(sh_cif_opts){.item = items, .n_item = n}, NULL);
        break;
    case SH_EXPORT_POSCAR:
        snprintf(comment, sizeof comment, "%s, space group %d, reward %.6g, shaft", one->formula, (int)one->found_group,
                 r->reward);
        status = sh_poscar_write(f, s, comment);
        break;
    case SH_EXPORT_EXTXYZ:
        status = sh_extxyz_write(f, s, items, n);
        break;
    }
    if (fclose(f) && status == SH_OK) status = SH_FAIL(SH_EIO, "cannot write '%s': %s", path, strerror(errno));
    return status;
}

static sh_status write_summary(const sh_export_opts *opts, const sh_export_report *report, const sh_groups *groups)
{
    char path[4096], part[4096];
    if ((size_t)snprintf(path, sizeof path - 5, "%s/summary.csv", opts->folder) >= sizeof path - 5)
        return SH_FAIL(SH_EINPUT, "the name of the folder '%.60s...' is too long", opts->folder);
    sh_file_part(path, part, sizeof part);
    FILE *f = fopen(part, "w");
    if (!f) return SH_FAIL(SH_EIO, "cannot write '%s': %s", part, strerror(errno));
    fputs("rank,formula,space_group_symbol,space_group_number,sampled_group_number,n_atoms,density_g_cm3,"
          "volume_A3_per_atom,e_form_eV_per_atom,reward", f);
    for (int t = 0; t < SH_N_TERM; t++)
        fprintf(f, ",term_%s", sh_term_key((sh_term)t));
    fputs(",min_distance_A,copies,trajectory,file\n", f);
    for (int64_t i = 0; i < report->n; i++) {
        const sh_exported *e = &report->item[i];
        const sh_reward_result *r = &e->result;
        fprintf(f, "%lld,%s,%s,%d,%d,%lld,%.6g,%.6g,", (long long)(i + 1), e->formula,
                e->found_group ? groups->symbol[e->found_group - 1] : "", (int)e->found_group, (int)e->sampled_group,
                (long long)e->n_atom, r->density, e->volume);
        if (isfinite(r->e_form)) fprintf(f, "%.8g", r->e_form);
        fprintf(f, ",%.8g", r->reward);
        for (int t = 0; t < SH_N_TERM; t++)
            fprintf(f, ",%.6g", r->term[t]);
        fprintf(f, ",%.6g,%lld,%llu,%s\n", r->min_dist, (long long)e->n_copy, (unsigned long long)e->traj, e->file);
    }
    bool bad = ferror(f);
    if (fclose(f) || bad) return SH_FAIL(SH_EIO, "cannot write '%s': %s", part, strerror(errno));
    return sh_file_publish(path);
}

sh_status sh_export_best(const sh_space *space, const sh_records *records, const sh_export_opts *opts,
                         sh_export_report *out)
{
    static const char *const extension[] = {"cif", "vasp", "extxyz"};
    *out = (sh_export_report){.item = SH_NEW(sh_exported, opts->top < records->n ? opts->top : records->n)};
    int64_t n_candidate;
    candidate *list = rank_samples(records, opts->by_energy, out, &n_candidate);
    sh_arena *arena = sh_arena_create(1 << 16);
    sh_workspace ws = sh_workspace_host(arena);
    sh_status status = SH_OK;
    for (int64_t i = 0; i < n_candidate && out->n < opts->top && status == SH_OK; i++) {
        const sh_record *record = sh_record_at(records, list[i].index);
        sh_crystals crystal;
        sh_graph graph;
        sh_structure s;
        sh_arena_reset(arena);
        sh_record_crystal(space, record, arena, &crystal);
        sh_graph_build(&ws, &crystal, &(sh_graph_opts){.cutoff = 2 * shortest_pair}, &graph);
        out->n_looked_at++;
        if (graph.min_dist[0] < shortest_pair) { /* whatever the record says: no such pair is written */
            out->n_overlap++;
            continue;
        }
        sh_structure_from_crystal(&crystal, 0, &s);
        s.reward = record->result.reward;
        if (opts->reward_model) s.reward_model = sh_strdup(opts->reward_model);
        sh_cell cell = {s.lattice, s.n_atom, s.z, s.frac};
        sh_exported one = {.sampled_group = s.sampled_group, .n_atom = s.n_atom, .traj = record->traj,
                           .volume = sh_lattice_volume(s.lattice) / (double)s.n_atom, .result = record->result};
        sh_structure_formula(&s, one.formula, sizeof one.formula, NULL);
        sh_exported *same = find_same(out, &cell, &one);
        if (same) {
            same->n_copy++;
        } else {
            snprintf(one.file, sizeof one.file, "%03lld_%s_%d.%s", (long long)(out->n + 1), one.formula,
                     (int)one.found_group, extension[opts->format]);
            if (opts->folder) status = write_crystal(opts, &s, &one, out->n + 1);
            out->item[out->n++] = one;
        }
        sh_structure_destroy(&s);
    }
    sh_arena_destroy(&arena);
    sh_free(list);
    if (status == SH_OK && opts->folder) status = write_summary(opts, out, space->groups);
    if (status != SH_OK) sh_export_report_destroy(out);
    return status;
}

void sh_export_report_destroy(sh_export_report *report)
{
    sh_free(report->item);
    *report = (sh_export_report){0};
}

void sh_export_print(const sh_export_report *report, const sh_groups *groups, FILE *out)
{
    int formula = 7, file = 4;
    for (int64_t i = 0; i < report->n; i++) {
        formula = (int)strlen(report->item[i].formula) > formula ? (int)strlen(report->item[i].formula) : formula;
        file = (int)strlen(report->item[i].file) > file ? (int)strlen(report->item[i].file) : file;
    }
    fprintf(out, "%4s  %-*s  %-14s  %7s  %5s  %7s  %9s  %8s  %s\n", "rank", formula, "formula", "group at 0.1 A", "sampled",
            "atoms", "density", "e_form", "reward", "file");
    fprintf(out, "%4s  %-*s  %-14s  %7s  %5s  %7s  %9s  %8s\n", "", formula, "", "", "", "", "g/cm^3", "eV/atom", "");
    for (int64_t i = 0; i < report->n; i++) {
        const sh_exported *e = &report->item[i];
        char group[32] = "none", energy[32] = "-";
        if (e->found_group)
            snprintf(group, sizeof group, "%s (%d)", groups->symbol[e->found_group - 1], (int)e->found_group);
        if (isfinite(e->result.e_form)) snprintf(energy, sizeof energy, "%.4f", e->result.e_form);
        fprintf(out, "%4lld  %-*s  %-14s  %7d  %5lld  %7.3f  %9s  %8.5f  %s\n", (long long)(i + 1), formula, e->formula,
                group, (int)e->sampled_group, (long long)e->n_atom, e->result.density, energy, e->result.reward, e->file);
    }
}
