/* step_cell.h -- what a step of a record says of the cell: which parameters are free, how heads see them, the lattice. Shared by kernels
 * and the host. */
#ifndef SH_KERNEL_STEP_CELL_H
#define SH_KERNEL_STEP_CELL_H

#include "crystal/lattice.h"
#include "gflownet/options.h"
#include "gflownet/record.h"

enum { SH_LATTICE_CODE = 4 }; /* numbers by which a lattice parameter is shown to the heads after it */

SH_BODY bool sh_step_is_free(const sh_step *step, int d)
{
    return sh_family_free(sh_group_family(step->sg_number)) >> d & 1;
}

/* u of a lattice parameter as a head sees it, y = logit u. */
SH_BODY void sh_parameter_code(double y, sh_real *code)
{
    double u = 1 / (1 + exp(-y));
    code[0] = (sh_real)(2 * u - 1);
    for (int k = 1; k < SH_LATTICE_CODE; k++)
        code[k] = (sh_real)cos(SH_PI * k * u);
}

/* The code of the free lattice parameters below `before` of a step: 6 SH_LATTICE_CODE numbers, zeros of the others. */
SH_BODY void sh_lattice_code(const sh_step *step, int before, sh_real *code)
{
    for (int d = 0; d < 6; d++) {
        sh_real *c = code + d * SH_LATTICE_CODE;
        if (d < before && sh_step_is_free(step, d))
            sh_parameter_code(step->y[d], c);
        else
            c[0] = c[1] = c[2] = c[3] = 0;
    }
}

/* Lattice of a step, rows in Å, from its logits. */
SH_BODY void sh_step_lattice(const sh_cell_bounds *bounds, const sh_step *step, double lattice[9])
{
    double u[6], parameters[6];
    for (int d = 0; d < 6; d++)
        u[d] = 1 / (1 + exp(-step->y[d]));
    sh_lattice_from_u(sh_group_family(step->sg_number), bounds, u, parameters);
    sh_lattice_matrix(parameters, lattice);
}

/* A cell of the group's family for states whose lattice is not drawn yet: 15 Å^3 an atom, equal axes, angles of 90 (120). */
SH_BODY void sh_nominal_lattice(int32_t sg_number, int32_t n_atom, double lattice[9])
{
    bool hexagonal = sh_group_family(sg_number) == SH_HEXAGONAL;
    double side = cbrt(15.0 * n_atom / (hexagonal ? sqrt(0.75) : 1));
    const double parameters[6] = {side, side, side, 90, 90, hexagonal ? 120.0 : 90.0};
    sh_lattice_matrix(parameters, lattice);
}

#endif
