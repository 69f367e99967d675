#define _POSIX_C_SOURCE 200809L

/* report.c -- `shaft report`: one page about one run or several. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "cmd/cmd.h"
#include "comm/comm.h"
#include "io/files.h"
#include "io/models.h"
#include "io/report.h"
#include "io/text.h"
#include "metrics/map.h"

static const char help[] =
    "usage: shaft report RUN... [-o report.html] [--top N]\n"
    "\n"
    "Writes one HTML page about one run or several, with all that it shows inside: no network, no other file. RUN is the folder\n"
    "of a run (run.directory), running or finished; the runs are laid over each other, each in a colour of its own. The page has\n"
    "  a summary           one line a run\n"
    "  training curves     loss, log Z, reward and its terms, valid shares, formation energy, modes, speed; and every other\n"
    "                      column of metrics.csv\n"
    "  samples             distributions of reward, formation energy, density and bond score, crystal families, space groups\n"
    "                      and elements: the first tenth of the iterations against the last\n"
    "  a map               structures of both tenths in the plane in which their fingerprints differ most, and how diverse they are\n"
    "  crystals            the best distinct ones, as shaft export chooses them, drawn\n"
    "  settings            in which the runs differ, and all of them\n"
    "What a run has not got (samples, where run.save_samples is false; columns) is left out, and the page says so.\n"
    "\n"
    "  -o, --output FILE  the page (report.html); an earlier page is replaced\n"
    "  --top N            crystals of each run, 0 to 200 (12); a crystal takes 2 to 30 kB\n"
    "\n"
    "examples:\n"
    "  shaft report runs/battery\n"
    "  shaft report runs/hierarchical runs/flat -o compared.html --top 5\n";

typedef struct {
    const char *run[SH_REPORT_MAX_RUN];
    int n_run;
    const char *output;
    int64_t top;
    bool done; /* help was asked for */
} arguments;

static sh_status read_arguments(int argc, char **argv, arguments *a)
{
    static const struct option options[] = {{"output", required_argument, NULL, 'o'}, {"top", required_argument, NULL, 't'},
                                            {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0}};
    *a = (arguments){.output = "report.html", .top = 12};
    opterr = 0;
    optind = 1;
    for (int c; (c = getopt_long(argc, argv, "o:h", options, NULL)) != -1;) {
        switch (c) {
        case 'o': a->output = optarg; break;
        case 't':
            if (!sh_span_integer(sh_span_of(optarg), &a->top) || a->top < 0 || a->top > 200)
                return SH_FAIL(SH_EINPUT, "--top '%s' is not a number of crystals from 0 to 200", optarg);
            break;
        case 'h': fputs(help, stdout); a->done = true; return SH_OK;
        default:
            SH_FAIL(SH_EINPUT, "'%s' is no option of this command, or its value is missing", argv[optind - 1]);
            return sh_error_hint(SH_EINPUT, "shaft report --help");
        }
    }
    a->n_run = argc - optind;
    if (a->n_run < 1 || a->n_run > SH_REPORT_MAX_RUN) {
        SH_FAIL(SH_EINPUT, "1 to %d folders of runs are needed, and %d were given", SH_REPORT_MAX_RUN, a->n_run);
        return sh_error_hint(SH_EINPUT, "shaft report --help");
    }
    for (int r = 0; r < a->n_run; r++) {
        a->run[r] = argv[optind + r];
        for (int q = 0; q < r; q++)
            if (!strcmp(a->run[q], a->run[r])) return SH_FAIL(SH_EINPUT, "'%s' is given twice", a->run[r]);
    }
    return SH_OK;
}

/* Nothing but an earlier page is replaced. */
static sh_status check_output(const char *path)
{
    static const char start[] = "<!DOCTYPE html>";
    char head[sizeof start] = "";
    if (!path[0] || strlen(path) > 4000) return SH_FAIL(SH_EINPUT, "'%.60s' is no name of a file to write", path);
    SH_TRY(sh_file_is_free(path)); /* before a pipe is waited for */
    FILE *f = fopen(path, "r");
    if (!f && errno == ENOENT) return SH_OK;
    size_t got = f ? fread(head, 1, sizeof head - 1, f) : 0;
    if (f) fclose(f);
    if (f && got == sizeof head - 1 && !memcmp(head, start, got)) return SH_OK;
    SH_FAIL(SH_EINPUT, "'%s' is there and is no page of an earlier report", path);
    return sh_error_hint(SH_EINPUT, "choose another name with -o FILE");
}

