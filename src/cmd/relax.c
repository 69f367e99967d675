#define _POSIX_C_SOURCE 200809L

/* relax.c -- `shaft relax`: structures of any origin, brought to rest with a pretrained potential by all ranks together. */
#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/sha256.h"
#include "base/units.h"
#include "cell.h"
#include "cmd/cmd.h"
#include "cmd/options.h"
#include "comm/counter.h"
#include "evaluate/cells.h"
#include "io/cif.h"
#include "io/collect.h"
#include "io/files.h"
#include "io/models.h"
#include "io/progress.h"
#include "io/relaxed.h"
#include "io/weights_h5.h"
#include "relax/network.h"
#include "train/deadline.h"
#include "train/device.h"
#include "train/signals.h"

static const char help[] =
    "usage: shaft relax FILE|FOLDER... -o FILE.h5 [OPTIONS]       (under mpirun or srun for several ranks)\n"
    "\n"
    "Relaxes atoms and cells of the structures in CIF, POSCAR, extended XYZ or samples files, folders of these, or the folder of a\n"
    "run, by FIRE and the exponential cell filter, the protocol of the relaxations published with M3GNet. What cannot be relaxed is\n"
    "recorded with the reason. The output has for each structure: raw and relaxed cell and positions, energies, moves, largest force,\n"
    "stress, displacements, volume ratio, and the space group before and after; docs/formats.md.\n"
    "\n"
    "A command that was stopped or killed goes on when it is given again: results are kept in FILE.h5.journal until all are there.\n"
    "SIGTERM, SIGUSR1 or SIGINT to any rank, and a time limit that is near, stop it with exit code 85; structures in hand are begun anew.\n"
    "\n"
    "options:\n"
    "  -o, --output F      the file to write\n"
    "  --model NAME        the potential (shaft model list; default m3gnet-efs); lennard-jones, for a try, needs no weights\n"
    "  --symmetry S        keep (default): with the space group of each structure, on its distinct sites alone, which is faster;\n"
    "                      free: each atom for itself, as published match rates and energies above hull were made\n"
    "  --keep-symprec A    the group that is kept is that found within A Å (default 0.001)\n"
    "  --shake A           with --symmetry free: first displaces all coordinates by random numbers with a standard deviation of\n"
    "                      A Å, and strains the cell as much: only so says the group afterwards whether it is stable (0.02 is usual)\n"
    "  --seed S            of these random numbers (default 0)\n"
    "  --fmax F            converged when no force is above F eV/Å, nor the cell's above F eV (default 0.1)\n"
    "  --steps N           moves at most (default 500); 0 evaluates only\n"
    "  --fixed-cell        atoms alone move\n"
    "  --pressure P        in GPa (default 0)\n"
    "  --symprec A         tolerance in Å of the groups before and after (default 0.1)\n"
    "  --cif FOLDER        also writes a CIF of each relaxed structure: ROW_FORMULA_GROUP.cif, rows from 1\n"
    "  --batch N           structures in hand of a rank (default 32): larger is faster where structures are small, and on a device\n"
    "  --device D          cpu (default), cuda or auto: where forces are computed; one rank a device is enough\n"
    "  --overwrite         begins anew, whatever is there\n"
    SH_TIME_LIMIT_HELP
    "  --quiet             no progress\n"
    "  --help              this text\n"
    "\n"
    "examples:\n"
    "  shaft relax top/ -o relaxed.h5 --cif relaxed\n"
    "  mpirun -n 8 shaft relax samples.h5 -o relaxed.h5 --fmax 0.05 --time-limit 3h50m\n"
    "  shaft relax runs/battery -o free.h5 --symmetry free --shake 0.02\n"
    "  shaft relax NaCl.cif -o squeezed.h5 --pressure 10 --cif .\n"
    "  shaft score relaxed.h5 --format csv > scores.csv\n";

typedef struct {
    const char *output, *model, *cif;
    const char *const *paths;
    int n_path;
    sh_relax_opts opts;
    double symprec, limit; /* limit: s, NAN where there is none */
    sh_device device;
    bool overwrite, quiet, done;
} arguments;

