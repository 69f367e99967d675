#define _POSIX_C_SOURCE 200809L

/* sample.c -- `shaft sample`: new crystals from a trained policy, with their rewards, in one file. */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "cmd/cmd.h"
#include "cmd/options.h"
#include "comm/comm.h"
#include "gflownet/step.h"
#include "io/files.h"
#include "io/progress.h"
#include "io/samples.h"
#include "train/deadline.h"
#include "train/device.h"
#include "train/run_state.h"
#include "train/signals.h"

static const char help[] =
    "usage: shaft sample RUN -n NUMBER -o FILE.h5 [OPTIONS]       (under mpirun or srun for several ranks)\n"
    "\n"
    "Draws NUMBER crystals from the policy in the newest checkpoint of the run's folder, without exploration, and writes them\n"
    "with their rewards and terms. Crystals with more atoms than allowed or a pair below 0.5 Å are held back; how many is said.\n"
    "Also said is log Z as all crystals drawn estimate it without bias, beside the one that the policy has learned.\n"
    "\n"
    "options:\n"
    "  -n, --number N    crystals to draw\n"
    "  -o, --output F    the file to write; docs/formats.md says what stands in it\n"
    "  --seed S          other random numbers: 0, 1, 2, ... (default 0); equal seeds give equal crystals\n"
    "  --overwrite       write the file even if it is there already\n"
    "  --device D        cpu, cuda or auto: where the networks run (default: as run.device says, cpu)\n"
    "  --batch B         crystals drawn together (default 256)\n"
    SH_TIME_LIMIT_HELP
    "  --quiet           no progress\n"
    "  --help            this text\n"
    "\n"
    "SIGTERM, SIGUSR1 or SIGINT to any rank, and a time limit that is near: nothing is written, and the exit code is 85. The same command\n"
    "draws the same crystals, from the first on; where time is short, draw fewer a file, with other seeds.\n"
    "\n"
    "examples:\n"
    "  shaft sample runs/battery -n 10000 -o samples.h5\n"
    "  mpirun -n 8 shaft sample runs/battery -n 1000000 -o many.h5 --seed 3\n"
    "  shaft export samples.h5 --top 100 -o top/\n";

typedef struct {
    const char *run, *output, *device;
    int64_t number, seed, batch;
    double limit; /* s, NAN where there is none */
    bool overwrite, quiet, done;
} arguments;

static sh_status read_arguments(int argc, char **argv, arguments *a)
{
    static const struct option options[] = {
        {"number", required_argument, NULL, 'n'}, {"output", required_argument, NULL, 'o'},
        {"time-limit", required_argument, NULL, 't'},
        {"device", required_argument, NULL, 'd'}, {"seed", required_argument, NULL, 's'},   {"batch", required_argument, NULL, 'b'},
        {"overwrite", no_argument, NULL, 'w'},    {"quiet", no_argument, NULL, 'q'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0}};
    *a = (arguments){.batch = 256, .limit = NAN};
    opterr = 0;
    optind = 1;
    for (int c; (c = getopt_long(argc, argv, "n:o:h", options, NULL)) != -1;) {
        switch (c) {
        case 'n': SH_TRY(sh_option_integer("-n", optarg, 1, INT32_MAX - 1, &a->number)); break;
        case 'o': a->output = optarg; break;
        case 's': SH_TRY(sh_option_integer("--seed", optarg, 0, 999999999999999999, &a->seed)); break;
        case 'd': a->device = optarg; break;
        case 'b': SH_TRY(sh_option_integer("--batch", optarg, 1, 1000000, &a->batch)); break;
        case 't': SH_TRY(sh_option_duration("--time-limit", optarg, &a->limit)); break;
        case 'w': a->overwrite = true; break;
        case 'q': a->quiet = true; break;
        case 'h': fputs(help, stdout); a->done = true; return SH_OK;
        default:
            SH_FAIL(SH_EINPUT, "'%s' is no option of this command, or its value is missing", argv[optind - 1]);
            return sh_error_hint(SH_EINPUT, "shaft sample --help");
        }
    }
    if (optind + 1 != argc || !a->number || !a->output) {
        SH_FAIL(SH_EINPUT, "the folder of a run, -n NUMBER and -o FILE are needed");
        return sh_error_hint(SH_EINPUT, "shaft sample --help");
    }
    a->run = argv[optind];
    return SH_OK;
}

