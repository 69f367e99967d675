/* journal.h -- results as they come, from which a command that was killed goes on: a folder with a file for each process that ever
 * worked on it, to which rows are appended. A row is its length, its bytes and the first half of their SHA-256; whatever a kill cuts
 * off does not verify, and is done again. Rows are bytes of this machine's kind; what they mean is their writer's affair. */
#ifndef SH_IO_JOURNAL_H
#define SH_IO_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

typedef struct sh_journal sh_journal;

/* The folder, made and locked (io/files.h, sh_folder_lock) for what `who` does: by one process, before any rows. With `anew` the rows
 * that are there, and the output they would have become, are removed. */
sh_status sh_journal_open(const char *folder, const char *who, const char *output, bool anew, int *lock);
/* A new file in the folder for this process, the first that is free of every n_part-th from number `part` on: of many processes none is
 * in the way of another. The folder is made. job: 64 letters, equal for the same command on the same input. */
sh_status sh_journal_create(const char *folder, const char *job, int part, int n_part, sh_journal **out);
/* Appends one row, n_head bytes and n_rest behind them. On the disk within seconds, out of the program's hands at once. */
sh_status sh_journal_add(sh_journal *journal, const void *head, size_t n_head, const void *rest, size_t n_rest);
sh_status sh_journal_close(sh_journal **journal);

/* All whole rows of the files of the folder, which all are of this job; a row that was cut off ends its file. Of n_part readers, each
 * takes other files. SH_EINPUT where a file is of another job. Stops at the first failure of `take`. */
typedef sh_status (*sh_journal_row)(void *user, const char *data, size_t size);
sh_status sh_journal_read(const char *folder, const char *job, int part, int n_part, sh_journal_row take, void *user);

/* Its files, and with them the folder and the lock in it. */
sh_status sh_journal_clear(const char *folder);
sh_status sh_journal_remove(const char *folder);

#endif
