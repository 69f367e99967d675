#define _POSIX_C_SOURCE 200809L

/* evaluate.c -- `shaft evaluate`: what is measured of a set of generated structures, by all ranks together. */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "cmd/cmd.h"
#include "cmd/options.h"
#include "comm/comm.h"
#include "evaluate/evaluation.h"
#include "io/files.h"
#include "io/h5.h"
#include "train/deadline.h"
#include "train/device.h"

static const char help[] =
    "usage: shaft evaluate PATH... [OPTIONS]        (under mpirun or srun for several ranks)\n"
    "\n"
    "Measures sets of generated structures, of whatever method: samples files, the folder of a run, what `shaft relax` wrote, files and\n"
    "folders of CIF, POSCAR, extended XYZ or JSON lines. Prints validity, density, crystal families, diversity, energies, energy above\n"
    "the hull, how structures change when relaxed, unique modes, uniqueness, novelty, S.U.N., coverage and property distances, each with what\n"
    "it is of. What was not asked for, or is not known, is a dash with the reason. docs/running.md says how to read it.\n"
    "\n"
    "options:\n"
    "  --model NAME          the potential that judges: energies of raw and relaxed structures (shaft model list); without it there are\n"
    "                        none. An independent judge is another one than gave the reward. lennard-jones needs no weights\n"
    "  --gap-model NAME      a model of band gaps\n"
    "  --device D            cpu (default), cuda or auto: where these two work\n"
    "  --reference FILE      of `shaft reference build`: its energies are the hull, its crystals what is known already\n"
    "  --reference-set PATH  structures to be like: coverage, distances of properties, diversity of these\n"
    "  --relaxed FILE        relaxed structures that belong to PATH: the file of `shaft relax` made from it, or a folder with the same\n"
    "                        file names. A file of `shaft relax` as PATH brings them along\n"
    "  --top K               the K best alone\n"
    "  --by WHAT             best by reward (default; samples, also exported or relaxed ones, have it) or by energy (formation energy of\n"
    "                        --model)\n"
    "  --stable E            eV/atom above the hull that still count as stable (default 0.1)\n"
    "  --far-bond            unique modes also need the test that no two atoms of the cell are more than 4 Å apart (nearest images),\n"
    "                        which the method's authors have in their program and do not use\n"
    "  --every-score         Gaussian Vendi scores of all orders for more than 5,000 structures too, which may take long; else of\n"
    "                        order 2 alone\n"
    "  --symprec A           tolerance in Å of space groups (default 0.1)\n"
    "  --cov-structure D     near in coverage: distance of structure fingerprints (default 0.4)\n"
    "  --cov-composition D   and of composition fingerprints (default 10)\n"
    "  -o, --output FILE     the figures as JSON, or with the rows as HDF5 where FILE ends with .h5\n"
    "  --rows FILE           a row a structure as CSV: verdicts, reasons, energies, matches\n"
    "  --overwrite           writes these two even if they are there already; what is read is never overwritten\n"
    "  --time-limit T        ends before T has passed since the start (3600, 90m, 1h30m, 1:30:00), without it before the end of the job\n"
    "                        that $SHAFT_END_TIME or $SLURM_JOB_END_TIME gives: with exit code 85, and so do SIGTERM and SIGUSR1.\n"
    "                        Nothing is written then, and the same command begins anew; `none`: no limit\n"
    "  --quiet               no progress\n"
    "  --help                this text\n"
    "\n"
    "examples:\n"
    "  shaft evaluate runs/battery\n"
    "  shaft evaluate cdvae_cifs/ --reference-set mp_battery.jsonl.gz --rows rows.csv -o figures.json\n"
    "  shaft relax samples.h5 -o relaxed.h5 --symmetry free\n"
    "  mpirun -n 8 shaft evaluate samples.h5 --relaxed relaxed.h5 --model m3gnet-pes --reference mp.h5 --top 100 --by reward\n"
    "  mpirun -n 8 shaft evaluate samples.h5 -o figures.json --time-limit 50m\n";

typedef struct {
    sh_evaluation_options options;
    const char *output, *rows;
    sh_device device;
    double limit; /* s, NAN where there is none */
    bool overwrite, done;
} arguments;

static sh_status usage(sh_status status)
{
    return sh_error_hint(status, "shaft evaluate --help");
}

static sh_status check_arguments(const arguments *a, bool by_given)
{
    const sh_evaluation_options *o = &a->options;
    if (!o->n_path) return usage(SH_FAIL(SH_EINPUT, "no file or folder was given"));
    if (by_given && !o->top) return usage(SH_FAIL(SH_EINPUT, "--by says what is best of --top, which is missing"));
    if (o->by_energy && !o->model) return usage(SH_FAIL(SH_EINPUT, "--by energy needs a --model"));
    if (a->output && a->rows && sh_file_same(a->output, a->rows))
        return SH_FAIL(SH_EINPUT, "--output and --rows are the same file");
    return SH_OK;
}

