/* gzip.h -- text files that may be compressed with gzip. */
#ifndef SH_IO_GZIP_H
#define SH_IO_GZIP_H

#include "io/text.h"

/* As sh_text_read; of a file that begins as gzip's do, what it holds (all members), at most 1 GiB. */
sh_status sh_gzip_read(const char *path, char **text, size_t *size);

#endif
