#define _POSIX_C_SOURCE 200809L

/* reference.c -- `shaft reference`: what is known already, for the hull and for novelty, in one file. */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cmd/cmd.h"
#include "cmd/options.h"
#include "io/collect.h"
#include "io/files.h"
#include "io/gzip.h"
#include "io/jsonl.h"
#include "io/models.h"
#include "io/progress.h"
#include "io/reference.h"
#include "io/relaxed.h"
#include "metrics/sets.h"

static const char help[] =
    "usage: shaft reference build INPUT... -o FILE [OPTIONS]\n"
    "       shaft reference info FILE\n"
    "\n"
    "build makes one file of what is known: the lowest energy of each composition, for energies above the hull, and crystals\n"
    "in their reduced cells, for telling which generated ones are new. An INPUT is\n"
    "\n"
    "  a folder or file of crystals   CIF, POSCAR, extended XYZ; crystals only, without energies\n"
    "  FILE of shaft relax            its relaxed crystals with their energies by the model that relaxed them\n"
    "  NAME.csv                       a table: the column formula, and one of e_form (formation energy, eV/atom), energy_per_atom\n"
    "                                 (total energy, eV/atom) and energy (total energy, eV in the formula as it is written); id\n"
    "                                 and further columns as you like; lines that begin with # are comments\n"
    "  NAME.jsonl                     a crystal a line: lattice, species, frac; e_form (eV/atom), energy (total, eV in the cell)\n"
    "                                 and id may be there\n"
    "\n"
    "Tables and JSON lines may be compressed (NAME.csv.gz, NAME.jsonl.gz).\n"
    "\n"
    "  -o, --output FILE    the file to write\n"
    "  --energy KIND        which energies are taken: formation, total or none; without it formation energies where the first input\n"
    "                       that has any has them, otherwise total ones. One hull has one kind\n"
    "  --energies-of NAME   whose energies they are: the potential (shaft model list) or the method. It is kept in the file, and shaft\n"
    "                       evaluate warns where its judge is another. Files of shaft relax say it by themselves\n"
    "  --attribution TEXT   where the data are from and how they may be used; it is kept in the file. Without it the comments at\n"
    "                       the head of the tables are taken\n"
    "  --table-energies     energies of tables only; crystals are for novelty alone. For crystals whose energies are of another\n"
    "                       level than the table's\n"
    "  --no-structures      energies only\n"
    "  --skip-bad           leaves out records that cannot be read, and counts them; without it the first one ends the command\n"
    "  --overwrite          replaces FILE if it is there\n"
    "  --quiet              no line of progress\n"
    "\n"
    "Energies above the hull mean something only where both sides are of one level: formation energies of a model that was\n"
    "trained on the same corrected values go with a table of those; total energies only with total energies of the same model.\n"
    "With formation energies each element of any of these compositions is there as well, at 0 eV/atom; others stay unknown.\n"
    "\n"
    "examples:\n"
    "  shaft reference build lowest_by_formula.csv.gz mp20.jsonl.gz --table-energies -o mp.h5 \\\n"
    "      --attribution 'Materials Project, CC BY 4.0'\n"
    "  shaft reference build known_cifs/ -o known.h5\n"
    "  shaft reference build dft.jsonl -o mine.h5 --energy total --energies-of 'PBE, uncorrected'\n"
    "  shaft relax known_cifs/ -o known.h5 --model m3gnet-pes && shaft reference build known.h5 -o hull.h5 --energy total\n"
    "  shaft reference info mp.h5\n";

typedef struct {
    const char *output, *attribution, *energies_of;
    int energy; /* sh_energy_kind; -1: not said */
    bool table_energies, no_structures, skip_bad, overwrite, quiet, done;
    char **input;
    int n_input;
} arguments;

static sh_status usage_hint(sh_status status)
{
    return sh_error_hint(status, "shaft reference --help");
}

static sh_status read_energy_kind(const char *value, int *energy)
{
    for (int k = 0; k < SH_N_ENERGY; k++)
        if (!strcmp(value, sh_energy_name[k])) {
            *energy = k;
            return SH_OK;
        }
    return SH_FAIL(SH_EINPUT, "--energy '%s': it is one of formation, total, none", value);
}

