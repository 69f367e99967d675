/* strain.h -- the exponential cell filter: a cell as the exponential of a symmetric strain, and the gradient with respect to it.
 *
 * With F = exp(U) a cell is H0 F^T and positions are z F^T (row vectors), z those of the undeformed cell. What is handed on as the
 * force on U is the virial itself wherever it points about where the exact gradient does (docs/equations.md, relaxation); the
 * protocol is that of the relaxations published with M3GNet, in which forces are those of ASE's ExpCellFilter of 2021.
 * Matrices are 3 x 3, row-major. */
#ifndef SH_RELAX_STRAIN_H
#define SH_RELAX_STRAIN_H

/* Eigenvalues and orthonormal eigenvectors (columns of q) of a symmetric matrix: Jacobi's rotations. */
void sh_eigen_symmetric3(const double a[9], double value[3], double q[9]);

/* f(u) of a symmetric u: exp(U), and the square root of a positive definite matrix. */
void sh_strain_exp(const double u[9], double out[9]);
void sh_strain_sqrt(const double a[9], double out[9]);

/* Force on U (symmetric) from the virial (symmetric, eV). With X = L(U, Vir exp(-U)), L the Frechet derivative of exp, its
 * off-diagonals averaged with their transposes: X if <X,Vir> / (|X| |Vir|) <= 0.8, otherwise Vir. */
void sh_strain_force(const double u[9], const double virial[9], double out[9]);

/* c = a b; a and c may not overlap, nor b and c. */
void sh_product3(const double a[9], const double b[9], double c[9]);

#endif
