/* score.c -- `shaft score`: reward and its terms for structures of any origin. */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "cmd/cmd.h"
#include "cmd/options.h"
#include "comm/comm.h"
#include "crystal/reduce.h"
#include "crystal/transfer.h"
#include "gflownet/state.h"
#include "io/collect.h"
#include "io/fields.h"
#include "io/progress.h"
#include "io/relaxed.h"
#include "train/deadline.h"
#include "train/device.h"
#include "train/setup.h"

static const char help[] =
    "usage: shaft score FILE|FOLDER... [OPTIONS]\n"
    "\n"
    "Reward and terms of structures in CIF, POSCAR, extended XYZ, samples files or those of shaft relax; folders are searched. One\n"
    "record a structure:\n"
    "  file, index       where it stands; index counts from 1 inside the file\n"
    "  formula           reduced\n"
    "  space_group       number, as spglib finds it at 0.1 Å; 0 where it finds none\n"
    "  n_sites, n_atoms  symmetry-distinct atoms (at 0.001 Å) and atoms of the cell in the file\n"
    "  density           g/cm^3\n"
    "  e_total, e_form   the model's own values: eV for the cell in the file, eV/atom\n"
    "  bond, validity    bond score B; validity of the composition, 1 or 0\n"
    "  band_gap          eV, where reward.band_gap has a weight\n"
    "  terms, reward     of the configuration; its guard shows here only (columns of CSV: term_bond and so on)\n"
    "  reason            why something could not be evaluated, or counted otherwise\n"
    "\n"
    "options:\n"
    "  --config FILE     the configuration whose reward to use; without it the published weights and defaults\n"
    "  --model NAME      the model for energies, instead of the configuration's (shaft model list)\n"
    "  --format F        table (default), csv or json: one array of objects with the keys above\n"
    "  --device D        cpu (default), cuda or auto: where energies and terms are computed\n"
    "  --quiet           no progress\n"
    "  --help            this text\n"
    "\n"
    "Exit code 2 where a structure could not be read: its record says why. Under mpirun rank 0 does all the work.\n"
    "\n"
    "examples:\n"
    "  shaft score NaCl.cif\n"
    "  shaft score relaxed/ --config configs/battery.yaml --format csv > scores.csv\n"
    "  shaft score runs/quickstart/samples/index.h5 --format json | python3 -m json.tool\n";

typedef enum { TABLE, CSV, JSON } format;

typedef struct {
    const char *config, *model;
    format format;
    const char *const *paths;
    int n_path;
    sh_device device;
    bool quiet, done;
} arguments;

static sh_status read_arguments(int argc, char **argv, arguments *a)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'}, {"model", required_argument, NULL, 'm'},
                                            {"format", required_argument, NULL, 'f'}, {"quiet", no_argument, NULL, 'q'},
                                            {"device", required_argument, NULL, 'd'},
                                            {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0}};
    static const char *const names[] = {"table", "csv", "json"};
    *a = (arguments){.device = SH_DEVICE_CPU};
    opterr = 0;
    optind = 1;
    for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        int k = 0;
        switch (c) {
        case 'c': a->config = optarg; break;
        case 'm': a->model = optarg; break;
        case 'f':
            while (k < 3 && strcmp(optarg, names[k]))
                k++;
            if (k == 3) return SH_FAIL(SH_EINPUT, "--format takes table, csv or json, not '%s'", optarg);
            a->format = (format)k;
            break;
        case 'd': SH_TRY(sh_option_device(optarg, &a->device)); break;
        case 'q': a->quiet = true; break;
        case 'h': fputs(help, stdout); a->done = true; return SH_OK;
        default:
            SH_FAIL(SH_EINPUT, "'%s' is no option of this command, or its value is missing", argv[optind - 1]);
            return sh_error_hint(SH_EINPUT, "shaft score --help");
        }
    }
    if (optind == argc) {
        SH_FAIL(SH_EINPUT, "no file or folder was given");
        return sh_error_hint(SH_EINPUT, "shaft score --help");
    }
    a->paths = (const char *const *)(argv + optind);
    a->n_path = argc - optind;
    return SH_OK;
}

static sh_status read_config(const arguments *a, sh_config *config)
{
    static const char defaults[] = "elements: [H]\n"; /* any would do */
    if (a->config)
        SH_TRY(sh_config_read(a->config, NULL, 0, NULL, config));
    else
        SH_TRY(sh_config_parse("the defaults", defaults, strlen(defaults), NULL, 0, NULL, config));
    memset(config->reward.wanted, 0, sizeof config->reward.wanted); /* files may hold other elements, or none of these */
    if (a->model) snprintf(config->reward_model, sizeof config->reward_model, "%s", a->model);
    return SH_OK;
}

/* ---- output ---- */

static void csv_number(double x)
{
    putchar(',');
    sh_csv_value(stdout, x);
}

typedef struct {
    const char *file, *formula, *reason;
    int64_t index;
    int32_t space_group;
    const sh_reward_result *x; /* NULL: could not be read */
} record;

