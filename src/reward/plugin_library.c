#define _POSIX_C_SOURCE 200809L /* dlopen */

#include "reward/plugin_library.h"

#include <dlfcn.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "reward/plugin.h"

struct sh_plugin {
    void *library;
    sh_plugin_function *function;
};

static const char *last_words(void)
{
    const char *said = dlerror();
    return said ? said : "no reason given";
}

sh_status sh_plugin_open(const char *library, const char *function, sh_plugin **out)
{
    char path[4096];
    *out = NULL;
    if (!strcmp(library, "none"))
        return SH_FAIL(SH_EINPUT, "reward.plugin.library: missing; reward.plugin.weight above 0 asks for a term from a library");
    snprintf(path, sizeof path, "%s%s", strchr(library, '/') ? "" : "./", library);
    void *loaded = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!loaded) {
        SH_FAIL(SH_EINPUT, "reward.plugin.library: '%s' cannot be loaded: %s", library, last_words());
        return sh_error_hint(SH_EINPUT, "a shared library made with: cc -shared -fPIC -O2 term.c -o term.so; a path that "
                                          "does not begin with / is looked for where shaft is started");
    }
    void *symbol = dlsym(loaded, function);
    if (!symbol) {
        SH_FAIL(SH_EINPUT, "reward.plugin.function: '%s' has no function '%s': %s", library, function, last_words());
        dlclose(loaded);
        return sh_error_hint(SH_EINPUT, "in C++ it must be declared extern \"C\"");
    }
    sh_plugin *p = SH_NEW(sh_plugin, 1);
    p->library = loaded;
    memcpy(&p->function, &symbol, sizeof symbol); /* ISO C has no cast from an object's address to a function's */
    *out = p;
    return SH_OK;
}

void sh_plugin_close(sh_plugin **plugin)
{
    if (!*plugin) return;
    dlclose((*plugin)->library);
    sh_free(*plugin);
    *plugin = NULL;
}

void sh_plugin_scores(const sh_plugin *p, const sh_crystals *c, double *score)
{
    const sh_plugin_batch batch = {.version = SH_PLUGIN_VERSION,
                                   .n_crystal = c->n_crystal,
                                   .lattice = c->lattice,
                                   .space_group = c->sg_number,
                                   .site_start = c->site_start,
                                   .site_z = c->site_z,
                                   .atom_start = c->atom_start,
                                   .atom_frac = c->atom_frac};
    for (int64_t i = 0; i < c->n_crystal; i++)
        score[i] = NAN;
    p->function(&batch, score);
}
