/* m3gnet_params.h -- the parameters of an M3GNet as m3gnet.c wants them: rearranged by m3gnet_read.c from a weight file. */
#ifndef SH_POTENTIAL_M3GNET_PARAMS_H
#define SH_POTENTIAL_M3GNET_PARAMS_H

#include <stdbool.h>

#include "backend/backend.h"
#include "potential/m3gnet.h"
#include "potential/pool.h"

enum {
    W = SH_M3GNET_WIDTH,
    N_SMOOTH = 3, /* radial functions of an edge in the original form */
    N_BESSEL = 9, /* the same in matgl; and columns of the three-body sums, 3 l + k */
    MAX_ROW = 95, /* embedding rows */
    MAX_LATER = 3 /* layers of a gated perceptron after the first */
};

/* One W x W layer of both branches of a gated perceptron. Each matrix stands by itself: half of a (W,2W) matrix, rows 512
 * bytes apart, would use half of the sets of the first-level cache and throw itself out of it. */
typedef struct {
    sh_real value[W * W], gate[W * W];
} pair;

/* A gated perceptron 3W -> W -> W, in matgl with one W more, its first layer split by what it is applied to: source, target,
 * edge. Biases and rows of both branches are side by side: value | gate. */
typedef struct {
    pair source, target, edge, later[2];
    sh_real bias[2 * W], later_bias[2][2 * W];
    sh_real radial[N_BESSEL * W]; /* factor of the output: R_e times this */
} gated;

typedef struct {
    sh_real atom[W * N_BESSEL], atom_bias[N_BESSEL]; /* gate of each atom */
    sh_real three_value[N_BESSEL * W], three_gate[N_BESSEL * W];
    gated edge, node;
} block;

typedef struct sh_m3gnet_there sh_m3gnet_there;

/* Which edge of a pair gives length and end atom of a three-body term. */
typedef enum { THREE_NONE, THREE_OTHER, THREE_SELF } three_body;

struct sh_m3gnet {
    double cutoff, cutoff3, mean, std;
    int32_t row[SH_WEIGHTS_MAX_Z + 1]; /* of the table, by atomic number; -1: none */
    bool known[SH_WEIGHTS_MAX_Z + 1];
    double reference[MAX_ROW];

    int n_radial;      /* N_SMOOTH or N_BESSEL */
    int n_later;       /* layers of the gated perceptrons after the first */
    bool swish_radial; /* on the radial factor of messages */
    bool to_target;    /* messages go to the end of an edge, otherwise to its start */
    bool pooled;       /* one value for a crystal, otherwise a sum over atoms */
    three_body three;

    sh_real table[MAX_ROW * W];
    sh_real first[N_BESSEL * W], first_bias[W];
    block blocks[SH_M3GNET_BLOCKS];
    /* readout summed over atoms: W-W-..-W-1, value open, gate with a sigmoid at the end */
    int n_out; /* layers W x W */
    pair out[MAX_LATER];
    sh_real out_bias[MAX_LATER][2 * W], out_last[2 * W], out_end[2];
    /* readout of the crystal: set2set, then 2W-W-W-1 with swish between */
    sh_pool pool;
    sh_real pool_first[2 * W * W], pool_second[W * W], pool_first_bias[W], pool_second_bias[W], pool_last[W], pool_end;

    const sh_backend *be;   /* whose kernels read `there` */
    sh_m3gnet_there *there; /* m3gnet_batch.c; NULL where these are the CPU's */
};

/* Everything from the weights; what was allocated is there to be released on errors too. */
sh_status sh_m3gnet_read(const sh_weights *weights, struct sh_m3gnet *model);

#endif
