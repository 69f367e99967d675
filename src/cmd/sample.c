#define _POSIX_C_SOURCE 200809L

/* sample.c -- `shaft sample`: new crystals from a trained policy, with their rewards, in one file. */
#include <getopt.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/sha256.h"
#include "cmd/cmd.h"
#include "cmd/options.h"
#include "comm/comm.h"
#include "gflownet/step.h"
#include "io/files.h"
#include "io/journal.h"
#include "io/progress.h"
#include "io/samples.h"
#include "io/weights_h5.h"
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
    "A command that was stopped or killed goes on when it is given again, on any number of ranks: what is drawn is kept in\n"
    "FILE.h5.journal until all is there, and the crystals have the same bits as if nothing had happened. SIGTERM, SIGUSR1 or SIGINT to any\n"
    "rank, and a time limit that is near, stop it with exit code 85. Of a file that is complete it says so, and ends with 0.\n"
    "\n"
    "options:\n"
    "  -n, --number N    crystals to draw\n"
    "  -o, --output F    the file to write; docs/formats.md says what stands in it\n"
    "  --seed S          other random numbers: 0, 1, 2, ... (default 0); equal seeds give equal crystals\n"
    "  --overwrite       begins anew, whatever is there\n"
    "  --device D        cpu, cuda or auto: where the networks run (default: as run.device says, cpu)\n"
    "  --batch B         crystals drawn together, by one rank (default 64, on a device 2048); the last digits depend on it\n"
    SH_TIME_LIMIT_HELP
    "  --quiet           no progress\n"
    "  --help            this text\n"
    "\n"
    "examples:\n"
    "  shaft sample runs/battery -n 10000 -o samples.h5\n"
    "  mpirun -n 8 shaft sample runs/battery -n 1000000 -o many.h5 --seed 3 --time-limit 3h50m\n"
    "  shaft export samples.h5 --top 100 -o top/\n";

