/* band_gap.h -- the term of a wanted band gap: S_g = exp(-(E_g - target)^2 / (2 width^2)), E_g in eV as the model predicts it,
 * below 0 (as it says of metals at times) taken as 0. */
#ifndef SH_KERNEL_BAND_GAP_H
#define SH_KERNEL_BAND_GAP_H

#include <math.h>

#include "base/real.h"

SH_BODY double sh_band_gap_term(double gap, double target, double width)
{
    double z = ((gap < 0 ? 0 : gap) - target) / width; /* NaN stays NaN */
    return exp(-0.5 * z * z);
}

#endif