static sh_status read_arguments(int argc, char **argv, arguments *a)
{
    enum {
        OUTPUT = 'o', HELP = 'h', MODEL = 256, GAP, REFERENCE, SET, RELAXED, TOP, BY, STABLE, SYMPREC, COV_S, COV_C, ROWS, OVERWRITE,
        EVERY_SCORE, FAR_BOND, DEVICE, LIMIT, QUIET
    };
    static const struct option options[] = {
        {"output", required_argument, NULL, OUTPUT},       {"model", required_argument, NULL, MODEL},
        {"gap-model", required_argument, NULL, GAP},       {"reference", required_argument, NULL, REFERENCE},
        {"reference-set", required_argument, NULL, SET},   {"relaxed", required_argument, NULL, RELAXED},
        {"top", required_argument, NULL, TOP},             {"by", required_argument, NULL, BY},
        {"stable", required_argument, NULL, STABLE},       {"symprec", required_argument, NULL, SYMPREC},
        {"cov-structure", required_argument, NULL, COV_S}, {"cov-composition", required_argument, NULL, COV_C},
        {"device", required_argument, NULL, DEVICE},       {"rows", required_argument, NULL, ROWS},
        {"every-score", no_argument, NULL, EVERY_SCORE},   {"far-bond", no_argument, NULL, FAR_BOND},
        {"overwrite", no_argument, NULL, OVERWRITE},       {"time-limit", required_argument, NULL, LIMIT},
        {"quiet", no_argument, NULL, QUIET},
        {"help", no_argument, NULL, HELP},                 {NULL, 0, NULL, 0}};
    static const char *const orders[] = {"reward", "energy", NULL};
    *a = (arguments){.device = SH_DEVICE_CPU,
                     .limit = NAN,
                     .options = {.stable = 0.1, .symprec = 0.1, .cutoff_structure = 0.4, .cutoff_composition = 10}};
    sh_evaluation_options *o = &a->options;
    int by = -1;
    opterr = 0;
    optind = 1;
    for (int c; (c = getopt_long(argc, argv, "o:h", options, NULL)) != -1;) {
        switch (c) {
        case OUTPUT: a->output = optarg; break;
        case MODEL: o->model = optarg; break;
        case GAP: o->gap_model = optarg; break;
        case REFERENCE: o->reference = optarg; break;
        case SET: o->reference_set = optarg; break;
        case RELAXED: o->relaxed = optarg; break;
        case TOP: SH_TRY(sh_option_integer("--top", optarg, 1, INT32_MAX, &o->top)); break;
        case BY: SH_TRY(sh_option_word("--by", optarg, orders, &by)); break;
        case STABLE: SH_TRY(sh_option_number("--stable", optarg, -10, 10, &o->stable)); break;
        case EVERY_SCORE: o->every_score = true; break;
        case FAR_BOND: o->far_bond = true; break;
        case SYMPREC: SH_TRY(sh_option_number("--symprec", optarg, 1e-5, 1, &o->symprec)); break;
        case COV_S: SH_TRY(sh_option_number("--cov-structure", optarg, 0, 1e3, &o->cutoff_structure)); break;
        case COV_C: SH_TRY(sh_option_number("--cov-composition", optarg, 0, 1e6, &o->cutoff_composition)); break;
        case ROWS: a->rows = optarg; break;
        case OVERWRITE: a->overwrite = true; break;
        case DEVICE: SH_TRY(sh_option_device(optarg, &a->device)); break;
        case LIMIT: SH_TRY(sh_option_duration("--time-limit", optarg, &a->limit)); break;
        case QUIET: o->quiet = true; break;
        case HELP: fputs(help, stdout); a->done = true; return SH_OK;
        default:
            return usage(SH_FAIL(SH_EINPUT, "'%s' is no option of this command, or its value is missing", argv[optind - 1]));
        }
    }
    o->by_energy = by == 1;
    o->paths = (const char *const *)(argv + optind);
    o->n_path = argc - optind;
    return check_arguments(a, by >= 0);
}

/* ---- output, by rank 0 ---- */

typedef void (*writer)(const sh_evaluation *e, FILE *out);

static void write_json(const sh_evaluation *e, FILE *out)
{
    sh_summary_json(e->summary, out);
}

static void write_rows(const sh_evaluation *e, FILE *out)
{
    sh_evaluation_rows_csv(&e->rows, out);
}

