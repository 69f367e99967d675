#include "io/symop.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <spglib.h>

#include "io/structure.h"

enum { N_HALL = 530 };

/* One coordinate: terms [sign] [number [/ number]] [*] [x|y|z]. */
static bool parse_coordinate(sh_span s, int8_t row[3], double *shift)
{
    double factor[3] = {0};
    *shift = 0;
    size_t i = 0;
    bool any = false;
    while (i < s.n) {
        double sign = 1, value = 1;
        bool has_number = false, has_sign = false;
        if (s.p[i] == '+' || s.p[i] == '-') {
            sign = s.p[i++] == '-' ? -1 : 1;
            has_sign = true;
        }
        if (any && !has_sign) return false; /* "xy" */
        size_t start = i;
        while (i < s.n && ((s.p[i] >= '0' && s.p[i] <= '9') || s.p[i] == '.'))
            i++;
        if (i > start) {
            if (!sh_span_number((sh_span){s.p + start, i - start}, &value)) return false;
            has_number = true;
            if (i < s.n && s.p[i] == '/') {
                size_t below = ++i;
                double divisor;
                while (i < s.n && s.p[i] >= '0' && s.p[i] <= '9')
                    i++;
                if (!sh_span_number((sh_span){s.p + below, i - below}, &divisor) || divisor < 1) return false;
                value /= divisor;
            }
            if (i < s.n && s.p[i] == '*') {
                i++;
                if (i == s.n) return false;
            }
        }
        int axis = i < s.n ? (s.p[i] | 0x20) - 'x' : -1;
        if (axis >= 0 && axis < 3) {
            factor[axis] += sign * value;
            i++;
        } else if (has_number && s.p[i - 1] != '*') {
            *shift += sign * value;
        } else {
            return false;
        }
        any = true;
    }
    for (int k = 0; k < 3; k++) {
        if (!(fabs(factor[k]) <= 3) || factor[k] != rint(factor[k])) return false;
        row[k] = (int8_t)factor[k];
    }
    if (!(fabs(*shift) < 1000)) return false;
    double nearest = rint(*shift * 24) / 24;
    if (fabs(*shift - nearest) < 5e-4) *shift = nearest;
    *shift = sh_wrap01(*shift);
    return any;
}

static int determinant(const int8_t w[9])
{
    return w[0] * (w[4] * w[8] - w[5] * w[7]) - w[1] * (w[3] * w[8] - w[5] * w[6]) +
           w[2] * (w[3] * w[7] - w[4] * w[6]);
}

bool sh_symop_parse(sh_span text, int8_t rot[9], double trans[3])
{
    char packed[128];
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++) {
        char c = text.p[i];
        if (c == ' ' || c == '\t' || c == '\n' || c == '\r') continue;
        if (n == sizeof packed) return false;
        packed[n++] = c;
    }
    size_t start = 0;
    for (int row = 0; row < 3; row++) {
        size_t end = start;
        while (end < n && packed[end] != ',')
            end++;
        if ((end == n) != (row == 2)) return false; /* two commas, not one more or less */
        if (!parse_coordinate((sh_span){packed + start, end - start}, rot + 3 * row, &trans[row])) return false;
        start = end + 1;
    }
    return abs(determinant(rot)) == 1;
}

void sh_symop_format(const int8_t rot[9], const double trans[3], char *out)
{
    char *p = out;
    for (int row = 0; row < 3; row++) {
        char *start = p;
        for (int axis = 0; axis < 3; axis++) {
            int w = rot[3 * row + axis];
            if (!w) continue;
            if (w < 0 || p > start) *p++ = w < 0 ? '-' : '+';
            if (abs(w) > 1) p += sprintf(p, "%d*", abs(w));
            *p++ = (char)('x' + axis);
        }
        double t = sh_wrap01(trans[row]);
        int twelfths = (int)rint(12 * t);
        if (fabs(12 * t - twelfths) > 1e-9) {
            p += sprintf(p, "%s%.12f", p > start ? "+" : "", t);
        } else if (twelfths % 12) {
            int divisor = 1; /* the largest of 12, 6, 4, 3, 2 that divides */
            for (int d = 12; d > 1 && divisor == 1; d--)
                if (12 % d == 0 && twelfths % d == 0) divisor = d;
            p += sprintf(p, "%s%d/%d", p > start ? "+" : "", twelfths / divisor, 12 / divisor);
        } else if (p == start) {
            *p++ = '0';
        }
        if (row < 2) *p++ = ',';
    }
    *p = '\0';
}

sh_status sh_symops_of_hall(int hall_number, sh_symops *out)
{
    int rotations[192][3][3];
    double translations[192][3];
    out->n = spg_get_symmetry_from_database(rotations, translations, hall_number);
    if (out->n <= 0) return SH_FAIL(SH_ELIB, "spglib has no operations for Hall number %d", hall_number);
    for (int i = 0; i < out->n; i++)
        for (int r = 0; r < 3; r++) {
            for (int c = 0; c < 3; c++)
                out->rot[i][3 * r + c] = (int8_t)rotations[i][r][c];
            out->trans[i][r] = rint(translations[i][r] * 12) / 12;
        }
    return SH_OK;
}