static sh_status read_arguments(int argc, char **argv, arguments *a)
{
    static const struct option options[] = {
        {"output", required_argument, NULL, 'o'},      {"energy", required_argument, NULL, 'e'},
        {"energies-of", required_argument, NULL, 'f'},
        {"attribution", required_argument, NULL, 'a'}, {"table-energies", no_argument, NULL, 't'},
        {"no-structures", no_argument, NULL, 'n'},     {"skip-bad", no_argument, NULL, 's'},
        {"overwrite", no_argument, NULL, 'w'},         {"quiet", no_argument, NULL, 'q'},
        {"help", no_argument, NULL, 'h'},              {NULL, 0, NULL, 0}};
    *a = (arguments){.energy = -1};
    opterr = 0;
    optind = 1;
    for (int c; (c = getopt_long(argc, argv, "o:h", options, NULL)) != -1;) {
        switch (c) {
        case 'o': a->output = optarg; break;
        case 'e': SH_TRY(read_energy_kind(optarg, &a->energy)); break;
        case 'f': a->energies_of = optarg; break;
        case 'a': a->attribution = optarg; break;
        case 't': a->table_energies = true; break;
        case 'n': a->no_structures = true; break;
        case 's': a->skip_bad = true; break;
        case 'w': a->overwrite = true; break;
        case 'q': a->quiet = true; break;
        case 'h': fputs(help, stdout); a->done = true; return SH_OK;
        default: return usage_hint(SH_FAIL(SH_EINPUT, "'%s' is no option of this command, or its value is missing", argv[optind - 1]));
        }
    }
    a->input = argv + optind;
    a->n_input = argc - optind;
    return SH_OK;
}

/* What is read before it is reduced: crystals, and beside each its energy (eV/atom, NaN where it has none). */
typedef struct {
    const arguments *arguments;
    sh_reference reference;
    sh_structures structures;
    double *energy; /* (structures.n) */
    int64_t capacity;
    int64_t n_bad, n_bad_crystal, n_many, n_other_energy;
    int64_t n_of_table, n_of_crystal; /* energies taken */
    char *relaxed_by;                 /* the model of the files of shaft relax whose energies were taken; NULL: none were */
    char first_bad[512];
    char *comments; /* of the tables */
} building;

/* A record that cannot be read: the status it ends with, or SH_OK where it is left out and counted. */
static sh_status bad_record(building *b, sh_status status)
{
    if (!b->arguments->skip_bad) return sh_error_hint(status, "--skip-bad leaves such records out");
    if (!b->n_bad++) snprintf(b->first_bad, sizeof b->first_bad, "%s", sh_error_message());
    sh_error_clear();
    return SH_OK;
}

static bool ends_with(const char *path, const char *end)
{
    size_t n = strlen(path), m = strlen(end);
    if (n > 3 && !strcmp(path + n - 3, ".gz")) n -= 3;
    return n > m && !strncmp(path + n - m, end, m);
}

static void add_structure(building *b, sh_structure *s, double energy_per_atom)
{
    if (b->structures.n == b->capacity) {
        b->capacity = 2 * b->capacity + 1024;
        b->energy = sh_realloc(b->energy, (size_t)b->capacity * sizeof *b->energy);
    }
    b->energy[b->structures.n] = energy_per_atom;
    sh_structures_add(&b->structures, s);
}

static void add_phase_of(building *b, const sh_structure *s, double energy_per_atom)
{
    sh_phase phase;
    if (sh_phase_create(s->z, NULL, s->n_atom, energy_per_atom, &phase) == SH_OK) {
        sh_reference_add_phase(&b->reference, &phase, s->name);
        b->n_of_crystal++;
    } else {
        sh_error_clear();
        b->n_many++;
    }
}

/* Which energies are meant is settled by the first input that has any. */
static bool takes(building *b, sh_energy_kind kind)
{
    if (b->reference.energy == SH_ENERGY_NONE && b->arguments->energy < 0) b->reference.energy = kind;
    return b->reference.energy == kind;
}

/* --- JSON lines ------------------------------------------------------------------------------------------------------- */

static double energy_of(building *b, const sh_jsonl_record *r)
{
    if (b->arguments->table_energies) return NAN;
    if (isfinite(r->e_form) && takes(b, SH_ENERGY_FORMATION)) return r->e_form;
    if (isfinite(r->energy) && takes(b, SH_ENERGY_TOTAL)) return r->energy / (double)r->structure.n_atom;
    b->n_other_energy += isfinite(r->e_form) || isfinite(r->energy);
    return NAN;
}

