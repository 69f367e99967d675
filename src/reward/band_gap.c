/* band_gap.c -- the term of a wanted band gap: S_g = exp(-(E_g - target)^2 / (2 width^2)), E_g in eV as the model predicts it, below
 * 0 (as it says of metals at times) taken as 0. */
#include <math.h>

#include "reward/terms.h"

double sh_band_gap_term(double gap, double target, double width)
{
    double z = ((gap < 0 ? 0 : gap) - target) / width; /* NaN stays NaN */
    return exp(-0.5 * z * z);
}
