/* options.h -- values of options on the command line. SH_EINPUT says what is wanted. */
#ifndef SH_CMD_OPTIONS_H
#define SH_CMD_OPTIONS_H

#include <stdbool.h>
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

/* SH_EINPUT where one of the named files and folders (n) is not there; NULL is passed over. */
sh_status sh_option_inputs(const char *const *inputs, int n);
/* A file to be written, before the work: SH_EINPUT where it is there, unless `overwrite`; SH_EIO where it cannot be made. */
sh_status sh_option_output(const char *path, bool overwrite);
/* SH_EINPUT where writing it would destroy what is read: one of the inputs (n), a file of them that are folders of structures, or one
 * that has the name under which it is written first. An input that is NULL, or not there, is passed over. */
sh_status sh_option_output_is_no_input(const char *path, const char *const *inputs, int n);

#endif
