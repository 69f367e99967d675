/* network.h -- the pretrained networks as models of a relaxation. */
#ifndef SH_RELAX_NETWORK_H
#define SH_RELAX_NETWORK_H

#include "potential/potential.h"
#include "relax/model.h"

typedef struct sh_relax_network sh_relax_network;

/* The potential is borrowed, and uses `be` (sh_potential_use) as long as this is there. SH_EINPUT of a model of band gaps. The energy of a
 * model of formation energies is the formation energy of the cell. */
sh_status sh_relax_network_create(const sh_potential *potential, const sh_backend *be, sh_relax_network **out);
void sh_relax_network_destroy(sh_relax_network **network);

const sh_relax_model *sh_relax_network_model(const sh_relax_network *network);

#endif
