/* log.h -- what the program says while it runs. Rank 0 speaks to the console; other ranks only in warnings and
 * errors, with their number. A clean run prints no warning. Output goes to stderr: stdout is for results. */
#ifndef SH_BASE_LOG_H
#define SH_BASE_LOG_H

#include "base/status.h"

typedef enum { SH_LOG_QUIET, SH_LOG_INFO, SH_LOG_DEBUG } sh_log_level;

void sh_log_setup(sh_log_level level, int rank, int size);
void sh_log_info(const char *format, ...) SH_PRINTF(1, 2);  /* rank 0 */
void sh_log_debug(const char *format, ...) SH_PRINTF(1, 2); /* rank 0, with --verbose */
void sh_log_warn(const char *format, ...) SH_PRINTF(1, 2);  /* any rank */

#endif
