/* main.c -- the table of subcommands. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "cmd/cmd.h"
#include "io/text.h"

static const struct {
    const char *name, *summary;
    sh_status (*run)(int argc, char **argv);
} commands[] = {
    {"train", "trains a policy: YAML in, checkpoints, samples and metrics out", sh_cmd_train},
    {"sample", "draws crystals from a trained policy into a samples file", sh_cmd_sample},
    {"score", "reward and its terms for structures in CIF, POSCAR, extended XYZ or samples files", sh_cmd_score},
    {"relax", "relaxes structures of any origin with a pretrained potential, with their space group or without", sh_cmd_relax},
    {"evaluate", "everything that is measured of generated structures: validity, diversity, stability, novelty, coverage", sh_cmd_evaluate},
    {"export", "writes the best distinct crystals as CIF, POSCAR or extended XYZ", sh_cmd_export},
    {"report", "one page about one run or several: curves, distributions, the best crystals", sh_cmd_report},
    {"model", "pretrained weights: list, import, check", sh_cmd_model},
    {"reference", "what is known already, for the hull and for novelty: build, info", sh_cmd_reference},
    {"info", "version, ranks, libraries, folders; all keys of a configuration", sh_cmd_info},
    {NULL, NULL, NULL},
};

static void print_usage(FILE *out)
{
    fputs("shaft -- trains a generative flow network that samples crystals in proportion to a physics reward\n\n"
          "usage: shaft COMMAND [OPTIONS] [FILES]     (under mpirun or srun for several ranks)\n\ncommands:\n",
          out);
    for (int i = 0; commands[i].name; i++)
        fprintf(out, "  %-9s  %s\n", commands[i].name, commands[i].summary);
    fputs("\nshaft COMMAND --help explains a command, with examples.\n", out);
}

/* One message whatever the number of ranks: whoever shares a failure between ranks clears it on all but one. Where in the
 * program it arose helps with failures, not with a mistyped key. */
static void print_error(const char *command, sh_status status)
{
    if (!sh_error_message()[0]) return;
    fprintf(stderr, "shaft %s: %s\n", command, sh_error_message());
    if (sh_error_traceback()[0] && status != SH_EINPUT) fprintf(stderr, "  at %s\n", sh_error_traceback());
    if (sh_error_hints()[0]) fprintf(stderr, "  hint: %s\n", sh_error_hints());
}

/* Tests ask for it: what nobody has released by now is a leak, after a failure too. */
static bool all_released(void)
{
    if (!getenv("SHAFT_CHECK_MEMORY") || sh_alloc_live() == 0) return true;
    fprintf(stderr, "shaft: %lld pieces of memory were not released\n", (long long)sh_alloc_live());
    return false;
}

static int unknown_command(const char *name)
{
    const char *nearest = NULL;
    size_t best = 3; /* letters that may be wrong, and one */
    for (int i = 0; commands[i].name; i++) {
        size_t distance = sh_text_distance(name, commands[i].name);
        if (distance >= best) continue;
        best = distance;
        nearest = commands[i].name;
    }
    fprintf(stderr, "shaft: there is no command '%s'\n", name);
    if (nearest)
        fprintf(stderr, "  hint: did you mean '%s'?\n", nearest);
    else
        fputs("  hint: shaft --help lists the commands\n", stderr);
    return 2;
}

int main(int argc, char **argv)
{
    if (argc < 2 || !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help")) {
        print_usage(argc < 2 ? stderr : stdout);
        return argc < 2 ? 2 : 0;
    }
    if (!strcmp(argv[1], "--version")) {
        printf("shaft %s\n", sh_version());
        return 0;
    }
    for (int i = 0; commands[i].name; i++) {
        if (strcmp(argv[1], commands[i].name)) continue;
        sh_status status = commands[i].run(argc - 1, argv + 1);
        if (status == SH_OK && (fflush(stdout) || ferror(stdout)))
            status = SH_FAIL(SH_EIO, "the standard output cannot be written: is the disk full?");
        bool silent = status != SH_OK && status != SH_ESTOP && !sh_error_message()[0];
        if (!all_released()) return 70;
        if (silent) return 0; /* rank 0 speaks for all (sh_comm_agree); a failure here could have the launcher end it before it has */
        if (status != SH_OK && status != SH_ESTOP) print_error(argv[1], status);
        return sh_status_exit_code(status);
    }
    return unknown_command(argv[1]);
}
