#include "metrics/order.h"

#include <math.h>

#include "base/status.h"
#include "cell.h"

/* The forms of the table below. Each looks from a pole (one neighbour) with another as the zero of the azimuth. */
typedef enum {
    ANGLE,         /* all at one polar angle */
    EQUATOR,       /* all on the equator */
    AXIS,          /* one at the south pole, the others on the equator */
    TWO_ANGLES,    /* one at the south pole, the others off the equator by one angle */
    PENTAGON,      /* neighbours at 2/5 and 4/5 of a half turn */
    CUBOCTAHEDRON,
    BENT,          /* a mean over pairs: one angle */
    SINGLE,        /* one neighbour: 1 */
    BODY_CENTRED,
    STEINHARDT
} form;

typedef struct {
    const char *name;
    form form;
    double angle; /* in half turns: of ANGLE, of TWO_ANGLES from the equator, of BENT; l of STEINHARDT */
    double width; /* of the Gaussians in an angle, inverse half turns */
    double south_width, south_from; /* of the Gaussian at the south pole; where it begins, radians */
    double fold;  /* of the azimuth: cos^2(fold phi) */
    double widest; /* radians: azimuths from here on do not count; 0: all do */
} parameter;

static const double THREE_QUARTERS = 2.35619449019234492885;

static const parameter of_1[] = {{"single bond", SINGLE, 0, 0, 0, 0, 0, 0}};
static const parameter of_2[] = {{"L-shaped", BENT, 0.5, 15.15, 0, 0, 0, 0},
                                 {"water-like", BENT, 0.5802777777777778, 13.95, 0, 0, 0, 0},
                                 {"bent 120 degrees", BENT, 0.666666666667, 13.25, 0, 0, 0, 0},
                                 {"bent 150 degrees", BENT, 0.833333333333333, 12.45, 0, 0, 0, 0},
                                 {"linear", BENT, 1, 8.667, 0, 0, 0, 0}};
static const parameter of_3[] = {{"trigonal planar", ANGLE, 0.66666666667, 17.5, 0, 0, 1, 0},
                                 {"trigonal non-coplanar", ANGLE, 0.6081734479693927, 18.33, 0, 0, 1.5, 0},
                                 {"T-shaped", EQUATOR, 0, 15.5, 0, 0, 1, 0}};
static const parameter of_4[] = {{"square co-planar", AXIS, 0, 17.7, 13.5, THREE_QUARTERS, 1, 0},
                                 {"tetrahedral", ANGLE, 0.6081734479693927, 18.5, 0, 0, 1.5, 0},
                                 {"rectangular see-saw-like", AXIS, 0, 27, 11.5, THREE_QUARTERS, 2, THREE_QUARTERS},
                                 {"see-saw-like", AXIS, 0, 15.75, 12.75, THREE_QUARTERS, 1.5, 0},
                                 {"trigonal pyramidal", EQUATOR, 0, 15.5, 0, 0, 1.5, 0}};
static const parameter of_5[] = {{"pentagonal planar", PENTAGON, 0.6, 19.333, 0, 0, 1, 0},
                                 {"square pyramidal", EQUATOR, 0, 14.9, 0, 0, 2, 0},
                                 {"trigonal bipyramidal", AXIS, 0, 16.6, 12, THREE_QUARTERS, 1.5, 0}};
static const parameter of_6[] = {{"hexagonal planar", TWO_ANGLES, 0.16666667, 25, 7.5, 2.6179938779914944, 1, 0},
                                 {"octahedral", AXIS, 0, 18, 15, THREE_QUARTERS, 2, 0},
                                 {"pentagonal pyramidal", EQUATOR, 0, 13.8, 0, 0, 2.5, 0}};
static const parameter of_7[] = {{"hexagonal pyramidal", EQUATOR, 0, 12.5, 0, 0, 3, 0},
                                 {"pentagonal bipyramidal", AXIS, 0, 14.75, 12.5, THREE_QUARTERS, 2.5, 0}};
static const parameter of_8[] = {{"body-centred cubic", BODY_CENTRED, 0, 0, 0, 0, 0, 0},
                                 {"hexagonal bipyramidal", AXIS, 0, 13.6, 14.1, THREE_QUARTERS, 3, 0}};
