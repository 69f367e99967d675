#define _POSIX_C_SOURCE 200809L

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
#include "io/models.h"
#include "io/weights_h5.h"

static const char help[] =
    "usage: shaft model list\n"
    "       shaft model check [NAME]\n"
    "       shaft model import PATH\n"
    "\n"
    "Pretrained weights live in a folder of their own: $SHAFT_MODELS, else ~/.local/share/shaft/models.\n"
    "\n"
    "  list          the models this program knows, and which of them are there\n"
    "  check [NAME]  reads all tensors (their checksums are verified on the way) and compares a SHA-256 over them with the\n"
    "                known one; all that are there, or the one named; exit code 1 where one is not what it should be\n"
    "  import PATH   takes published weights and writes them into the folder. PATH is the source package m3gnet-0.2.4.tar.gz, or\n"
    "                a folder with m3gnet.json, m3gnet.index and m3gnet.data-00000-of-00001. Runs a Python program; the\n"
    "                python3 is $SHAFT_PYTHON, else the first of python3 on the PATH and /usr/bin/python3 with numpy and h5py.\n"
    "\n"
    "examples:\n"
    "  pip download --no-deps --no-binary m3gnet m3gnet==0.2.4\n"
    "  shaft model import m3gnet-0.2.4.tar.gz\n"
    "  shaft model check m3gnet-efs\n";

static bool exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0;
}

static sh_status model_file(const sh_model_info *info, char *path, size_t size)
{
    char folder[4096];
    SH_TRY(sh_models_folder(folder, sizeof folder));
    snprintf(path, size, "%s/%s.h5", folder, info->name);
    return SH_OK;
}

static sh_status list(void)
{
    char path[8192];
    for (const sh_model_info *m = sh_known_models; m->name; m++) {
        SH_TRY(model_file(m, path, sizeof path));
        bool there = exists(path);
        printf("%s\n  file      %s%s\n  predicts  %s\n  from      %s\n", m->name, path, there ? "" : "  (not there)", m->predicts,
               m->origin);
        if (!there) printf("  get it    %s\n", m->obtain);
    }
    return SH_OK;
}

static sh_status check_file(const sh_model_info *info, const char *path)
{
    sh_weights *w;
    char hex[65];
    SH_TRY(sh_weights_read(path, &w));
    sh_weights_sha256(w, hex);
    int64_t parameters = 0, n = w->n;
    for (int64_t i = 0; i < w->n; i++)
        parameters += w->tensor[i].rows * w->tensor[i].cols;
    sh_weights_destroy(&w);
    if (strcmp(hex, info->sha256)) {
        SH_FAIL(SH_EIO, "'%s' is not the published model: SHA-256 over its tensors is %s, not %s", path, hex, info->sha256);
        return sh_error_hint(SH_EIO, "import it again: %s", info->obtain);
    }
    printf("%s: %lld parameters in %lld tensors, SHA-256 %s, as published\n", info->name, (long long)parameters, (long long)n,
           hex);
    return SH_OK;
}

static sh_status check(const char *name)
{
    char path[8192];
    int n = 0;
    if (name && !sh_model_by_name(name)) SH_TRY(sh_model_path(name, path, sizeof path));
    for (const sh_model_info *m = sh_known_models; m->name; m++) {
        if (name && strcmp(name, m->name)) continue;
        if (name) SH_TRY(sh_model_path(name, path, sizeof path)); /* says how to get it */
        SH_TRY(model_file(m, path, sizeof path));
        if (!exists(path)) continue;
        SH_TRY(check_file(m, path));
        n++;
    }
    if (n) return SH_OK;
    SH_FAIL(SH_EINPUT, "there is no model to check");
    return sh_error_hint(SH_EINPUT, "'shaft model list' says how to get one");
}

