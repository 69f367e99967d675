/* run.h -- what an evaluation was made of, with and by, so that its figures can be traced. */
#ifndef SH_EVALUATE_RUN_H
#define SH_EVALUATE_RUN_H

#include "evaluate/work.h"

/* An object of JSON, which the caller frees; on rank 0. No time, no ranks: equal evaluations give equal texts. */
char *sh_evaluation_run(const sh_evaluation_work *work);

#endif
