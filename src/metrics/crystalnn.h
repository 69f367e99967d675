/* crystalnn.h -- the structure fingerprint: for each coordination number from 1 to 24 how likely it is by CrystalNN, and that times the
 * order parameters of its motifs; the mean over the sites. CrystalNN: H. Pan et al., Inorg. Chem. 60, 1590 (2021); the fingerprint:
 * N. E. R. Zimmermann, A. Jain, RSC Advances 10, 6063 (2020), preset "ops" of matminer as CDVAE takes it. docs/equations.md has the
 * formulas. */
#ifndef SH_METRICS_CRYSTALNN_H
#define SH_METRICS_CRYSTALNN_H

#include "base/memory.h"
#include "crystal/dataset.h"
#include "metrics/order.h"
#include "metrics/verdict.h"
#include "metrics/voronoi.h"
#include "reward/tables.h"

enum {
    SH_CRYSTALNN_SIZE = 61,
    SH_CRYSTALNN_BCC = 30 /* the one that depends on the order of equally good neighbours, by some 1e-5 */
};

/* "tetrahedral CN_4", "wt CN_4": what the i-th number is; name has room for 48. */
void sh_crystalnn_name(int i, char *name);

/* Into out (61). Anything but SH_METRIC_OK: there is no fingerprint, and out is not written. Structures that are not valid
 * (verdict.h) have none, nor those with an element without covalent radius, nor cells so long that a site would have more than
 * SH_CRYSTALNN_IMAGES neighbours to look at. Reentrant; `scratch` is as it was afterwards. Some 50 us a site. */
sh_metric_reason sh_crystalnn(const sh_tables *tables, const sh_cell *cell, sh_arena *scratch, double *out);

#define SH_CRYSTALNN_IMAGES 200000

/* A site by itself, for those who want to look inside. */
typedef struct {
    int32_t n_neighbour;      /* with a weight of 0.001 and more */
    sh_neighbour *neighbour;  /* by descending weight */
    double *weight;           /* rounded to 0.001; the largest is 1 unless it is cut by its distance */
    int64_t n_face;
    sh_voronoi_face *face;    /* of the Voronoi cell; 0 faces where the site has no neighbour that could count */
    sh_neighbour *around;     /* faces' neighbours */
    double number[SH_ORDER_MOST + 1]; /* weight of each coordination number from 1 */
    double fingerprint[SH_CRYSTALNN_SIZE];
} sh_crystalnn_site;

/* What it points to lives on `arena`. The structure must be valid and its elements known. */
sh_metric_reason sh_crystalnn_site_of(const sh_tables *tables, const sh_cell *cell, int64_t site, sh_arena *arena,
                                      sh_crystalnn_site *out);

#endif