/* Rank 0 reads the configuration of the run; all get it. */
static sh_status share_configuration(sh_comm *comm, const arguments *a, sh_config *config)
{
    sh_status status = SH_OK;
    char *text = NULL, device[32];
    const char *settings[1] = {device};
    if (comm->rank == 0) {
        snprintf(device, sizeof device, "run.device=%s", a->device ? a->device : "");
        status = sh_run_state_config(a->run, &text);
        if (status == SH_OK && !text) {
            status = SH_FAIL(SH_EINPUT, "'%s' holds no checkpoint", a->run);
            sh_error_hint(status, "train first: shaft train CONFIG.yaml; the folder is its run.directory");
        }
        if (status == SH_OK) status = sh_config_parse("the checkpoint", text, strlen(text), settings, a->device ? 1 : 0, NULL, config);
        sh_free(text);
    }
    SH_TRY(sh_comm_agree(comm, status));
    return sh_comm_bcast(comm, config, sizeof *config, 0);
}

/* The key of the random numbers: a one-to-one mix of S + 1 (the finaliser of SplitMix64, Steele et al., OOPSLA 2014), so that no two
 * seeds share one, and none has the training's, which would be that of S + 1 = 0. */
static uint64_t key_of(int64_t run_seed, int64_t seed)
{
    uint64_t x = (uint64_t)seed + 1;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return (uint64_t)run_seed ^ x ^ x >> 31;
}

/* What is said at the end, summed over ranks: numbers of crystals. */
enum { OVERLAP = SH_N_REASON, BOND_MISSING, WEIGHT, STOPPED, N_TALLY }; /* held back by reason first; WEIGHT: sum of Z_estimate / Z;
                                                                          STOPPED: ranks that have left before their end */

/* log P_B of new records, in a pass without gradients on one tape. */
static void add_log_pb(const sh_setup *s, sh_records *drawn, double tally[N_TALLY])
{
    int64_t n = drawn->n;
    sh_step_values values;
    const sh_records none = sh_records_view(drawn, 0, 0);
    sh_arena_reset(s->arena);
    double *target = SH_PUSH(s->arena, double, n);
    for (int64_t i = 0; i < n; i++)
        target[i] = sh_reward_log_target(&s->config->reward, &sh_record_at(drawn, i)->result);
    const sh_step_batch batch = {.fresh = drawn, .target_fresh = target, .replay = &none, .slice = n, .sizes = s->learn_sizes};
    sh_step_values_of(s->policy, s->be, &batch, s->arena, &values);
    for (int64_t i = 0; i < n; i++) {
        sh_record_at(drawn, i)->log_pb = values.log_pb[i];
        tally[WEIGHT] += exp(fmin(-values.residual[i], 700));
    }
}

static void count(const sh_records *drawn, double tally[N_TALLY])
{
    for (int64_t i = 0; i < drawn->n; i++) {
        const sh_reward_result *x = &sh_record_at(drawn, i)->result;
        bool overlap;
        if (!sh_samples_may_write(x, &overlap)) tally[overlap ? OVERLAP : x->reason]++;
        tally[BOND_MISSING] += x->bond_missing > 0;
    }
}

/* This rank's share, drawn batch by batch. Trajectories are numbered far above those of any training. */
static void draw(const sh_setup *s, const sh_comm *comm, const arguments *a, sh_stop *stop, int64_t first, int64_t last,
                 sh_records *all, double tally[N_TALLY])
{
    const uint64_t base = (uint64_t)1 << 48, key = key_of(s->config->run.seed, a->seed);
    const sh_exploration none = {.epsilon = 0, .widen = 1};
    sh_records drawn;
    sh_progress progress;
    sh_records_create(&drawn, all->max_sites, 1);
    sh_progress_begin(&progress, "sampling", "structures", 0, last - first, comm->size, a->quiet || comm->rank > 0);
    for (int64_t i = first; i < last; i += a->batch) {
        int64_t n = last - i < a->batch ? last - i : a->batch;
        if (sh_stop_asked(stop)) {
            tally[STOPPED] = 1;
            break;
        }
        sh_setup_draw(s, key, base + (uint64_t)i, n, &none, &drawn);
        add_log_pb(s, &drawn, tally);
        count(&drawn, tally);
        for (int64_t k = 0; k < n; k++)
            sh_records_append(all, &drawn, k);
        sh_progress_update(&progress, i + n - first, NULL);
    }
    sh_progress_end(&progress, all->n, NULL);
    sh_records_destroy(&drawn);
}

