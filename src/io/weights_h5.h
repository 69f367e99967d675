/* weights_h5.h -- reads the weight files that `shaft model import` writes; docs/formats.md. */
#ifndef SH_IO_WEIGHTS_H5_H
#define SH_IO_WEIGHTS_H5_H

#include "potential/weights.h"

/* Every dataset, checked by its Fletcher-32, and the attributes. Errors name the file and the dataset. */
sh_status sh_weights_read(const char *path, sh_weights **out);

/* SHA-256 over names, shapes and values of all tensors in file order, as 64 hexadecimal digits. */
void sh_weights_sha256(const sh_weights *weights, char hex[65]);

#endif
