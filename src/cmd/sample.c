/* sample.c -- `shaft sample`: new crystals from a trained policy, with their rewards, in one file. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/memory.h"
#include "cmd/cmd.h"
#include "comm/comm.h"
#include "io/progress.h"
#include "io/samples.h"
#include "train/run_state.h"

static const char help[] =
    "usage: shaft sample RUN -n NUMBER -o FILE.h5 [OPTIONS]       (under mpirun or srun for several ranks)\n"
    "\n"
    "Draws NUMBER crystals from the policy in the newest checkpoint of the run's folder, without exploration, and writes them\n"
    "with their rewards and terms. Crystals with more atoms than allowed or a pair below 0.5 Å are held back; how many is said.\n"
    "\n"
    "options:\n"
    "  -n, --number N    crystals to draw\n"
    "  -o, --output F    the file to write; docs/formats.md says what stands in it\n"
    "  --seed S          other random numbers: 0, 1, 2, ... (default 0); equal seeds give equal crystals\n"
    "  --batch B         crystals drawn together (default 256)\n"
    "  --quiet           no progress\n"
    "  --help            this text\n"
    "\n"
    "examples:\n"
    "  shaft sample runs/battery -n 10000 -o samples.h5\n"
    "  mpirun -n 8 shaft sample runs/battery -n 1000000 -o many.h5 --seed 3\n"
    "  shaft export samples.h5 --top 100 -o top/\n";

typedef struct {
    const char *run, *output;
    int64_t number, seed, batch;
    bool quiet, done;
} arguments;

static sh_status integer(const char *option, const char *text, int64_t least, int64_t *value)
{
    char *end;
    *value = strtoll(text, &end, 10);
    if (*end || end == text || *value < least)
        return SH_FAIL(SH_EINPUT, "%s needs an integer of at least %lld, not '%s'", option, (long long)least, text);
    return SH_OK;
}

static sh_status read_arguments(int argc, char **argv, arguments *a)
{
    static const struct option options[] = {
        {"number", required_argument, NULL, 'n'}, {"output", required_argument, NULL, 'o'},
        {"seed", required_argument, NULL, 's'},   {"batch", required_argument, NULL, 'b'},
        {"quiet", no_argument, NULL, 'q'},        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0}};
    *a = (arguments){.batch = 256};
    opterr = 0;
    optind = 1;
    for (int c; (c = getopt_long(argc, argv, "n:o:h", options, NULL)) != -1;) {
        switch (c) {
        case 'n': SH_TRY(integer("-n", optarg, 1, &a->number)); break;
        case 'o': a->output = optarg; break;
        case 's': SH_TRY(integer("--seed", optarg, 0, &a->seed)); break;
        case 'b': SH_TRY(integer("--batch", optarg, 1, &a->batch)); break;
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
static sh_status share_configuration(sh_comm *comm, const char *run, sh_config *config)
{
    sh_status status = SH_OK;
    char *text = NULL;
    if (comm->rank == 0) {
        status = sh_run_state_config(run, &text);
        if (status == SH_OK && !text) {
            status = SH_FAIL(SH_EINPUT, "'%s' holds no checkpoint", run);
            sh_error_hint(status, "train first: shaft train CONFIG.yaml; the folder is its run.directory");
        }
        if (status == SH_OK) status = sh_config_parse("the checkpoint", text, strlen(text), NULL, 0, NULL, config);
        sh_free(text);
    }
    SH_TRY(sh_comm_agree(comm, status));
    return sh_comm_bcast(comm, config, sizeof *config, 0);
}

static void keep_writable(sh_records *kept, const sh_records *drawn, double n_reason[SH_N_REASON + 1])
{
    for (int64_t i = 0; i < drawn->n; i++) {
        const sh_reward_result *x = &sh_record_at(drawn, i)->result;
        bool overlap;
        if (sh_samples_may_write(x, &overlap))
            sh_records_append(kept, drawn, i);
        else
            n_reason[overlap ? SH_N_REASON : x->reason]++;
    }
}

/* This rank's share, drawn batch by batch. Trajectories are numbered far above those of any training. */
static void draw(const sh_setup *s, const sh_comm *comm, const arguments *a, sh_records *kept,
                 double n_reason[SH_N_REASON + 1])
{
    const uint64_t base = (uint64_t)1 << 48 | (uint64_t)a->seed << 32;
    int64_t first = a->number * comm->rank / comm->size, last = a->number * (comm->rank + 1) / comm->size;
    const sh_exploration none = {.epsilon = 0, .widen = 1};
    sh_records drawn;
    sh_progress progress;
    sh_records_create(&drawn, kept->max_sites, 1);
    sh_progress_begin(&progress, "sampling", "structures", 0, last - first, comm->size, a->quiet || comm->rank > 0);
    for (int64_t i = first; i < last; i += a->batch) {
        int64_t n = last - i < a->batch ? last - i : a->batch;
        sh_setup_draw(s, (uint64_t)s->config->run.seed, base + (uint64_t)i, n, &none, &drawn);
        keep_writable(kept, &drawn, n_reason);
        sh_progress_update(&progress, i + n - first, NULL);
    }
    sh_progress_end(&progress, last - first, NULL);
    sh_records_destroy(&drawn);
}

