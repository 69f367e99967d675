#define _POSIX_C_SOURCE 200809L

/* export.c -- `shaft export`: the best distinct crystals of a run or of a file of samples, as files. */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "cmd/cmd.h"
#include "comm/comm.h"
#include "io/export.h"
#include "io/files.h"
#include "io/sample_set.h"
#include "io/text.h"
#include "train/deadline.h"

static const char help[] =
    "usage: shaft export SAMPLES|RUN --top K [--by reward|energy] [--format cif|poscar|extxyz] -o FOLDER\n"
    "\n"
    "Writes the K best distinct crystals, a file each, and summary.csv, and prints a table of them. SAMPLES is a file of\n"
    "samples, RUN the folder of a run, of which all samples kept are looked at.\n"
    "\n"
    "  --top K            how many crystals (100)\n"
    "  --by reward        highest reward first; this is the default\n"
    "  --by energy        lowest formation energy first; crystals outside the guard are left out\n"
    "  --format FORMAT    cif (the default, with symmetry), poscar or extxyz\n"
    "  -o, --output DIR   folder to write to; it is made if it is not there\n"
    "  --overwrite        write into a folder that an earlier export wrote to\n"
    "\n"
    "Samples with the same reduced formula, the same space group at 0.1 A, an energy within 0.05 eV/atom and a volume an\n"
    "atom within 20 % count as one crystal, as they would be once relaxed. Crystals with two atoms closer than 0.5 A are\n"
    "never written; how many were held back is said at the end. A CIF carries the group found at 1e-3 A with its\n"
    "operations, sites and Wyckoff letters. The group a crystal was sampled in, its reward, and the model whose energies\n"
    "that has stand in CIF and extended XYZ (_shaft_reward_model and others; docs/formats.md), where `shaft relax` and\n"
    "`shaft evaluate` find them; POSCAR has no place for them.\n"
    "\n"
    "examples:\n"
    "  shaft export runs/battery --top 100 -o top/\n"
    "  shaft export samples.h5 --top 20 --by energy --format poscar -o lowest/\n";

typedef struct {
    const char *input;
    sh_export_opts opts;
    bool overwrite, done; /* done: help was asked for */
} arguments;

static sh_status choose(const char *option, const char *value, const char *const *names, int n, int *index)
{
    for (int i = 0; i < n; i++)
        if (!strcmp(value, names[i])) {
            *index = i;
            return SH_OK;
        }
    char known[64] = "";
    for (int i = 0; i < n; i++)
        snprintf(known + strlen(known), sizeof known - strlen(known), "%s%s", i ? ", " : "", names[i]);
    return SH_FAIL(SH_EINPUT, "%s '%s': it is one of %s", option, value, known);
}

static sh_status read_arguments(int argc, char **argv, arguments *a)
{
    static const struct option options[] = {
        {"top", required_argument, NULL, 't'},    {"by", required_argument, NULL, 'b'},
        {"format", required_argument, NULL, 'f'}, {"output", required_argument, NULL, 'o'},
        {"overwrite", no_argument, NULL, 'w'},    {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0}};
    static const char *const orders[] = {"reward", "energy"}, *const formats[] = {"cif", "poscar", "extxyz"};
    *a = (arguments){.opts = {.top = 100}};
    opterr = 0;
    optind = 1;
    int index = 0;
    for (int c; (c = getopt_long(argc, argv, "o:h", options, NULL)) != -1;) {
        switch (c) {
        case 't':
            if (!sh_span_integer(sh_span_of(optarg), &a->opts.top) || a->opts.top < 1)
                return SH_FAIL(SH_EINPUT, "--top '%s' is not a number of crystals", optarg);
            break;
        case 'b':
            SH_TRY(choose("--by", optarg, orders, 2, &index));
            a->opts.by_energy = index == 1;
            break;
        case 'f':
            SH_TRY(choose("--format", optarg, formats, 3, &index));
            a->opts.format = (sh_export_format)index;
            break;
        case 'o': a->opts.folder = optarg; break;
        case 'w': a->overwrite = true; break;
        case 'h': fputs(help, stdout); a->done = true; return SH_OK;
        default:
            SH_FAIL(SH_EINPUT, "'%s' is no option of this command, or its value is missing", argv[optind - 1]);
            return sh_error_hint(SH_EINPUT, "shaft export --help");
        }
    }
    if (optind + 1 != argc) {
        SH_FAIL(SH_EINPUT, "one file of samples or folder of a run is needed, and %d were given", argc - optind);
        return sh_error_hint(SH_EINPUT, "shaft export --help");
    }
    if (!a->opts.folder || !a->opts.folder[0]) {
        SH_FAIL(SH_EINPUT, "no folder to write to");
        return sh_error_hint(SH_EINPUT, "name it with -o FOLDER");
    }
    a->input = argv[optind];
    return SH_OK;
}