/* Takes the structure over. */
static void add_record(building *b, sh_jsonl_record *r)
{
    double energy = energy_of(b, r);
    if (isfinite(energy)) add_phase_of(b, &r->structure, energy);
    if (b->arguments->no_structures)
        sh_structure_destroy(&r->structure);
    else
        add_structure(b, &r->structure, energy);
}

static sh_status read_jsonl(building *b, const char *path, const char *text, size_t size)
{
    sh_lines lines;
    sh_lines_start(&lines, path, text, size);
    sh_structures_add_file(&b->structures, path);
    for (bool more = true; more;) {
        sh_jsonl_record record;
        sh_status status = sh_jsonl_next(&lines, &more, &record);
        if (status != SH_OK) {
            SH_TRY(bad_record(b, status));
            more = true;
            continue;
        }
        if (!more) break;
        add_record(b, &record);
    }
    return SH_OK;
}

/* --- tables ----------------------------------------------------------------------------------------------------------- */

enum { MAX_COLUMN = 32 };

/* Where the columns are; -1: not there. */
typedef struct {
    int n, formula, energy, id;
    bool formation, per_atom;
} table;

static int split_fields(sh_span line, sh_span field[MAX_COLUMN])
{
    int n = 0;
    const char *end = line.p + line.n;
    for (const char *p = line.p;; p++) {
        const char *from = p;
        while (p < end && *p != ',')
            p++;
        sh_span f = {from, (size_t)(p - from)};
        while (f.n && (f.p[0] == ' ' || f.p[0] == '"')) f.p++, f.n--;
        while (f.n && (f.p[f.n - 1] == ' ' || f.p[f.n - 1] == '"')) f.n--;
        if (n < MAX_COLUMN) field[n] = f;
        n++;
        if (p == end) return n;
    }
}

static sh_status read_header(building *b, const sh_lines *lines, sh_span line, table *t)
{
    static const char *const energies[] = {"e_form", "energy_per_atom", "energy"};
    sh_span field[MAX_COLUMN];
    int column[3] = {-1, -1, -1};
    *t = (table){.n = split_fields(line, field), .formula = -1, .energy = -1, .id = -1};
    for (int i = 0; i < t->n && i < MAX_COLUMN; i++) {
        if (sh_span_is(field[i], "formula")) t->formula = i;
        if (sh_span_is(field[i], "id")) t->id = i;
        for (int k = 0; k < 3; k++)
            if (sh_span_is(field[i], energies[k])) column[k] = i;
    }
    if (t->formula < 0 || (column[0] < 0 && column[1] < 0 && column[2] < 0)) {
        SH_FAIL(SH_EINPUT, "%s:%lld: the header is '%s'", lines->path, (long long)lines->line, SH_SHOW(line));
        return sh_error_hint(SH_EINPUT, "it must name the column formula and one of e_form (eV/atom), energy_per_atom, "
                                        "energy (eV in the formula)");
    }
    t->formation = column[0] >= 0 && takes(b, SH_ENERGY_FORMATION);
    t->per_atom = column[1] >= 0;
    if (t->formation)
        t->energy = column[0];
    else if ((column[1] >= 0 || column[2] >= 0) && takes(b, SH_ENERGY_TOTAL))
        t->energy = t->per_atom ? column[1] : column[2];
    if (t->energy >= 0) return SH_OK;
    SH_FAIL(SH_EINPUT, "%s:%lld: the table has no energies of the kind '%s'", lines->path, (long long)lines->line,
            sh_energy_name[b->reference.energy]);
    return sh_error_hint(SH_EINPUT, "formation energies and total energies cannot be one hull: build a file of each, or choose "
                                    "with --energy");
}