/* Runs a program and waits; its exit code, 127 where it cannot be started. */
static int run(char *const argv[], bool quiet)
{
    fflush(NULL);
    pid_t child = fork();
    if (child < 0) return 127;
    if (child == 0) {
        if (quiet && (!freopen("/dev/null", "w", stderr) || !freopen("/dev/null", "w", stdout))) _exit(127);
        execvp(argv[0], argv);
        _exit(127);
    }
    int status;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR) return 127;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 127;
}

static sh_status find_python(const char **python)
{
    const char *chosen = getenv("SHAFT_PYTHON");
    const char *const candidates[] = {chosen && chosen[0] ? chosen : "python3", "/usr/bin/python3"};
    for (int i = 0; i < (chosen && chosen[0] ? 1 : 2); i++) {
        char name[4096], program[] = "import numpy, h5py", option[] = "-c";
        snprintf(name, sizeof name, "%s", candidates[i]);
        if (run((char *[]){name, option, program, NULL}, true)) continue;
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

/* mkdir -p */
static sh_status make_folder(const char *path)
{
    char part[4096];
    snprintf(part, sizeof part, "%s", path);
    for (char *at = part + 1;; at++) {
        if (*at && *at != '/') continue;
        char kept = *at;
        *at = '\0';
        if (mkdir(part, 0777) && errno != EEXIST) return SH_FAIL(SH_EIO, "cannot make folder '%s': %s", part, strerror(errno));
        *at = kept;
        if (!kept) return SH_OK;
    }
}

static sh_status import(const char *source)
{
    char folder[4096], temporary[8192], path[8192], program[4096], given[4096], interpreter[4096];
    const char *python = NULL;
    if (!exists(source)) return SH_FAIL(SH_EINPUT, "'%s' is not there", source);
    SH_TRY(importer_path(program, sizeof program));
    SH_TRY(find_python(&python));
    SH_TRY(sh_models_folder(folder, sizeof folder));
    SH_TRY(make_folder(folder));
    snprintf(temporary, sizeof temporary, "%s/.import-%ld.h5", folder, (long)getpid());
    snprintf(given, sizeof given, "%s", source);
    snprintf(interpreter, sizeof interpreter, "%s", python);
    if (run((char *[]){interpreter, program, given, temporary, NULL}, false)) {
        remove(temporary);
        SH_FAIL(SH_EINPUT, "'%s' was not imported", source);
        return sh_error_hint(SH_EINPUT, "it must be the source package m3gnet-0.2.4.tar.gz or the folder of its checkpoint");
    }
    sh_weights *w;
    sh_status status = sh_weights_read(temporary, &w);
    if (status != SH_OK) {
        remove(temporary);
        return status;
    }
    const sh_model_info *info = sh_model_by_source(w->source);
    sh_weights_destroy(&w);
    status = info ? check_file(info, temporary) : SH_FAIL(SH_EINPUT, "'%s' holds a model this version does not know", source);
    if (status != SH_OK) {
        remove(temporary);
        return status;
    }
    snprintf(path, sizeof path, "%s/%s.h5", folder, info->name);
    if (rename(temporary, path)) return SH_FAIL(SH_EIO, "cannot write '%s': %s", path, strerror(errno));
    printf("written to %s\nweights: %s\n", path, info->origin);
    return SH_OK;
}

sh_status sh_cmd_model(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    if (!strcmp(what, "--help") || !strcmp(what, "-h") || (argc > 2 && !strcmp(argv[2], "--help"))) {
        fputs(help, stdout);
        return SH_OK;
    }
    if (!strcmp(what, "list") && argc == 2) return list();
    if (!strcmp(what, "check") && argc <= 3) return check(argc == 3 ? argv[2] : NULL);
    if (!strcmp(what, "import") && argc == 3) return import(argv[2]);
    SH_FAIL(SH_EINPUT, "'%s' with %d arguments is none of list, check [NAME], import PATH", what, argc > 2 ? argc - 2 : 0);
    return sh_error_hint(SH_EINPUT, "shaft model --help");
}