typedef struct {
    const char *run, *output, *device;
    int64_t number, seed, batch; /* batch 0: by where the networks run */
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
    *a = (arguments){.limit = NAN};
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
enum { OVERLAP = SH_N_REASON, BOND_MISSING, WEIGHT, N_TALLY }; /* held back by reason first; WEIGHT: sum of Z_estimate / Z */

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

/* ---- pieces: crystals that one rank draws together. Which these are depends on the command alone, so that products have the same
 * shapes, and results the same bits, whoever draws them and whenever. ---- */

enum { PIECE = 64, PIECE_ON_DEVICE = 2048, PATH_SIZE = 4096 };
static const uint64_t first_traj = (uint64_t)1 << 48; /* far above those of any training */

/* As the journal has it; the records follow. */
typedef struct {
    int64_t piece, n;
    double tally[N_TALLY];
} piece_head;

typedef struct {
    sh_comm *comm;
    const arguments *arguments;
    const sh_setup *setup;
    sh_deadline *deadline;
    sh_samples_origin origin;
    char folder[PATH_SIZE]; /* of the journal */
    int lock;               /* of rank 0 */
    int64_t size, n_piece, n_done;
    uint8_t *mine, *done;   /* (n_piece) by this rank; by any */
    double (*tally)[N_TALLY]; /* (n_piece) of this rank's pieces; 0 of others */
    sh_records all;         /* likewise */
    double sum[N_TALLY];    /* over all pieces */
    sh_journal *journal;
    sh_progress progress;
} drawing;

static int64_t piece_length(const drawing *d, int64_t piece)
{
    int64_t left = d->origin.number - piece * d->size;
    return left < d->size ? left : d->size;
}

static int64_t crystals_done(const drawing *d)
{
    int64_t n = 0;
    for (int64_t k = 0; k < d->n_piece; k++)
        if (d->done[k]) n += piece_length(d, k);
    return n;
}

static void keep_piece(drawing *d, const piece_head *head, const sh_records *drawn)
{
    for (int64_t k = 0; k < drawn->n; k++)
        sh_records_append(&d->all, drawn, k);
    memcpy(d->tally[head->piece], head->tally, sizeof head->tally);
    d->mine[head->piece] = 1;
}

static void draw_piece(drawing *d, int64_t piece, sh_records *drawn)
{
    const sh_exploration none = {.epsilon = 0, .widen = 1};
    piece_head head = {.piece = piece, .n = piece_length(d, piece)};
    double began = sh_clock_s();
    sh_setup_draw(d->setup, key_of(d->setup->config->run.seed, d->origin.seed), first_traj + (uint64_t)(piece * d->size), head.n, &none,
                  drawn);
    add_log_pb(d->setup, drawn, head.tally);
    count(drawn, head.tally);
    sh_status status = sh_journal_add(d->journal, &head, sizeof head, drawn->data, (size_t)drawn->n * drawn->stride);
    if (status != SH_OK) sh_comm_abort(d->comm, status);
    keep_piece(d, &head, drawn);
    sh_deadline_took(d->deadline, SH_TIMED_STEP, sh_clock_s() - began);
}

/* The shared counters: pieces given out; ranks that were asked to stop. */
enum { GIVEN, ASKED };

/* Of one rank. Many pieces are taken at a time while many are left, one at the end: where no hardware serves a counter, the answer waits
 * until rank 0 is done with a piece of its own. */
typedef struct {
    sh_counter *counter;
    int64_t n, next, end; /* pieces in all; those that are taken, and not begun */
} supply;

static int64_t next_piece(supply *s, int ranks)
{
    enum { PARTS = 8 }; /* of what would be an equal share: a rank eight times slower than the others does not hold them up */
    if (s->next == s->end) {
        int64_t many = (s->n - s->end) / (PARTS * ranks); /* end: others have got further since */
        if (many < 1) many = 1;
        s->next = sh_counter_add(s->counter, GIVEN, many);
        s->end = s->next + many;
    }
    return s->next++;
}

/* A rank that has begun does one piece at least: a job that is too short still gets on. */
static void draw_pieces(drawing *d, sh_counter *counter, const int64_t *left, int64_t n_left)
{
    sh_stop stop = {.deadline = d->deadline, .counter = counter, .which = ASKED};
    supply pieces = {.counter = counter, .n = n_left};
    sh_records drawn;
    int64_t before = crystals_done(d), shown = before;
    sh_records_create(&drawn, d->all.max_sites, 1);
    sh_progress_begin(&d->progress, "sampling", "structures", before, d->origin.number, 1, d->arguments->quiet || d->comm->rank > 0);
    for (int64_t k, mine = 0; (mine == 0 || !sh_stop_asked(&stop)) && (k = next_piece(&pieces, d->comm->size)) < n_left; mine++) {
        draw_piece(d, left[k], &drawn);
        if (d->comm->rank == 0) sh_counter_serve(counter);
        shown = before + (k + 1) * d->size; /* those before are taken, whoever took them */
        if (shown > d->origin.number) shown = d->origin.number;
        sh_progress_update(&d->progress, shown, NULL);
    }
    sh_records_destroy(&drawn);
}

/* ---- what is there already ---- */

static sh_status take_piece(void *user, const char *data, size_t size)
{
    drawing *d = user;
    piece_head head;
    sh_records drawn;
    memset(&head, 0, sizeof head);
    if (size >= sizeof head) memcpy(&head, data, sizeof head);
    if (size < sizeof head || head.piece < 0 || head.piece >= d->n_piece || head.n != piece_length(d, head.piece) ||
        size != sizeof head + (size_t)head.n * d->all.stride)
        return SH_FAIL(SH_EINPUT, "a piece does not fit what is to be drawn");
    if (d->mine[head.piece]) return SH_OK;
    sh_records_create(&drawn, d->all.max_sites, head.n);
    sh_records_resize(&drawn, head.n);
    memcpy(drawn.data, data + sizeof head, size - sizeof head);
    keep_piece(d, &head, &drawn);
    sh_records_destroy(&drawn);
    return SH_OK;
}

/* All ranks know which pieces are done by any. */
static void agree_on_done(drawing *d)
{
    MPI_Allreduce(d->mine, d->done, (int)d->n_piece, MPI_UINT8_T, MPI_MAX, d->comm->all);
    d->n_done = 0;
    for (int64_t k = 0; k < d->n_piece; k++)
        d->n_done += d->done[k];
}

static sh_status read_journal(drawing *d)
{
    sh_status status = sh_journal_read(d->folder, d->origin.job, d->comm->rank, d->comm->size, take_piece, d);
    if (status == SH_EINPUT)
        sh_error_hint(status, "finish that one first, choose another file (-o), or begin anew with --overwrite");
    SH_TRY(sh_comm_agree(d->comm, status));
    agree_on_done(d);
    if (d->n_done)
        sh_log_info("%lld of %lld crystals are drawn already", (long long)crystals_done(d), (long long)d->origin.number);
    return SH_OK;
}

/* All that the output depends on. */
static void name_job(const sh_setup *s, int64_t piece_size, sh_samples_origin *o)
{
    sh_sha256 hash;
    const sh_weights *const weights[] = {s->model.weights, s->gap_model.weights};
    const int64_t numbers[] = {o->seed, o->number, piece_size, (int64_t)sh_record_stride(s->config->constraints.max_sites), N_TALLY};
    char *config = sh_config_text(s->config, false);
    sh_sha256_begin(&hash);
    sh_sha256_add(&hash, config, strlen(config) + 1);
    sh_sha256_add(&hash, sh_params_data(s->params)->host, (size_t)sh_params_size(s->params) * sizeof(sh_real));
    sh_sha256_add(&hash, numbers, sizeof numbers);
    for (int k = 0; k < 2; k++) {
        char hex[65] = "";
        if (weights[k]) sh_weights_sha256(weights[k], hex);
        sh_sha256_add(&hash, hex, sizeof hex);
    }
    sh_sha256_end(&hash, o->job);
    sh_free(config);
}

/* Rank 0: is there anything in the way of the output, or is it there? */
static sh_status check_output(const arguments *a, const sh_samples_origin *own, bool *complete)
{
    sh_samples_origin there;
    *complete = false;
    if (a->overwrite || access(a->output, F_OK)) return SH_OK;
    if (!sh_samples_origin_read(a->output, &there)) {
        SH_FAIL(SH_EINPUT, "'%s' is there already, and is no file of shaft sample", a->output);
    } else {
        *complete = !strcmp(there.job, own->job);
        if (*complete) return SH_OK;
        SH_FAIL(SH_EINPUT, "'%s' is there already, and is not what this command makes: %lld crystals, seed %lld, of checkpoint %06lld%s",
                a->output, (long long)there.number, (long long)there.seed, (long long)there.checkpoint,
                there.number == own->number && there.seed == own->seed && there.checkpoint == own->checkpoint
                    ? ", of another run or with another --batch" : "");
    }
    return sh_error_hint(SH_EINPUT, "choose another file (-o), or write it all the same with --overwrite");
}

/* Rank 0. */
static sh_status open_journal(drawing *d)
{
    return sh_journal_open(d->folder, "shaft sample", d->arguments->output, d->arguments->overwrite, &d->lock);
}

/* Rank 0: the journal is needed no more. */
static sh_status remove_journal(drawing *d)
{
    sh_folder_unlock(&d->lock);
    return sh_journal_remove(d->folder);
}

/* ---- all of it ---- */

/* SH_ESTOP on all ranks, without a message, where some were left. */
static sh_status draw(drawing *d)
{
    sh_counter *counter = NULL;
    int64_t n_left = 0, *left = SH_NEW(int64_t, d->n_piece);
    for (int64_t k = 0; k < d->n_piece; k++)
        if (!d->done[k]) left[n_left++] = k;
    sh_status status = sh_comm_agree(d->comm, sh_journal_create(d->folder, d->origin.job, d->comm->rank, d->comm->size, &d->journal));
    if (status == SH_OK) status = sh_comm_agree(d->comm, sh_counter_create(d->comm, &counter));
    if (status == SH_OK) draw_pieces(d, counter, left, n_left);
    sh_counter_destroy(&counter);
    sh_status closed = sh_journal_close(&d->journal);
    status = sh_comm_agree(d->comm, status == SH_OK ? closed : status);
    agree_on_done(d);
    if (status == SH_OK) sh_progress_end(&d->progress, crystals_done(d), NULL);
    sh_free(left);
    if (status != SH_OK || d->n_done == d->n_piece) return status;
    sh_log_info("stopped with %lld of %lld crystals drawn, as %s; the same command goes on%s", (long long)crystals_done(d),
                (long long)d->origin.number, sh_deadline_reason(d->deadline), d->arguments->overwrite ? ", without --overwrite" : "");
    return SH_ESTOP;
}

static double held_back(const double tally[N_TALLY])
{
    double n = 0;
    for (int k = 0; k <= OVERLAP; k++)
        n += tally[k];
    return n;
}

/* A piece that several ranks have, as where two commands wrote to a journal at a time, is the same: the first of them keeps it. */
static void drop_copies(drawing *d)
{
    int *owner = SH_NEW(int, d->n_piece);
    int64_t n = 0;
    for (int64_t k = 0; k < d->n_piece; k++)
        owner[k] = d->mine[k] ? d->comm->rank : d->comm->size;
    MPI_Allreduce(MPI_IN_PLACE, owner, (int)d->n_piece, MPI_INT, MPI_MIN, d->comm->all);
    for (int64_t k = 0; k < d->n_piece; k++)
        if (owner[k] != d->comm->rank) memset(d->tally[k], 0, sizeof d->tally[k]);
    for (int64_t i = 0; i < d->all.n; i++) {
        const sh_record *r = sh_record_at(&d->all, i);
        if (owner[(int64_t)(r->traj - first_traj) / d->size] == d->comm->rank) memmove(sh_record_at(&d->all, n++), r, d->all.stride);
    }
    sh_records_resize(&d->all, n);
    sh_free(owner);
}

/* Sums over ranks; weights in the order of the crystals, the rest are whole numbers. */
static void add_up(drawing *d)
{
    double *weight = SH_NEW(double, d->n_piece);
    for (int64_t k = 0; k < d->n_piece; k++) {
        weight[k] = d->tally[k][WEIGHT];
        for (int i = 0; i < N_TALLY; i++)
            d->sum[i] += d->tally[k][i];
    }
    sh_comm_sum_double(d->comm, d->sum, N_TALLY);
    MPI_Allreduce(MPI_IN_PLACE, weight, (int)d->n_piece, MPI_DOUBLE, MPI_SUM, d->comm->all); /* each is of one rank, 0 on the others */
    d->sum[WEIGHT] = 0;
    for (int64_t k = 0; k < d->n_piece; k++)
        d->sum[WEIGHT] += weight[k];
    sh_free(weight);
}

static sh_status write_file(drawing *d)
{
    const sh_setup *s = d->setup;
    if (held_back(d->sum) >= (double)d->origin.number)
        return SH_FAIL(SH_ENUM, "none of the %lld crystals drawn may be written: the policy is not trained yet", (long long)d->origin.number);
    char *config = sh_config_text(s->config, false);
    sh_records_sort(&d->all);
    const sh_samples_layout layout = {
        .n_row = d->origin.number, .block = d->all.n, .n_block = 1, .traj = first_traj, .origin = &d->origin};
    sh_status status = sh_samples_write(d->arguments->output, d->comm->all, &s->space, config, &d->all, &layout);
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

static sh_status draw_all(drawing *d)
{
    sh_comm *comm = d->comm;
    bool complete = false;
    if (comm->rank == 0) name_job(d->setup, d->size, &d->origin);
    SH_TRY(sh_comm_bcast(comm, &d->origin, sizeof d->origin, 0));
    SH_TRY(sh_comm_agree(comm, comm->rank == 0 ? check_output(d->arguments, &d->origin, &complete) : SH_OK));
    SH_TRY(sh_comm_bcast(comm, &complete, sizeof complete, 0));
    if (complete) {
        sh_log_info("'%s' is complete: nothing was left to do", d->arguments->output);
        return sh_comm_agree(comm, comm->rank == 0 ? remove_journal(d) : SH_OK); /* one that a kill has left behind */
    }
    SH_TRY(sh_comm_agree(comm, comm->rank == 0 ? open_journal(d) : SH_OK));
    SH_TRY(read_journal(d));
    if (d->n_done < d->n_piece) SH_TRY(draw(d));
    drop_copies(d);
    add_up(d);
    sh_status status = sh_comm_agree(comm, write_file(d));
    if (status == SH_OK && comm->rank == 0) report(d->setup, d->arguments, d->sum);
    if (status != SH_OK && status != SH_ENUM) return status;
    sh_status removed = comm->rank == 0 ? remove_journal(d) : SH_OK;
    return sh_comm_agree(comm, status == SH_OK ? removed : status);
}

static sh_status begin_drawing(sh_comm *comm, const arguments *a, const sh_setup *s, int64_t checkpoint, sh_deadline *deadline,
                               drawing *d)
{
    int64_t size = a->batch ? a->batch : s->be->room ? PIECE_ON_DEVICE : PIECE;
    if (size > a->number) size = a->number; /* as many as there are: it makes no difference to the command then */
    int64_t n_piece = (a->number + size - 1) / size;
    *d = (drawing){.comm = comm,
                   .arguments = a,
                   .setup = s,
                   .deadline = deadline,
                   .origin = {.checkpoint = checkpoint, .seed = a->seed, .number = a->number},
                   .lock = -1,
                   .size = size,
                   .n_piece = n_piece,
                   .mine = SH_NEW(uint8_t, n_piece),
                   .done = SH_NEW(uint8_t, n_piece),
                   .tally = sh_calloc((size_t)n_piece, sizeof *d->tally)};
    sh_records_create(&d->all, s->config->constraints.max_sites, 1);
    if ((size_t)snprintf(d->folder, sizeof d->folder, "%s.journal", a->output) < sizeof d->folder) return SH_OK;
    return SH_FAIL(SH_EINPUT, "the name of the output is too long");
}

static void end_drawing(drawing *d)
{
    sh_folder_unlock(&d->lock);
    sh_records_destroy(&d->all);
    sh_free(d->mine);
    sh_free(d->done);
    sh_free(d->tally);
}

static sh_status sample(sh_comm *comm, const arguments *a, sh_deadline *deadline, const sh_config *config)
{
    sh_setup s;
    int64_t checkpoint = 0;
    SH_TRY(sh_comm_agree(comm, comm->rank == 0 ? sh_file_probe(a->output) : SH_OK));
    SH_TRY(sh_comm_agree(comm, sh_setup_create(config, &s)));
    sh_status status = comm->rank == 0 ? sh_run_state_read(a->run, &s, NULL, &checkpoint) : SH_OK;
    status = sh_comm_agree(comm, status);
    if (status == SH_OK)
        status = sh_comm_bcast(comm, sh_params_data(s.params)->host, sh_params_size(s.params) * (int64_t)sizeof(sh_real), 0);
    if (status == SH_OK) {
        sh_setup_push(&s);
        status = sh_device_choose(comm, config->run.device, &s);
    }
    if (status == SH_OK) {
        drawing d;
        status = begin_drawing(comm, a, &s, checkpoint, deadline, &d);
        if (status == SH_OK) status = draw_all(&d);
        end_drawing(&d);
    }
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