int sh_standard_hall(int sg_number)
{
    int standard = 0;
    for (int h = 1; h <= N_HALL; h++) {
        SpglibSpacegroupType type = spg_get_spacegroup_type(h);
        if (type.number != sg_number) continue;
        if (!standard || !strcmp(type.choice, "2")) standard = h;
    }
    return standard;
}

bool sh_symops_fit(const sh_symops *ops, const double lattice[9], double tolerance, int *bad)
{
    double g[3][3], largest = 0;
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) {
            g[i][j] = lattice[3 * i] * lattice[3 * j] + lattice[3 * i + 1] * lattice[3 * j + 1] +
                      lattice[3 * i + 2] * lattice[3 * j + 2];
            if (i == j && g[i][j] > largest) largest = g[i][j];
        }
    for (int op = 0; op < ops->n; op++) {
        const int8_t *w = ops->rot[op];
        for (int i = 0; i < 3; i++)
            for (int j = 0; j < 3; j++) {
                double turned = 0; /* (W^T G W)_ij */
                for (int k = 0; k < 3; k++)
                    for (int l = 0; l < 3; l++)
                        turned += w[3 * k + i] * g[k][l] * w[3 * l + j];
                if (!(fabs(turned - g[i][j]) <= tolerance * largest)) {
                    *bad = op;
                    return false;
                }
            }
    }
    return true;
}

/* Without blanks, underscores and brackets, so that "P 21/c", "P2_1/c" and "P2(1)/c" are one. */
static void pack_symbol(const char *text, size_t n, char *out, size_t size)
{
    size_t used = 0;
    for (size_t i = 0; i < n && used + 1 < size; i++)
        if (!strchr(" \t_()", text[i])) out[used++] = text[i]; /* nor the zero byte, which strchr finds too */
    out[used] = '\0';
}

/* Does the packed Hermann-Mauguin symbol name this setting? Short symbols of monoclinic groups mean unique axis b
 * (International Tables A), or the one that the table gives after the last '='. */
static bool symbol_names(const char *symbol, const SpglibSpacegroupType *type)
{
    char packed[64];
    pack_symbol(type->international_full, strlen(type->international_full), packed, sizeof packed);
    if (!strcmp(symbol, packed)) return true;
    bool monoclinic = type->number >= 3 && type->number <= 15;
    if (!monoclinic) {
        pack_symbol(type->international_short, strlen(type->international_short), packed, sizeof packed);
        if (!strcmp(symbol, packed)) return true;
        /* before 1992 the double glide planes had other letters */
        static const struct {
            int hall;
            const char *symbol;
        } former[] = {{191, "Abm2"}, {203, "Aba2"}, {304, "Cmca"}, {316, "Cmma"}, {322, "Ccca"}, {323, "Ccca"}};
        for (size_t i = 0; i < sizeof former / sizeof *former; i++)
            if (former[i].hall == type->hall_number && !strcmp(symbol, former[i].symbol)) return true;
        return false;
    }
    const char *full = type->international_full, *first = strchr(full, ' ');
    if (first && !strncmp(first, " 1 ", 3) && strlen(first) > 5 && !strcmp(full + strlen(full) - 2, " 1")) {
        char shortened[64]; /* "P 1 2_1/c 1" -> "P 2_1/c" */
        snprintf(shortened, sizeof shortened, "%.*s%.*s", (int)(first - full), full, (int)strlen(first) - 5, first + 3);
        pack_symbol(shortened, strlen(shortened), packed, sizeof packed);
        if (!strcmp(symbol, packed)) return true;
    }
    const char *equal = strchr(type->international, '=');
    equal = equal ? strchr(equal + 1, '=') : NULL;
    if (!equal) return false;
    pack_symbol(equal + 1, strlen(equal + 1), packed, sizeof packed);
    return !strcmp(symbol, packed);
}

