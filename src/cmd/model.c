#define _POSIX_C_SOURCE 200809L /* fork, scandir */

/* model.c -- `shaft model`: which pretrained weights there are, bringing them in, verifying them. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "cmd/cmd.h"
#include "io/files.h"
#include "io/models.h"
#include "io/weights_h5.h"

static const char help[] =
    "usage: shaft model list\n"
    "       shaft model check [NAME]\n"
    "       shaft model import PATH [--name NAME]\n"
    "\n"
    "Pretrained weights live in a folder of their own: $SHAFT_MODELS, else ~/.local/share/shaft/models.\n"
    "\n"
    "  list          the models this program knows, whether they are there, and other weight files in the folder\n"
    "  check [NAME]  reads all tensors (their checksums are verified on the way) and compares a SHA-256 over them with the\n"
    "                published one; all that are there, or the one named; exit code 1 where one is not what it should be\n"
    "  import PATH   takes published weights and writes them into the folder. PATH is the source package m3gnet-0.2.4.tar.gz,\n"
    "                a folder with m3gnet.json, m3gnet.index and m3gnet.data-00000-of-00001, a model folder of matgl with\n"
    "                model.json and state.pt, or a folder above one of these. matgl's are under pretrained_models of its\n"
    "                public repository (github.com/materialsvirtuallab/matgl), and in its own cache ~/.cache/matgl where\n"
    "                somebody has used it. Runs a Python program: with $SHAFT_PYTHON, else with the first of python3 on the\n"
    "                PATH and /usr/bin/python3 that has numpy and h5py. With --name the weights go by that name; otherwise by\n"
    "                that of the known model they are.\n"
    "\n"
    "examples:\n"
    "  pip download --no-deps --no-binary m3gnet m3gnet==0.2.4\n"
    "  shaft model import m3gnet-0.2.4.tar.gz\n"
    "  shaft model check m3gnet-efs\n"
    "  shaft model import ~/.cache/matgl/MEGNet-MP-2018.6.1-Eform\n"
    "\n"
    "A configuration takes a model by its name, or a file by its path. Some have variants, chosen behind an @:\n"
    "  m3gnet-pes@none       without three-body terms, which it hardly uses: faster, within 1.7e-4 eV/atom\n"
    "  m3gnet-eform@other    three-body terms as later versions of matgl evaluate it, not as it was trained\n"
    "  megnet-gap@gllb-sc    the gap of another method than PBE; also @hse and @scan\n"
    "\n"
    "All these weights are the Materials Virtual Lab's, under the BSD 3-clause licence; `list` says what to cite. shaft itself\n"
    "downloads nothing.\n";

static bool exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0;
}

/* What a weight file holds; *info is NULL where it is no model this program knows. */
typedef struct {
    const sh_model_info *info;
    int64_t n_parameter, n_tensor;
    char source[128], sha256[65];
} contents;

static sh_status look_into(const char *path, contents *c)
{
    sh_weights *w;
    SH_TRY(sh_weights_read(path, &w));
    *c = (contents){.info = sh_model_by_source(w->source), .n_parameter = sh_weights_n_parameter(w), .n_tensor = w->n};
    snprintf(c->source, sizeof c->source, "%s", w->source);
    sh_weights_sha256(w, c->sha256);
    sh_weights_destroy(&w);
    return SH_OK;
}

static void print_state(const char *path)
{
    contents c;
    if (!exists(path)) {
        printf("  state       not there\n");
    } else if (look_into(path, &c) != SH_OK) {
        printf("  state       cannot be read: %s\n", sh_error_message());
        sh_error_clear();
    } else {
        bool same = c.info && !strcmp(c.sha256, c.info->sha256);
        printf("  parameters  %lld\n  source      %s\n  state       there, %s\n", (long long)c.n_parameter, c.source,
               same ? "as published" : c.info ? "NOT as published" : "not known to this version");
    }
}

/* Other weight files in the folder, imported under names of their own. */
static sh_status list_others(const char *folder)
{
    struct dirent **entries;
    int n = scandir(folder, &entries, NULL, alphasort);
    for (int i = 0; i < n; i++) {
        char name[256], path[8192];
        size_t length = strlen(entries[i]->d_name);
        snprintf(name, sizeof name, "%.*s", length > 3 ? (int)length - 3 : 0, entries[i]->d_name);
        bool weights = name[0] && name[0] != '.' && !strcmp(entries[i]->d_name + length - 3, ".h5") && !sh_model_by_name(name);
        snprintf(path, sizeof path, "%s/%s", folder, entries[i]->d_name);
        free(entries[i]); /* scandir's own */
        if (!weights) continue;
        printf("%s\n  file        %s\n", name, path);
        print_state(path);
    }
    if (n >= 0) free(entries);
    return SH_OK;
}

