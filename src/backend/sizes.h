/* sizes.h -- rooms for what kernels count, so that nobody waits for a number to know a size: as much as passes before this one have
 * used for as many rows, and some more. Passes of one kind (sampling and rewards; gradients) ask for the same sizes in the same order;
 * a pass in which one did not suffice has computed nothing of use and is done again, counted. The host's alone; workspace.h uses it. */
#ifndef SH_BACKEND_SIZES_H
#define SH_BACKEND_SIZES_H

#include <stdbool.h>
#include <stdint.h>

enum { SH_SIZES_A_PART = 16 };

/* A size that is asked for: about proportional to a number of rows. */
typedef struct {
    bool is_known, is_planned; /* from passes before; in this pass there is room for it, and nobody has waited */
    double a_row;
    int64_t rows, room; /* of the last pass that used it */
    int64_t spare;      /* room on top of what is expected and its scatter; tests make it too little */
} sh_room_size;

typedef struct {
    bool is_planned; /* the pass in hand: rooms may hold less than their size */
    int n_part, part, at; /* the part in hand, the next size */
    int64_t *seen;   /* there: what was counted, (n_part SH_SIZES_A_PART) */
    int64_t n_pass, n_again; /* passes so far, and those of them that had to be done again */
    sh_room_size *size;
} sh_sizes;

/* A pass has parts, so that one that is left out or done more often moves no other's sizes. */
sh_sizes *sh_sizes_create(int n_part);
void sh_sizes_destroy(sh_sizes **sizes);

/* A pass begins; it is planned if one has been counted before. */
void sh_sizes_begin(sh_sizes *sizes);
/* Room for `rows` rows of the next size, or -1: nothing is known of it. */
int64_t sh_sizes_plan(sh_sizes *sizes, int64_t rows);
/* Instead: it was counted. */
void sh_sizes_counted(sh_sizes *sizes, int64_t rows, int64_t count);
/* What kernels counted, the host's now. Whether all of it had room; if not the next pass is counted. */
bool sh_sizes_settle(sh_sizes *sizes, const int64_t *seen);

#endif
