/* device.h -- which back-end a worker uses. */
#ifndef SH_TRAIN_DEVICE_H
#define SH_TRAIN_DEVICE_H

#include "comm/comm.h"
#include "io/config.h"
#include "train/setup.h"

/* Takes the setup of every worker to its device: its index among the workers of its node, modulo the devices that it sees. auto: the
 * CPU where a worker sees none. Two workers on one device are warned about. Collective over all; after sh_comm_set_workers. */
sh_status sh_device_choose(sh_comm *comm, sh_device device, sh_setup *setup);

/* Back to the CPU; before the setup is destroyed. */
void sh_device_leave(sh_setup *setup);

#endif
