/* phase.h -- a composition with its energy, as tables of known phases have it: plain data, and formulas read and written. */
#ifndef SH_IO_PHASE_H
#define SH_IO_PHASE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum { SH_PHASE_MAX_KIND = 16 }; /* elements of one composition */

/* Elements in ascending order with their counts, eV/atom. */
typedef struct {
    int n_kind;
    int32_t z[SH_PHASE_MAX_KIND];
    int64_t count[SH_PHASE_MAX_KIND];
    double energy;
} sh_phase;

/* n elements with counts, NULL: one each. Elements sorted, repeated ones added up, counts divided by their greatest common divisor.
 * SH_EINPUT for none, more than SH_PHASE_MAX_KIND, numbers that are none of an element. */
sh_status sh_phase_create(const int32_t *z, const int64_t *count, int64_t n, double energy, sh_phase *out);
/* "Li3PS4", "Ca(OH)2", "Fe0.5": symbols, whole or decimal counts (up to 4 digits behind the point), brackets. *atoms, if not NULL, is
 * the number of atoms as written. */
sh_status sh_phase_parse(const char *formula, double energy, sh_phase *out, double *atoms);
/* Elements in ascending order: "Li3PS4" is Li3PS4, "LiO2P" ...; cut where it does not fit. */
void sh_phase_formula(const sh_phase *phase, char *out, size_t size);
int64_t sh_phase_atoms(const sh_phase *phase); /* of the reduced formula */
/* By elements, then counts; energies do not count. */
int sh_phase_compare(const sh_phase *a, const sh_phase *b);
/* By how many elements there are, then which. */
int sh_phase_compare_elements(const sh_phase *a, const sh_phase *b);

#endif
