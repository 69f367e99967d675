/* relax.h -- relaxations of many structures at once: FIRE on atoms and cell, one evaluation of the model a move for all structures in
 * hand; who converges or fails leaves, and others take its place.
 *
 * FIRE (Bitzek et al., Phys. Rev. Lett. 97, 170201 (2006)) and the exponential cell filter with the constants and the order of ASE,
 * which the relaxations published with M3GNet used; docs/equations.md says what is computed. A structure's path does not depend on
 * which others are in the batch. Nothing that a structure does is an error: it ends with a verdict. */
#ifndef SH_RELAX_RELAX_H
#define SH_RELAX_RELAX_H

#include "crystal/dataset.h"
#include "relax/model.h"

typedef enum {
    SH_RELAX_CONVERGED,  /* the largest row of the generalised force is below fmax */
    SH_RELAX_STEPS,      /* not so after all steps */
    SH_RELAX_ELEMENT,    /* the model does not know an element */
    SH_RELAX_CELL,       /* no cell, at the start or on the way: flat, below 1 or above 10,000 Å^3 an atom */
    SH_RELAX_COINCIDENT, /* two atoms within 0.01 Å, at the start or on the way */
    SH_RELAX_ISOLATED,   /* no two atoms within the model's cut-off: nothing holds it together */
    SH_RELAX_NOT_FINITE, /* the model gave an energy, a force or a stress that is no number */
    SH_RELAX_UNREADABLE, /* for callers: there was no structure */
    SH_RELAX_N_VERDICT
} sh_relax_verdict;

const char *sh_relax_verdict_key(sh_relax_verdict verdict); /* "converged", "steps", ... */
const char *sh_relax_verdict_text(sh_relax_verdict verdict); /* "did not converge within the steps allowed" */

typedef struct {
    double fmax;          /* eV/Å, and eV for the cell's rows */
    int64_t max_steps;
    double pressure;      /* eV/Å^3 */
    double stress_factor; /* that the true stress is multiplied with */
    bool fixed_cell;
    bool p1;              /* each atom for itself; otherwise the group found at `symprec` is kept */
    double symprec;       /* Å */
    double shake;         /* Å: standard deviation of a displacement of each coordinate before the first step, with p1 only; the cell,
                             unless it is fixed, is strained by as much over its size. 0: none */
    uint64_t seed;        /* of the displacements */
    int64_t batch, batch_sites; /* structures in hand at most; no further one is taken at so many sites */
} sh_relax_opts;

/* fmax 0.1, 500 steps, the stress factor of the published protocol (stress in GPa used as 0.01 eV/Å^3), symmetry kept at 1e-3 Å. */
sh_relax_opts sh_relax_defaults(void);

typedef struct {
    int64_t id;   /* the caller's number; key of the shake's random numbers */
    sh_cell cell; /* borrowed until the result */
} sh_relax_job;

typedef struct {
    int64_t id;
    sh_relax_verdict verdict;
    int32_t n_step;            /* moves */
    int64_t n_site;            /* that moved on their own */
    double energy[2];          /* eV a cell, of the structure given and at the end; NaN where not known */
    double e_form[2];          /* eV/atom, likewise */
    double force_max;          /* largest row of the generalised force at the end */
    double stress[6];          /* at the end, eV/Å^3: xx yy zz yz xz xy */
    double volume[2];          /* Å^3 */
    double shift_max, shift_rms; /* Å, of atoms from where the structure given has them, their common shift taken off, in the mean of both
                                  cells */
    double lattice[9];         /* at the end */
    int64_t n_atom;
    const double *frac;        /* (N,3) in [0,1), in the order of the cell given; until the callback returns */
} sh_relax_result;

/* Where structures come from and go to. All called by the thread that runs, between moves. */
typedef struct {
    void *user;
    /* Is asked while there is room in the batch; n_in_hand are in it. False: none now; asked again after the next move, and it is over
     * when the batch is empty too. */
    bool (*next)(void *user, int64_t n_in_hand, sh_relax_job *job);
    void (*done)(void *user, const sh_relax_result *result);
    /* After each evaluation of each structure, if not NULL: moves so far, energy, largest row, volume. */
    void (*trace)(void *user, int64_t id, int64_t n_step, double energy, double force_max, double volume);
    /* Asked before each move of the batch, if not NULL. True: those in hand are given up without a result, and it is over. */
    bool (*stop)(void *user);
} sh_relax_source;

void sh_relax_run(const sh_relax_model *model, const sh_relax_opts *opts, const sh_relax_source *source);

#endif