static sh_status check_arguments(const arguments *a)
{
    if (a->opts.shake > 0 && !a->opts.p1) {
        SH_FAIL(SH_EINPUT, "--shake breaks the symmetry that --symmetry keep keeps");
        return sh_error_hint(SH_EINPUT, "add --symmetry free");
    }
    if (a->opts.fixed_cell && a->opts.pressure != 0)
        return SH_FAIL(SH_EINPUT, "--pressure has no effect on a cell that --fixed-cell fixes");
    if (a->n_path && a->output) return SH_OK;
    SH_FAIL(SH_EINPUT, "structures and -o FILE.h5 are needed");
    return sh_error_hint(SH_EINPUT, "shaft relax --help");
}

static sh_status read_arguments(int argc, char **argv, arguments *a)
{
    enum { OUTPUT = 'o', HELP = 'h', MODEL = 256, SYMMETRY, KEEP, SHAKE, SEED, FMAX, STEPS, FIXED, PRESSURE, SYMPREC, CIF, BATCH, DEVICE,
           OVERWRITE, LIMIT, QUIET };
    static const struct option options[] = {
        {"output", required_argument, NULL, OUTPUT}, {"model", required_argument, NULL, MODEL},
        {"symmetry", required_argument, NULL, SYMMETRY}, {"keep-symprec", required_argument, NULL, KEEP},
        {"shake", required_argument, NULL, SHAKE}, {"seed", required_argument, NULL, SEED},
        {"fmax", required_argument, NULL, FMAX}, {"steps", required_argument, NULL, STEPS},
        {"fixed-cell", no_argument, NULL, FIXED}, {"pressure", required_argument, NULL, PRESSURE},
        {"symprec", required_argument, NULL, SYMPREC}, {"cif", required_argument, NULL, CIF},
        {"batch", required_argument, NULL, BATCH}, {"device", required_argument, NULL, DEVICE}, {"overwrite", no_argument, NULL, OVERWRITE},
        {"time-limit", required_argument, NULL, LIMIT},
        {"quiet", no_argument, NULL, QUIET}, {"help", no_argument, NULL, HELP},
        {NULL, 0, NULL, 0}};
    static const char *const symmetries[] = {"keep", "free", NULL};
    *a = (arguments){.model = "m3gnet-efs", .opts = sh_relax_defaults(), .symprec = 0.1, .limit = NAN, .device = SH_DEVICE_CPU};
    int64_t seed = 0;
    int which = 0;
    opterr = 0;
    optind = 1;
    for (int c; (c = getopt_long(argc, argv, "o:h", options, NULL)) != -1;) {
        switch (c) {
        case OUTPUT: a->output = optarg; break;
        case MODEL: a->model = optarg; break;
        case SYMMETRY: SH_TRY(sh_option_word("--symmetry", optarg, symmetries, &which)); break;
        case KEEP: SH_TRY(sh_option_number("--keep-symprec", optarg, 1e-5, 0.1, &a->opts.symprec)); break;
        case SHAKE: SH_TRY(sh_option_number("--shake", optarg, 0, 1, &a->opts.shake)); break;
        case SEED: SH_TRY(sh_option_integer("--seed", optarg, 0, 999999999999999999, &seed)); break;
        case FMAX: SH_TRY(sh_option_number("--fmax", optarg, 1e-8, 100, &a->opts.fmax)); break;
        case STEPS: SH_TRY(sh_option_integer("--steps", optarg, 0, 1000000, &a->opts.max_steps)); break;
        case FIXED: a->opts.fixed_cell = true; break;
        case PRESSURE:
            SH_TRY(sh_option_number("--pressure", optarg, -1000, 10000, &a->opts.pressure));
            a->opts.pressure /= SH_GPA;
            break;
        case SYMPREC: SH_TRY(sh_option_number("--symprec", optarg, 1e-5, 1, &a->symprec)); break;
        case CIF: a->cif = optarg; break;
        case BATCH: SH_TRY(sh_option_integer("--batch", optarg, 1, 100000, &a->opts.batch)); break;
        case DEVICE: SH_TRY(sh_option_device(optarg, &a->device)); break;
        case OVERWRITE: a->overwrite = true; break;
        case LIMIT: SH_TRY(sh_option_duration("--time-limit", optarg, &a->limit)); break;
        case QUIET: a->quiet = true; break;
        case HELP: fputs(help, stdout); a->done = true; return SH_OK;
        default:
            SH_FAIL(SH_EINPUT, "'%s' is no option of this command, or its value is missing", argv[optind - 1]);
            return sh_error_hint(SH_EINPUT, "shaft relax --help");
        }
    }
    a->opts.p1 = which == 1;
    a->opts.seed = (uint64_t)seed;
    a->opts.batch_sites = 16 * a->opts.batch;
    a->paths = (const char *const *)(argv + optind);
    a->n_path = argc - optind;
    return check_arguments(a);
}

