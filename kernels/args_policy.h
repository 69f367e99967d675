/* args_policy.h -- the arguments of the kernels of states, masks and trajectories; passed by value to a launch. */
#ifndef SH_KERNEL_ARGS_POLICY_H
#define SH_KERNEL_ARGS_POLICY_H

#include <stdint.h>

#include "base/real.h"

#endif
