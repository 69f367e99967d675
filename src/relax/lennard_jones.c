#include "relax/lennard_jones.h"

#include <math.h>

#include "cell.h"

static const double EPSILON_EV = 0.2, SIGMA_ANG = 3.4, CUTOFF_ANG = 8, ONSET = 0.66;

/* u and du/dr */
static void pair(double r, double *u, double *slope)
{
    double q = r * r, end = CUTOFF_ANG * CUTOFF_ANG, onset = ONSET * CUTOFF_ANG * ONSET * CUTOFF_ANG;
    double s6 = pow(SIGMA_ANG * SIGMA_ANG / q, 3), bare = 4 * EPSILON_EV * s6 * (s6 - 1);
    double bare_slope = 4 * EPSILON_EV * s6 * (6 - 12 * s6) / r, smooth = 1, smooth_slope = 0;
    if (q >= end) {
        *u = *slope = 0;
        return;
    }
    if (q >= onset) {
        double width3 = pow(end - onset, 3);
        smooth = (end - q) * (end - q) * (end + 2 * q - 3 * onset) / width3;
        smooth_slope = 2 * r * 6 * (end - q) * (onset - q) / width3;
    }
    *u = bare * smooth;
    *slope = bare_slope * smooth + bare * smooth_slope;
}

static bool knows(const void *self, int z)
{
    (void)self;
    return z >= 1;
}

/* Each pair is met from both its ends. */
static void evaluate(const void *self, sh_workspace *ws, const sh_crystals *c, const sh_graph *g, const sh_relax_values *out)
{
    static const int voigt[9] = {0, 5, 4, 5, 1, 3, 4, 3, 2};
    (void)self;
    (void)ws;
#pragma omp parallel for schedule(dynamic, 1)
    for (int64_t k = 0; k < c->n_crystal; k++) {
        double energy = 0, virial[6] = {0}, volume = sh_lattice_volume(c->lattice + 9 * k);
        for (int64_t s = g->site_start[k]; s < g->site_start[k + 1]; s++) {
            double sum[3] = {0};
            for (int64_t e = g->edge_start[s]; e < g->edge_start[s + 1]; e++) {
                double u, slope, r = g->edge_dist[e];
                pair(r, &u, &slope);
                energy += 0.5 * g->site_mult[s] * g->edge_count[e] * u;
                for (int i = 0; i < 3; i++)
                    sum[i] += slope * g->edge_u[3 * e + i];
                for (int i = 0; i < 6; i++)
                    virial[i] += 0.5 * g->site_mult[s] * slope * r * g->edge_uu[6 * e + i];
            }
            for (int i = 0; i < 3; i++)
                out->force[3 * s + i] = sum[i];
        }
        out->energy[k] = energy;
        out->e_form[k] = NAN;
        for (int i = 0; i < 9; i++)
            out->stress[9 * k + i] = virial[voigt[i]] / volume;
    }
}

const sh_relax_model sh_lennard_jones = {.self = NULL, .cutoff = 8, .knows = knows, .evaluate = evaluate};