static sh_status write(sh_comm *comm, const sh_setup *s, const arguments *a, const sh_records *kept, int64_t *n_row)
{
    int64_t before = 0;
    char *config = sh_config_text(s->config, false);
    MPI_Allreduce(&kept->n, n_row, 1, MPI_INT64_T, MPI_SUM, comm->all);
    MPI_Exscan(&kept->n, &before, 1, MPI_INT64_T, MPI_SUM, comm->all);
    if (comm->rank == 0) before = 0; /* undefined there */
    const sh_samples_layout layout = {.n_row = *n_row, .first = before, .stride = *n_row, .block = kept->n, .n_block = 1};
    sh_status status = SH_OK;
    if (*n_row == 0)
        status = SH_FAIL(SH_ENUM, "none of the %lld crystals drawn may be written: the policy is not trained yet", (long long)a->number);
    else
        status = sh_samples_write(a->output, comm->all, &s->space, config, kept, &layout);
    sh_free(config);
    return status;
}

static sh_status sample(sh_comm *comm, const arguments *a, const sh_config *config)
{
    sh_setup s;
    int64_t iteration, n_row;
    double n_reason[SH_N_REASON + 1] = {0};
    SH_TRY(sh_comm_agree(comm, sh_setup_create(config, &s)));
    sh_status status = comm->rank == 0 ? sh_run_state_read(a->run, &s, NULL, &iteration) : SH_OK;
    status = sh_comm_agree(comm, status);
    if (status == SH_OK)
        status = sh_comm_bcast(comm, sh_params_data(s.params), sh_params_size(s.params) * (int64_t)sizeof(sh_real), 0);
    if (status == SH_OK) {
        sh_records kept;
        sh_records_create(&kept, config->constraints.max_sites, 1);
        draw(&s, comm, a, &kept, n_reason);
        status = sh_comm_agree(comm, write(comm, &s, a, &kept, &n_row));
        sh_records_destroy(&kept);
        sh_comm_sum_double(comm, n_reason, SH_N_REASON + 1);
    }
    if (status == SH_OK && comm->rank == 0) {
        sh_log_info("%lld crystals written to %s, %lld held back", (long long)n_row, a->output,
                    (long long)(a->number - n_row));
        for (int k = 1; k <= SH_N_REASON; k++)
            if (n_reason[k] > 0)
                sh_log_info("  %8.0f  %s", n_reason[k],
                            k == SH_N_REASON ? "two atoms closer than 0.5 Å" : sh_reason_text((sh_reason)k));
    }
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
    config = SH_NEW(sh_config, 1);
    sh_status status = share_configuration(comm, a.run, config);
    if (status == SH_OK) status = sample(comm, &a, config);
    sh_free(config);
    sh_comm_destroy(&comm);
    return status;
}
