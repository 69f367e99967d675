/* options.h -- what a run may build and how its policy is made. Filled by the configuration, read by gflownet. */
#ifndef SH_GFLOWNET_OPTIONS_H
#define SH_GFLOWNET_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "crystal/group_tables.h"
#include "crystal/lattice.h"

enum { SH_MAX_ELEMENTS = 118, SH_MAX_SITES = 64, SH_MAX_MIXTURE = 32 };

typedef enum { SH_SITES_GENERAL, SH_SITES_WYCKOFF } sh_sites_mode;
typedef enum { SH_EACH_STEP, SH_ONCE } sh_group_mode;
typedef enum { SH_LATTICE_EACH_STEP, SH_LATTICE_LAST } sh_lattice_mode;
typedef enum { SH_TB, SH_SUBTB, SH_VARGRAD } sh_objective_kind; /* balance.h */
typedef enum { SH_MEGNET, SH_GCN } sh_encoder_kind;
/* What a head sees of the choices made before it in the step: all of them; the group alone (the paper's); nothing (the flat
 * baseline of one level). */
typedef enum { SH_HEADS_SEQUENTIAL, SH_HEADS_INDEPENDENT, SH_HEADS_FLAT } sh_heads_mode;

typedef struct {
    int32_t n_element;
    int32_t element[SH_MAX_ELEMENTS]; /* atomic numbers, in the order of the file */
    bool one_of[SH_MAX_ELEMENTS];     /* by index in `element`: a crystal must hold at least one of these */
    bool has_one_of;
    int32_t max_elements, min_sites, max_sites;
    int32_t max_atoms;
    bool group_allowed[SH_N_GROUP]; /* by sg_number - 1 */
    sh_cell_bounds cell;
} sh_constraints;

typedef struct {
    sh_encoder_kind encoder;
    bool shared_encoder;      /* one encoder pass for both directions; otherwise four networks */
    int32_t mixture;          /* components of a lattice parameter's density */
    int32_t position_mixture; /* components of a position's density */
    int32_t neighbours;       /* 0: all within 4 Å; otherwise by whole shells */
    sh_sites_mode sites;
    sh_group_mode group;
    sh_lattice_mode lattice;
    sh_heads_mode heads;
    sh_objective_kind objective; /* SubTB needs a head for the flow of a state */
    double lambda;               /* of SubTB */
    double merge_tol; /* Å, general sites near a special position are put onto it */
} sh_policy_options;

/* Why these choices do not go together; NULL where they do. */
const char *sh_policy_options_conflict(const sh_policy_options *options);

/* What decides which choices a state allows (mask.h); a kernel takes it by value. */
typedef struct {
    const sh_constraints *constraints;
    const int32_t *wyckoff_start; /* as in the group tables */
    const sh_wyckoff *wyckoff;
    sh_sites_mode sites;
} sh_rules;

/* What a run may build, bound to the group tables: what everything here needs. Groups and constraints are borrowed. Kernels read
 * `tables` and `constraints_there`, the host the others. */
typedef struct {
    const sh_groups *groups;
    const sh_constraints *constraints;
    sh_sites_mode sites;
    double merge_tol; /* Å */
    sh_group_tables tables;
    const sh_constraints *constraints_there;
    const struct sh_backend *be; /* where the last two are; NULL: the host */
} sh_space;

/* For the kernels of the CPU; owns nothing. */
sh_space sh_space_of(const sh_groups *groups, const sh_constraints *constraints, sh_sites_mode sites, double merge_tol);
/* For those of another back-end, with copies of its own, which go when it is used on the CPU again. */
void sh_space_use(sh_space *space, const struct sh_backend *be);

sh_rules sh_space_rules(const sh_space *space); /* for the host */
sh_rules sh_space_rules_there(const sh_space *space);

#endif