/* ---- the potential ---- */

typedef struct {
    sh_energy_model loaded;
    const sh_backend *be;
    sh_relax_network *network;
    const sh_relax_model *model;
} potential;

static sh_status load_potential(const arguments *a, bool warn, potential *p)
{
    *p = (potential){.be = sh_backend_cpu()};
    SH_TRY(sh_energy_model_load(a->model, &p->loaded));
    p->model = p->loaded.pair;
    if (p->model && a->device == SH_DEVICE_CUDA) {
        SH_FAIL(SH_EINPUT, "%s works on the CPU alone", a->model);
        return sh_error_hint(SH_EINPUT, "--device cpu, or another --model");
    }
    if (!p->model && warn && sh_potential_quantity(p->loaded.network.potential) == SH_FORMATION_ENERGY)
        sh_log_warn("%s was trained on relaxed crystals alone: where its energy is lowest need not be where a crystal is at rest",
                    a->model);
    return SH_OK;
}

/* To the device, if it is to be one. Collective. */
static sh_status place_potential(sh_comm *comm, const arguments *a, potential *p)
{
    if (p->model) return SH_OK;
    SH_TRY(sh_device_open(comm, a->device, &p->be));
    sh_potential_use(p->loaded.network.potential, p->be);
    SH_TRY(sh_comm_agree(comm, sh_relax_network_create(p->loaded.network.potential, p->be, &p->network)));
    p->model = sh_relax_network_model(p->network);
    return SH_OK;
}

static void release_potential(potential *p)
{
    sh_relax_network_destroy(&p->network);
    if (p->loaded.network.potential) sh_potential_use(p->loaded.network.potential, sh_backend_cpu());
    sh_device_close(p->be);
    sh_energy_model_release(&p->loaded);
}

/* ---- what is to be done ---- */

/* Of rank 0. */
typedef struct {
    sh_structures raw;
    sh_relaxed relaxed;
    sh_relaxed_settings settings;
    char journal[4096];
    int lock;      /* of the journal's folder */
    bool complete; /* the output is there already */
} project;

/* The structures that are still to be relaxed, the largest first so that none of them comes last; of every rank. */
typedef struct {
    int64_t n, n_all;
    int64_t *id;    /* (n) rows of the output */
    int64_t *place; /* (n_all) of a row in this list */
    sh_cell_list cells;
} work;

static void add_number(sh_sha256 *s, double x)
{
    sh_sha256_add(s, &x, sizeof x);
}

/* All that the output depends on. */
static void name_job(const arguments *a, const potential *p, project *x)
{
    sh_sha256 s;
    char weights[65] = "";
    const sh_relax_opts *o = &a->opts;
    const double numbers[] = {o->fmax, (double)o->max_steps, o->pressure, o->stress_factor, o->fixed_cell, o->p1, o->symprec,
                              o->shake, a->symprec};
    if (p->loaded.network.weights) sh_weights_sha256(p->loaded.network.weights, weights);
    sh_sha256_begin(&s);
    sh_sha256_add(&s, a->model, strlen(a->model) + 1);
    sh_sha256_add(&s, weights, sizeof weights);
    sh_sha256_add(&s, &o->seed, sizeof o->seed);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        add_number(&s, numbers[i]);
    for (int64_t i = 0; i < x->raw.n; i++) {
        const sh_structure *r = &x->raw.item[i];
        sh_sha256_add(&s, &r->n_atom, sizeof r->n_atom);
        if (r->error) continue;
        sh_sha256_add(&s, r->lattice, sizeof r->lattice);
        sh_sha256_add(&s, r->z, (size_t)r->n_atom * sizeof *r->z);
        sh_sha256_add(&s, r->frac, (size_t)(3 * r->n_atom) * sizeof *r->frac);
        add_number(&s, r->reward);
        sh_sha256_add(&s, r->reward_model ? r->reward_model : "", strlen(r->reward_model ? r->reward_model : "") + 1);
    }
    sh_sha256_end(&s, x->settings.job);
}

