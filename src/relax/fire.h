/* fire.h -- the fast inertial relaxation engine for one structure (Bitzek et al., Phys. Rev. Lett. 97, 170201 (2006)), with the
 * constants and the order of ASE's FIRE of 2021. Rows of three numbers; a row may stand for several that symmetry makes equal, and then
 * counts as often in every sum. */
#ifndef SH_RELAX_FIRE_H
#define SH_RELAX_FIRE_H

#include <stdbool.h>
#include <stdint.h>

typedef struct {
    bool moving;     /* has made a step */
    double dt, alpha;
    int64_t n_uphill_free; /* steps since the force last pointed against the velocity */
} sh_fire;

sh_fire sh_fire_start(void);

/* One step: updates v and writes the displacement. force, v, step (n,3); weight (n). */
void sh_fire_step(sh_fire *fire, int64_t n, const double *weight, const double *force, double *v, double *step);

#endif
