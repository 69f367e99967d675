/* writer.h -- a job on a thread of its own: what goes to a disk while the program goes on.
 *
 * One job at a time. HDF5 is not safe for threads, and MPI is the first thread's: while a job is under way nobody else may be in
 * HDF5, and a job calls nothing of MPI's. Signals go to the program's first thread, and the job has one thread for its loops. */
#ifndef SH_IO_WRITER_H
#define SH_IO_WRITER_H

#include <stdbool.h>

#include "base/status.h"

typedef struct sh_writer sh_writer;
typedef sh_status (*sh_writer_job)(void *context);

sh_writer *sh_writer_create(void);
void sh_writer_destroy(sh_writer **writer); /* waits; what the job said is lost */

/* The job before must have been waited for. `context` is the job's until then. */
void sh_writer_start(sh_writer *writer, sh_writer_job job, void *context);

typedef enum { SH_WRITER_IDLE, SH_WRITER_BUSY, SH_WRITER_FAILED } sh_writer_state;
sh_writer_state sh_writer_look(const sh_writer *writer); /* idle: there was no job, or it went well */

/* What the job returned, with its texts, once; SH_OK where there is none. */
sh_status sh_writer_wait(sh_writer *writer);
double sh_writer_seconds(const sh_writer *writer); /* that the jobs waited for so far took together */

#endif
