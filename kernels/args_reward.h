/* args_reward.h -- the arguments of the kernels of the terms of the reward; passed by value to a launch. */
#ifndef SH_KERNEL_ARGS_REWARD_H
#define SH_KERNEL_ARGS_REWARD_H

#include <stdint.h>

#include "base/real.h"

#endif
