#define _GNU_SOURCE /* dlopen's flags */
#include "backend/cuda_module.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char MODULE[] = "libshaft_cuda.so";

static sh_cuda_state state;
static sh_backend *opened;

/* A file that is there, FOLDER of the program and what comes behind it. */
static bool beside_program(const char *behind, char path[4096])
{
    char program[3072];
    ssize_t length = readlink("/proc/self/exe", program, sizeof program - 1);
    if (length <= 0) return false;
    program[length] = '\0';
    *strrchr(program, '/') = '\0';
    snprintf(path, 4096, "%s/%s%s", program, behind, MODULE);
    return access(path, R_OK) == 0;
}

static void look(void)
{
    const char *named = getenv("SHAFT_CUDA_MODULE");
    if (named) {
        snprintf(state.path, sizeof state.path, "%s", named);
    } else if (!beside_program("", state.path) && !beside_program("../lib/", state.path) &&
               !beside_program("../", state.path)) { /* the last for tests and benchmarks in a build */
        state.path[0] = '\0';
        snprintf(state.why, sizeof state.why, "built without CUDA (no %s beside the program)", MODULE);
        return;
    }
    void *module = dlopen(state.path, RTLD_NOW | RTLD_LOCAL);
    if (!module) {
        snprintf(state.why, sizeof state.why, "%s", dlerror());
        return;
    }
    const sh_cuda_entry *(*entry)(void);
    *(void **)&entry = dlsym(module, "sh_cuda_module");
    if (!entry || entry()->abi != SH_CUDA_ABI) {
        snprintf(state.why, sizeof state.why, "'%s' belongs to another build of shaft", state.path);
        dlclose(module);
        return;
    }
    int n = entry()->count(state.why);
    state.entry = entry();
    state.n_device = n > 0 ? n : 0;
}

const sh_cuda_state *sh_cuda_look(void)
{
    static bool looked;
    if (!looked) look();
    looked = true;
    return &state;
}

sh_status sh_cuda_open(const sh_cuda_options *options, const sh_backend **out)
{
    char text[SH_CUDA_TEXT];
    const sh_cuda_state *s = sh_cuda_look();
    *out = NULL;
    if (!s->n_device) return SH_FAIL(SH_EINPUT, "there is no CUDA device: %s", s->why);
    SH_ASSERT(!opened && options->device >= 0 && options->device < s->n_device);
    opened = s->entry->open(options, text);
    if (!opened) return SH_FAIL(SH_EINPUT, "CUDA %s", text);
    opened->room = sh_arena_create_in(opened->memory, 1 << 24);
    *out = opened;
    return SH_OK;
}

void sh_cuda_close(void)
{
    if (!opened) return;
    sh_arena_destroy(&opened->room);
    state.entry->close();
    opened = NULL;
}
