/* args_crystal.h -- the arguments of the kernels of orbits and quotient graphs; passed by value to a launch. */
#ifndef SH_KERNEL_ARGS_CRYSTAL_H
#define SH_KERNEL_ARGS_CRYSTAL_H

#include <stdint.h>

#include "base/real.h"

#endif
