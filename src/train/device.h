/* device.h -- which back-end a worker uses. */
#ifndef SH_TRAIN_DEVICE_H
#define SH_TRAIN_DEVICE_H

#include "comm/comm.h"
#include "io/config.h"
#include "train/setup.h"

/* Whether there is one rank more than there are devices, seen by whichever rank, so that rank 0 had better only coordinate. Collective
 * over all; before sh_comm_set_workers. */
bool sh_device_leaves_one_over(sh_comm *comm, sh_device device);

/* Opens the device of every worker: its index among the workers of its node, modulo the devices that it sees. auto: the CPU where a
 * worker sees none. Two workers on one device are warned about. *be is the CPU's where there is none and on ranks that are no workers.
 * Collective over all; after sh_comm_set_workers. */
sh_status sh_device_open(sh_comm *comm, sh_device device, const sh_backend **be);
/* When nothing uses it any more; of the CPU's nothing. */
void sh_device_close(const sh_backend *be);

/* The same, and the setup of every worker is taken there; the devices sum gradients themselves where every worker has one of its own. */
sh_status sh_device_choose(sh_comm *comm, sh_device device, sh_setup *setup);

/* Back to the CPU; before the setup is destroyed. */
void sh_device_leave(sh_setup *setup);

#endif
