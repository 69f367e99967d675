/* judge.h -- the pretrained model that says energies, or band gaps, of the structures that are evaluated. */
#ifndef SH_EVALUATE_JUDGE_H
#define SH_EVALUATE_JUDGE_H

#include "crystal/dataset.h"
#include "io/models.h"
#include "metrics/verdict.h"

/* Why a structure has no energy. */
typedef enum {
    SH_JUDGED,
    SH_JUDGED_NO_MODEL,
    SH_JUDGED_CELL,      /* nothing was read, or no cell */
    SH_JUDGED_CLOSE,     /* a pair of atoms, own images included, below SH_SHORTEST_PAIR: no model was trained on such */
    SH_JUDGED_ELEMENT,   /* the model does not know an element */
    SH_JUDGED_NOT_FINITE /* the model gave no number */
} sh_judged;

const char *sh_judged_text(sh_judged judged);

typedef struct {
    sh_energy_model model; /* empty: nobody */
    const sh_backend *be;  /* that a network works on, borrowed; a pair potential works on the CPU alone */
} sh_judge;

/* SH_EINPUT where there is no such model, or it predicts something else than energies (or band gaps). */
sh_status sh_judge_create(const char *name, bool gaps, const sh_backend *be, sh_judge *out);
void sh_judge_destroy(sh_judge *judge);

/* Whether it can be asked about a structure. */
sh_judged sh_judge_can(const sh_judge *judge, const sh_cell *cell, const sh_distances *distances);

/* Of cells that it can be asked about: total energies (eV a cell; NaN from models of formation energies) and formation energies
 * (eV/atom; NaN where the model has none) (n). Resets the arena. */
void sh_judge_energies(const sh_judge *judge, const sh_cell *cells, int64_t n, sh_arena *arena, double *e_total, double *e_form);
/* Band gaps, eV (n); resets the arena. */
void sh_judge_gaps(const sh_judge *judge, const sh_cell *cells, int64_t n, sh_arena *arena, double *gap);

#endif