sh_status sh_setting_find(sh_span hall_symbol, sh_span hm_symbol, int64_t number, const double lattice[9],
                          int *hall_number)
{
    static const char advice[] = "add the operations to the file (loop_ _space_group_symop_operation_xyz) or the setting "
                                 "to the symbol, such as ':2' for origin choice 2 or ':R' for rhombohedral axes";
    if (number && (number < 1 || number > 230))
        return SH_FAIL(SH_EINPUT, "the space-group number is %lld, not 1 to 230", (long long)number);

    char hall[64] = "", symbol[64] = "", choice[8] = "";
    pack_symbol(hall_symbol.p, hall_symbol.n, hall, sizeof hall);
    pack_symbol(hm_symbol.p, hm_symbol.n, symbol, sizeof symbol);
    char *colon = strchr(symbol, ':');
    size_t length = strlen(symbol);
    if (colon) {
        snprintf(choice, sizeof choice, "%s", colon + 1);
        *colon = '\0';
    } else if (length > 1 && strchr("HRSZ", symbol[length - 1])) { /* as ICSD writes it: S, Z for the two origins */
        char last = symbol[length - 1];
        snprintf(choice, sizeof choice, "%c", last == 'S' ? '1' : last == 'Z' ? '2' : last);
        symbol[length - 1] = '\0';
    }
    if (choice[0] == 'h' || choice[0] == 'r') choice[0] = (char)(choice[0] - 'a' + 'A');

    int found = 0, n_found = 0, n_named = 0, standard = number ? sh_standard_hall((int)number) : 0;
    bool has_standard = false;
    for (int h = 1; h <= N_HALL; h++) {
        SpglibSpacegroupType type = spg_get_spacegroup_type(h);
        char table[64];
        pack_symbol(type.hall_symbol, strlen(type.hall_symbol), table, sizeof table);
        if (number && type.number != number) continue;
        if (hall[0] && strcmp(hall, table)) continue;
        if (symbol[0] && !hall[0] && !symbol_names(symbol, &type)) continue;
        if (choice[0] && !hall[0] && strcmp(choice, type.choice)) continue;
        n_named++;
        sh_symops ops;
        int bad;
        SH_TRY(sh_symops_of_hall(h, &ops));
        if (!sh_symops_fit(&ops, lattice, 0.02, &bad)) continue;
        if (!n_found++) found = h;
        if (h == standard) has_standard = true;
    }
    char told[96] = "number", digits[24] = "";
    if (hall[0]) snprintf(told, sizeof told, "Hall symbol '%s'%s", SH_SHOW(hall_symbol), number ? " and number" : "");
    else if (symbol[0]) snprintf(told, sizeof told, "symbol '%s'%s", SH_SHOW(hm_symbol), number ? " and number" : "");
    if (number) snprintf(digits, sizeof digits, " %lld", (long long)number);
    if (!n_named) {
        SH_FAIL(SH_EINPUT, "no setting of a space group has the %s%s", told, digits);
        return sh_error_hint(SH_EINPUT, "%s", advice);
    }
    if (!n_found) {
        SH_FAIL(SH_EINPUT, "the cell does not have the symmetry of the space group's %s%s", told, digits);
        return sh_error_hint(SH_EINPUT, "check the cell lengths and angles, or the space group");
    }
    bool same_operations = hall[0]; /* settings with one Hall symbol have the same operations */
    if (n_found > 1 && !has_standard && !same_operations) {
        SH_FAIL(SH_EINPUT, "the space group's %s%s leaves %d settings open", told, digits, n_found);
        return sh_error_hint(SH_EINPUT, "%s", advice);
    }
    *hall_number = n_found > 1 && has_standard ? standard : found;
    return SH_OK;
}

double sh_near_distance(const double l[9], const double a[3], const double b[3])
{
    double d[3], cart[3];
    for (int k = 0; k < 3; k++) {
        d[k] = a[k] - b[k];
        d[k] -= rint(d[k]);
    }
    for (int k = 0; k < 3; k++)
        cart[k] = d[0] * l[k] + d[1] * l[3 + k] + d[2] * l[6 + k];
    return sqrt(cart[0] * cart[0] + cart[1] * cart[1] + cart[2] * cart[2]);
}

static void apply(const sh_symops *ops, int op, const double x[3], double out[3])
{
    const int8_t *w = ops->rot[op];
    for (int k = 0; k < 3; k++)
        out[k] = w[3 * k] * x[0] + w[3 * k + 1] * x[1] + w[3 * k + 2] * x[2] + ops->trans[op][k];
}

void sh_site_settle(const sh_symops *ops, const double lattice[9], double tolerance, double x[3])
{
    for (int round = 0; round < 8; round++) {
        double sum[3] = {0}, image[3];
        int n = 0;
        for (int op = 0; op < ops->n; op++) {
            apply(ops, op, x, image);
            if (sh_near_distance(lattice, image, x) >= tolerance) continue;
            for (int k = 0; k < 3; k++)
                sum[k] += image[k] - x[k] - rint(image[k] - x[k]);
            n++;
        }
        if (n < 2) return;
        double moved = 0;
        for (int k = 0; k < 3; k++) {
            x[k] += sum[k] / n;
            moved += fabs(sum[k] / n);
        }
        if (moved < 1e-14) return;
    }
}

int sh_site_expand(const sh_symops *ops, const double lattice[9], double tolerance, const double x[3],
                   double (*images)[3])
{
    int n = 1;
    for (int k = 0; k < 3; k++)
        images[0][k] = sh_wrap01(x[k]);
    for (int op = 0; op < ops->n; op++) {
        double image[3];
        apply(ops, op, x, image);
        bool there = false;
        for (int i = 0; i < n && !there; i++)
            there = sh_near_distance(lattice, image, images[i]) < tolerance;
        if (there) continue;
        for (int k = 0; k < 3; k++)
            images[n][k] = sh_wrap01(image[k]);
        n++;
    }
    return n;
}
