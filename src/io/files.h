/* files.h -- files that are whole or not there, and folders of numbered ones. */
#ifndef SH_IO_FILES_H
#define SH_IO_FILES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/status.h"

/* The folder and those above it. */
sh_status sh_folder_make(const char *path);

/* What others have written to a file is on the disk when this returns; a file that is not there is fine. */
sh_status sh_file_sync(const char *path);

/* The folder that PATH is in: "." for a bare name. */
void sh_file_folder(const char *path, char *folder, size_t size);
/* PATH.part, under which a file is written. */
void sh_file_part(const char *path, char *part, size_t size);
/* SH_EINPUT where PATH is there and is no file. */
sh_status sh_file_is_free(const char *path);
/* Can PATH.part be made, and is PATH, if it is there, a file? For finding out before the work; leaves nothing. */
sh_status sh_file_probe(const char *path);
/* Whether both names are of one file: links are followed; of files that are not there yet, the folder and the name in it count. */
bool sh_file_same(const char *a, const char *b);
/* Gets PATH.part onto the disk and gives it its name; what had the name is replaced. */
sh_status sh_file_publish(const char *path);

/* Calls `visit` with each plain file of a folder, in the order of their names; a missing folder has none. Stops at the
 * first failure. Not recursive. */
typedef sh_status (*sh_file_visit)(const char *folder, const char *name, void *user);
sh_status sh_folder_visit(const char *path, sh_file_visit visit, void *user);

/* Removes every *.part of the folder. */
sh_status sh_folder_clean(const char *path);

/* Takes FOLDER/lock for this process; where another holds it, SH_EINPUT names that one: "another WHO, process 12, works in".
 * The kernel gives it up when the process ends, however it ends; the file stays, empty after sh_folder_unlock. `lock` is -1
 * before, and after where the folder is not there or its file system has no locks. */
sh_status sh_folder_lock(const char *folder, const char *who, int *lock);
void sh_folder_unlock(int *lock);

#endif