static double held_back(const double tally[N_TALLY])
{
    double n = 0;
    for (int k = 0; k <= OVERLAP; k++)
        n += tally[k];
    return n;
}

static sh_status write_file(sh_comm *comm, const sh_setup *s, const arguments *a, int64_t first, const sh_records *all,
                            const double tally[N_TALLY])
{
    if (held_back(tally) >= (double)a->number)
        return SH_FAIL(SH_ENUM, "none of the %lld crystals drawn may be written: the policy is not trained yet", (long long)a->number);
    char *config = sh_config_text(s->config, false);
    const sh_samples_layout layout = {.n_row = a->number, .first = first, .stride = a->number, .block = all->n, .n_block = 1};
    sh_status status = sh_samples_write(a->output, comm->all, &s->space, config, all, &layout);
    sh_free(config);
    return status;
}

static void report(const sh_setup *s, const arguments *a, const double tally[N_TALLY])
{
    double held = held_back(tally), log_z = sh_policy_log_z_value(s->policy);
    sh_log_info("%.0f crystals written to %s, %.0f held back", (double)a->number - held, a->output, held);
    for (int k = 0; k <= OVERLAP; k++)
        if (tally[k] > 0)
            sh_log_info("  %8.0f  %s", tally[k], k == OVERLAP ? "two atoms closer than 0.5 Å" : sh_reason_text((sh_reason)k));
    if (tally[BOND_MISSING] > 0)
        sh_log_info("%.0f crystals have pairs of elements that the bond table does not have", tally[BOND_MISSING]);
    sh_log_info("log Z %.3f, learned %.3f", log_z + log(tally[WEIGHT] / (double)a->number), log_z);
}

static sh_status sample(sh_comm *comm, const arguments *a, const sh_deadline *deadline, const sh_config *config)
{
    sh_setup s;
    int64_t iteration;
    double tally[N_TALLY] = {0};
    SH_TRY(sh_comm_agree(comm, comm->rank == 0 ? sh_option_output(a->output, a->overwrite) : SH_OK));
    SH_TRY(sh_comm_agree(comm, sh_setup_create(config, &s)));
    sh_status status = comm->rank == 0 ? sh_run_state_read(a->run, &s, NULL, &iteration) : SH_OK;
    status = sh_comm_agree(comm, status);
    if (status == SH_OK)
        status = sh_comm_bcast(comm, sh_params_data(s.params)->host, sh_params_size(s.params) * (int64_t)sizeof(sh_real), 0);
    if (status == SH_OK) {
        sh_setup_push(&s);
        status = sh_device_choose(comm, config->run.device, &s);
    }
    sh_stop stop = {.deadline = deadline};
    if (status == SH_OK) status = sh_comm_agree(comm, sh_counter_create(comm, &stop.counter));
    if (status == SH_OK) {
        int64_t first = a->number * comm->rank / comm->size, last = a->number * (comm->rank + 1) / comm->size;
        sh_records all;
        sh_records_create(&all, config->constraints.max_sites, 1);
        draw(&s, comm, a, &stop, first, last, &all, tally);
        sh_comm_sum_double(comm, tally, N_TALLY);
        if (tally[STOPPED] > 0) {
            sh_log_info("stopped before all were drawn, as %s; nothing is written", sh_deadline_reason(deadline));
            status = SH_ESTOP;
        } else {
            status = sh_comm_agree(comm, write_file(comm, &s, a, first, &all, tally));
        }
        sh_records_destroy(&all);
    }
    if (status == SH_OK && comm->rank == 0) report(&s, a, tally);
    sh_counter_destroy(&stop.counter);
    sh_device_leave(&s);
    sh_setup_destroy(&s);
    return status;
}

sh_status sh_cmd_sample(int argc, char **argv)
{
    arguments a;
    sh_comm *comm;
    sh_config *config;
    SH_TRY(read_arguments(argc, argv, &a));
    if (a.done) return SH_OK;
    SH_TRY(sh_comm_create(&argc, &argv, &comm));
    sh_log_setup(a.quiet ? SH_LOG_QUIET : SH_LOG_INFO, comm->rank, comm->size);
    sh_signals_install();
    sh_deadline deadline;
    sh_status status = sh_deadline_begin(comm, a.limit, &deadline);
    config = SH_NEW(sh_config, 1);
    if (status == SH_OK) status = share_configuration(comm, &a, config);
    if (status == SH_OK) status = sample(comm, &a, &deadline, config);
    sh_free(config);
    sh_comm_destroy(&comm);
    return status;
}
