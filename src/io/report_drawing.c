#include "io/report_drawing.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "io/report_chart.h"

enum { WIDTH = 170, HEIGHT = 150, MARGIN = 6, MAX_DRAWN = 200 };

static const double ball = 0.45;      /* of the covalent radius */
static const double mean_slack = 0.1; /* Å */
static const double radii_slack = 0.45; /* Å, as Jmol and Open Babel have it */
static const double on_face = 1e-3;   /* fractional */

/* Jmol's colours by Z; those after Mt have its colour. */
static const uint32_t color[] = {
    0x808080, 0xffffff, 0xd9ffff, 0xcc80ff, 0xc2ff00, 0xffb5b5, 0x909090, 0x3050f8, 0xff0d0d, 0x90e050, 0xb3e3f5, 0xab5cf2,
    0x8aff00, 0xbfa6a6, 0xf0c8a0, 0xff8000, 0xffff30, 0x1ff01f, 0x80d1e3, 0x8f40d4, 0x3dff00, 0xe6e6e6, 0xbfc2c7, 0xa6a6ab,
    0x8a99c7, 0x9c7ac7, 0xe06633, 0xf090a0, 0x50d050, 0xc88033, 0x7d80b0, 0xc28f8f, 0x668f8f, 0xbd80e3, 0xffa100, 0xa62929,
    0x5cb8d1, 0x702eb0, 0x00ff00, 0x94ffff, 0x94e0e0, 0x73c2c9, 0x54b5b5, 0x3b9e9e, 0x248f8f, 0x0a7d8c, 0x006985, 0xc0c0c0,
    0xffd98f, 0xa67573, 0x668080, 0x9e63b5, 0xd47a00, 0x940094, 0x429eb0, 0x57178f, 0x00c900, 0x70d4ff, 0xffffc7, 0xd9ffc7,
    0xc7ffc7, 0xa3ffc7, 0x8fffc7, 0x61ffc7, 0x45ffc7, 0x30ffc7, 0x1fffc7, 0x00ff9c, 0x00e675, 0x00d452, 0x00bf38, 0x00ab24,
    0x4dc2ff, 0x4da6ff, 0x2194d6, 0x267dab, 0x266696, 0x175487, 0xd0d0e0, 0xffd123, 0xb8b8d0, 0xa6544d, 0x575961, 0x9e4fb5,
    0xab5c00, 0x754f45, 0x428296, 0x420066, 0x007d00, 0x70abfa, 0x00baff, 0x00a1ff, 0x008fff, 0x0080ff, 0x006bff, 0x545cf2,
    0x785ce3, 0x8a4fe3, 0xa136d4, 0xb31fd4, 0xb31fba, 0xb30da6, 0xbd0d87, 0xc70066, 0xcc0059, 0xd1004f, 0xd90045, 0xe00038,
    0xe6002e, 0xeb0026};

static uint32_t color_of(int z)
{
    int last = (int)(sizeof color / sizeof *color) - 1;
    return color[z < last ? z : last];
}

const char *sh_report_color(int z, char text[8])
{
    snprintf(text, 8, "#%06x", (unsigned)color_of(z));
    return text;
}

sh_status sh_report_atoms_create(const char *folder, sh_report_atoms *out)
{
    char bonds[4096];
    *out = (sh_report_atoms){0};
    snprintf(bonds, sizeof bonds, "%s/bonds_mp.csv", folder);
    SH_TRY(sh_tables_create(folder, bonds, &out->tables));
    for (int z = 0; z <= SH_MAX_Z; z++)
        out->radius[z] = isfinite(out->tables->covalent_radius[z]) ? out->tables->covalent_radius[z] : 1.5;
    return SH_OK;
}

void sh_report_atoms_destroy(sh_report_atoms *atoms)
{
    sh_tables_destroy(&atoms->tables);
}

/* The colour mixed with another (0 black, 255 white). */
static void put_mixed(FILE *f, int z, double share, int with)
{
    fputc('#', f);
    for (int shift = 16; shift >= 0; shift -= 8)
        fprintf(f, "%02x", (unsigned)((1 - share) * (double)(color_of(z) >> shift & 0xff) + share * with + 0.5));
}

void sh_report_draw_shades(FILE *f, const bool used[SH_MAX_Z + 1])
{
    static const struct {
        const char *offset;
        double share;
        int with;
    } stops[] = {{"0", 0.7, 255}, {".45", 0.05, 255}, {"1", 0.45, 0}};
    fputs("<svg class=\"defs\" width=\"0\" height=\"0\" aria-hidden=\"true\"><defs>\n", f);
    for (int z = 1; z <= SH_MAX_Z; z++) {
        if (!used[z]) continue;
        fprintf(f, "<radialGradient id=\"g%d\" cx=\".35\" cy=\".32\" r=\".75\">", z);
        for (size_t k = 0; k < sizeof stops / sizeof *stops; k++) {
            fprintf(f, "<stop offset=\"%s\" stop-color=\"", stops[k].offset);
            put_mixed(f, z, stops[k].share, stops[k].with);
            fputs("\"/>", f);
        }
        fputs("</radialGradient>\n", f);
    }
    fputs("</defs></svg>\n", f);
}

