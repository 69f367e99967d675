/* potential_parts.h -- what a potential is made of, for what works on it besides potential.c. */
#ifndef SH_POTENTIAL_POTENTIAL_PARTS_H
#define SH_POTENTIAL_POTENTIAL_PARTS_H

#include "potential/m3gnet.h"
#include "potential/megnet_model.h"
#include "potential/potential.h"
#include "potential/references.h"

/* One of the two networks, the other one NULL. */
struct sh_potential {
    sh_m3gnet *m3gnet;
    sh_megnet_model *megnet;
    sh_quantity quantity;
    const sh_references *references;
    const sh_backend *be;                  /* whose kernels read the next */
    const sh_reference_table *table_there; /* NULL: none, or the CPU's back-end */
};

#endif
