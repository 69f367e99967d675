#include "metrics/voronoi.h"

#include <math.h>
#include <string.h>

#include "cell.h"

/* Each face is a loop of points of its own: a corner that three faces share is kept three times. That costs memory and saves all
 * bookkeeping, and no rounding can make the pieces disagree on what is connected with what. */
typedef struct {
    int32_t neighbour; /* -1: of the cube */
    int32_t start, n;  /* points */
} face;

typedef struct {
    face *face;
    double (*point)[3];
    double *height; /* of each point above the plane in hand */
    int64_t n_face, n_point, face_room, point_room;
} polyhedron;

/* A cut at most doubles the points, and adds those of the new face: each of them is one of the others. */
static void make_room(polyhedron *p, int64_t n_face, int64_t n_point, sh_arena *arena)
{
    if (n_face > p->face_room) {
        face *grown = SH_PUSH(arena, face, p->face_room = 2 * n_face);
        if (p->n_face) memcpy(grown, p->face, (size_t)p->n_face * sizeof *grown);
        p->face = grown;
    }
    if (n_point > p->point_room) {
        double(*grown)[3] = sh_arena_push(arena, (size_t)(p->point_room = 2 * n_point) * sizeof *grown);
        if (p->n_point) memcpy(grown, p->point, (size_t)p->n_point * sizeof *grown);
        p->point = grown;
        p->height = SH_PUSH(arena, double, p->point_room);
    }
}

static void make_cube(polyhedron *p, double half, sh_arena *arena)
{
    static const int around[4][2] = {{-1, -1}, {1, -1}, {1, 1}, {-1, 1}};
    make_room(p, 32, 256, arena);
    for (int axis = 0; axis < 3; axis++)
        for (int side = -1; side <= 1; side += 2) {
            p->face[p->n_face++] = (face){-1, (int32_t)p->n_point, 4};
            for (int k = 0; k < 4; k++) {
                double *x = p->point[p->n_point++];
                x[axis] = half * side;
                x[(axis + 1) % 3] = half * around[k][0];
                x[(axis + 2) % 3] = half * around[k][1];
            }
        }
}

static double farthest2(const polyhedron *p)
{
    double most = 0;
    for (int64_t i = 0; i < p->n_point; i++) {
        double square = sh_dot3(p->point[i], p->point[i]);
        most = square > most ? square : most;
    }
    return most;
}

static bool same_point(const double *a, const double *b, double tolerance)
{
    double d[3] = {a[0] - b[0], a[1] - b[1], a[2] - b[2]};
    return sh_dot3(d, d) < tolerance * tolerance;
}

/* Onto the end of the face's loop, unless it is the point before. */
static void append(polyhedron *p, face *f, const double *x, double tolerance)
{
    if (f->n > 0 && same_point(p->point[f->start + f->n - 1], x, tolerance)) return;
    memcpy(p->point[f->start + f->n++], x, 3 * sizeof *x);
}

/* What of face `from` is not above the plane (heights within `level` of it count as on it), written behind the last point. */
static face cut_face(polyhedron *to, const polyhedron *p, face from, double level, double tolerance)
{
    face f = {from.neighbour, (int32_t)to->n_point, 0};
    for (int32_t i = 0; i < from.n; i++) {
        int32_t a = from.start + i, b = from.start + (i + 1) % from.n;
        double ha = p->height[a], hb = p->height[b];
        if (ha <= level) append(to, &f, p->point[a], tolerance);
        if ((ha > level && hb < -level) || (ha < -level && hb > level)) {
            double t = ha / (ha - hb), x[3];
            for (int k = 0; k < 3; k++)
                x[k] = p->point[a][k] + t * (p->point[b][k] - p->point[a][k]);
            append(to, &f, x, tolerance);
        }
    }
    if (f.n > 1 && same_point(to->point[f.start], to->point[f.start + f.n - 1], tolerance)) f.n--;
    return f;
}

/* The new face: all points of the cut that lie on the plane, once each, in the order of their angle around its normal. */
static face close_cut(polyhedron *p, int32_t neighbour, const double normal[3], double offset, double level, double tolerance)
{
    face f = {neighbour, (int32_t)p->n_point, 0};
    double middle[3] = {0, 0, 0};
    for (int64_t i = 0; i < f.start; i++) {
        if (fabs(sh_dot3(p->point[i], normal) - offset) > level) continue;
        bool known = false;
        for (int32_t j = 0; j < f.n && !known; j++)
            known = same_point(p->point[f.start + j], p->point[i], tolerance);
        if (known) continue;
        memcpy(p->point[f.start + f.n++], p->point[i], sizeof middle);
        for (int k = 0; k < 3; k++)
            middle[k] += p->point[i][k];
    }
    for (int k = 0; k < 3 && f.n; k++)
        middle[k] /= f.n;
    /* two axes of the plane; the angle as its tangent's half, which grows with it: no arctangent */
    int least = fabs(normal[0]) < fabs(normal[1]) ? 0 : 1;
    if (fabs(normal[2]) < fabs(normal[least])) least = 2;
    double e[3] = {0, 0, 0}, u[3], w[3];
    e[least] = 1;
    for (int k = 0; k < 3; k++)
        u[k] = e[k] - normal[least] * normal[k];
    for (int k = 0; k < 3; k++)
        w[k] = normal[(k + 1) % 3] * u[(k + 2) % 3] - normal[(k + 2) % 3] * u[(k + 1) % 3];
    for (int32_t i = 0; i < f.n; i++) {
        const double d[3] = {p->point[f.start + i][0] - middle[0], p->point[f.start + i][1] - middle[1],
                             p->point[f.start + i][2] - middle[2]};
        double x[3], along = sh_dot3(d, u), across = sh_dot3(d, w), size = fabs(along) + fabs(across);
        double turn = size > 0 ? along / size : 0, key = across < 0 ? turn - 1 : 1 - turn;
        memcpy(x, p->point[f.start + i], sizeof x);
        int32_t at = i;
        for (; at > 0 && p->height[f.start + at - 1] > key; at--) {
            memcpy(p->point[f.start + at], p->point[f.start + at - 1], sizeof x);
            p->height[f.start + at] = p->height[f.start + at - 1];
        }
        memcpy(p->point[f.start + at], x, sizeof x);
        p->height[f.start + at] = key;
    }
    return f;
}