static const parameter of_12[] = {{"cuboctahedral", CUBOCTAHEDRON, 0, 0, 0, 2.792526803190927, 0, 0},
                                  {"q2", STEINHARDT, 2, 0, 0, 0, 0, 0},
                                  {"q4", STEINHARDT, 4, 0, 0, 0, 0, 0},
                                  {"q6", STEINHARDT, 6, 0, 0, 0, 0, 0}};

static const struct {
    int n;
    const parameter *list;
} table[SH_ORDER_SHAPED + 1] = {{0, 0},    {1, of_1}, {5, of_2}, {3, of_3},      {5, of_4},      {3, of_5},     {3, of_6},
                                {2, of_7}, {2, of_8}, {3, of_12 + 1}, {3, of_12 + 1}, {3, of_12 + 1}, {4, of_12}};

int sh_order_count(int n)
{
    return n >= 1 && n <= SH_ORDER_SHAPED ? table[n].n : 0;
}

const char *sh_order_name(int n, int k)
{
    SH_ASSERT(k >= 0 && k < sh_order_count(n));
    return table[n].list[k].name;
}

static double gauss(double x)
{
    return exp(-0.5 * x * x);
}

static double square(double x)
{
    return x * x;
}

typedef struct {
    int n;
    double cosine[SH_ORDER_SHAPED][SH_ORDER_SHAPED], theta[SH_ORDER_SHAPED][SH_ORDER_SHAPED]; /* of each pair of vectors */
} angles;

/* What a pole and a zero of the azimuth make of the others. */
typedef struct {
    double theta_k, theta[SH_ORDER_SHAPED], phi[SH_ORDER_SHAPED];
    bool collinear[SH_ORDER_SHAPED]; /* with the pole: phi says nothing */
    int n;                           /* others; 0 where the zero of the azimuth is collinear with the pole */
} view;

typedef struct {
    double sum, weight;
} mean;

static void count_in(mean *m, double value, double weight)
{
    m->sum += value;
    m->weight += weight;
}

static void view_from(const double (*u)[3], const angles *a, int pole, int zero, view *v)
{
    double across[SH_ORDER_SHAPED][3], length[SH_ORDER_SHAPED];
    v->theta_k = a->theta[pole][zero];
    v->n = 0;
    for (int m = 0; m < a->n; m++) {
        for (int i = 0; i < 3; i++)
            across[m][i] = u[m][i] - a->cosine[pole][m] * u[pole][i];
        length[m] = sqrt(sh_dot3(across[m], across[m]));
    }
    if (length[zero] < 1e-12) return;
    for (int m = 0; m < a->n; m++) {
        if (m == pole || m == zero) continue;
        v->theta[v->n] = a->theta[pole][m];
        v->collinear[v->n] = length[m] < 1e-12;
        double cosine = v->collinear[v->n] ? 1 : sh_dot3(across[zero], across[m]) / (length[zero] * length[m]);
        v->phi[v->n++] = acos(fmax(-1.0, fmin(1.0, cosine)));
    }
}

/* The polar angle's own value of AXIS and TWO_ANGLES off the south pole, of the others everywhere. */
static double polar(const parameter *p, double theta)
{
    double tau = theta / SH_PI;
    switch (p->form) {
    case ANGLE:
        return gauss(p->width * (tau - p->angle));
    case TWO_ANGLES:
        return gauss(p->width * (fabs(tau - 0.5) - p->angle));
    case PENTAGON:
        return gauss(p->width * (tau - (theta <= p->angle * SH_PI ? 0.4 : 0.8)));
    default:
        return gauss(p->width * (tau - 0.5));
    }
}

static double look_simple(const parameter *p, const view *v)
{
    bool south = p->south_from > 0, north_k = !south || v->theta_k < p->south_from;
    mean m = {0, 0};
    if (north_k) count_in(&m, polar(p, v->theta_k), 1);
    for (int i = 0; i < v->n; i++) {
        if (south && v->theta[i] >= p->south_from) {
            count_in(&m, gauss(p->south_width * (v->theta[i] / SH_PI - 1)), 1);
            continue;
        }
        if (v->collinear[i] || !north_k || (p->widest > 0 && !(v->phi[i] < p->widest))) continue;
        count_in(&m, polar(p, v->theta[i]) * square(cos(p->fold * v->phi[i])), 1);
    }
    return m.weight > 1e-12 ? m.sum / m.weight : 0;
}