static sh_status read_row(building *b, const sh_lines *lines, sh_span line, const table *t)
{
    sh_span field[MAX_COLUMN];
    double energy;
    int n = split_fields(line, field);
    if (n != t->n)
        return SH_FAIL(SH_EINPUT, "%s:%lld: %d fields where the header has %d", lines->path, (long long)lines->line, n, t->n);
    if (!sh_span_number(field[t->energy], &energy))
        return SH_FAIL(SH_EINPUT, "%s:%lld: the energy '%s' is no number", lines->path, (long long)lines->line, SH_SHOW(field[t->energy]));
    sh_phase phase;
    double atoms;
    char *formula = sh_span_copy(field[t->formula]), *id = t->id >= 0 ? sh_span_copy(field[t->id]) : NULL;
    sh_status status = sh_phase_parse(formula, energy, &phase, &atoms);
    if (status != SH_OK) sh_error_note(status, "%s:%lld", lines->path, (long long)lines->line);
    if (status == SH_OK && !t->formation && !t->per_atom) phase.energy = energy / atoms;
    if (status == SH_OK) sh_reference_add_phase(&b->reference, &phase, id);
    b->n_of_table += status == SH_OK;
    sh_free(formula);
    sh_free(id);
    return status;
}

/* A comment becomes part of the attribution, once. */
static void keep_comment(building *b, sh_span line)
{
    while (line.n && (line.p[0] == '#' || line.p[0] == ' ')) line.p++, line.n--;
    char *text = sh_span_copy(line);
    if (text[0] && !strstr(b->comments, text)) {
        size_t used = strlen(b->comments);
        b->comments = sh_realloc(b->comments, used + line.n + 4);
        if (used) memcpy(b->comments + used, "; ", 3);
        memcpy(b->comments + strlen(b->comments), text, line.n + 1);
    }
    sh_free(text);
}

static sh_status read_csv(building *b, const char *path, const char *text, size_t size)
{
    sh_lines lines;
    sh_span line;
    table t = {0};
    sh_lines_start(&lines, path, text, size);
    while (sh_lines_next(&lines, &line)) {
        if (sh_span_blank(line)) continue;
        if (line.p[0] == '#') {
            if (!t.n) keep_comment(b, line);
            continue;
        }
        if (!t.n) {
            SH_TRY(read_header(b, &lines, line, &t));
            continue;
        }
        sh_status status = read_row(b, &lines, line, &t);
        if (status != SH_OK) SH_TRY(bad_record(b, status));
    }
    return t.n ? SH_OK : SH_FAIL(SH_EINPUT, "%s: a table without a header", path);
}

/* --- files of shaft relax --------------------------------------------------------------------------------------------- */

/* One hull has the energies of one model. */
static sh_status keep_relaxed_by(building *b, const char *path)
{
    const arguments *a = b->arguments;
    if (a->table_energies || a->energy == SH_ENERGY_NONE) return SH_OK;
    char *model = sh_relaxed_model(path);
    if (!model) return SH_FAIL(SH_EINPUT, "'%s' does not say which model relaxed", path);
    if (!b->relaxed_by) {
        b->relaxed_by = model;
        return SH_OK;
    }
    sh_status status = SH_OK;
    if (!sh_model_same(model, b->relaxed_by)) {
        SH_FAIL(SH_EINPUT, "'%s' has energies by %s, another input has such by %s", path, model, b->relaxed_by);
        status = sh_error_hint(SH_EINPUT, "one hull has the energies of one model: build a file of each");
    }
    sh_free(model);
    return status;
}

static sh_status read_relaxed(building *b, const char *path)
{
    sh_relaxed r;
    sh_status status = keep_relaxed_by(b, path);
    if (status == SH_OK) status = sh_relaxed_read(path, &r);
    if (status != SH_OK) return status;
    sh_structures_add_file(&b->structures, path);
    for (int64_t i = 0; i < r.n && status == SH_OK; i++) {
        sh_jsonl_record record = {.e_form = r.e_form[1][i], .energy = r.energy[1][i]};
        if (r.verdict[i] != SH_RELAX_CONVERGED) {
            status = bad_record(b, SH_FAIL(SH_EINPUT, "%s: structure %lld is not at rest: %s", path, (long long)(i + 1), r.message[i]));
            continue;
        }
        sh_relaxed_structure(&r, i, 1, &record.structure);
        add_record(b, &record);
    }
    sh_relaxed_destroy(&r);
    return status;
}

/* --- crystals --------------------------------------------------------------------------------------------------------- */