static sh_status list(void)
{
    char folder[4096], path[8192];
    SH_TRY(sh_models_folder(folder, sizeof folder));
    for (const sh_model_info *m = sh_known_models; m->name; m++) {
        snprintf(path, sizeof path, "%s/%s.h5", folder, m->name);
        printf("%s\n  file        %s\n", m->name, path);
        print_state(path);
        printf("  predicts    %s\n  from        %s\n", m->predicts, m->origin);
        if (m->variants) printf("  variants    %s@ %s\n", m->name, m->variants);
        if (!exists(path)) printf("  parameters  %lld\n  get it      %s\n", (long long)m->n_parameter, m->obtain);
    }
    return list_others(folder);
}

/* `named`: the model it must be, or NULL where any known one will do. */
static sh_status check_file(const sh_model_info *named, const char *path, const sh_model_info **found)
{
    contents c;
    SH_TRY(look_into(path, &c));
    const sh_model_info *info = named ? named : c.info;
    if (found) *found = info;
    if (!info) return SH_FAIL(SH_EINPUT, "'%s' holds model '%s', which this version does not know", path, c.source);
    if (strcmp(c.sha256, info->sha256)) {
        SH_FAIL(SH_EIO, "'%s' is not the published model: SHA-256 over its tensors is %s, not %s", path, c.sha256, info->sha256);
        return sh_error_hint(SH_EIO, "import it again: %s", info->obtain);
    }
    printf("%s: %lld parameters in %lld tensors, SHA-256 %s, as published\n", info->name, (long long)c.n_parameter,
           (long long)c.n_tensor, c.sha256);
    return SH_OK;
}

static sh_status check(const char *name)
{
    char folder[4096], path[8192];
    int n = 0;
    if (name) {
        SH_TRY(sh_model_path(name, path, sizeof path)); /* says how to get it */
        return check_file(sh_model_by_name(name), path, NULL);
    }
    SH_TRY(sh_models_folder(folder, sizeof folder));
    for (const sh_model_info *m = sh_known_models; m->name; m++) {
        snprintf(path, sizeof path, "%s/%s.h5", folder, m->name);
        if (!exists(path)) continue;
        SH_TRY(check_file(m, path, NULL));
        n++;
    }
    if (n) return SH_OK;
    SH_FAIL(SH_EINPUT, "there is no model to check in '%s'", folder);
    return sh_error_hint(SH_EINPUT, "'shaft model list' says how to get one");
}

/* Runs a program and waits; its exit code, 127 where it cannot be started. The last line of what it says on stderr goes into
 * `said`; its stdout is shown unless `quiet`. */
static int run(char *const argv[], bool quiet, char *said, size_t size)
{
    int ends[2], status;
    said[0] = '\0';
    fflush(NULL);
    if (pipe(ends)) return 127;
    pid_t child = fork();
    if (child == 0) {
        if (dup2(ends[1], STDERR_FILENO) < 0 || (quiet && !freopen("/dev/null", "w", stdout))) _exit(127);
        close(ends[0]);
        close(ends[1]);
        execvp(argv[0], argv);
        _exit(127);
    }
    close(ends[1]);
    FILE *f = fdopen(ends[0], "r");
    char line[1024];
    while (f && child > 0 && fgets(line, sizeof line, f)) {
        line[strcspn(line, "\n")] = '\0';
        if (line[0]) snprintf(said, size, "%s", line);
    }
    if (f) fclose(f);
    if (child < 0) return 127;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR) return 127;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 127;
}

static sh_status find_python(const char **python)
{
    const char *chosen = getenv("SHAFT_PYTHON");
    const char *const candidates[] = {chosen && chosen[0] ? chosen : "python3", "/usr/bin/python3"};
    for (int i = 0; i < (chosen && chosen[0] ? 1 : 2); i++) {
        char name[4096], said[1024], program[] = "import numpy, h5py", option[] = "-c";
        snprintf(name, sizeof name, "%s", candidates[i]);
        if (run((char *[]){name, option, program, NULL}, true, said, sizeof said)) continue;
        *python = candidates[i];
        return SH_OK;
    }
    SH_FAIL(SH_EINPUT, "importing needs a python3 with numpy and h5py, and %s has them not", candidates[0]);
    return sh_error_hint(SH_EINPUT, "on Debian: apt-get install python3-numpy python3-h5py; or set SHAFT_PYTHON to such a python3");
}