void sh_report_draw_style(FILE *f, const bool used[SH_MAX_Z + 1])
{
    char text[8];
    for (int z = 1; z <= SH_MAX_Z; z++)
        if (used[z]) fprintf(f, ".e%d{fill:url(#g%d)}i.e%d{background:%s}\n", z, z, z, sh_report_color(z, text));
}

/* ---- projection ---- */

typedef struct {
    double x, y, depth; /* on the paper, y upwards; depth: towards the eye, Å */
} spot;

/* The eye is in front of a (rows have a along x, b in the xy plane), turned a little to b and raised: b goes right, c up. */
static spot project(const double p[3])
{
    static const double turn = 0.42, raise = 0.28; /* radian */
    double ct = cos(turn), st = sin(turn), cr = cos(raise), sr = sin(raise);
    double out = ct * p[0] + st * p[1];
    return (spot){-st * p[0] + ct * p[1], cr * p[2] - sr * out, cr * out + sr * p[2]};
}

typedef struct {
    int32_t z;
    double cart[3];
    spot at;
} drawn;

/* The atoms with their images on the other faces; returns how many. */
static int64_t place_atoms(const sh_structure *s, bool images, drawn *out)
{
    int64_t n = 0;
    for (int64_t a = 0; a < s->n_atom; a++)
        for (int image = 0; image < 8; image++) {
            double frac[3];
            bool wanted = true;
            for (int k = 0; k < 3; k++) {
                double x = s->frac[3 * a + k];
                if (x > 1 - on_face) x -= 1; /* on the face at 0, but for rounding */
                bool other = image >> k & 1;
                wanted = wanted && (!other || (images && x < on_face));
                frac[k] = other ? x + 1 : x;
            }
            if (!wanted) continue;
            if (out) {
                out[n].z = s->z[a];
                for (int k = 0; k < 3; k++)
                    out[n].cart[k] = frac[0] * s->lattice[k] + frac[1] * s->lattice[3 + k] + frac[2] * s->lattice[6 + k];
                out[n].at = project(out[n].cart);
            }
            n++;
        }
    return n;
}

static bool bonded(const sh_report_atoms *atoms, const drawn *p, const drawn *q, bool metals_too)
{
    double d2 = 0, reach = atoms->radius[p->z] + atoms->radius[q->z] + radii_slack, mean = atoms->tables->bond_avg[p->z][q->z];
    for (int k = 0; k < 3; k++)
        d2 += (p->cart[k] - q->cart[k]) * (p->cart[k] - q->cart[k]);
    if (isfinite(mean)) reach = fmin(reach, mean + mean_slack);
    if (!metals_too && atoms->tables->smact_metal[p->z] && atoms->tables->smact_metal[q->z]) return false;
    return d2 < reach * reach && d2 > 0.01;
}

typedef struct {
    double scale, x, y; /* paper to viewBox */
} view;

static double view_x(const view *v, spot p)
{
    return v->x + v->scale * p.x;
}

static double view_y(const view *v, spot p)
{
    return v->y - v->scale * p.y;
}

/* So that corners and balls fit. */
static view fit(const spot *corner, const drawn *atom, int64_t n, const sh_report_atoms *atoms)
{
    double x0 = INFINITY, x1 = -INFINITY, y0 = INFINITY, y1 = -INFINITY;
    for (int64_t i = 0; i < 8 + n; i++) {
        spot p = i < 8 ? corner[i] : atom[i - 8].at;
        double r = i < 8 ? 0 : ball * atoms->radius[atom[i - 8].z];
        x0 = fmin(x0, p.x - r), x1 = fmax(x1, p.x + r);
        y0 = fmin(y0, p.y - r), y1 = fmax(y1, p.y + r);
    }
    double scale = fmin((WIDTH - 2 * MARGIN) / (x1 - x0), (HEIGHT - 2 * MARGIN) / (y1 - y0));
    return (view){scale, WIDTH / 2.0 - scale * (x0 + x1) / 2, HEIGHT / 2.0 + scale * (y0 + y1) / 2};
}