static sh_status prepare_folder(const arguments *a)
{
    char path[4096];
    const char *folder = a->opts.folder;
    if (strlen(folder) + 64 > sizeof path)
        return SH_FAIL(SH_EINPUT, "the name of the folder '%.60s...' is too long", folder);
    SH_TRY(sh_folder_make(folder));
    snprintf(path, sizeof path, "%s/summary.csv", folder);
    if (a->overwrite || access(path, F_OK)) return SH_OK;
    SH_FAIL(SH_EINPUT, "'%s' holds an earlier export", folder);
    return sh_error_hint(SH_EINPUT, "choose another folder (-o), or write into it all the same with --overwrite");
}

static void print_held_back(const sh_export_report *report, const arguments *a)
{
    if (report->n_overlap)
        printf("held back: %lld samples with two atoms closer than 0.5 A\n", (long long)report->n_overlap);
    if (report->n_refused)
        printf("held back: %lld samples that are no crystal (cell, number of atoms, elements)\n",
               (long long)report->n_refused);
    if (report->n_no_energy)
        printf("held back: %lld samples without a formation energy inside the guard\n", (long long)report->n_no_energy);
    if (report->n < a->opts.top)
        printf("%lld were asked for, and the samples hold no more that are distinct\n", (long long)a->opts.top);
}

static sh_status export(const arguments *a)
{
    sh_sample_set *set = sh_alloc(sizeof *set); /* large: it holds a configuration */
    sh_export_report report = {0};
    sh_status status = sh_sample_set_read(a->input, set);
    if (status != SH_OK) {
        sh_free(set);
        return status;
    }
    status = prepare_folder(a);
    sh_export_opts opts = a->opts;
    opts.reward_model = sh_reward_model_of(&set->config);
    if (status == SH_OK) status = sh_export_best(&set->space, &set->records, &opts, &report);
    if (status == SH_OK) {
        sh_export_print(&report, set->groups, stdout);
        printf("%lld crystals of %lld samples (%lld looked at) in %s\n", (long long)report.n, (long long)set->records.n,
               (long long)report.n_looked_at, a->opts.folder);
        print_held_back(&report, a);
        sh_export_report_destroy(&report);
    }
    sh_sample_set_destroy(set);
    sh_free(set);
    return status;
}

sh_status sh_cmd_export(int argc, char **argv)
{
    arguments a;
    sh_comm *comm;
    SH_TRY(read_arguments(argc, argv, &a));
    if (a.done) return SH_OK;
    SH_TRY(sh_comm_create(&argc, &argv, &comm));
    sh_log_setup(SH_LOG_INFO, comm->rank, comm->size);
    sh_status status = sh_deadline_leave_at_once(comm, NAN);
    if (status == SH_OK) status = sh_comm_agree(comm, comm->rank == 0 ? export(&a) : SH_OK); /* one rank is enough for it */
    sh_comm_destroy(&comm);
    return status;
}