static sh_status importer_path(char *path, size_t size)
{
    const char *const folders[] = {SHAFT_INSTALL_CONFIGS, SHAFT_SOURCE_CONFIGS "/../src/io"};
    for (int i = 0; i < 2; i++) {
        snprintf(path, size, "%s/import_weights.py", folders[i]);
        if (exists(path)) return SH_OK;
    }
    return SH_FAIL(SH_EIO, "the import program '%s' is not there", path);
}

/* Runs the import program: `temporary` is there and verified afterwards, or is not there. */
static sh_status convert(const char *source, const char *temporary, const sh_model_info **info)
{
    char program[4096], interpreter[4096], given[4096], out[8192], part[8200], said[1024];
    const char *python = NULL;
    SH_TRY(importer_path(program, sizeof program));
    SH_TRY(find_python(&python));
    snprintf(interpreter, sizeof interpreter, "%s", python);
    snprintf(given, sizeof given, "%s", source);
    snprintf(out, sizeof out, "%s", temporary);
    snprintf(part, sizeof part, "%s.part", temporary);
    sh_status status = SH_OK;
    if (run((char *[]){interpreter, program, given, out, NULL}, false, said, sizeof said)) {
        SH_FAIL(SH_EINPUT, "'%s' was not imported%s%s", source, said[0] ? ": " : "", said);
        status = sh_error_hint(SH_EINPUT, "it must be the source package m3gnet-0.2.4.tar.gz, the folder of its checkpoint, or a model "
                                           "folder of matgl");
    } else {
        status = check_file(NULL, temporary, info);
    }
    if (status != SH_OK) {
        remove(temporary);
        remove(part);
    }
    return status;
}

static bool is_name(const char *name)
{
    const char *letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    return name[0] && name[0] != '.' && name[0] != '-' && strlen(name) < 64 && strspn(name, letters) == strlen(name);
}

static sh_status import(const char *source, const char *name)
{
    char folder[4096], temporary[8192], path[8192];
    const sh_model_info *info = NULL;
    if (name && !is_name(name))
        return SH_FAIL(SH_EINPUT, "'%s' is no name for a model: letters, digits, '.', '_' and '-'", name);
    if (!exists(source)) return SH_FAIL(SH_EINPUT, "'%s' is not there", source);
    SH_TRY(sh_models_folder(folder, sizeof folder));
    SH_TRY(sh_folder_make(folder));
    snprintf(temporary, sizeof temporary, "%s/.import-%ld.h5", folder, (long)getpid());
    SH_TRY(convert(source, temporary, &info));
    snprintf(path, sizeof path, "%s/%s.h5", folder, name ? name : info->name);
    if (rename(temporary, path)) {
        SH_FAIL(SH_EIO, "cannot write '%s': %s", path, strerror(errno));
        remove(temporary);
        return SH_EIO;
    }
    printf("written to %s\nweights: %s\n", path, info->origin);
    return SH_OK;
}

sh_status sh_cmd_model(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "", *operand = NULL, *name = NULL;
    int n_operand = 0;
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h")) {
            fputs(help, stdout);
            return SH_OK;
        }
        if (i == 1) continue;
        if (!strcmp(argv[i], "--name") && !strcmp(what, "import") && i + 1 < argc) {
            name = argv[++i];
        } else if (argv[i][0] == '-') {
            SH_FAIL(SH_EINPUT, "'%s' is no option of 'shaft model %s'", argv[i], what);
            return sh_error_hint(SH_EINPUT, "shaft model --help");
        } else {
            operand = argv[i];
            n_operand++;
        }
    }
    if (!strcmp(what, "list") && n_operand == 0) return list();
    if (!strcmp(what, "check") && n_operand <= 1) return check(operand);
    if (!strcmp(what, "import") && n_operand == 1) return import(operand, name);
    if (!what[0])
        SH_FAIL(SH_EINPUT, "nothing to do was given: list, check [NAME] or import PATH");
    else if (!strcmp(what, "list"))
        SH_FAIL(SH_EINPUT, "'shaft model list' takes no name, and '%s' was given", operand);
    else if (!strcmp(what, "check"))
        SH_FAIL(SH_EINPUT, "'shaft model check' takes one name at most, and %d were given", n_operand);
    else if (!strcmp(what, "import"))
        SH_FAIL(SH_EINPUT, "'shaft model import' takes one file or folder, and %d were given", n_operand);
    else
        SH_FAIL(SH_EINPUT, "'%s' is none of list, check [NAME], import PATH", what);
    return sh_error_hint(SH_EINPUT, "shaft model --help");
}