static sh_status collect(const arguments *a, project *x)
{
    SH_TRY(sh_option_inputs(a->paths, a->n_path));
    sh_collect(a->paths, a->n_path, sh_hdf5_collect, &x->raw);
    int64_t n_good = 0;
    for (int64_t i = 0; i < x->raw.n; i++)
        n_good += !x->raw.item[i].error;
    if (!x->raw.n) return SH_FAIL(SH_EINPUT, "no structure was found");
    if (!n_good)
        return SH_FAIL(SH_EINPUT, "none of %lld structures could be read; the first: %s", (long long)x->raw.n, x->raw.item[0].error);
    return SH_OK;
}

/* Is there anything in the way of the output? */
static sh_status check_output(const arguments *a, project *x)
{
    char job[65];
    if ((size_t)snprintf(x->journal, sizeof x->journal, "%s.journal", a->output) >= sizeof x->journal)
        return SH_FAIL(SH_EINPUT, "the name of the output is too long");
    SH_TRY(sh_option_output_is_no_input(a->output, a->paths, a->n_path));
    SH_TRY(sh_file_probe(a->output));
    if (a->cif) SH_TRY(sh_folder_make(a->cif));
    if (a->overwrite || access(a->output, F_OK)) return SH_OK;
    sh_relaxed_job(a->output, job);
    x->complete = !strcmp(job, x->settings.job);
    if (x->complete) return SH_OK;
    char *model = sh_relaxed_model(a->output), *how = sh_relaxed_protocol(a->output);
    if (model && how)
        SH_FAIL(SH_EINPUT, "'%s' is there already, and is not what this command makes: %s, %s, perhaps of other structures", a->output,
                model, how);
    else
        SH_FAIL(SH_EINPUT, "'%s' is there already, and is no file of shaft relax", a->output);
    sh_free(model);
    sh_free(how);
    return sh_error_hint(SH_EINPUT, "choose another file (-o), or write it all the same with --overwrite");
}

static sh_status open_journal(const arguments *a, project *x, bool *done)
{
    SH_TRY(sh_journal_open(x->journal, "shaft relax", a->output, a->overwrite, &x->lock));
    if (a->overwrite) return SH_OK;
    sh_status status = sh_relaxed_journal_read(x->journal, x->settings.job, &x->relaxed, done);
    if (status == SH_EINPUT) sh_error_hint(status, "finish that one first, choose another file (-o), or begin anew with --overwrite");
    return status;
}

static const sh_structures *sorted_list; /* qsort hands nothing on */

static int by_size(const void *a, const void *b)
{
    int64_t i = *(const int64_t *)a, j = *(const int64_t *)b, n = sorted_list->item[i].n_atom, m = sorted_list->item[j].n_atom;
    return n != m ? (n < m) - (n > m) : (i > j) - (i < j);
}

static void list_work(const project *x, const bool *done, work *w)
{
    *w = (work){.n_all = x->raw.n, .id = SH_NEW(int64_t, x->raw.n)};
    for (int64_t i = 0; i < x->raw.n; i++)
        if (!x->raw.item[i].error && !done[i]) w->id[w->n++] = i;
    sorted_list = &x->raw;
    qsort(w->id, (size_t)w->n, sizeof *w->id, by_size);
    sorted_list = NULL;
}

/* What is there, and what is left to do. */
static sh_status prepare(const arguments *a, const potential *p, project *x, work *w)
{
    SH_TRY(collect(a, x));
    name_job(a, p, x);
    SH_TRY(check_output(a, x));
    if (x->complete) return SH_OK;
    sh_relaxed_create(&x->raw, &x->relaxed);
    bool *done = SH_NEW(bool, x->raw.n);
    sh_status status = open_journal(a, x, done);
    if (status == SH_OK) list_work(x, done, w);
    int64_t n_bad = 0;
    for (int64_t i = 0; i < x->raw.n; i++)
        n_bad += x->raw.item[i].error != NULL;
    if (status == SH_OK && w->n + n_bad < x->raw.n)
        sh_log_info("%lld of %lld structures are done already", (long long)(x->raw.n - n_bad - w->n), (long long)x->raw.n);
    sh_free(done);
    return status;
}

