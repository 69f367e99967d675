/* forces.h -- forces and stress of the pretrained networks: exact derivatives of the energy through the quotient graph, edge
 * classes and all. What is asked of crystals, graph and arrays is as in potential.h. docs/equations.md, "Forces and stress".
 *
 * Everything has the crystal's symmetry by construction: a site's force is left as it is by its site group, and the stress by the
 * crystal's operations, so that a relaxation along them keeps the space group. The force of another atom of the orbit is that of
 * the representative turned by the atom's operation, which sh_forces_of_atoms does.
 *
 * With the strain eps as L -> L (1 + eps), eps 3 x 3 and fractional coordinates as they are,
 *
 *     force = -dE/dx (eV/Å),   stress = 1/|det L| dE/d eps (eV/Å^3): positive under tension, pressure = -trace / 3
 *
 * By kernels on every back-end; on the CPU a thread takes a few crystals from the graph to the forces. With the potentials of
 * M3GNet numbers then have the same bits in every batch. */
#ifndef SH_POTENTIAL_FORCES_H
#define SH_POTENTIAL_FORCES_H

#include "backend/workspace.h"
#include "base/status.h"
#include "crystal/graph.h"
#include "potential/potential.h"

typedef struct sh_forces sh_forces;

/* Of a potential, which is borrowed and stays with the back-end that it uses now (sh_potential_use). SH_EINPUT of a model of band
 * gaps. One object serves one call at a time. */
sh_status sh_forces_create(const sh_potential *potential, sh_forces **out);
void sh_forces_destroy(sh_forces **forces);

/* For the crystals wanted[0..n_wanted) of the batch (NULL: all), each at its own index, other numbers left alone:
 *
 *     energy (C)    eV a cell; of a model of formation energies the formation energy of the cell
 *     force (S,3)   eV/Å, Cartesian, on the representative of each site: the first of its atoms
 *     stress (C,9)  eV/Å^3, Cartesian, symmetric; times SH_GPA (base/units.h) in GPa
 *
 * Arrays are there. The graph must have sh_potential_cutoff or a larger cut-off, and all neighbours. The model knows all elements,
 * otherwise the crystal's numbers are NaN. No errors otherwise: atoms that are too close give numbers that are large, or not finite
 * where two of them coincide, and graph.min_dist tells. At a crystal without edges forces and stress are 0. */
void sh_forces_evaluate(sh_forces *forces, sh_workspace *ws, const sh_crystals *crystals, const sh_graph *graph,
                        const int64_t *wanted, int64_t n_wanted, double *energy, double *force, double *stress);

/* Forces of all atoms, atom_force (A,3), from those of the sites, force (S,3). Arrays are there. */
void sh_forces_of_atoms(sh_workspace *ws, const sh_crystals *crystals, const double *force, double *atom_force);

#endif
