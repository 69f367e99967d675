/* jsonl.h -- crystals as JSON lines: one object a line with "lattice" (three rows, Å), "species" (symbols), "frac" (rows of
 * fractional coordinates), and what else there may be. */
#ifndef SH_IO_JSONL_H
#define SH_IO_JSONL_H

#include "io/structure.h"
#include "io/text.h"

typedef struct {
    sh_structure structure; /* name: the member "id", NULL where there is none */
    double e_form;          /* member "e_form", eV/atom; NaN where there is none, or null */
    double energy;          /* member "energy", eV in the cell; likewise */
} sh_jsonl_record;

/* The next line that is not blank; *more is false at the end. SH_EINPUT with file, line and column for what is no JSON or no crystal: the
 * call after it goes on with the line after. The structure is the caller's; on error there is none. */
sh_status sh_jsonl_next(sh_lines *lines, bool *more, sh_jsonl_record *out);

/* All of a text appended; what is none takes a place with its error. */
void sh_jsonl_collect(const char *path, const char *text, size_t size, sh_structures *out);

#endif
