/* signals.h -- SIGTERM, SIGINT and SIGUSR1 mean: finish the iteration, write a checkpoint, leave. A second SIGINT ends the
 * program at once. */
#ifndef SH_TRAIN_SIGNALS_H
#define SH_TRAIN_SIGNALS_H

void sh_signals_install(void);
int sh_signals_caught(void); /* the signal's number, 0 while there was none */

/* For who has nothing to save: SIGTERM, SIGUSR1 and SIGALRM end the process with these words (NULL: none) and the code of SH_ESTOP. */
void sh_signals_leave_at_once(const char *words);

#endif
