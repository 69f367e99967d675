/* order.h -- local structure order parameters: numbers near 1 where neighbours stand around an atom as in a named motif, and near 0 where
 * they do not. N. E. R. Zimmermann, A. Jain, RSC Advances 10, 6063 (2020), and the constants of pymatgen 2022.11.7; the
 * q_l are those of P. J. Steinhardt et al., Phys. Rev. B 28, 784 (1983). docs/equations.md has the formulas. */
#ifndef SH_METRICS_ORDER_H
#define SH_METRICS_ORDER_H

#include <stdint.h>

enum {
    SH_ORDER_MOST = 24,   /* neighbours that are told apart; up to 12 have order parameters */
    SH_ORDER_SHAPED = 12,
    SH_ORDER_PER_COUNT = 6
};

/* How many order parameters there are for n neighbours, n from 1 to SH_ORDER_MOST. */
int sh_order_count(int n);

/* "tetrahedral", for printing; k < sh_order_count(n). */
const char *sh_order_name(int n, int k);

/* Those for n unit vectors u (n,3), n from 1 to SH_ORDER_SHAPED, into out (sh_order_count(n)). All but the body-centred cubic one
 * are functions of the set: that one depends on the order of the vectors a little. */
void sh_order_of(const double (*u)[3], int n, double *out);

#endif