/* The twelve edges, or the three of them at the corner nearest to the eye. */
static void draw_cell(FILE *f, const view *v, const spot corner[8], int nearest, bool in_front)
{
    fprintf(f, "<path class=\"%s\" d=\"", in_front ? "cell front" : "cell");
    for (int i = 0; i < 8; i++)
        for (int k = 0; k < 3; k++) {
            int j = i | 1 << k;
            if (j == i || (i == nearest || j == nearest) != in_front) continue;
            fprintf(f, "M%.1f %.1fL%.1f %.1f", view_x(v, corner[i]), view_y(v, corner[i]), view_x(v, corner[j]),
                    view_y(v, corner[j]));
        }
    fputs("\"/>\n", f);
}

/* The piece of a bond that is outside the two balls; false where there is none. */
static bool visible(const sh_report_atoms *atoms, const drawn *p, const drawn *q, spot end[2])
{
    double d = 0, cut[2] = {0.9 * ball * atoms->radius[p->z], 0.9 * ball * atoms->radius[q->z]};
    for (int k = 0; k < 3; k++)
        d += (p->cart[k] - q->cart[k]) * (p->cart[k] - q->cart[k]);
    d = sqrt(d);
    for (int i = 0; i < 2; i++) {
        double point[3], at = i ? 1 - cut[1] / d : cut[0] / d;
        for (int k = 0; k < 3; k++)
            point[k] = p->cart[k] + at * (q->cart[k] - p->cart[k]);
        end[i] = project(point);
    }
    return d > cut[0] + cut[1];
}

typedef struct {
    double depth;
    int64_t p, q; /* q < 0: atom p; otherwise the bond of p and q */
} item;

static int by_depth(const void *a, const void *b)
{
    const item *p = a, *q = b;
    if (p->depth != q->depth) return p->depth < q->depth ? -1 : 1;
    return p->p != q->p ? (p->p > q->p) - (p->p < q->p) : (p->q > q->q) - (p->q < q->q);
}

static item *list_items(const sh_report_atoms *atoms, const drawn *atom, int64_t n, bool metals_too, int64_t *count)
{
    int64_t room = 4 * n + 16;
    item *list = sh_alloc((size_t)room * sizeof *list);
    *count = 0;
    for (int64_t p = 0; p < n; p++)
        for (int64_t q = p; q < n; q++) {
            if (q > p && !bonded(atoms, &atom[p], &atom[q], metals_too)) continue;
            if (*count == room) list = sh_realloc(list, (size_t)(room *= 2) * sizeof *list);
            list[(*count)++] = (item){(atom[p].at.depth + atom[q].at.depth) / 2, p, q > p ? q : -1};
        }
    qsort(list, (size_t)*count, sizeof *list, by_depth);
    return list;
}

void sh_report_draw(FILE *f, const sh_report_atoms *atoms, const sh_structure *s, const char *title)
{
    bool images = place_atoms(s, true, NULL) <= MAX_DRAWN, metals_too = true;
    int64_t n = place_atoms(s, images, NULL), n_item;
    int nearest = 0;
    spot corner[8];
    for (int i = 0; i < 8; i++) {
        double p[3];
        for (int k = 0; k < 3; k++)
            p[k] = (i & 1) * s->lattice[k] + (i >> 1 & 1) * s->lattice[3 + k] + (i >> 2 & 1) * s->lattice[6 + k];
        corner[i] = project(p);
        if (corner[i].depth > corner[nearest].depth) nearest = i;
    }
    drawn *atom = SH_NEW(drawn, n);
    place_atoms(s, images, atom);
    for (int64_t a = 0; a < n; a++)
        metals_too = metals_too && atoms->tables->smact_metal[atom[a].z];
    view v = fit(corner, atom, n, atoms);
    item *list = list_items(atoms, atom, n, metals_too, &n_item);
    fprintf(f, "<svg class=\"crystal\" viewBox=\"0 0 %d %d\" role=\"img\" aria-label=\"", WIDTH, HEIGHT);
    sh_report_text(f, title);
    fputs("\">\n", f);
    draw_cell(f, &v, corner, nearest, false);
    for (int64_t i = 0; i < n_item; i++) {
        const drawn *p = &atom[list[i].p], *q = list[i].q < 0 ? p : &atom[list[i].q];
        spot end[2];
        if (list[i].q < 0)
            fprintf(f, "<circle class=\"e%d\" cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\"/>\n", (int)p->z, view_x(&v, p->at),
                    view_y(&v, p->at), fmax(1, v.scale * ball * atoms->radius[p->z]));
        else if (visible(atoms, p, q, end))
            fprintf(f, "<path class=\"bond\" d=\"M%.1f %.1fL%.1f %.1f\"/>\n", view_x(&v, end[0]), view_y(&v, end[0]),
                    view_x(&v, end[1]), view_y(&v, end[1]));
    }
    draw_cell(f, &v, corner, nearest, true);
    fputs("</svg>\n", f);
    sh_free(list);
    sh_free(atom);
}
