/* args_potential.h -- the arguments of the kernels of M3GNet; passed by value to a launch. */
#ifndef SH_KERNEL_ARGS_POTENTIAL_H
#define SH_KERNEL_ARGS_POTENTIAL_H

#include <stdint.h>

#include "base/real.h"

#endif
