/* train.c -- `shaft train`: from a configuration to a trained policy, checkpoints, samples and metrics. */
#define _POSIX_C_SOURCE 200809L

#include <errno.h>
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "cmd/cmd.h"
#include "cmd/options.h"
#include "comm/comm.h"
#include "io/files.h"
#include "io/progress.h"
#include "train/deadline.h"
#include "train/device.h"
#include "train/exchange.h"
#include "train/gradients.h"
#include "train/run_files.h"
#include "train/signals.h"
#include "train/timings.h"

static const char help[] =
    "usage: shaft train CONFIG.yaml [OPTIONS]        (under mpirun or srun for several ranks)\n"
    "\n"
    "Trains the policy that the configuration describes and writes into its run.directory:\n"
    "  config.yaml         the configuration with all defaults\n"
    "  metrics.csv         one row an iteration\n"
    "  checkpoints/        the state, every run.checkpoint_every iterations, the last run.keep_checkpoints of them\n"
    "  samples/            the crystals drawn, with reward and terms; index.h5 makes the files one. Crystals with more than\n"
    "                      constraints.max_atoms or a pair below 0.5 Å are held back and counted in metrics.csv\n"
    "  lock                held while the run works: a second one in the same directory is refused\n"
    "\n"
    "options:\n"
    "  --device D          cpu, cuda or auto: the key run.device\n"
    "  --set KEY=VALUE     overrides one key, may be repeated: --set train.batch=512\n"
    "  --resume            goes on from the newest checkpoint that verifies, with the results of a run never stopped (on devices\n"
    "                      with run.deterministic: true, else but for rounding); starts from the beginning where there is none\n"
    "                      yet, so that a job may always say it\n"
    "  --init CHECKPOINT   starts from the trained networks of another run (its folder, or one of its checkpoints), under this\n"
    "                      configuration's reward and elements; log Z anew. Of no effect where --resume goes on\n"
    SH_TIME_LIMIT_HELP
    "  --timings FILE      where the time went, as CSV: a row a rank, seconds by part (docs/formats.md); all parts are waited for, which\n"
    "                      costs some speed on devices\n"
    "  --help-config       lists all keys with defaults, bounds and meaning\n"
    "  --quiet             no progress\n"
    "  --help              this text\n"
    "\n"
    "SIGTERM, SIGUSR1 or SIGINT to any rank, and a time limit that is near: the iteration is finished, a checkpoint written, and the\n"
    "exit code is 85, on which a job may submit itself again.\n"
    "\n"
    "examples:\n"
    "  shaft train configs/quickstart.yaml\n"
    "  mpirun -n 4 shaft train configs/battery.yaml --set run.directory=runs/battery-2 --set run.seed=2\n"
    "  srun shaft train configs/battery.yaml --resume --time-limit 3h50m\n"
    "  shaft train my.yaml --init runs/battery\n";

typedef struct {
    const char *config;
    const char *settings[64];
    int n_setting;
    const char *init, *timings; /* of --init and --timings, or NULL */
    char device[32];  /* of --device, as a setting */
    double limit;     /* s, NAN where there is none */
    bool resume, quiet, done; /* done: nothing more to do, help was asked for */
} arguments;

