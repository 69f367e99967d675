/* Terms as a user writes them, for the tests of reward.plugin. */
#include <math.h>
#include <stddef.h>

#include "reward/plugin.h"

void roomy(const sh_plugin_batch *b, double *score);
void table(const sh_plugin_batch *b, double *score);
void no_salt(const sh_plugin_batch *b, double *score);
void nothing(const sh_plugin_batch *b, double *score);

/* The example of plugin.h. */
void roomy(const sh_plugin_batch *b, double *score)
{
    for (int64_t i = 0; i < b->n_crystal; i++) {
        const double *l = b->lattice + 9 * i;
        double volume = fabs(l[0] * (l[4] * l[8] - l[5] * l[7]) - l[1] * (l[3] * l[8] - l[5] * l[6]) +
                             l[2] * (l[3] * l[7] - l[4] * l[6]));
        double n_atom = (double)(b->atom_start[b->site_start[i + 1]] - b->atom_start[b->site_start[i]]);
        score[i] = exp(-fabs(volume / n_atom - 20) / 5);
    }
}

/* A number that all that is shown goes into. */
void table(const sh_plugin_batch *b, double *score)
{
    for (int64_t i = 0; i < b->n_crystal; i++) {
        score[i] = b->version == SH_PLUGIN_VERSION ? (double)b->space_group[i] : (double)NAN;
        for (int64_t s = b->site_start[i]; s < b->site_start[i + 1]; s++)
            for (int64_t k = b->atom_start[s]; k < b->atom_start[s + 1]; k++)
                score[i] += b->site_z[s] * (1 + b->atom_frac[3 * k] + 2 * b->atom_frac[3 * k + 1] + 3 * b->atom_frac[3 * k + 2]);
    }
}

/* Cannot judge anything with chlorine in it. */
void no_salt(const sh_plugin_batch *b, double *score)
{
    for (int64_t i = 0; i < b->n_crystal; i++) {
        score[i] = 1;
        for (int64_t s = b->site_start[i]; s < b->site_start[i + 1]; s++)
            if (b->site_z[s] == 17) score[i] = NAN;
    }
}

/* Forgets to answer. */
void nothing(const sh_plugin_batch *b, double *score)
{
    (void)b;
    (void)score;
}
