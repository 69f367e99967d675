/* clock.h -- seconds on a clock that nobody sets: for how long things take, whatever happens to the time of day. */
#ifndef SH_BASE_CLOCK_H
#define SH_BASE_CLOCK_H

double sh_clock_s(void);

#endif
