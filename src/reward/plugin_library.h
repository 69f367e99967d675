/* plugin_library.h -- the shared library that a user's own reward term comes from; plugin.h is what the user sees of it. */
#ifndef SH_REWARD_PLUGIN_LIBRARY_H
#define SH_REWARD_PLUGIN_LIBRARY_H

#include "base/status.h"
#include "crystal/crystal.h"

typedef struct sh_plugin sh_plugin;

/* SH_EINPUT where the library cannot be loaded or has no such function, with the system's reason. A name without a folder is one
 * of the working directory. */
sh_status sh_plugin_open(const char *library, const char *function, sh_plugin **out);
void sh_plugin_close(sh_plugin **plugin);

/* score (C) of all crystals of the batch; NaN where the function wrote nothing. */
void sh_plugin_scores(const sh_plugin *plugin, const sh_crystals *crystals, double *score);

#endif
