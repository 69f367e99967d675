/* reference.h -- what is known already: lowest energies by composition, for the hull, and crystals, for novelty; in one file,
 * made once by `shaft reference build`. docs/formats.md, "Reference data". */
#ifndef SH_IO_REFERENCE_H
#define SH_IO_REFERENCE_H

#include "crystal/dataset.h"
#include "io/phase.h"
#include "io/structure.h"

typedef enum { SH_ENERGY_NONE, SH_ENERGY_FORMATION, SH_ENERGY_TOTAL, SH_N_ENERGY } sh_energy_kind;
extern const char *const sh_energy_name[SH_N_ENERGY]; /* "none", "formation", "total" */

/* One growing text for all identifiers: that of entry i is text + start[i]. */
typedef struct {
    char *text;
    int64_t *start, n, used, capacity, room;
} sh_names;

typedef struct {
    sh_energy_kind energy;
    char *energies_of;      /* the potential or method whose energies they are; "" where nobody said */
    char *attribution;      /* where the data are from and how they may be used; "" where nobody said */
    int64_t n_phase, phase_capacity;
    sh_phase *phase;        /* (n_phase) eV/atom; after sh_reference_finish one a composition, in order */
    sh_names phase_id;
    int64_t n_structure, structure_capacity, n_atom, atom_capacity;
    double *lattice;        /* (n_structure,9) of the reduced cell (sh_reduced_create), rows, Å */
    double *energy_per_atom; /* (n_structure) eV; NaN: not known */
    int64_t *atom_start;    /* (n_structure+1) */
    int32_t *z;             /* (n_atom) */
    double *frac;           /* (n_atom,3) */
    sh_names structure_id;
} sh_reference;

void sh_reference_start(sh_reference *r); /* empty */
void sh_reference_destroy(sh_reference *r);

/* id may be NULL. */
void sh_reference_add_phase(sh_reference *r, const sh_phase *phase, const char *id);
/* Of cells that are reduced already. */
void sh_reference_add_structure(sh_reference *r, const double lattice[9], int64_t n_atom, const int32_t *z, const double *frac,
                                double energy_per_atom, const char *id);
/* Sorts the phases and keeps the lowest of each composition. */
void sh_reference_finish(sh_reference *r);

sh_status sh_reference_write(const sh_reference *r, const char *path);
/* Everything in the file is checked: afterwards all numbers are finite, all elements in 1..118, all cells cells. On failure r is empty. */
sh_status sh_reference_read(const char *path, sh_reference *r);

/* For sh_crystal_store_create with reduced = true; views (n_structure) into r. The caller frees the array. */
sh_cell *sh_reference_cells(const sh_reference *r);
#endif
