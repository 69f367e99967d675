/* info.c -- `shaft info`: what runs here and with what, for a look before a long run and for bug reports. */
#define _POSIX_C_SOURCE 200809L

#include <dirent.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cblas.h>
#include <hdf5.h>
#include <omp.h>
#include <spglib.h>
#include <yaml.h>

#include "backend/cuda_module.h"
#include "base/real.h"
#include "cmd/cmd.h"
#include "comm/comm.h"
#include "io/config.h"
#include "io/models.h"
#include "metrics/gram.h"

static const char help[] =
    "usage: shaft info [--config]\n"
    "\n"
    "Prints version, ranks and threads, libraries, the processor and where data are looked for. Under mpirun or srun it says how many\n"
    "ranks there are and on which machines.\n"
    "\n"
    "  --config    lists all keys of a configuration file with defaults, bounds and meaning instead\n"
    "\n"
    "examples:\n"
    "  shaft info\n"
    "  mpirun -n 4 shaft info\n"
    "  shaft info --config | less\n";

const char *sh_version(void)
{
    return SHAFT_VERSION;
}

/* The model name that Linux gives, and the vector units that this build was compiled for. */
static void print_processor(void)
{
    char line[256], name[256] = "unknown";
    FILE *f = fopen("/proc/cpuinfo", "r");
    while (f && fgets(line, sizeof line, f)) {
        char *colon = strchr(line, ':');
        if (strncmp(line, "model name", 10) || !colon) continue;
        snprintf(name, sizeof name, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
        break;
    }
    if (f) fclose(f);
    printf("device      CPU: %s, %ld logical processors\n", name, sysconf(_SC_NPROCESSORS_ONLN));
    printf("built for  ");
#ifdef __AVX512F__
    printf(" AVX-512");
#endif
#ifdef __AVX2__
    printf(" AVX2");
#endif
#ifdef __FMA__
    printf(" FMA");
#endif
#ifdef __ARM_NEON
    printf(" NEON");
#endif
#if !defined(__AVX512F__) && !defined(__AVX2__) && !defined(__ARM_NEON)
    printf(" no vector units beyond the base of the architecture");
#endif
    printf("; numbers of the networks: %s\n", sizeof(sh_real) == sizeof(float) ? "float" : "double");
}

static void print_devices(void)
{
    char text[SH_CUDA_TEXT];
    const sh_cuda_state *cuda = sh_cuda_look();
    if (!cuda->n_device) printf("CUDA        none: %s\n", cuda->why);
    for (int i = 0; i < cuda->n_device; i++) {
        cuda->entry->describe(i, text);
        printf("CUDA        device %d: %s\n", i, text);
    }
}

/* The first line of what MPI says of itself. */
static void print_libraries(void)
{
    char mpi[MPI_MAX_LIBRARY_VERSION_STRING];
    int length;
    unsigned major, minor, release;
    MPI_Get_library_version(mpi, &length);
    H5get_libversion(&major, &minor, &release);
    printf("MPI         %.*s\n", (int)strcspn(mpi, ",\n"), mpi);
    printf("HDF5        %u.%u.%u, parallel\n", major, minor, release);
    printf("BLAS        %s, %d thread%s\n", openblas_get_config(), openblas_get_num_threads(),
           openblas_get_num_threads() > 1 ? "s" : "");
    printf("ScaLAPACK   %s\n", sh_gram_available() ? "yes" : "none: whole kernel matrices stay on one rank");
    printf("spglib      %d.%d.%d\n", spg_get_major_version(), spg_get_minor_version(), spg_get_micro_version());
    printf("libyaml     %s\n", yaml_get_version_string());
}

/* Ranks by machine: "node1 4, node2 4". Rank 0 prints. */
static void print_ranks(const sh_comm *comm)
{
    enum { NAME = MPI_MAX_PROCESSOR_NAME };
    char own[NAME] = "";
    int length;
    MPI_Get_processor_name(own, &length);
    char *all = SH_NEW(char, (size_t)NAME * (size_t)comm->size);
    MPI_Gather(own, NAME, MPI_CHAR, all, NAME, MPI_CHAR, 0, comm->all);
    if (comm->rank == 0) {
        printf("ranks       %d:", comm->size);
        for (int i = 0; i < comm->size;) { /* ranks of one machine follow each other, or it is named again */
            int n = 1;
            while (i + n < comm->size && !strcmp(all + (size_t)NAME * (size_t)(i + n), all + (size_t)NAME * (size_t)i))
                n++;
            printf("%s %d on %s", i ? "," : "", n, all + (size_t)NAME * (size_t)i);
            i += n;
        }
        printf("; %d thread%s each\n", omp_get_max_threads(), omp_get_max_threads() > 1 ? "s" : "");
    }
    sh_free(all);
}

static int is_weight_file(const struct dirent *entry)
{
    size_t n = strlen(entry->d_name);
    return n > 3 && !strcmp(entry->d_name + n - 3, ".h5");
}

static void print_folders(void)
{
    char path[4096];
    if (sh_tables_folder(path, sizeof path) == SH_OK)
        printf("tables      %s\n", path);
    else
        printf("tables      missing: %s\n", sh_error_message());
    sh_error_clear();
    if (sh_models_folder(path, sizeof path) != SH_OK) {
        printf("models      %s\n", sh_error_message());
        sh_error_clear();
        return;
    }
    struct dirent **entry;
    int n = scandir(path, &entry, is_weight_file, alphasort);
    printf("models      %s:", path);
    for (int i = 0; i < n; i++) {
        printf("%s %.*s", i ? "," : "", (int)strlen(entry[i]->d_name) - 3, entry[i]->d_name);
        free(entry[i]);
    }
    printf(n > 0 ? "\n" : " none ('shaft model list' says how to get one)\n");
    if (n >= 0) free(entry);
}

static sh_status report(const sh_comm *comm)
{
    if (comm->rank == 0) printf("shaft       %s\n", sh_version());
    print_ranks(comm);
    if (comm->rank) return SH_OK;
    print_processor();
    print_devices();
    print_libraries();
    print_folders();
    fflush(stdout);
    return ferror(stdout) ? SH_FAIL(SH_EIO, "the report cannot be written to the standard output") : SH_OK;
}

sh_status sh_cmd_info(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", no_argument, NULL, 'c'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, "h", options, NULL)) != -1;) {
        if (option == 'c') sh_config_help(stdout);
        if (option == 'h') fputs(help, stdout);
        if (option != '?') return SH_OK;
        return sh_error_hint(SH_FAIL(SH_EINPUT, "there is no option '%s'", argv[optind - 1]), "shaft info --help");
    }
    if (optind < argc)
        return sh_error_hint(SH_FAIL(SH_EINPUT, "'%s' is not expected here", argv[optind]), "shaft info --help");
    sh_comm *comm;
    SH_TRY(sh_comm_create(&argc, &argv, &comm));
    sh_status status = sh_comm_agree(comm, report(comm));
    sh_comm_destroy(&comm);
    return status;
}
