/* lennard_jones.h -- a potential without any network, for trying out relaxations: the same pair energy for all elements,
 *
 *     u(r) = 4 eps [(s/r)^12 - (s/r)^6] S(r^2),   eps = 0.2 eV, s = 3.4 Å,
 *     S(q) = 1 for q < O, (R - q)^2 (R + 2 q - 3 O) / (R - O)^3 for O <= q < R,   R = (8 Å)^2, O = (0.66 * 8 Å)^2. */
#ifndef SH_RELAX_LENNARD_JONES_H
#define SH_RELAX_LENNARD_JONES_H

#include "relax/model.h"

extern const sh_relax_model sh_lennard_jones;

#endif