static sh_status share_work(sh_comm *comm, const project *x, work *w)
{
    SH_TRY(sh_comm_bcast(comm, &w->n, sizeof w->n, 0));
    SH_TRY(sh_comm_bcast(comm, &w->n_all, sizeof w->n_all, 0));
    if (comm->rank) w->id = SH_NEW(int64_t, w->n);
    if (comm->rank == 0) sh_cell_list_create(&x->raw, &w->cells);
    if (comm->rank == 0) sh_cell_list_keep(&w->cells, w->id, w->n);
    SH_TRY(sh_comm_bcast(comm, w->id, w->n * (int64_t)sizeof *w->id, 0));
    w->place = SH_NEW(int64_t, w->n_all);
    for (int64_t i = 0; i < w->n; i++)
        w->place[w->id[i]] = i;
    return sh_cell_list_share(comm, &w->cells);
}

static void release_work(work *w)
{
    sh_free(w->id);
    sh_free(w->place);
    sh_cell_list_destroy(&w->cells);
}

/* ---- the work ---- */

/* The shared counters: structures given out, finished, and converged; ranks that were asked to stop; ranks that have ended. */
enum { GIVEN, FINISHED, CONVERGED, ASKED, ENDED };

typedef struct {
    sh_comm *comm;
    sh_counter *counter;
    const work *work;
    double symprec;
    int64_t next;       /* of the work, as far as this rank knows */
    sh_journal *journal;
    sh_progress progress;
    sh_stop stop;
} worker;

static bool asked_to_stop(void *user)
{
    worker *w = user;
    return sh_stop_asked(&w->stop);
}

/* The next structure, as long as this rank has no more than half its share of what is left: towards the end ranks take fewer, so that
 * none has many when the others have none. */
static bool next_job(void *user, int64_t n_in_hand, sh_relax_job *job)
{
    worker *w = user;
    int64_t left = w->work->n - w->next, most = w->comm->size == 1 ? left : left / (2 * w->comm->size);
    if (left <= 0 || (n_in_hand > 0 && n_in_hand >= most) || asked_to_stop(w)) return false;
    int64_t i = sh_counter_add(w->counter, GIVEN, 1);
    w->next = i + 1;
    if (i >= w->work->n) return false;
    *job = (sh_relax_job){.id = w->work->id[i], .cell = sh_cell_list_at(&w->work->cells, i)};
    return true;
}

static void show(worker *w)
{
    char words[64];
    if (w->comm->rank || w->progress.quiet) return;
    int64_t finished = sh_counter_add(w->counter, FINISHED, 0), converged = sh_counter_add(w->counter, CONVERGED, 0);
    snprintf(words, sizeof words, "converged %lld", (long long)converged);
    sh_progress_update(&w->progress, finished, words);
}

/* A result is on its way to the disk before anything else happens. */
static void finish_job(void *user, const sh_relax_result *r)
{
    worker *w = user;
    sh_cell raw = sh_cell_list_at(&w->work->cells, w->work->place[r->id]);
    sh_cell end = {r->lattice, r->n_atom, raw.z, r->frac};
    sh_relaxed_row row;
    memset(&row, 0, sizeof row);
    row.id = r->id;
    row.n_atom = r->n_atom;
    row.verdict = (int32_t)r->verdict;
    row.n_step = r->n_step;
    row.n_site = (int32_t)r->n_site;
    sh_symmetry symmetry[2] = {sh_symmetry_of(&raw, w->symprec), sh_symmetry_of(&end, w->symprec)};
    if (r->verdict <= SH_RELAX_STEPS) row.group_change = (int32_t)sh_symmetry_compare(&symmetry[0], &symmetry[1]);
    for (int k = 0; k < 2; k++) {
        row.group[k] = symmetry[k].number;
        row.energy[k] = r->energy[k];
        row.e_form[k] = r->e_form[k];
    }
    row.force_max = r->force_max;
    memcpy(row.stress, r->stress, sizeof row.stress);
    row.shift_max = r->shift_max;
    row.shift_rms = r->shift_rms;
    memcpy(row.lattice, r->lattice, sizeof row.lattice);
    sh_status status = sh_relaxed_journal_add(w->journal, &row, r->frac);
    if (status != SH_OK) sh_comm_abort(w->comm, status);
    if (r->verdict == SH_RELAX_CONVERGED) sh_counter_add(w->counter, CONVERGED, 1);
    sh_counter_add(w->counter, FINISHED, 1);
    show(w);
}

