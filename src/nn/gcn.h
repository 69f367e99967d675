/* gcn.h -- the graph convolution encoder (Kipf and Welling, arXiv 1609.02907) in the form of SHAFT's equations 13 and 14, on the
 * quotient graph:
 *
 *     conv(H) = relu(D^-1/2 (A + I) D^-1/2 H W)      H1 = conv(H0), H2 = relu(H1 + relu(conv'(H1)) W2), mean over atoms, linear
 *
 * A counts all edges of the full cell within the graph's cut-off, D is the number of edges of an atom and one. Widths 128, 128,
 * 64. On the quotient graph the edge of a class from s to t counts n_c / sqrt(d_s d_t), a site m_s times in the mean: exact. */
#ifndef SH_NN_GCN_H
#define SH_NN_GCN_H

#include "crystal/graph.h"
#include "nn/params.h"

enum { SH_GCN_OUT = 64 };

typedef struct sh_gcn sh_gcn;

sh_gcn *sh_gcn_create(sh_params *params, const char *name, int64_t node_in);
void sh_gcn_destroy(sh_gcn **gcn);

/* node (S, node_in); returns (C, SH_GCN_OUT). */
sh_tensor *sh_gcn_forward(sh_tape *tape, const sh_gcn *gcn, const sh_graph *graph, const sh_tensor *node);

#endif
