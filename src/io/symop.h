/* symop.h -- symmetry operations as files write them: 'x,y,z' texts, symbols of space groups, orbits of a point under a
 * list of operations. Operations act on fractional columns: x -> W x + w. */
#ifndef SH_IO_SYMOP_H
#define SH_IO_SYMOP_H

#include <stdint.h>

#include "base/status.h"
#include "io/text.h"

enum { SH_MAX_SYMOP = 384 }; /* no conventional cell has more than 192 */

typedef struct {
    int n;
    int8_t rot[SH_MAX_SYMOP][9]; /* W, row-major */
    double trans[SH_MAX_SYMOP][3];
} sh_symops;

/* "-y+1/2, x-y, 0.25+z": any order of terms, either case. Translations close to a multiple of 1/24 (5e-4) are taken as
 * that, so that 0.3333 is a third. False for what is no operation (|det W| = 1). */
bool sh_symop_parse(sh_span text, int8_t rot[9], double trans[3]);
/* "-y+1/2,x-y,z"; `out` has room for 96 bytes. */
void sh_symop_format(const int8_t rot[9], const double trans[3], char *out);

/* Operations of a setting, by Hall number 1..530. */
sh_status sh_symops_of_hall(int hall_number, sh_symops *out);
/* The standard setting of group 1..230 (see crystal/group.h). */
int sh_standard_hall(int sg_number);

/* Does the lattice have the symmetry of the rotations, to `tolerance` relative to its largest squared length? *bad is
 * the first operation it has not. */
bool sh_symops_fit(const sh_symops *ops, const double lattice[9], double tolerance, int *bad);

/* The setting meant by what a file says of its group: a Hall symbol, a Hermann-Mauguin symbol (with ":2", ":H" and the
 * like), a number, any of them absent (n = 0, number 0). Where they leave a choice: the settings that fit the lattice, of
 * these the standard one if the number is given. SH_EINPUT with advice where that is not one setting. */
sh_status sh_setting_find(sh_span hall_symbol, sh_span hm_symbol, int64_t number, const double lattice[9],
                          int *hall_number);

/* Moves x onto the special position that it is near: x <- mean of its images within tolerance (Å) of it, until fixed. */
void sh_site_settle(const sh_symops *ops, const double lattice[9], double tolerance, double x[3]);

/* Images of x in the cell, x first, those closer than `tolerance` (Å) to one already there left out; images (n ops + 1, 3),
 * in [0,1). Returns their number. */
int sh_site_expand(const sh_symops *ops, const double lattice[9], double tolerance, const double x[3],
                   double (*images)[3]);

/* Distance (Å) of two points of which the nearest images are known to be close to each other: for lengths much below
 * half a cell. */
double sh_near_distance(const double lattice[9], const double a[3], const double b[3]);

#endif
