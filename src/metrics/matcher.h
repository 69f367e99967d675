/* matcher.h -- do two crystals have the same structure, and how far apart are their atoms? docs/equations.md, "Structure
 * matching": the algorithm of pymatgen's StructureMatcher (S. P. Ong et al., Comput. Mater. Sci. 68, 314 (2013)), written
 * from its description. Mirror images match. The result depends on the order of the arguments in rare cases: the second
 * crystal gives the cell that is aimed at, so keep (generated, relaxed) and (new, known). */
#ifndef SH_METRICS_MATCHER_H
#define SH_METRICS_MATCHER_H

#include "metrics/reduced.h"

typedef struct {
    double ltol;      /* relative difference of lengths */
    double stol;      /* of displacements, in units of (V / n_atom)^(1/3) */
    double angle_tol; /* degree */
    bool scale;       /* both cells to one volume */
    bool supercell;   /* the smaller cell may be repeated */
} sh_match_opts;

extern const sh_match_opts sh_match_default;   /* 0.2, 0.3, 5: pymatgen's; uniqueness and novelty */
extern const sh_match_opts sh_match_cdvae;     /* 0.3, 0.5, 10 */
extern const sh_match_opts sh_match_authors;   /* 1.0, 1.0, 10: arXiv 2411.04323 */
extern const sh_match_opts sh_match_mattergen; /* 0.5, 0.5, 10, no scaling, supercells: for sh_match_rmsd */

typedef struct {
    bool fit;          /* some alignment has every displacement below stol */
    bool has_rms;      /* some alignment has a root mean square below stol; fit may still be false: one large displacement */
    double rms, max;   /* of the alignment of least rms, in units of (V / n_atom)^(1/3); NaN without has_rms */
    int64_t n_lattice; /* pairs of cells that were within tolerance, as far as was looked */
} sh_match;

/* Both as sh_reduced_create gives them. With fit_only the search ends at the first alignment that fits; rms then is not the
 * least, only `fit` counts. Cells so elongated that a million lattice vectors come into question (an edge of 1000 Å by 3 by 3) match
 * nothing. `scratch` is as before afterwards; threads have one each. */
void sh_match_pair(const sh_reduced *a, const sh_reduced *b, const sh_match_opts *opts, bool fit_only, sh_arena *scratch,
                   sh_match *out);

/* Root mean square displacement in Å as MatterGen reports it: sh_match_mattergen, rms divided by nu = (n_atom / V)^(1/3) of
 * the mean of the two given cells (not the reduced ones) and of n_atom of `a`; 0.5 / nu where nothing matches (*matched). NaN where
 * one is no crystal. */
double sh_match_rmsd(const sh_cell *a, const sh_cell *b, sh_arena *scratch, bool *matched);

#endif