/* After each evaluation of a structure. Rank 0 also answers those who ask for work. */
static void heartbeat(void *user, int64_t id, int64_t n_step, double energy, double force_max, double volume)
{
    worker *w = user;
    (void)id, (void)n_step, (void)energy, (void)force_max, (void)volume;
    if (w->comm->rank) return;
    sh_counter_serve(w->counter);
    show(w);
}

/* This rank has nothing left to do, others have; what it is asked meanwhile they are told. */
static void await_others(worker *w)
{
    const struct timespec pause = {.tv_nsec = w->comm->rank ? 100000000 : 20000000};
    int waiting;
    sh_counter_add(w->counter, ENDED, 1);
    while (sh_counter_add(w->counter, ENDED, 0) < w->comm->size) {
        show(w);
        asked_to_stop(w);
        MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, w->comm->all, &waiting, MPI_STATUS_IGNORE);
        nanosleep(&pause, NULL);
    }
    MPI_Barrier(w->comm->all);
}

/* SH_ESTOP on all ranks, without a message, where some structures were left. */
static sh_status run_all(sh_comm *comm, const arguments *a, const sh_deadline *deadline, const potential *p, const work *w,
                         const char *journal, const char *job)
{
    worker me = {.comm = comm, .work = w, .symprec = a->symprec};
    const sh_relax_source source = {.user = &me, .next = next_job, .done = finish_job, .trace = heartbeat, .stop = asked_to_stop};
    int64_t finished = 0;
    SH_TRY(sh_comm_agree(comm, sh_journal_create(journal, job, comm->rank, comm->size, &me.journal)));
    sh_status status = sh_comm_agree(comm, sh_counter_create(comm, &me.counter));
    if (status == SH_OK) {
        sh_progress_begin(&me.progress, "relaxing", "structures", 0, w->n, 1, a->quiet || comm->rank > 0);
        me.stop = (sh_stop){.deadline = deadline, .counter = me.counter, .which = ASKED};
        sh_relax_run(p->model, &a->opts, &source);
        await_others(&me);
        finished = sh_counter_add(me.counter, FINISHED, 0);
        sh_progress_end(&me.progress, finished, NULL);
    }
    sh_counter_destroy(&me.counter);
    SH_TRY(sh_comm_agree(comm, status == SH_OK ? sh_journal_close(&me.journal) : status));
    if (finished == w->n) return SH_OK;
    sh_log_info("stopped with %lld of %lld structures relaxed, as %s; the same command goes on", (long long)finished, (long long)w->n,
                sh_deadline_reason(deadline));
    return SH_ESTOP;
}

/* ---- the end, by rank 0 ---- */

static sh_status write_cif(const arguments *a, const sh_relaxed *r, int64_t i)
{
    char path[8192], formula[256], values[4][64];
    const bool has_form = isfinite(r->e_form[1][i]);
    sh_structure s;
    int64_t units;
    sh_relaxed_structure(r, i, 1, &s);
    sh_structure_formula(&s, formula, sizeof formula, &units);
    snprintf(path, sizeof path, "%s/%06lld_%.60s_%d.cif", a->cif, (long long)(i + 1), formula, (int)r->group[1][i]);
    snprintf(values[0], sizeof values[0], "%s", sh_relax_verdict_key((sh_relax_verdict)r->verdict[i]));
    snprintf(values[1], sizeof values[1], "%d", (int)r->group[1][i]);
    snprintf(values[2], sizeof values[2], "%.8g", r->energy[1][i]);
    snprintf(values[3], sizeof values[3], "%.8g", r->e_form[1][i]);
    const sh_cif_item items[] = {{"_shaft_relaxation", values[0]},
                                 {"_shaft_found_space_group_number", values[1]},
                                 {"_shaft_energy_model", a->model},
                                 {"_shaft_total_energy_eV", values[2]},
                                 {"_shaft_formation_energy_eV_per_atom", values[3]}};
    FILE *f = fopen(path, "w");
    sh_status status = f ? sh_cif_write(f, &s, &(sh_cif_opts){.item = items, .n_item = has_form ? 5 : 4}, NULL) : SH_OK;
    if ((!f || fclose(f)) && status == SH_OK) status = SH_FAIL(SH_EIO, "cannot write '%s': %s", path, strerror(errno));
    sh_structure_destroy(&s);
    return status;
}