static double look_cuboctahedron(const parameter *p, const view *v)
{
    const double lo = 1.3089969389957472, hi = 1.8325957145940461; /* 75 and 105 degrees: the equator */
    mean m = {0, 0};
    if (v->theta_k >= p->south_from) count_in(&m, 1.8 * gauss(28.75 * (v->theta_k / SH_PI - 1)), 1.8);
    if (!(lo < v->theta_k && v->theta_k < hi)) return m.weight > 1e-12 ? m.sum / m.weight : 0;
    for (int i = 0; i < v->n; i++) {
        double tau = v->theta[i] / SH_PI, phi = v->phi[i];
        if (v->collinear[i] || !(v->theta[i] < p->south_from)) continue;
        if (lo < v->theta[i] && v->theta[i] < hi)
            count_in(&m, square(cos(phi)) * gauss(25.5 * (tau - 0.5)), 1);
        else if (v->theta[i] < lo || v->theta[i] > hi)
            count_in(&m, gauss(0.0556 * (cos(phi - 0.5 * SH_PI) - 0.81649658)) *
                             gauss(31.25 * (tau - (v->theta[i] < lo ? 1.0 : 2.0) / 3)), 1);
    }
    return m.weight > 1e-12 ? m.sum / m.weight : 0;
}

/* Of the pairs (pole, zero) with pole before zero alone; adds up. */
static double look_body_centred(const view *v, int n)
{
    const double south_from = 2.5261129449194057, off_equator = asin(1.0 / 3);
    double sum = 0;
    if (v->theta_k >= south_from) sum += 6 * gauss(15 * (v->theta_k / SH_PI - 1));
    for (int i = 0; i < v->n && v->theta_k < south_from; i++) {
        double y = (v->theta[i] - 0.5 * SH_PI) / off_equator;
        if (v->collinear[i]) continue;
        sum += (v->theta_k > 0.5 * SH_PI ? 1 : -1) * cos(3 * v->phi[i]) * y * exp(0.5) * gauss(y);
    }
    return sum / (0.5 * n * (6 + (n - 2) * (n - 3)));
}

/* Mean over ordered pairs, which is that over pairs. */
static double bent(const parameter *p, const angles *a)
{
    return gauss(p->width * (a->theta[0][1] / SH_PI - p->angle));
}

/* sqrt(sum over all pairs, with themselves, of P_l(cosine)) / n */
static double steinhardt(int l, const angles *a)
{
    double sum = 0;
    for (int j = 0; j < a->n; j++)
        for (int k = 0; k < a->n; k++) {
            double x = a->cosine[j][k], before = 1, p = x;
            for (int i = 2; i <= l; i++) {
                double next = ((2 * i - 1) * x * p - (i - 1) * before) / i;
                before = p;
                p = next;
            }
            sum += p;
        }
    return sqrt(fmax(0.0, sum)) / a->n;
}

void sh_order_of(const double (*u)[3], int n, double *out)
{
    SH_ASSERT(n >= 1 && n <= SH_ORDER_SHAPED);
    const parameter *list = table[n].list;
    bool views = false;
    angles a = {.n = n};
    for (int j = 0; j < n; j++)
        for (int k = 0; k < n; k++) {
            a.cosine[j][k] = j == k ? 1 : fmax(-1.0, fmin(1.0, sh_dot3(u[j], u[k])));
            a.theta[j][k] = j == k ? 0 : acos(a.cosine[j][k]);
        }
    for (int p = 0; p < table[n].n; p++) {
        out[p] = list[p].form == SINGLE       ? 1
                 : list[p].form == BENT       ? bent(&list[p], &a)
                 : list[p].form == STEINHARDT ? steinhardt((int)list[p].angle, &a)
                                              : 0;
        views = views || list[p].form <= CUBOCTAHEDRON || list[p].form == BODY_CENTRED;
    }
    for (int j = 0; j < n && views; j++)
        for (int k = 0; k < n; k++) {
            view v;
            if (k == j) continue;
            view_from(u, &a, j, k, &v);
            for (int p = 0; p < table[n].n; p++) {
                if (list[p].form == BODY_CENTRED)
                    out[p] += j < k ? look_body_centred(&v, n) : 0;
                else if (list[p].form == CUBOCTAHEDRON)
                    out[p] = fmax(out[p], look_cuboctahedron(&list[p], &v));
                else if (list[p].form < CUBOCTAHEDRON)
                    out[p] = fmax(out[p], look_simple(&list[p], &v));
            }
        }
}
