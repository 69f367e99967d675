/* basis.h -- the radial functions of M3GNet, in double; docs/equations.md. */
#ifndef SH_POTENTIAL_BASIS_H
#define SH_POTENTIAL_BASIS_H

/* Nine spherical Bessel functions B_{3l+k}(r) = sqrt(2/c^3) j_l(z_lk r/c) / |j_{l+1}(z_lk)|. */
void sh_basis_bessel(double r, double cutoff, double out[9]);

/* Three combinations of sinc functions whose value and first two derivatives vanish at the cut-off. */
void sh_basis_smooth(double r, double cutoff, double out[3]);

/* 1 - 10 q^3 + 15 q^4 - 6 q^5, q = r / cutoff; 0 beyond it. */
double sh_basis_fade(double r, double cutoff);

#endif