static sh_status read_crystals(building *b, const char *path)
{
    const char *paths[] = {path};
    sh_structures found = {0};
    sh_status status = SH_OK;
    sh_collect(paths, 1, NULL, &found);
    for (int64_t i = 0; i < found.n && status == SH_OK; i++) {
        sh_structure *s = &found.item[i];
        if (s->error) {
            status = bad_record(b, SH_FAIL(SH_EINPUT, "%s", s->error));
            continue;
        }
        if (b->structures.n_file == 0 || strcmp(b->structures.file[b->structures.n_file - 1], sh_structures_path(&found, i)))
            sh_structures_add_file(&b->structures, sh_structures_path(&found, i));
        if (!b->arguments->no_structures) add_structure(b, s, NAN);
    }
    sh_structures_destroy(&found);
    return status;
}

static sh_status read_input(building *b, const char *path)
{
    bool csv = ends_with(path, ".csv"), jsonl = ends_with(path, ".jsonl");
    char *text = NULL;
    size_t size;
    if (!csv && !jsonl) return sh_relaxed_is(path) ? read_relaxed(b, path) : read_crystals(b, path);
    SH_TRY(sh_gzip_read(path, &text, &size));
    sh_status status = csv ? read_csv(b, path, text, size) : read_jsonl(b, path, text, size);
    sh_free(text);
    return status;
}

/* --- building --------------------------------------------------------------------------------------------------------- */

/* The name a crystal goes by: its own, or its file with its place in it. */
static void name_of(const building *b, int64_t i, char *name, size_t size)
{
    const sh_structure *s = &b->structures.item[i];
    const char *path = sh_structures_path(&b->structures, i), *slash = strrchr(path, '/');
    if (s->name && s->name[0])
        snprintf(name, size, "%s", s->name);
    else
        snprintf(name, size, "%s:%lld", slash ? slash + 1 : path, (long long)s->index);
}

/* Reduced cells, some hundred at a time so that progress can be told. */
static void reduce_structures(building *b)
{
    enum { PIECE = 512 };
    const sh_structures *list = &b->structures;
    sh_progress progress;
    sh_progress_begin(&progress, "reducing", "crystals", 0, list->n, 1, b->arguments->quiet || list->n == 0);
    for (int64_t start = 0; start < list->n; start += PIECE) {
        sh_cell cells[PIECE];
        sh_crystal_store *store;
        int64_t n = list->n - start < PIECE ? list->n - start : PIECE;
        for (int64_t i = 0; i < n; i++) {
            const sh_structure *s = &list->item[start + i];
            cells[i] = (sh_cell){.lattice = s->lattice, .n_atom = s->n_atom, .z = s->z, .frac = s->frac};
        }
        sh_crystal_store_create(cells, n, false, &store);
        for (int64_t i = 0; i < n; i++) {
            char name[256];
            const sh_reduced *r = &sh_crystal_store_set(store)->item[i];
            name_of(b, start + i, name, sizeof name);
            if (r->n_atom)
                sh_reference_add_structure(&b->reference, r->lattice, r->n_atom, r->z, r->frac, b->energy[start + i], name);
            else
                b->n_bad_crystal++;
        }
        sh_crystal_store_destroy(&store);
        sh_progress_update(&progress, start + n, NULL);
    }
    sh_progress_end(&progress, list->n, NULL);
}

static void print_summary(const sh_reference *r)
{
    int64_t n_element = 0;
    bool present[119] = {false};
    int n_kind = 0;
    for (int64_t i = 0; i < r->n_phase; i++) {
        n_element += r->phase[i].n_kind == 1;
        for (int k = 0; k < r->phase[i].n_kind; k++) {
            n_kind += !present[r->phase[i].z[k]];
            present[r->phase[i].z[k]] = true;
        }
    }
    printf("energies     %s%s\n", sh_energy_name[r->energy], r->energy == SH_ENERGY_NONE ? "" : ", eV/atom");
    if (r->energy != SH_ENERGY_NONE) printf("energies of  %s\n", r->energies_of[0] ? r->energies_of : "(nobody said)");
    printf("compositions %lld of %d elements", (long long)r->n_phase, n_kind);
    if (r->energy == SH_ENERGY_TOTAL) printf(", %lld elements with an energy of their own", (long long)n_element);
    printf("\ncrystals     %lld, %lld atoms in reduced cells\n", (long long)r->n_structure, (long long)r->n_atom);
    printf("attribution  %s\n", r->attribution[0] ? r->attribution : "(none was given)");
}

