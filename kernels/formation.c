/* formation.c -- from total to formation energies, src/potential/references.h; a crystal an item. */
#include "args.h"
#include "cell.h"

/* Materials Project, 2018 scheme: eV an atom, Å. */
static const double SHIFT_OXIDE = -0.70229, SHIFT_PEROXIDE = -0.46622, SHIFT_SUPEROXIDE = -0.14598, SHIFT_OZONIDE = 0,
                    SHIFT_SULFIDE = -0.66346, LIMIT_SUPEROXIDE = 1.4175, LIMIT_PEROXIDE = 1.5645, SULPHUR_SHELL = 0.4;

/* Row of the table; 0 knows nothing. */
SH_BODY int32_t element_of(int64_t site, const sh_formation_args *a)
{
    int32_t z = a->site_z[site];
    return z >= 0 && z < SH_Z_ROWS ? z : 0;
}

SH_BODY double oxygen_shift(int64_t site, const sh_formation_args *a)
{
    double n_short = 0, n_near = 0;
    for (int64_t e = a->edge_start[site]; e < a->edge_start[site + 1] && a->edge_dist[e] < LIMIT_PEROXIDE; e++) {
        if (element_of(a->edge_dst[e], a) != 8) continue;
        n_near += a->edge_count[e];
        if (a->edge_dist[e] < LIMIT_SUPEROXIDE) n_short += a->edge_count[e];
    }
    return n_short > 1.5 ? SHIFT_OZONIDE : n_short > 0 ? SHIFT_SUPEROXIDE : n_near > 0 ? SHIFT_PEROXIDE : SHIFT_OXIDE;
}

/* A sulphur atom with n neighbours in its nearest shell and this sum of their electronegativities. */
SH_BODY double sulphur_shift(double sum, double n, const sh_formation_args *a)
{
    return sum / n > a->table->electronegativity[16] ? 0 : SHIFT_SULFIDE;
}

/* Images of site t's atoms around the representative of a site, in the cell's shortest basis: how many are within `radius`, and
 * the square of the smallest distance where that is below *least2. */
SH_BODY double images_within(int64_t site, int64_t t, double radius, const double basis[9], const double to_basis[9],
                             const sh_formation_args *a, double *least2)
{
    const double *x = a->atom_frac + 3 * a->atom_start[site];
    double inverse[3], reach[3], n = 0;
    sh_inverse_heights(basis, inverse);
    for (int i = 0; i < 3; i++)
        reach[i] = radius * inverse[i] + SH_FRAC_ROUNDING;
    for (int64_t k = a->atom_start[t]; k < a->atom_start[t + 1]; k++) {
        double f[3];
        sh_difference(to_basis, a->atom_frac + 3 * k, x, f);
        for (double n0 = ceil(-reach[0] - f[0]); n0 <= reach[0] - f[0]; n0++)
            for (double n1 = ceil(-reach[1] - f[1]); n1 <= reach[1] - f[1]; n1++)
                for (double n2 = ceil(-reach[2] - f[2]); n2 <= reach[2] - f[2]; n2++) {
                    const double g[3] = {f[0] + n0, f[1] + n1, f[2] + n2};
                    double square = sh_square_length(basis, g);
                    if (square <= SH_COINCIDENT2) continue;
                    if (square < *least2) *least2 = square;
                    if (sqrt(square) <= radius) n++;
                }
    }
    return n;
}

/* A sulphur atom whose nearest shell does not lie inside the graph: rare, and its neighbours are looked for here. Its own nearest
 * image bounds the search; one that the graph would have seen belongs to a crystal that is no cell and has no edges. */
SH_BODY double sulphur_far_shift(int64_t crystal, int64_t site, const sh_formation_args *a)
{
    double basis[9], to_basis[9], least2 = INFINITY, sum = 0, n = 0;
    sh_shortest_basis(a->lattice + 9 * crystal, basis, to_basis);
    for (int i = 0; i < 3; i++)
        least2 = fmin(least2, sh_dot3(basis + 3 * i, basis + 3 * i));
    if (!(sqrt(least2) + SULPHUR_SHELL > a->cutoff)) return NAN;
    for (int64_t t = a->site_start[crystal]; t < a->site_start[crystal + 1]; t++)
        images_within(site, t, sqrt(least2), basis, to_basis, a, &least2);
    double radius = sqrt(least2) + SULPHUR_SHELL;
    for (int64_t t = a->site_start[crystal]; t < a->site_start[crystal + 1]; t++) {
        double of_site = images_within(site, t, radius, basis, to_basis, a, &least2);
        sum += of_site * a->table->electronegativity[element_of(t, a)];
        n += of_site;
    }
    return sulphur_shift(sum, n, a);
}

SH_BODY double sulphur_any_shift(int64_t crystal, int64_t site, const sh_formation_args *a)
{
    int64_t first = a->edge_start[site], last = a->edge_start[site + 1];
    double sum = 0, n = 0;
    if (!(first < last && a->edge_dist[first] + SULPHUR_SHELL <= a->cutoff)) return sulphur_far_shift(crystal, site, a);
    for (int64_t e = first; e < last && a->edge_dist[e] <= a->edge_dist[first] + SULPHUR_SHELL; e++) {
        sum += a->edge_count[e] * a->table->electronegativity[element_of(a->edge_dst[e], a)];
        n += a->edge_count[e];
    }
    return sulphur_shift(sum, n, a);
}

SH_BODY double formation_energy(int64_t crystal, double e_total, const sh_formation_args *a)
{
    const sh_reference_table *t = a->table;
    int64_t first = a->site_start[crystal], last = a->site_start[crystal + 1];
    double n_atom = 0, e = e_total, metals = 0;
    bool compound = false;
    int32_t only = element_of(first, a), strongest = only;
    for (int64_t s = first; s < last; s++) {
        int32_t z = element_of(s, a);
        n_atom += (double)(a->atom_start[s + 1] - a->atom_start[s]);
        compound = compound || z != only;
        if (t->electronegativity[z] > t->electronegativity[strongest]) strongest = z;
    }
    if (!compound) return e_total / n_atom - t->energy[only];
    for (int64_t s = first; s < last; s++) {
        int32_t z = element_of(s, a);
        double m = (double)(a->atom_start[s + 1] - a->atom_start[s]);
        e -= m * t->fitted[z];
        if (z == 8) e += m * oxygen_shift(s, a);
        if (z == 16) e += m * sulphur_any_shift(crystal, s, a);
        metals += m * t->plus_u[z];
    }
    if (strongest == 8 || strongest == 9) e += metals;
    return e / n_atom;
}

SH_BODY void formation_body(int64_t k, const sh_formation_args *a)
{
    int64_t i = a->wanted ? a->wanted[k] : k;
    if (i < 0) return;
    if (a->given) {
        a->e_form[i] = a->e_total[i];
        a->e_total[i] = NAN;
    } else {
        a->e_form[i] = a->table ? formation_energy(i, a->e_total[i], a) : NAN;
    }
}
SH_KERNEL_ROWS(formation, sh_formation_args)
