/* structure.h -- a crystal structure as files have it: a cell and atoms, no symmetry. Readers append to a list, in which
 * what could not be read has a place of its own with the reason: one bad file or frame among thousands costs itself
 * only. */
#ifndef SH_IO_STRUCTURE_H
#define SH_IO_STRUCTURE_H

#include <stdint.h>

#include "base/memory.h"
#include "base/status.h"
#include "cell.h"
#include "crystal/crystal.h"

/* More atoms than this in one structure are refused: the models are for cells of a few hundred, bond scores take the square of
 * the number in time, and a damaged count would ask for all memory. */
enum { SH_MAX_STRUCTURE_ATOM = 10000 };

typedef struct {
    double lattice[9]; /* rows a, b, c in Å */
    int64_t n_atom;
    int32_t *z;      /* (N) 1..118 */
    double *frac;    /* (N,3) in [0,1) */
    char *name;      /* data block, comment line; may be NULL */
    int32_t sampled_group; /* the file's _shaft_sampled_space_group_number, 0 where it has none */
    double reward;   /* of a sample, as it was when it was drawn; 0 where the file has none */
    char *reward_model; /* whose formation energy that reward had; SH_NO_REWARD_MODEL: a reward without one; NULL: nobody said */
    int32_t file;    /* index into the paths of the list */
    int64_t index;   /* 1, 2, ...: place in the file */
    char *error;     /* NULL; otherwise why this could not be read, with file, line and what to do; then n_atom = 0 */
} sh_structure;

#define SH_NO_REWARD_MODEL "none"

typedef struct {
    int64_t n, capacity;
    sh_structure *item;
    int32_t n_file, file_capacity;
    char **file;
} sh_structures; /* all zero: empty */

void sh_structure_create(sh_structure *s, int64_t n_atom); /* everything zero, room for the atoms */
void sh_structure_destroy(sh_structure *s);
void sh_structure_copy(const sh_structure *from, sh_structure *to);

void sh_structures_destroy(sh_structures *list); /* leaves it empty */
/* From here on structures are appended under this path, counted from 1. */
void sh_structures_add_file(sh_structures *list, const char *path);
/* Takes the structure over (and zeroes it); file and index are filled in. */
void sh_structures_add(sh_structures *list, sh_structure *s);
/* The current error (message and hints) takes the place of a structure; clears it. */
void sh_structures_add_error(sh_structures *list);
const char *sh_structures_path(const sh_structures *list, int64_t i);
/* SH_OK, or SH_EINPUT with the message of the first structure that could not be read. */
sh_status sh_structures_check(const sh_structures *list);

/* One crystal of a batch, its atoms in order. */
void sh_structure_from_crystal(const sh_crystals *crystals, int64_t crystal, sh_structure *out);

/* The elements z (n) with their counts as a formula, the most electropositive first by a fixed order. `out` is cut where it does not
 * fit. */
void sh_formula_write(int n, const int32_t *z, const int64_t *count, char *out, size_t size);
/* "NaCl", "Li3PS4": counts divided by their greatest common divisor, the most electropositive first by a fixed order of
 * the elements; *units is the divisor. `out` is cut where it does not fit. */
void sh_structure_formula(const sh_structure *s, char *out, size_t size, int64_t *units);

/* Elements in that order with their counts; returns how many kinds. */
int sh_structure_composition(const sh_structure *s, int32_t z[118], int64_t count[118]);

#endif