static void print_json(const record *r, bool first)
{
    static const sh_reward_result nothing;
    const sh_reward_result *x = r->x ? r->x : &nothing;
    bool known = r->x != NULL;
    double none = NAN;
    printf("%s\n{\"file\": ", first ? "" : ",");
    sh_json_text(stdout, r->file);
    printf(", \"index\": %lld, \"formula\": ", (long long)r->index);
    if (known)
        sh_json_text(stdout, r->formula);
    else
        printf("null");
    if (known)
        printf(", \"space_group\": %d, \"n_sites\": %d, \"n_atoms\": %d, \"density\": ", r->space_group, x->n_site, x->n_atom);
    else
        printf(", \"space_group\": null, \"n_sites\": null, \"n_atoms\": null, \"density\": ");
    sh_json_number(stdout, known ? x->density : none);
    printf(", \"e_total\": ");
    sh_json_number(stdout, known ? x->e_total : none);
    printf(", \"e_form\": ");
    sh_json_number(stdout, known ? x->e_form : none);
    printf(", \"bond\": ");
    sh_json_number(stdout, known ? x->bond : none);
    printf(", \"band_gap\": ");
    sh_json_number(stdout, known ? x->band_gap : none);
    if (known)
        printf(", \"validity\": %d, \"terms\": {", x->valid);
    else
        printf(", \"validity\": null, \"terms\": {");
    for (int k = 0; k < SH_N_TERM; k++) {
        printf("%s\"%s\": ", k ? ", " : "", sh_term_key((sh_term)k));
        sh_json_number(stdout, known ? x->term[k] : none);
    }
    printf("}, \"reward\": ");
    sh_json_number(stdout, known ? x->reward : none);
    printf(", \"reason\": ");
    sh_json_text(stdout, r->reason);
    putchar('}');
}

static void print_csv(const record *r, bool first)
{
    if (first) {
        printf("file,index,formula,space_group,n_sites,n_atoms,density,e_total,e_form,bond,band_gap,validity");
        for (int k = 0; k < SH_N_TERM; k++)
            printf(",term_%s", sh_term_key((sh_term)k));
        printf(",reward,reason\n");
    }
    sh_csv_text(stdout, r->file);
    printf(",%lld,", (long long)r->index);
    if (r->x) {
        printf("%s,%d,%d,%d", r->formula, r->space_group, r->x->n_site, r->x->n_atom);
        csv_number(r->x->density);
        csv_number(r->x->e_total);
        csv_number(r->x->e_form);
        csv_number(r->x->bond);
        csv_number(r->x->band_gap);
        printf(",%d", r->x->valid);
        for (int k = 0; k < SH_N_TERM; k++)
            csv_number(r->x->term[k]);
        csv_number(r->x->reward);
        putchar(',');
    } else {
        for (int k = 0; k < 11 + SH_N_TERM; k++)
            putchar(',');
    }
    sh_csv_text(stdout, r->reason);
    putchar('\n');
}

static void print_table(const record *r, bool first)
{
    const char *slash = strrchr(r->file, '/');
    const sh_reward_result *x = r->x;
    if (first)
        printf("%-24s %5s %-12s %5s %5s %5s %8s %12s %9s %7s %5s  %-23s %7s  %s\n", "file", "index", "formula", "group", "sites",
               "atoms", "density", "e_total", "e_form", "bond", "valid", "terms (E, b, d, v)", "reward", "reason");
    printf("%-24.24s %5lld ", slash ? slash + 1 : r->file, (long long)r->index);
    if (x)
        printf("%-12s %5d %5d %5d %8.4f %12.5f %9.5f %7.4f %5d  %5.3f %5.3f %5.3f %5.3f %7.4f  ", r->formula, r->space_group,
               x->n_site, x->n_atom, x->density, x->e_total, x->e_form, x->bond, x->valid, x->term[0], x->term[1], x->term[2],
               x->term[3], x->reward);
    printf("%s\n", r->reason);
}

static void print(format f, const record *r, bool first)
{
    if (f == JSON)
        print_json(r, first);
    else if (f == CSV)
        print_csv(r, first);
    else
        print_table(r, first);
}

/* ---- the work ---- */

enum { BATCH = 256, BATCH_ATOMS = 4096 };

/* Scores structures first .. last - 1, none of them unreadable. */
static void evaluate(const sh_setup *s, const sh_structures *all, const int64_t *index, int64_t n, sh_reward_result *results)
{
    sh_arena_reset(s->arena);
    sh_cell *cells = SH_PUSH(s->arena, sh_cell, n);
    for (int64_t i = 0; i < n; i++) {
        const sh_structure *x = &all->item[index[i]];
        cells[i] = (sh_cell){.lattice = x->lattice, .n_atom = x->n_atom, .z = x->z, .frac = x->frac};
    }
    sh_crystals crystals, there;
    sh_crystals_reduce(cells, n, 1e-3, false, s->arena, &crystals);
    sh_workspace ws;
    sh_workspace_begin(&ws, s->be, s->arena);
    sh_crystals_put(&ws, &crystals, &there);
    sh_reward_result *result = SH_ROOM(&ws, sh_reward_result, n);
    sh_reward_evaluate(s->reward, &ws, &there, true, result);
    if (n) memcpy(results, SH_BRING(&ws, result, n), (size_t)n * sizeof *results);
}