static sh_status read_runs(const arguments *a, sh_report_run *run)
{
    for (int r = 0; r < a->n_run; r++)
        SH_TRY(sh_report_run_read(a->run[r], a->top, &run[r]));
    return SH_OK;
}

/* The places of what the parts of all runs show. */
static sh_status make_map(const sh_report_run *run, int n_run, const sh_tables *tables, sh_map *out)
{
    sh_map_cells sets[2 * SH_REPORT_MAX_RUN];
    sh_cell *cell = SH_NEW(sh_cell, 2 * SH_REPORT_SHOWN * n_run), *next = cell;
    for (int i = 0; i < 2 * n_run; i++) {
        const sh_report_part *part = &run[i / 2].part[i % 2];
        sets[i] = (sh_map_cells){part->n_shown, next};
        for (int64_t k = 0; k < part->n_shown; k++) {
            const sh_structure *s = &part->shown[k];
            *next++ = (sh_cell){s->lattice, s->n_atom, s->z, s->frac};
        }
    }
    sh_status status = sh_map_create(tables, sets, 2 * n_run, out);
    sh_free(cell);
    return status;
}

static sh_report_map map_of_page(const sh_map *map)
{
    sh_report_map page = {.share = {map->share[0], map->share[1]}};
    for (int64_t i = 0; i < map->n_set; i++) {
        const sh_map_set *set = &map->set[i];
        page.part[i / 2][i % 2] = (sh_report_map_part){set->n, set->n_left_out, set->place, set->distance, set->vendi};
    }
    return page;
}

static sh_status write_page(const arguments *a, const sh_report_run *run, const sh_map *map, const sh_report_atoms *atoms)
{
    sh_report_map page = map_of_page(map);
    char part[4096], date[64];
    time_t now = time(NULL);
    struct tm utc;
    gmtime_r(&now, &utc);
    strftime(date, sizeof date, "%Y-%m-%d %H:%M UTC", &utc);
    sh_file_part(a->output, part, sizeof part);
    FILE *f = fopen(part, "w");
    if (!f) return SH_FAIL(SH_EINPUT, "cannot write '%s': %s", part, strerror(errno));
    sh_status status = sh_report_write(f, run, a->n_run, &page, atoms, &(sh_report_opts){sh_version(), date});
    if (fclose(f) && status == SH_OK) status = SH_FAIL(SH_EIO, "cannot write '%s': %s", part, strerror(errno));
    if (status == SH_OK) return sh_file_publish(a->output);
    unlink(part);
    return status;
}

static sh_status report(const arguments *a)
{
    char tables[4096];
    sh_report_run run[SH_REPORT_MAX_RUN] = {0};
    sh_report_atoms atoms = {0};
    sh_map map = {0};
    sh_status status = check_output(a->output);
    if (status == SH_OK) status = sh_tables_folder(tables, sizeof tables);
    if (status == SH_OK) status = sh_report_atoms_create(tables, &atoms);
    if (status == SH_OK) status = read_runs(a, run);
    if (status == SH_OK) status = make_map(run, a->n_run, atoms.tables, &map);
    if (status == SH_OK) status = write_page(a, run, &map, &atoms);
    for (int r = 0; status == SH_OK && r < a->n_run; r++)
        printf("%s: %lld rows, %lld samples, %lld crystals\n", run[r].path, (long long)run[r].metrics.n_row,
               (long long)run[r].n_sample, (long long)run[r].n_crystal);
    if (status == SH_OK) printf("the page is %s\n", a->output);
    for (int r = 0; r < a->n_run; r++)
        sh_report_run_destroy(&run[r]);
    sh_map_destroy(&map);
    sh_report_atoms_destroy(&atoms);
    return status;
}

sh_status sh_cmd_report(int argc, char **argv)
{
    arguments a;
    sh_comm *comm;
    SH_TRY(read_arguments(argc, argv, &a));
    if (a.done) return SH_OK;
    SH_TRY(sh_comm_create(&argc, &argv, &comm));
    sh_status status = sh_comm_agree(comm, comm->rank == 0 ? report(&a) : SH_OK); /* one rank is enough for it */
    sh_comm_destroy(&comm);
    return status;
}