/* What of p lies below the plane normal . x = offset; into `to`, whose room is reused. False where the plane does not touch it. */
static bool cut(const polyhedron *p, int32_t neighbour, const double normal[3], double offset, double tolerance, sh_arena *arena,
                polyhedron *to)
{
    double level = 1e-12 * offset, highest = -INFINITY;
    for (int64_t i = 0; i < p->n_point; i++) {
        p->height[i] = sh_dot3(p->point[i], normal) - offset;
        highest = p->height[i] > highest ? p->height[i] : highest;
    }
    if (!(highest > level)) return false;
    make_room(to, p->n_face + 1, 4 * p->n_point, arena);
    to->n_face = to->n_point = 0;
    for (int64_t i = 0; i < p->n_face; i++) {
        face f = cut_face(to, p, p->face[i], level, tolerance);
        if (f.n < 3) continue;
        to->face[to->n_face++] = f;
        to->n_point += f.n;
    }
    /* points made by the cut are on the plane but for rounding, which grows with how far out the edge was that was cut */
    face f = close_cut(to, neighbour, normal, offset, fmax(level, tolerance), tolerance);
    if (f.n < 3) return true;
    to->face[to->n_face++] = f;
    to->n_point += f.n;
    return true;
}

/* Solid angle by the fan of triangles from the first corner (A. van Oosterom, J. Strackee, IEEE Trans. Biomed. Eng. 30, 125
 * (1983)), and the area by the same triangles. */
static sh_voronoi_face measure(const polyhedron *p, face f)
{
    sh_voronoi_face out = {.neighbour = f.neighbour, .n_vertex = f.n};
    const double *a = p->point[f.start];
    double la = sqrt(sh_dot3(a, a));
    for (int32_t i = 1; i + 1 < f.n; i++) {
        const double *b = p->point[f.start + i], *c = p->point[f.start + i + 1];
        double lb = sqrt(sh_dot3(b, b)), lc = sqrt(sh_dot3(c, c)), bc[3], across[3];
        for (int k = 0; k < 3; k++) {
            int m = (k + 1) % 3, n = (k + 2) % 3;
            bc[k] = b[m] * c[n] - b[n] * c[m];
            across[k] = (b[m] - a[m]) * (c[n] - a[n]) - (b[n] - a[n]) * (c[m] - a[m]);
        }
        out.solid_angle += 2 * atan2(fabs(sh_dot3(a, bc)), la * lb * lc + sh_dot3(a, b) * lc + sh_dot3(a, c) * lb + sh_dot3(b, c) * la);
        out.area += 0.5 * sqrt(sh_dot3(across, across));
    }
    return out;
}

static bool nearer(const sh_neighbour *a, const sh_neighbour *b)
{
    return a->square != b->square ? a->square < b->square : a->serial < b->serial;
}

/* The first `n` are a heap with the farthest from the root's order reversed: here the nearest is the root. */
static void sift_down(sh_neighbour *heap, int64_t n, int64_t i)
{
    sh_neighbour moving = heap[i];
    for (int64_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && nearer(&heap[child + 1], &heap[child])) child++;
        if (!nearer(&heap[child], &moving)) break;
        heap[i] = heap[child];
    }
    heap[i] = moving;
}

bool sh_voronoi_of(sh_neighbour *neighbour, int64_t n, double radius, sh_arena *arena, sh_voronoi *out)
{
    const double cube = 100, merge = 1e-12; /* radii */
    polyhedron p[2] = {{0}};
    int now = 0;
    out->n_face = 0;
    for (int64_t i = 0; i < n; i++)
        neighbour[i].serial = (int32_t)i;
    for (int64_t i = n / 2; i-- > 0;)
        sift_down(neighbour, n, i);
    make_cube(&p[0], cube * radius, arena);
    double reach2 = farthest2(&p[0]);
    /* neighbours that were looked at go to the end, the nearest last; the heap is what is left in front */
    int64_t left = n;
    while (left > 0 && neighbour[0].square <= 4 * reach2 * (1 + 1e-9)) {
        sh_neighbour nearest = neighbour[0];
        neighbour[0] = neighbour[--left];
        if (left > 0) sift_down(neighbour, left, 0);
        neighbour[left] = nearest;
        double length = sqrt(nearest.square);
        const double normal[3] = {nearest.vec[0] / length, nearest.vec[1] / length, nearest.vec[2] / length};
        if (!cut(&p[now], (int32_t)left, normal, 0.5 * length, merge * radius, arena, &p[1 - now])) continue;
        now = 1 - now;
        reach2 = farthest2(&p[now]);
    }
    const polyhedron *cell = &p[now];
    for (int64_t i = 0; i < cell->n_face; i++)
        if (cell->face[i].neighbour < 0) return false;
    out->face = SH_PUSH(arena, sh_voronoi_face, cell->n_face);
    for (int64_t i = 0; i < cell->n_face; i++) {
        sh_voronoi_face f = measure(cell, cell->face[i]);
        if (f.area > 0) out->face[out->n_face++] = f;
    }
    return true;
}