/* The reason of the result, and what is missing without being one. */
static void say_reason(const sh_reward_result *x, char *out, size_t size)
{
    bool floor = x->reason != SH_REASON_NONE && x->reason <= SH_REASON_NOT_FINITE;
    int n = snprintf(out, size, "%s", sh_reason_text((sh_reason)x->reason));
    if (!floor && !isfinite(x->e_form))
        n += snprintf(out + n, size - (size_t)n, "%san element that the model does not know", n ? "; " : "");
    if (x->bond_missing)
        snprintf(out + n, size - (size_t)n, "%s%d kind%s of pairs not in the bond table, left out of the bond score", n ? "; " : "",
                 x->bond_missing, x->bond_missing > 1 ? "s" : "");
}

static void print_structure(const sh_structures *all, int64_t i, const sh_reward_result *x, format f)
{
    const sh_structure *s = &all->item[i];
    record r = {.file = sh_structures_path(all, i), .index = s->index, .x = x};
    char formula[256] = "", reason[256];
    int64_t units;
    if (x) {
        sh_cell cell = {.lattice = s->lattice, .n_atom = s->n_atom, .z = s->z, .frac = s->frac};
        sh_structure_formula(s, formula, sizeof formula, &units);
        r.formula = formula;
        r.space_group = sh_space_group_number(&cell, 0.1);
        say_reason(x, reason, sizeof reason);
        r.reason = reason;
    } else {
        r.formula = "";
        r.reason = s->error;
    }
    print(f, &r, i == 0);
}

static sh_status score(const arguments *a, const sh_setup *s)
{
    sh_structures all = {0};
    sh_collect(a->paths, a->n_path, sh_hdf5_collect, &all);
    int64_t n_bad = 0, index[BATCH];
    sh_reward_result *results = SH_NEW(sh_reward_result, BATCH);
    sh_progress progress;
    sh_progress_begin(&progress, "scoring", "structures", 0, all.n, 1, a->quiet || all.n < 1000);
    if (a->format == JSON) printf("[");
    for (int64_t first = 0, last; first < all.n; first = last) {
        int64_t n = 0, atoms = 0;
        for (last = first; last < all.n && n < BATCH && (n == 0 || atoms + all.item[last].n_atom <= BATCH_ATOMS); last++) {
            if (all.item[last].error) continue;
            index[n++] = last;
            atoms += all.item[last].n_atom;
        }
        evaluate(s, &all, index, n, results);
        for (int64_t i = first, k = 0; i < last; i++) {
            bool bad = all.item[i].error != NULL;
            print_structure(&all, i, bad ? NULL : &results[k], a->format);
            n_bad += bad;
            k += !bad;
        }
        sh_progress_update(&progress, last, NULL);
    }
    if (a->format == JSON) printf("\n]\n");
    sh_free(results);
    int64_t n = all.n;
    sh_structures_destroy(&all);
    if (fflush(stdout)) return SH_FAIL(SH_EIO, "cannot write the results");
    if (n == 0) return SH_FAIL(SH_EINPUT, "no structure was found");
    if (n_bad == 0) return SH_OK;
    return SH_FAIL(SH_EINPUT, "%lld of %lld structures could not be read; their records say why", (long long)n_bad, (long long)n);
}

static sh_status run(const arguments *a, const sh_backend *be)
{
    sh_setup s;
    sh_config *config = SH_NEW(sh_config, 1);
    sh_status status = read_config(a, config);
    /* e_total and e_form are the model's own values whatever the weights: the model is there even where the reward needs none. */
    if (status == SH_OK) status = sh_setup_reward(config, true, &s);
    if (status == SH_OK) {
        sh_setup_use(&s, be);
        status = score(a, &s);
        sh_setup_use(&s, sh_backend_cpu());
        sh_setup_destroy(&s);
    }
    sh_free(config);
    return status;
}

sh_status sh_cmd_score(int argc, char **argv)
{
    arguments a;
    sh_comm *comm;
    SH_TRY(read_arguments(argc, argv, &a));
    if (a.done) return SH_OK;
    SH_TRY(sh_comm_create(&argc, &argv, &comm));
    sh_log_setup(a.quiet ? SH_LOG_QUIET : SH_LOG_INFO, comm->rank, comm->size);
    const sh_backend *be = NULL;
    sh_status status = sh_deadline_leave_at_once(comm, NAN);
    if (status == SH_OK) status = sh_device_open(comm, a.device, &be);
    if (status == SH_OK) status = sh_comm_agree(comm, comm->rank == 0 ? run(&a, be) : SH_OK); /* one rank is enough for it */
    sh_device_close(be);
    sh_comm_destroy(&comm);
    return status;
}