static sh_status write_text_file(const sh_evaluation *e, const char *path, writer write)
{
    char part[4200];
    sh_file_part(path, part, sizeof part);
    FILE *f = fopen(part, "w");
    if (!f) return SH_FAIL(SH_EIO, "cannot write '%s': %s", part, strerror(errno));
    write(e, f);
    bool failed = ferror(f) != 0;
    if (fclose(f) || failed) return SH_FAIL(SH_EIO, "cannot write '%s': is the disk full?", part);
    return sh_file_publish(path);
}

static sh_status fill_hdf5(const sh_evaluation *e, hid_t file)
{
    static const int64_t version = 2;
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    if (!f) return SH_FAIL(SH_EMEM, "no memory for the figures");
    sh_summary_json(e->summary, f);
    fclose(f);
    sh_status status = sh_h5_write_text(file, "/", "format", "shaft evaluation");
    if (status == SH_OK) status = sh_h5_write_attr(file, "/", "format_version", H5T_NATIVE_INT64, &version);
    if (status == SH_OK && strlen(text) > SH_H5_TEXTS_MAX)
        status = SH_FAIL(SH_EINPUT, "the figures with their paths are too long for one text; evaluate a folder instead of its files");
    if (status == SH_OK) status = sh_h5_write_texts(file, "summary", &text, 1);
    free(text);
    return status == SH_OK ? sh_evaluation_rows_hdf5(&e->rows, file) : status;
}

static sh_status write_hdf5(const sh_evaluation *e, const char *path)
{
    char part[4200];
    sh_h5_file file;
    sh_file_part(path, part, sizeof part);
    SH_TRY(sh_h5_create(part, &file));
    sh_status status = fill_hdf5(e, file.id);
    if (status == SH_OK) status = sh_h5_finish(&file, part);
    sh_h5_drop(&file);
    return status == SH_OK ? sh_file_publish(path) : status;
}

static bool is_hdf5_name(const char *path)
{
    size_t n = strlen(path);
    return (n > 3 && !strcmp(path + n - 3, ".h5")) || (n > 5 && !strcmp(path + n - 5, ".hdf5"));
}

/* Before the work: nothing that is read, and without --overwrite nothing at all, is lost by writing. */
static sh_status check_output(const arguments *a, const char *path)
{
    const sh_evaluation_options *o = &a->options;
    const char *const others[] = {o->relaxed, o->reference, o->reference_set, o->model, o->gap_model};
    if (!path) return SH_OK;
    SH_TRY(sh_option_output_is_no_input(path, o->paths, o->n_path));
    SH_TRY(sh_option_output_is_no_input(path, others, sizeof others / sizeof *others));
    return sh_option_output(path, a->overwrite);
}

static sh_status check_files(const arguments *a)
{
    const sh_evaluation_options *o = &a->options;
    const char *const others[] = {o->relaxed, o->reference, o->reference_set};
    SH_TRY(sh_option_inputs(o->paths, o->n_path));
    SH_TRY(sh_option_inputs(others, sizeof others / sizeof *others));
    SH_TRY(check_output(a, a->output));
    return check_output(a, a->rows);
}

static sh_status output(const arguments *a, const sh_evaluation *e)
{
    sh_summary_tables(e->summary, stdout);
    printf("In full, each with what it is of; bonds, Vendi scores, S.U.N. and coverage have no table in the paper.\n\n");
    sh_summary_print(e->summary, stdout);
    if (a->output) SH_TRY(is_hdf5_name(a->output) ? write_hdf5(e, a->output) : write_text_file(e, a->output, write_json));
    return a->rows ? write_text_file(e, a->rows, write_rows) : SH_OK;
}

sh_status sh_cmd_evaluate(int argc, char **argv)
{
    arguments a;
    sh_comm *comm;
    sh_evaluation evaluation = {0};
    char program[128];
    SH_TRY(read_arguments(argc, argv, &a));
    if (a.done) return SH_OK;
    snprintf(program, sizeof program, "shaft %s", sh_version());
    a.options.program = program;
    SH_TRY(sh_comm_create(&argc, &argv, &comm));
    sh_log_setup(a.options.quiet ? SH_LOG_QUIET : SH_LOG_INFO, comm->rank, comm->size);
    sh_status status = sh_deadline_leave_at_once(comm, a.limit);
    if (status == SH_OK) status = sh_comm_agree(comm, comm->rank == 0 ? check_files(&a) : SH_OK);
    if (status == SH_OK) status = sh_device_open(comm, a.device, &a.options.be);
    if (status == SH_OK) status = sh_evaluate(comm, &a.options, &evaluation);
    sh_device_close(a.options.be);
    if (status == SH_OK) status = sh_comm_agree(comm, comm->rank == 0 ? output(&a, &evaluation) : SH_OK);
    sh_evaluation_destroy(&evaluation);
    sh_comm_destroy(&comm);
    return status;
}
