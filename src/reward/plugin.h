/* plugin.h -- a reward term of one's own. Installed as shaft/plugin.h; C and C++.
 *
 * A shared library with a function like this one, which wants about 20 Å^3 an atom,
 *
 *     #include <math.h>
 *     #include <shaft/plugin.h>
 *
 *     void roomy(const sh_plugin_batch *b, double *score)
 *     {
 *         for (int64_t i = 0; i < b->n_crystal; i++) {
 *             const double *l = b->lattice + 9 * i;
 *             double volume = fabs(l[0] * (l[4] * l[8] - l[5] * l[7]) - l[1] * (l[3] * l[8] - l[5] * l[6]) +
 *                                  l[2] * (l[3] * l[7] - l[4] * l[6]));
 *             double n_atom = (double)(b->atom_start[b->site_start[i + 1]] - b->atom_start[b->site_start[i]]);
 *             score[i] = exp(-fabs(volume / n_atom - 20) / 5);
 *         }
 *     }
 *
 * made with `cc -shared -fPIC -O2 -I PREFIX/include roomy.c -o roomy.so`, is a term of the reward by
 *
 *     reward:
 *       plugin: {library: ./roomy.so, function: roomy, weight: 0.2}
 *
 * The score should lie between 0 and 1; weight times score is added to the reward. A score that is not finite says that the
 * crystal cannot be judged: it has the smallest reward there is. A score must follow from the crystal alone, and each time
 * the same: other crystals, and how many there are in the batch, differ with the number of ranks. The function is called by one
 * thread of each rank, several times an iteration; what it allocates it frees. */
#ifndef SHAFT_PLUGIN_H
#define SHAFT_PLUGIN_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define SH_PLUGIN_VERSION 1

/* Crystals, each a run of sites (symmetry-distinct atoms), each a run of atoms: all atoms of the cell. Site s of crystal i:
 * site_start[i] <= s < site_start[i+1]; its atoms: atom_start[s] <= k < atom_start[s+1]. */
typedef struct {
    int32_t version;            /* SH_PLUGIN_VERSION of the program; later ones add fields at the end */
    int32_t reserved;
    int64_t n_crystal;
    const double *lattice;      /* (n_crystal,9) rows a, b, c, Å */
    const int32_t *space_group; /* (n_crystal) 1..230, 0 where it is not known */
    const int64_t *site_start;  /* (n_crystal+1) */
    const int32_t *site_z;      /* (sites) atomic number */
    const int64_t *atom_start;  /* (sites+1) */
    const double *atom_frac;    /* (atoms,3) fractional coordinates in [0,1); position = frac * lattice */
} sh_plugin_batch;

/* score (n_crystal) */
typedef void sh_plugin_function(const sh_plugin_batch *batch, double *score);

#ifdef __cplusplus
}
#endif

#endif