static sh_status read_arguments(int argc, char **argv, arguments *a)
{
    static const struct option options[] = {{"set", required_argument, NULL, 's'}, {"resume", no_argument, NULL, 'r'},
                                            {"init", required_argument, NULL, 'i'}, {"device", required_argument, NULL, 'd'},
                                            {"time-limit", required_argument, NULL, 't'},
                                            {"timings", required_argument, NULL, 'm'},
                                            {"help-config", no_argument, NULL, 'c'}, {"quiet", no_argument, NULL, 'q'},
                                            {"help", no_argument, NULL, 'h'},        {NULL, 0, NULL, 0}};
    *a = (arguments){.limit = NAN};
    opterr = 0;
    optind = 1;
    for (int c; (c = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        switch (c) {
        case 'd':
            snprintf(a->device, sizeof a->device, "run.device=%s", optarg);
            optarg = a->device;
            /* fall through */
        case 's':
            if (a->n_setting == 64) return SH_FAIL(SH_EINPUT, "more than 64 times --set; write them into the configuration");
            a->settings[a->n_setting++] = optarg;
            break;
        case 'r': a->resume = true; break;
        case 'i': a->init = optarg; break;
        case 't': SH_TRY(sh_option_duration("--time-limit", optarg, &a->limit)); break;
        case 'm': a->timings = optarg; break;
        case 'q': a->quiet = true; break;
        case 'c': sh_config_help(stdout); a->done = true; return SH_OK;
        case 'h': fputs(help, stdout); a->done = true; return SH_OK;
        default:
            SH_FAIL(SH_EINPUT, "'%s' is no option of this command, or its value is missing", argv[optind - 1]);
            return sh_error_hint(SH_EINPUT, "shaft train --help");
        }
    }
    if (optind + 1 != argc) {
        SH_FAIL(SH_EINPUT, "one configuration file is needed, and %d were given", argc - optind);
        return sh_error_hint(SH_EINPUT, "shaft train --help");
    }
    a->config = argv[optind];
    return SH_OK;
}

enum { LOST_LOSS = 1, LOST_GRADIENT = 2 };

typedef struct {
    arguments args;
    sh_comm *comm;
    sh_config config;
    sh_setup setup;
    sh_exchange *exchange;
    sh_coordinator_state state; /* rank 0 */
    sh_run_files *files;
    sh_records fresh, replay;   /* of this worker, shard by shard */
    sh_replay *known;           /* the replay, as this worker has been told of it */
    sh_records came_in;         /* into it */
    sh_findings *findings;
    sh_timings timings;
    double drawing[2];          /* s, of the iteration: sampling, rewards */
    unsigned lost;              /* what of this worker's is not finite, before the sum: LOST_* */
    sh_records drawn;           /* of one shard */
    sh_gradients gradients;     /* of the shards */
    sh_deadline deadline;
    sh_records_room ahead;      /* replayed records on their way to the device */
    bool goes_on;               /* rank 0: there is a checkpoint to go on from */
    int lock;                   /* rank 0: on the directory, or -1 */
    int64_t first;              /* iterations finished before this start */
} run;

static sh_status write_configuration(const sh_config *config)
{
    char path[SH_PATH_SIZE + 32];
    snprintf(path, sizeof path, "%s/config.yaml", config->run.directory);
    FILE *out = fopen(path, "w");
    if (!out) return SH_FAIL(SH_EIO, "cannot write '%s': %s", path, strerror(errno));
    char *text = sh_config_text(config, true);
    fputs(text, out);
    sh_free(text);
    return fclose(out) ? SH_FAIL(SH_EIO, "cannot write '%s': %s", path, strerror(errno)) : SH_OK;
}

/* `before`: the configuration of the checkpoints that are there. */
static sh_status check_same_run(run *r, const char *before)
{
    sh_config config;
    SH_TRY(sh_config_parse("the checkpoint", before, strlen(before), NULL, 0, NULL, &config));
    sh_config_inherit(&config, &r->config);
    char *differences = sh_config_differences(&config, &r->config);
    if (!differences) return SH_OK;
    SH_FAIL(SH_EINPUT, "the run in '%s' was started with other settings: %s", r->config.run.directory, differences);
    sh_free(differences);
    return sh_error_hint(SH_EINPUT, "resume with the same configuration, or start anew in another directory");
}

/* Rank 0: is the directory free, or does it hold this run? Locks it if it is there, and changes nothing else in it but
 * leftovers of a killed writer. */
static sh_status look_at_directory(run *r)
{
    const char *directory = r->config.run.directory;
    char path[SH_PATH_SIZE + 32], *before;
    sh_status locked = sh_folder_lock(directory, "shaft train", &r->lock);
    if (locked == SH_EIO) sh_error_hint(locked, "make it writable; or copy the folder, and go on there: --resume --set run.directory=COPY");
    SH_TRY(locked);
    SH_TRY(sh_run_state_clean(directory));
    SH_TRY(sh_run_state_config(directory, &before));
    sh_status status = SH_OK;
    snprintf(path, sizeof path, "%s/metrics.csv", directory);
    FILE *metrics = fopen(path, "r");
    if (metrics) fclose(metrics);
    if (!r->args.resume && (before || metrics)) {
        status = SH_FAIL(SH_EINPUT, "'%s' holds a run", directory);
        sh_error_hint(status, "go on with it (--resume), or choose another directory (--set run.directory=...)");
    } else if (before) {
        status = check_same_run(r, before);
    }
    r->goes_on = before != NULL;
    sh_free(before);
    return status;
}

/* Rank 0 reads; the bytes go to all. */
static sh_status share_configuration(run *r)
{
    sh_status status = SH_OK;
    if (r->comm->rank == 0) {
        sh_groups *groups = NULL;
        status = sh_groups_create(&groups);
        if (status == SH_OK)
            status = sh_config_read(r->args.config, r->args.settings, r->args.n_setting, groups, &r->config);
        if (status == SH_OK) status = look_at_directory(r);
        sh_groups_destroy(&groups);
    }
    SH_TRY(sh_comm_agree(r->comm, status));
    return sh_comm_bcast(r->comm, &r->config, sizeof r->config, 0);
}

/* Parameters and moments as rank 0 has them, everywhere. */
static sh_status share_parameters(run *r)
{
    int64_t n = sh_params_size(r->setup.params) * (int64_t)sizeof(sh_real), steps = sh_adam_steps(r->setup.adam);
    SH_TRY(sh_comm_bcast(r->comm, sh_params_data(r->setup.params)->host, n, 0));
    SH_TRY(sh_comm_bcast(r->comm, sh_adam_first(r->setup.adam)->host, n, 0));
    SH_TRY(sh_comm_bcast(r->comm, sh_adam_second(r->setup.adam)->host, n, 0));
    SH_TRY(sh_comm_bcast(r->comm, &steps, sizeof steps, 0));
    sh_adam_set_steps(r->setup.adam, steps);
    sh_setup_push(&r->setup);
    return SH_OK;
}

/* The replay as rank 0 has it, everywhere. */
static sh_status share_replay(run *r)
{
    sh_records held;
    int64_t n = r->comm->rank == 0 ? sh_replay_count(r->state.replay) : 0;
    SH_TRY(sh_comm_bcast(r->comm, &n, sizeof n, 0));
    sh_records_create(&held, r->config.constraints.max_sites, n);
    sh_records_resize(&held, n);
    if (r->comm->rank == 0 && n) memcpy(held.data, sh_replay_records(r->state.replay)->data, (size_t)n * held.stride);
    sh_status status = sh_comm_bcast(r->comm, held.data, n * (int64_t)held.stride, 0);
    sh_replay_merge(r->known, &held, NULL);
    sh_records_destroy(&held);
    return status;
}

/* Rank 0: start values from another run. */
static sh_status take_start_values(run *r)
{
    int64_t taken, all;
    SH_TRY(sh_run_state_init(r->args.init, &r->setup, &taken, &all));
    sh_log_info("start values of %lld of %lld tensors from '%s'", (long long)taken, (long long)all, r->args.init);
    if (taken < all)
        sh_log_warn("%lld of %lld tensors start anew: the policy of '%s' was made with other settings (policy.*)",
                    (long long)(all - taken), (long long)all, r->args.init);
    return SH_OK;
}

/* Rank 0, when nothing is missing any more: makes the folder, takes up the state that is there. */
static sh_status open_directory(run *r)
{
    const sh_config *c = &r->config;
    if (r->args.init && !r->goes_on) SH_TRY(take_start_values(r));
    SH_TRY(sh_folder_make(c->run.directory));
    if (r->lock < 0) { /* it was not there, or there are no locks */
        bool goes_on = r->goes_on;
        SH_TRY(look_at_directory(r));
        if (r->goes_on != goes_on) return SH_FAIL(SH_EINPUT, "another run worked in '%s' as this one began", c->run.directory);
    }
    if (r->args.resume && !r->goes_on) sh_log_info("%s: no checkpoint yet; starting from the beginning", c->run.directory);
    SH_TRY(write_configuration(c));
    sh_coordinator_create(c, &r->state);
    if (r->goes_on) SH_TRY(sh_run_state_read(c->run.directory, &r->setup, &r->state, &r->first));
    return sh_coordinator_open_metrics(&r->state, c->run.directory, r->goes_on ? r->first - r->state.has_pending : -1);
}

static sh_status begin(run *r)
{
    const sh_config *c = &r->config;
    SH_TRY(sh_comm_agree(r->comm, sh_setup_create(c, &r->setup)));
    if (r->args.timings) r->setup.draw_seconds = r->drawing;
    bool dedicated = c->run.coordinator == SH_COORDINATOR_DEDICATED ||
                     (c->run.coordinator == SH_COORDINATOR_AUTO && sh_device_leaves_one_over(r->comm, c->run.device));
    SH_TRY(sh_comm_agree(r->comm, sh_comm_set_workers(r->comm, dedicated)));
    SH_TRY(sh_device_choose(r->comm, c->run.device, &r->setup));
    if (c->run.deterministic) {
        SH_TRY(sh_comm_agree(r->comm, sh_comm_set_shards(r->comm, (int)c->run.shards)));
        sh_backend_one_blas_thread();
    }
    sh_records_create(&r->fresh, c->constraints.max_sites, 1);
    sh_records_create(&r->replay, c->constraints.max_sites, 1);
    sh_records_create(&r->drawn, c->constraints.max_sites, 1);
    sh_records_create(&r->came_in, c->constraints.max_sites, 1);
    r->known = sh_replay_create(c->constraints.max_sites, c->train.replay_capacity);
    r->findings = sh_findings_create(c->constraints.max_sites, r->comm->n_shard);
    r->exchange = sh_exchange_create(r->comm, c->constraints.max_sites, c->train.batch, c->train.replay_capacity);
    sh_gradients_create(r->comm, &r->setup, &r->gradients);
    SH_TRY(sh_comm_agree(r->comm, r->comm->rank == 0 ? open_directory(r) : SH_OK));
    SH_TRY(sh_comm_bcast(r->comm, &r->first, sizeof r->first, 0));
    r->files = sh_run_files_create(r->comm, c, &r->setup.space);
    SH_TRY(sh_comm_agree(r->comm, sh_run_files_begin(r->files, r->first)));
    SH_TRY(share_replay(r));
    return share_parameters(r);
}

static sh_exploration exploration_at(const sh_train_options *t, int64_t iteration)
{
    double left = t->explore_until > 0 ? fmax(0, 1 - (double)iteration / (double)t->explore_until) : 0;
    return (sh_exploration){.epsilon = t->explore_epsilon * left, .widen = 1 + (t->explore_widen - 1) * left};
}

/* Fresh trajectories of this worker, shard by shard: products round by the shape of the batch. */
static void draw(run *r, int64_t iteration, const sh_exploration *exploration)
{
    const sh_config *c = &r->config;
    int64_t begin, n;
    sh_exchange_slice(r->comm, c->train.batch, &begin, &n);
    sh_records_resize(&r->fresh, n);
    for (int k = 0; k < r->comm->my_shards; k++) {
        int64_t first, count;
        sh_comm_shard_slice(r->comm, c->train.batch, r->comm->first_shard + k, &first, &count);
        sh_setup_draw(&r->setup, (uint64_t)c->run.seed, (uint64_t)(iteration * c->train.batch + first), count, exploration, &r->drawn);
        if (count) memcpy(sh_record_at(&r->fresh, first - begin), r->drawn.data, (size_t)count * r->fresh.stride);
    }
}

/* What part [first, first + count) of the batch has among the records of this worker. */
static sh_records shard_of(const run *r, const sh_records *mine, int64_t n_total, int k)
{
    int64_t begin, n, first, count;
    sh_exchange_slice(r->comm, n_total, &begin, &n);
    sh_comm_shard_slice(r->comm, n_total, r->comm->first_shard + k, &first, &count);
    return sh_records_view(mine, first - begin, count);
}

static double *log_targets(const run *r, const sh_records *records)
{
    double *target = SH_PUSH(r->setup.arena, double, records->n);
    for (int64_t i = 0; i < records->n; i++)
        target[i] = sh_reward_log_target(&r->config.reward, &sh_record_at(records, i)->result);
    return target;
}

/* Shard k of this worker as the step wants it. */
typedef struct {
    sh_records fresh, replay;
    sh_step_batch batch;
} shard;

static void take_shard(const run *r, const sh_replay_header *header, int k, shard *s)
{
    s->fresh = shard_of(r, &r->fresh, r->config.train.batch, k);
    s->replay = shard_of(r, &r->replay, header->n_total, k);
    sh_arena_reset(r->setup.arena);
    s->batch = (sh_step_batch){.fresh = &s->fresh,
                               .target_fresh = log_targets(r, &s->fresh),
                               .replay = &s->replay,
                               .target_replay = log_targets(r, &s->replay),
                               .n_total = (double)(r->config.train.batch + header->n_total),
                               .slice = r->config.train.slice,
                               .sizes = r->setup.learn_sizes};
}

/* VarGrad's mean over all shards: known before any of them goes backward. */
static double batch_mean(run *r, const sh_replay_header *header)
{
    double *sum = SH_NEW(double, r->comm->my_shards * 2);
    for (int k = 0; k < r->comm->my_shards; k++) {
        shard s;
        take_shard(r, header, k, &s);
        sh_train_mean(r->setup.policy, r->setup.be, &s.batch, r->setup.arena, sum + 2 * k);
    }
    sh_comm_sum_double(r->comm, sum, 2);
    double mean = sum[0] / sum[1];
    sh_free(sum);
    return mean;
}

static void begin_sum(void *context)
{
    run *r = context;
    sh_adam_look(r->setup.adam, 0);
    sh_gradients_early(&r->gradients, &r->setup);
}

/* Whether some worker's share takes more than one slice, so that the sum of the first ones can go on beside the last: all workers or
 * none, by what all of them know. */
static bool sums_early(const run *r, const sh_replay_header *header, const sh_step_batch *batch)
{
    int64_t most = 0;
    if (!sh_gradients_on_devices(&r->gradients, &r->setup)) return false;
    for (int k = 0; k < r->comm->n_shard; k++) {
        int64_t first, fresh, replayed;
        sh_comm_shard_slice(r->comm, r->config.train.batch, k, &first, &fresh);
        sh_comm_shard_slice(r->comm, header->n_total, k, &first, &replayed);
        most = fresh + replayed > most ? fresh + replayed : most;
    }
    return most > sh_step_slice(batch, r->setup.be);
}

/* A signal came to this rank, or it cannot write. */
static bool wants_to_stop(const run *r)
{
    return sh_signals_caught() || sh_run_files_look(r->files) == SH_WRITER_FAILED || r->state.metrics_error;
}

/* Whether this worker's own gradient is finite, of the questions that were asked. */
static void judge(run *r, bool early)
{
    bool finite = sh_adam_saw_finite(r->setup.adam, 1) && (!early || sh_adam_saw_finite(r->setup.adam, 0));
    if (!finite) r->lost |= LOST_GRADIENT;
}

/* Values and gradients of this worker's shards, their sums over all, and a step. What ranks decide upon is in sums that all have from all:
 * a gradient that arrived on one rank with another value, not finite, ends the run on every one. */
static void learn(run *r, const sh_replay_header *header, bool explored, sh_report *report)
{
    enum { STOP = SH_STEP_SUMS, IDLE, BROKEN, N };
    double *numbers = SH_NEW(double, r->comm->my_shards * N), mean = 0;
    bool early = false;
    bool in_parts = r->config.policy.objective == SH_VARGRAD && r->comm->n_shard > 1;
    if (in_parts) {
        sh_exchange_settle(r->exchange); /* the workers meet here first */
        mean = batch_mean(r, header);
    }
    r->lost = 0;
    for (int k = 0; k < r->comm->my_shards; k++) {
        shard s;
        take_shard(r, header, k, &s);
        s.batch.explored = explored;
        s.batch.mean = in_parts ? &mean : NULL;
        early = sums_early(r, header, &s.batch);
        if (early) {
            s.batch.before_last = begin_sum;
            s.batch.context = r;
        }
        sh_params_zero_grad(r->setup.params);
        sh_train_step(r->setup.policy, r->setup.be, &s.batch, r->setup.arena, &report->sums);
        memcpy(numbers + k * N, &report->sums, sizeof report->sums);
        if (!isfinite(report->sums.square_fresh + report->sums.square_replay)) r->lost |= LOST_LOSS;
        sh_adam_look(r->setup.adam, 1);
        if (k + 1 < r->comm->my_shards) judge(r, false); /* the next one asks again */
        numbers[k * N + STOP] = sh_deadline_stop(&r->deadline) || header->stop || wants_to_stop(r);
        numbers[k * N + IDLE] = sh_run_files_look(r->files) == SH_WRITER_IDLE;
        sh_gradients_take(&r->gradients, &r->setup, k);
    }
    if (r->args.timings) r->setup.be->wait();
    sh_timings_mark(&r->timings, SH_PART_GRADIENT);
    sh_exchange_settle(r->exchange);
    if (r->args.timings) MPI_Barrier(r->comm->workers); /* who waits for the slowest, and what the sum itself takes */
    sh_timings_mark(&r->timings, SH_PART_WAIT_WORKERS);
    sh_gradients_sum(&r->gradients, r->comm, &r->setup);
    if (r->args.timings) r->setup.be->wait();
    sh_timings_mark(&r->timings, SH_PART_SUM);
    judge(r, early);
    bool stepped = sh_adam_step(r->setup.adam, r->config.train.lr, r->config.train.clip, &report->norm) == SH_OK;
    if (!stepped) sh_error_clear(); /* the norm says it to all */
    numbers[BROKEN] = !stepped;
    sh_timings_mark(&r->timings, SH_PART_ADAM);
    sh_comm_sum_double(r->comm, numbers, N);
    sh_timings_mark(&r->timings, SH_PART_SUM);
    if (numbers[BROKEN] > 0) report->norm = NAN;
    memcpy(&report->sums, numbers, sizeof report->sums);
    report->stop = numbers[STOP];
    report->idle = numbers[IDLE];
    sh_free(numbers);
}

/* What came into the replay, and of it this worker's part. */
static void take_replay(run *r, int64_t iteration, sh_replay_header *header)
{
    const sh_config *c = &r->config;
    int64_t first, n;
    sh_exchange_wait_replay(r->exchange, header, &r->came_in);
    sh_timings_mark(&r->timings, SH_PART_WAIT_RANK0);
    sh_replay_merge(r->known, &r->came_in, NULL);
    sh_exchange_slice(r->comm, header->n_total, &first, &n);
    sh_records_resize(&r->replay, 0);
    sh_replay_draw(r->known, (uint64_t)c->run.seed, (uint64_t)iteration, first, n, c->train.replay_uniform, &r->replay);
}

/* What rank 0 is to know of the fresh records. */
static void tell(run *r)
{
    sh_findings_begin(r->findings);
    for (int k = 0; k < r->comm->my_shards; k++) {
        const sh_records fresh = shard_of(r, &r->fresh, r->config.train.batch, k);
        sh_findings_add(r->findings, r->known, &fresh);
    }
    sh_exchange_send_findings(r->exchange, r->findings);
}

/* A worker's part of an iteration, and what the workers agreed on. Where the norm is not finite, the run ends. */
static sh_report work(run *r, int64_t iteration)
{
    const sh_config *c = &r->config;
    sh_exploration exploration = exploration_at(&c->train, iteration);
    sh_report report = {.epsilon = exploration.epsilon, .log_z = sh_policy_log_z_value(r->setup.policy)};
    sh_replay_header header;
    take_replay(r, iteration, &header); /* sent an iteration ago */
    sh_deadline_took(&r->deadline, SH_TIMED_CHECKPOINT, header.files); /* the state is rank 0's to write */
    sh_records_ahead(&r->ahead, r->setup.be, &r->replay); /* copied while new ones are drawn */
    sh_timings_mark(&r->timings, SH_PART_REPLAY);
    r->drawing[1] = 0;
    draw(r, iteration, &exploration);
    sh_timings_mark(&r->timings, SH_PART_SAMPLE);
    sh_timings_move(&r->timings, SH_PART_SAMPLE, SH_PART_REWARD, r->drawing[1]);
    tell(r);
    sh_timings_mark(&r->timings, SH_PART_TELL);
    r->setup.be->copied();
    learn(r, &header, exploration.epsilon > 0 || exploration.widen > 1, &report);
    sh_run_files_add(r->files, &r->fresh);
    if (r->comm->worker == 0) sh_exchange_send_report(r->exchange, (const double *)&report, SH_REPORT_NUMBERS);
    sh_timings_mark(&r->timings, SH_PART_ADAM);
    return report;
}

/* Trajectories that are drawn from the replay in an iteration: none where it is empty. */
static int64_t replayed(const run *r)
{
    return sh_replay_count(r->state.replay) ? r->config.train.replay_batch : 0;
}

/* Rank 0, as iteration i begins: broadcasts what came into the replay for i, where that is much, takes the findings of i - 1 in, sends
 * out what came in for i + 1, and expects the findings of i. */
static void coordinate(run *r, int64_t iteration)
{
    sh_coordinator_state *state = &r->state;
    sh_exchange_spread_replay(r->exchange);
    if (state->has_pending) sh_coordinator_absorb(state, iteration - 1);
    if (iteration + 1 < r->config.train.iterations) {
        sh_replay_header header = {.iteration = iteration + 1,
                                   .n_total = replayed(r),
                                   .stop = r->comm->dedicated && wants_to_stop(r),
                                   .files = sh_run_files_seconds(r->files)};
        sh_exchange_send_replay(r->exchange, &header, &state->came_in);
    }
    sh_exchange_expect_findings(r->exchange);
    sh_timings_mark(&r->timings, SH_PART_COORDINATE);
}

static void take_in(run *r)
{
    sh_coordinator_state *state = &r->state;
    sh_heard_begin(&state->pending);
    sh_exchange_take_findings(r->exchange, &state->pending);
    sh_heard_end(&state->pending, &state->modes);
    sh_exchange_take_report(r->exchange, (double *)&state->pending_report, SH_REPORT_NUMBERS);
    state->has_pending = true;
    sh_timings_mark(&r->timings, SH_PART_WAIT_FINDINGS);
    sh_run_files_go_on(r->files, state->pending_report.idle == r->comm->n_shard);
}

/* A dedicated rank 0 has no trained parameters of its own: the first worker sends them. */
static void fetch_parameters(run *r)
{
    enum { TAG = 100 };
    sh_setup *s = &r->setup;
    int64_t n = sh_params_size(s->params) * (int64_t)sizeof(sh_real), steps = sh_adam_steps(s->adam);
    sh_real *block[3] = {sh_params_data(s->params)->host, sh_adam_first(s->adam)->host, sh_adam_second(s->adam)->host};
    sh_request request[4];
    if (!r->comm->dedicated || (r->comm->rank != 0 && r->comm->worker != 0)) return;
    if (r->comm->rank != 0) sh_setup_pull(s);
    for (int i = 0; i < 4; i++) {
        void *data = i < 3 ? (void *)block[i] : &steps;
        int64_t bytes = i < 3 ? n : (int64_t)sizeof steps;
        if (r->comm->rank == 0)
            sh_comm_irecv(r->comm, data, bytes, 1, TAG + i, &request[i]);
        else
            sh_comm_isend(r->comm, data, bytes, 0, TAG + i, &request[i]);
    }
    for (int i = 0; i < 4; i++)
        sh_comm_wait(&request[i]);
    if (r->comm->rank == 0) sh_setup_push(s);
    sh_adam_set_steps(s->adam, steps);
}

/* Collective. */
static sh_status metrics_written(run *r)
{
    sh_status status = r->comm->rank == 0 ? sh_coordinator_metrics(&r->state) : SH_OK;
    if (status != SH_OK) sh_error_note(status, "of the run in '%s'", r->config.run.directory);
    return sh_comm_agree(r->comm, status);
}

/* Collective: the samples since the last checkpoint, and the state. */
static sh_status checkpoint(run *r, int64_t done, bool last)
{
    fetch_parameters(r);
    SH_TRY(metrics_written(r));
    return sh_run_files_checkpoint(r->files, &r->setup, &r->state, done, last);
}

/* Of all ranks, those that lost something of this kind: how many, and the first. */
static int losers(const unsigned *lost, int n, unsigned kind, int *first)
{
    int found = 0;
    for (int k = 0; k < n; k++)
        if (lost[k] & kind && found++ == 0) *first = k;
    return found;
}

/* Collective, after an iteration whose gradient was not finite: what was handed over before gets on the disk, and rank 0 says whose it
 * was. */
static sh_status not_finite(run *r, int64_t iteration)
{
    unsigned *lost = SH_NEW(unsigned, r->comm->size);
    int first = 0;
    MPI_Gather(&r->lost, 1, MPI_UNSIGNED, lost, 1, MPI_UNSIGNED, 0, r->comm->all);
    int by_loss = losers(lost, r->comm->size, LOST_LOSS, &first), n = by_loss;
    if (!n) n = losers(lost, r->comm->size, LOST_GRADIENT, &first);
    const char *what = by_loss ? "loss" : "gradient";
    sh_free(lost);
    SH_TRY(sh_run_files_finish(r->files));
    if (r->comm->rank > 0) return SH_ENUM;
    SH_FAIL(SH_ENUM, "the gradient is not finite, in iteration %lld", (long long)iteration);
    if (n == 0)
        sh_error_note(SH_ENUM, "by the sum over the workers: what each of them has is finite");
    else if (n == 1 && r->comm->n_worker > 1)
        sh_error_note(SH_ENUM, "by the %s of rank %d alone", what, first);
    else
        sh_error_note(SH_ENUM, "by the %s of %d of %d workers, rank %d the first", what, n, r->comm->n_worker, first);
    sh_error_hint(SH_ENUM, "checkpoints are unharmed, and --resume tries again from the newest");
    return sh_error_hint(SH_ENUM, "if it comes again: a smaller train.lr or train.clip, in another directory, with the networks of an "
                                  "earlier checkpoint (--init)");
}

static sh_status iterate(run *r)
{
    const sh_config *c = &r->config;
    bool coordinator = r->comm->rank == 0, worker = r->comm->worker >= 0, stop = false, finite = true;
    int64_t i = r->first;
    sh_progress progress;
    sh_progress_begin(&progress, "training", "structures", i, c->train.iterations, (double)c->train.batch,
                      r->args.quiet || !coordinator);
    if (worker && i < c->train.iterations) sh_exchange_expect_replay(r->exchange);
    if (coordinator && i < c->train.iterations) {
        sh_replay_header header = {.iteration = i, .n_total = replayed(r)};
        sh_exchange_send_replay(r->exchange, &header, &r->state.came_in); /* empty: everybody has the replay as it is */
    }
    r->timings.backend = r->setup.be->name;
    r->timings.gradient_bytes = sh_params_size(r->setup.params) * (int64_t)sizeof(sh_real);
    sh_timings_iteration(&r->timings, 0);
    for (; i < c->train.iterations && !stop && finite; i++) {
        if (worker && i + 1 < c->train.iterations) sh_exchange_expect_replay(r->exchange);
        double began = sh_clock_s();
        if (coordinator) coordinate(r, i);
        sh_report report = {0};
        if (worker) report = work(r, i);
        if (coordinator) {
            take_in(r);
            report = r->state.pending_report;
            sh_progress_update(&progress, i + 1, r->state.line);
        }
        stop = report.stop > 0;
        finite = isfinite(report.norm);
        if (!finite) continue;
        sh_deadline_took(&r->deadline, SH_TIMED_STEP, sh_clock_s() - began);
        bool last = i + 1 == c->train.iterations || stop;
        if (last || (i + 1) % c->run.checkpoint_every == 0) SH_TRY(checkpoint(r, i + 1, last));
        sh_deadline_took(&r->deadline, SH_TIMED_CHECKPOINT, sh_run_files_seconds(r->files));
        sh_timings_mark(&r->timings, SH_PART_FILES);
        sh_timings_iteration(&r->timings, c->train.batch);
    }
    if (coordinator && r->state.has_pending) sh_coordinator_absorb(&r->state, i - 1);
    SH_TRY(metrics_written(r));
    if (coordinator) sh_progress_end(&progress, i, r->state.line);
    if (r->args.timings) SH_TRY(sh_timings_write(&r->timings, r->comm, r->args.timings));
    if (!finite) return not_finite(r, i - 1);
    if (!stop || i == c->train.iterations) return SH_OK;
    if (coordinator) sh_log_info("stopped after iteration %lld of %lld, as %s; go on with --resume", (long long)i,
                                 (long long)c->train.iterations, sh_deadline_reason(&r->deadline));
    return SH_ESTOP;
}

static void end(run *r)
{
    sh_run_files_destroy(&r->files);
    sh_exchange_destroy(&r->exchange);
    sh_coordinator_destroy(&r->state);
    if (r->fresh.data) sh_records_destroy(&r->fresh);
    if (r->replay.data) sh_records_destroy(&r->replay);
    if (r->drawn.data) sh_records_destroy(&r->drawn);
    if (r->came_in.data) sh_records_destroy(&r->came_in);
    sh_replay_destroy(&r->known);
    sh_findings_destroy(&r->findings);
    sh_gradients_destroy(&r->gradients, &r->setup);
    sh_records_room_release(&r->ahead);
    sh_device_leave(&r->setup);
    sh_setup_destroy(&r->setup);
    sh_folder_unlock(&r->lock);
}

sh_status sh_cmd_train(int argc, char **argv)
{
    run r = {.lock = -1};
    SH_TRY(read_arguments(argc, argv, &r.args));
    if (r.args.done) return SH_OK;
    SH_TRY(sh_comm_create(&argc, &argv, &r.comm));
    sh_log_setup(r.args.quiet ? SH_LOG_QUIET : SH_LOG_INFO, r.comm->rank, r.comm->size);
    sh_signals_install();
    sh_status status = sh_deadline_begin(r.comm, r.args.limit, &r.deadline);
    if (status == SH_OK) status = share_configuration(&r);
    if (status == SH_OK) status = begin(&r);
    if (status == SH_OK) {
        sh_log_info("%s: %d rank%s, %d worker%s; %lld parameters; iterations %lld to %lld of %lld trajectories and %lld replayed",
                    r.config.run.directory, r.comm->size, r.comm->size > 1 ? "s" : "", r.comm->n_worker,
                    r.comm->n_worker > 1 ? "s" : "", (long long)sh_params_size(r.setup.params), (long long)r.first,
                    (long long)r.config.train.iterations, (long long)r.config.train.batch,
                    (long long)r.config.train.replay_batch);
        status = iterate(&r);
    }
    end(&r);
    sh_comm_destroy(&r.comm);
    return status;
}
