/* options.h -- values of options on the command line. SH_EINPUT says what is wanted. */
#ifndef SH_CMD_OPTIONS_H
#define SH_CMD_OPTIONS_H

#include <stdint.h>

#include "base/status.h"
#include "io/config.h"

sh_status sh_option_integer(const char *option, const char *text, int64_t least, int64_t most, int64_t *value);
sh_status sh_option_number(const char *option, const char *text, double least, double most, double *value);
/* A length of time in seconds: 3600, 90m, 1h30m, 2d, 30s, 1:30:00 (h:m:s), 2-12:00:00 (days before it); infinite for `none`. */
sh_status sh_option_duration(const char *option, const char *text, double *seconds);
/* One of the words, NULL after the last; its place in the list. */
sh_status sh_option_word(const char *option, const char *text, const char *const *words, int *which);
/* The value of --device: auto, cpu or cuda. */
sh_status sh_option_device(const char *text, sh_device *device);

#endif