static sh_status write_cifs(const arguments *a, const sh_relaxed *r)
{
    for (int64_t i = 0; i < r->n; i++)
        if (r->verdict[i] <= SH_RELAX_STEPS) SH_TRY(write_cif(a, r, i));
    return SH_OK;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* eV/atom by which the enthalpy E + p V of row i changed, which a relaxation lowers; without a pressure the energy. */
static double gain_of(const sh_relaxed *r, int64_t i, double pressure)
{
    double volume = fabs(sh_lattice_volume(r->lattice[0] + 9 * i)) * (r->volume_ratio[i] - 1);
    double change = r->energy[1][i] - r->energy[0][i] + (pressure != 0 ? pressure * volume : 0);
    return change / (double)(r->atom_start[i + 1] - r->atom_start[i]);
}

/* What is not at rest, by name, with the numbers that the files of --cif have. */
static void name_the_others(const sh_relaxed *r)
{
    const int64_t most = 12;
    int64_t n = 0;
    for (int64_t i = 0; i < r->n; i++) {
        char formula[64] = "";
        sh_structure s;
        if (r->verdict[i] == SH_RELAX_CONVERGED || n++ >= most) continue;
        if (r->verdict[i] == SH_RELAX_UNREADABLE) { /* the message begins with the file */
            sh_log_info("  %8lld  %s", (long long)(i + 1), r->message[i]);
            continue;
        }
        sh_relaxed_structure(r, i, 0, &s);
        sh_structure_formula(&s, formula, sizeof formula, NULL);
        sh_structure_destroy(&s);
        sh_log_info("  %8lld  %s (%lld. of %s): %s", (long long)(i + 1), formula, (long long)r->index[i], r->path[r->file[i]],
                    r->message[i]);
    }
    if (n > most) sh_log_info("  and %lld more: the column message of the file says all", (long long)(n - most));
}

static void say_groups(const sh_relaxed *r, double symprec)
{
    int64_t count[SH_N_SYMMETRY_CHANGE] = {0};
    for (int64_t i = 0; i < r->n; i++)
        count[r->group_change[i]] += r->verdict[i] <= SH_RELAX_STEPS;
    sh_log_info("space group at %g Å: %lld kept, %lld higher, %lld lower, %lld another of the same order, %lld not determined", symprec,
                (long long)count[SH_SYMMETRY_KEPT], (long long)count[SH_SYMMETRY_HIGHER], (long long)count[SH_SYMMETRY_LOWER],
                (long long)count[SH_SYMMETRY_OTHER], (long long)count[SH_SYMMETRY_UNKNOWN]);
}

static void summarise(const arguments *a, const sh_relaxed *r)
{
    int64_t count[SH_RELAX_N_VERDICT] = {0}, n = 0, above = 0;
    const double much = 0.01;
    double moves = 0, shift = 0, *gain = SH_NEW(double, r->n);
    for (int64_t i = 0; i < r->n; i++) {
        count[r->verdict[i]]++;
        if (r->verdict[i] > SH_RELAX_STEPS) continue;
        moves += r->n_step[i];
        gain[n] = gain_of(r, i, a->opts.pressure);
        above += gain[n++] > much;
        shift += r->shift_rms[i];
    }
    if (n) qsort(gain, (size_t)n, sizeof *gain, by_value);
    sh_log_info("%lld structures in %s:", (long long)r->n, a->output);
    for (int v = 0; v < SH_RELAX_N_VERDICT; v++)
        if (count[v]) sh_log_info("  %8lld  %s", (long long)count[v], sh_relax_verdict_text((sh_relax_verdict)v));
    if (n) {
        sh_log_info("%.1f moves, displaced by %.3f Å (means), %s %+.4f eV/atom (median)", moves / (double)n, shift / (double)n,
                    a->opts.pressure != 0 ? "E + pV" : "energy", gain[n / 2]);
        say_groups(r, a->symprec);
    }
    if (above)
        sh_log_info("%lld ended more than %g eV/atom above where they began: FIRE has passed a barrier", (long long)above, much);
    if (count[SH_RELAX_CONVERGED] < r->n) sh_log_info("not at rest:");
    name_the_others(r);
    sh_free(gain);
}

static sh_status conclude(const arguments *a, project *x)
{
    bool *done = SH_NEW(bool, x->raw.n);
    sh_status status = sh_relaxed_journal_read(x->journal, x->settings.job, &x->relaxed, done);
    for (int64_t i = 0; status == SH_OK && i < x->raw.n; i++)
        if (!done[i] && !x->raw.item[i].error)
            status = SH_FAIL(SH_EIO, "structure %lld was relaxed, but is not in '%s': is it a folder that all ranks see?", (long long)i,
                             x->journal);
    sh_free(done);
    if (status == SH_OK) status = sh_relaxed_write(a->output, &x->settings, &x->relaxed);
    if (status != SH_OK) return status;
    sh_folder_unlock(&x->lock);
    return sh_journal_remove(x->journal);
}

static sh_status relax_rest(sh_comm *comm, const arguments *a, const sh_deadline *deadline, const potential *p, project *x, work *w)
{
    sh_status status = share_work(comm, x, w);
    if (status == SH_OK) status = sh_comm_bcast(comm, x->journal, sizeof x->journal, 0);
    if (status == SH_OK) status = sh_comm_bcast(comm, x->settings.job, sizeof x->settings.job, 0);
    SH_TRY(sh_comm_agree(comm, status));
    if (w->n) SH_TRY(run_all(comm, a, deadline, p, w, x->journal, x->settings.job));
    return sh_comm_agree(comm, comm->rank == 0 ? conclude(a, x) : SH_OK);
}

static sh_status finish_project(const arguments *a, project *x)
{
    if (x->complete) {
        sh_log_info("'%s' is complete: nothing was left to do", a->output);
        SH_TRY(sh_relaxed_read(a->output, &x->relaxed));
    }
    if (a->cif) SH_TRY(write_cifs(a, &x->relaxed));
    summarise(a, &x->relaxed);
    return SH_OK;
}

static sh_status relax(sh_comm *comm, const arguments *a, const sh_deadline *deadline)
{
    potential p;
    work w = {0};
    project *x = SH_NEW(project, 1);
    x->lock = -1;
    x->settings = (sh_relaxed_settings){.model = a->model, .opts = a->opts, .symprec = a->symprec};
    sh_status status = sh_comm_agree(comm, load_potential(a, comm->rank == 0, &p));
    if (status == SH_OK) status = place_potential(comm, a, &p);
    if (status == SH_OK) status = sh_comm_agree(comm, comm->rank == 0 ? prepare(a, &p, x, &w) : SH_OK);
    if (status == SH_OK) status = sh_comm_bcast(comm, &x->complete, sizeof x->complete, 0);
    if (status == SH_OK && !x->complete) status = relax_rest(comm, a, deadline, &p, x, &w);
    if (status == SH_OK) status = sh_comm_agree(comm, comm->rank == 0 ? finish_project(a, x) : SH_OK);
    sh_folder_unlock(&x->lock);
    sh_structures_destroy(&x->raw);
    sh_relaxed_destroy(&x->relaxed);
    sh_free(x);
    release_work(&w);
    release_potential(&p);
    return status;
}

sh_status sh_cmd_relax(int argc, char **argv)
{
    arguments a;
    sh_comm *comm;
    SH_TRY(read_arguments(argc, argv, &a));
    if (a.done) return SH_OK;
    SH_TRY(sh_comm_create(&argc, &argv, &comm));
    sh_log_setup(a.quiet ? SH_LOG_QUIET : SH_LOG_INFO, comm->rank, comm->size);
    sh_signals_install();
    sh_deadline deadline;
    sh_status status = sh_deadline_begin(comm, a.limit, &deadline);
    if (status == SH_OK) status = relax(comm, &a, &deadline);
    sh_comm_destroy(&comm);
    return status;
}