static void print_left_out(const building *b)
{
    if (b->n_bad) printf("left out: %lld records that cannot be read, the first: %s\n", (long long)b->n_bad, b->first_bad);
    if (b->n_bad_crystal)
        printf("left out: %lld crystals without volume, or with more than %d atoms\n", (long long)b->n_bad_crystal, SH_REDUCED_MAX_ATOM);
    if (b->n_many) printf("left out of the energies: %lld crystals of more than %d elements\n", (long long)b->n_many, SH_PHASE_MAX_KIND);
}

static void print_other_energies(const building *b)
{
    if (b->n_other_energy && b->reference.energy != SH_ENERGY_NONE)
        printf("left out of the energies: %lld crystals with energies of another kind than '%s'\n", (long long)b->n_other_energy,
               sh_energy_name[b->reference.energy]);
}

static sh_status read_and_write(building *b)
{
    const arguments *a = b->arguments;
    for (int i = 0; i < a->n_input; i++)
        SH_TRY(read_input(b, a->input[i]));
    reduce_structures(b);
    sh_reference_finish(&b->reference);
    if (b->reference.n_phase == 0) {
        if (a->energy > SH_ENERGY_NONE) {
            SH_FAIL(SH_EINPUT, "no input has energies of the kind '%s'", sh_energy_name[a->energy]);
            return sh_error_hint(SH_EINPUT, "formation energies are e_form, total energies are energy or energy_per_atom, in tables "
                                            "and JSON lines");
        }
        if (b->reference.n_structure == 0) return SH_FAIL(SH_EINPUT, "nothing was read: no energies and no crystals");
    }
    sh_free(b->reference.attribution);
    b->reference.attribution = sh_strdup(a->attribution ? a->attribution : b->comments);
    sh_free(b->reference.energies_of);
    b->reference.energies_of = sh_strdup(a->energies_of ? a->energies_of : b->n_of_crystal && b->relaxed_by ? b->relaxed_by : "");
    SH_TRY(sh_reference_write(&b->reference, a->output));
    print_summary(&b->reference);
    print_left_out(b);
    print_other_energies(b);
    if (b->n_of_table && b->n_of_crystal)
        sh_log_warn("energies come from tables (%lld) and with crystals (%lld): one hull wants one level; --table-energies takes those of "
                    "tables alone",
                    (long long)b->n_of_table, (long long)b->n_of_crystal);
    if (b->reference.energy == SH_ENERGY_TOTAL && !b->reference.energies_of[0])
        sh_log_warn("total energies are of use only beside those of the same potential: say with --energies-of whose they are");
    printf("written to   %s\n", a->output);
    return SH_OK;
}

static sh_status build(const arguments *a)
{
    if (!a->n_input || !a->output) return usage_hint(SH_FAIL(SH_EINPUT, "inputs and -o FILE are needed"));
    SH_TRY(sh_option_inputs((const char *const *)a->input, a->n_input));
    SH_TRY(sh_option_output_is_no_input(a->output, (const char *const *)a->input, a->n_input));
    SH_TRY(sh_option_output(a->output, a->overwrite));
    building b = {.arguments = a, .comments = sh_strdup("")};
    sh_reference_start(&b.reference);
    if (a->energy >= 0) b.reference.energy = (sh_energy_kind)a->energy;
    sh_status status = read_and_write(&b);
    sh_reference_destroy(&b.reference);
    sh_structures_destroy(&b.structures);
    sh_free(b.energy);
    sh_free(b.relaxed_by);
    sh_free(b.comments);
    return status;
}

static sh_status info(const arguments *a)
{
    sh_reference r;
    if (a->n_input != 1 || a->output) return usage_hint(SH_FAIL(SH_EINPUT, "info takes one file, and %d were given", a->n_input));
    SH_TRY(sh_reference_read(a->input[0], &r));
    print_summary(&r);
    sh_reference_destroy(&r);
    return SH_OK;
}

sh_status sh_cmd_reference(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    arguments a;
    if (!strcmp(what, "--help") || !strcmp(what, "-h")) {
        fputs(help, stdout);
        return SH_OK;
    }
    bool is_build = !strcmp(what, "build");
    if (!is_build && strcmp(what, "info"))
        return usage_hint(what[0] ? SH_FAIL(SH_EINPUT, "'%s' is none of build, info", what)
                                  : SH_FAIL(SH_EINPUT, "nothing to do was given: build or info"));
    SH_TRY(read_arguments(argc - 1, argv + 1, &a));
    if (a.done) return SH_OK;
    return is_build ? build(&a) : info(&a);
}
