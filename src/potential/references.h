/* references.h -- from total to formation energies: element references of a potential and the corrections of the Materials
 * Project's 2018 scheme (Jain et al., Phys. Rev. B 84, 045115 (2011); constants as in pymatgen's MPCompatibility.yaml).
 *
 *     one element only:  E_form = E / N - mu(z)
 *     otherwise:         E_form = (E - sum mu'(z_i) + sum shift(i) + sum u(z_i)) / N
 *
 * shift: oxygen by its own distances to other oxygens (oxide, peroxide, superoxide, ozonide), sulphur unless the mean
 * electronegativity of its nearest shell is above its own (a sulfate). u: metals in oxides and fluorides. By site, with
 * multiplicities. */
#ifndef SH_POTENTIAL_REFERENCES_H
#define SH_POTENTIAL_REFERENCES_H

#include <stdbool.h>

#include "args_potential.h"
#include "potential/potential.h"

sh_status sh_references_create(const char *path, sh_references **out); /* a CSV, see configs/tables */
void sh_references_destroy(sh_references **references);
bool sh_references_knows(const sh_references *references, int z);

const sh_reference_table *sh_references_table(const sh_references *references);

/* From e_total (eV a cell) to e_form (eV/atom) of the crystals wanted[0..n), NULL: 0..n-1; at their own index, all there, as the table is
 * (NULL: NaN). given: e_total holds formation energies already, which move to e_form and leave NaN. */
void sh_references_formation(const sh_reference_table *table, sh_workspace *ws, const sh_crystals *crystals, const sh_graph *graph,
                             const int64_t *wanted, int64_t n, bool given, double *e_total, double *e_form);

#endif
