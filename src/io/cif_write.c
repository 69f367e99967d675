/* cif_write.c -- writing CIF: the group that spglib finds, its standard setting, the operations of that very setting and
 * one atom a site.
 *
 * The cell and the positions are spglib's standardised ones, which moves atoms by less than the 1e-3 Å of the search and
 * none of an exactly symmetric crystal. spglib by itself prefers origin choice 1; the setting here is asked for by its Hall
 * number, and the operations are those of the same number. All the same nothing is believed: the asymmetric unit is expanded
 * with the operations as written and compared with spglib's atoms and, through the change of basis, with the structure
 * given. */
#include "io/cif.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "crystal/dataset.h"
#include "crystal/lattice.h"
#include "io/symop.h"
#include "reward/tables.h"

static const double symprec = 1e-3;  /* Å */
static const double agreement = 5e-3; /* Å, between what is written and what was given */

typedef struct {
    int32_t z;
    int32_t mult;
    char wyckoff;
    double frac[3];
} asym_site;

typedef struct {
    SpglibSpacegroupType type;
    sh_symops ops;
    double lattice[9];
    int64_t n_site, n_atom;
    asym_site *site;
} asym_unit;

static char wyckoff_letter(int index)
{
    return (char)(index < 26 ? 'a' + index : 'A' + index - 26); /* group 47 has 27 positions: the last is alpha, 'A' */
}

/* Rows of the standard cell as the transformation makes it of the given one: (a b c)_std = (a b c) P^-1. */
static bool same_metric(const sh_structure *s, const SpglibDataset *d, const double standard[9])
{
    double p[9], q[9], made[9] = {0};
    memcpy(p, d->transformation_matrix, sizeof p);
    double det = p[0] * (p[4] * p[8] - p[5] * p[7]) - p[1] * (p[3] * p[8] - p[5] * p[6]) +
                 p[2] * (p[3] * p[7] - p[4] * p[6]);
    if (!(fabs(det) > 1e-6)) return false;
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) {
            int a = (j + 1) % 3, b = (j + 2) % 3, c = (i + 1) % 3, e = (i + 2) % 3;
            q[3 * i + j] = (p[3 * a + c] * p[3 * b + e] - p[3 * a + e] * p[3 * b + c]) / det;
        }
    double longest = 0;
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++)
            for (int j = 0; j < 3; j++)
                made[3 * i + k] += q[3 * j + i] * s->lattice[3 * j + k];
    for (int i = 0; i < 9; i++)
        longest = fmax(longest, fabs(standard[i]));
    for (int i = 0; i < 3; i++)
        for (int j = 0; j < 3; j++) {
            double g = 0, h = 0;
            for (int k = 0; k < 3; k++) {
                g += made[3 * i + k] * made[3 * j + k];
                h += standard[3 * i + k] * standard[3 * j + k];
            }
            if (!(fabs(g - h) <= 2 * agreement * longest)) return false;
        }
    return true;
}

/* Every atom given is, after the change of basis, one of spglib's. */
static bool same_positions(const sh_structure *s, const SpglibDataset *d, const double standard[9])
{
    for (int64_t i = 0; i < s->n_atom; i++) {
        double x[3];
        for (int k = 0; k < 3; k++) {
            const double *p = d->transformation_matrix[k];
            x[k] = p[0] * s->frac[3 * i] + p[1] * s->frac[3 * i + 1] + p[2] * s->frac[3 * i + 2] + d->origin_shift[k];
        }
        int j = 0;
        while (j < d->n_std_atoms && (d->std_types[j] != s->z[i] ||
                                      sh_near_distance(standard, x, d->std_positions[j]) > agreement))
            j++;
        if (j == d->n_std_atoms) return false;
    }
    return true;
}

/* Cuts spglib's standardised atoms into orbits of the operations to be written. False where these are not theirs. */
static bool find_sites(const SpglibDataset *d, asym_unit *u)
{
    bool *done = SH_NEW(bool, d->n_std_atoms);
    double(*images)[3] = sh_alloc((size_t)(u->ops.n + 1) * sizeof *images);
    bool good = true;
    u->site = SH_NEW(asym_site, d->n_std_atoms);
    u->n_atom = d->n_std_atoms;
    for (int a = 0; a < d->n_std_atoms && good; a++) {
        if (done[a]) continue;
        asym_site *site = &u->site[u->n_site++];
        site->z = d->std_types[a];
        memcpy(site->frac, d->std_positions[a], sizeof site->frac);
        sh_site_settle(&u->ops, u->lattice, agreement, site->frac);
        site->mult = sh_site_expand(&u->ops, u->lattice, 2 * agreement, site->frac, images);
        for (int i = 0; i < site->mult && good; i++) {
            int b = 0;
            while (b < d->n_std_atoms && (done[b] || d->std_types[b] != site->z ||
                                          sh_near_distance(u->lattice, images[i], d->std_positions[b]) > agreement))
                b++;
            good = b < d->n_std_atoms;
            if (good) done[b] = true;
        }
        for (int k = 0; k < 3; k++)
            site->frac[k] = sh_wrap01(site->frac[k]);
        int given = 0; /* letters are kept by the atoms given, which know their atom of the primitive cell */
        while (given < d->n_atoms && d->mapping_to_primitive[given] != d->std_mapping_to_primitive[a])
            given++;
        good = good && given < d->n_atoms;
        if (good) site->wyckoff = wyckoff_letter(d->wyckoffs[given]);
    }
    sh_free(done);
    sh_free(images);
    return good;
}

static bool symmetric_unit(const sh_structure *s, asym_unit *u)
{
    sh_cell cell = {s->lattice, s->n_atom, s->z, s->frac};
    int number = sh_space_group_number(&cell, symprec);
    if (number <= 1) return false;
    int hall = sh_standard_hall(number);
    SpglibDataset *d = sh_dataset_create(&cell, symprec, hall);
    if (!d) return false;
    for (int i = 0; i < 3; i++)
        for (int k = 0; k < 3; k++)
            u->lattice[3 * i + k] = d->std_lattice[k][i];
    u->type = spg_get_spacegroup_type(hall);
    bool good = d->spacegroup_number == number && d->hall_number == hall &&
                sh_symops_of_hall(hall, &u->ops) == SH_OK && same_metric(s, d, u->lattice) &&
                same_positions(s, d, u->lattice) && find_sites(d, u);
    spg_free_dataset(d);
    return good;
}

/* All atoms, each a site of its own. A left-handed cell has the cell parameters of its mirror image; with all coordinates
 * negated it is the same crystal again. */
static void plain_unit(const sh_structure *s, asym_unit *u)
{
    const double *l = s->lattice;
    double det = l[0] * (l[4] * l[8] - l[5] * l[7]) + l[1] * (l[5] * l[6] - l[3] * l[8]) +
                 l[2] * (l[3] * l[7] - l[4] * l[6]);
    u->type = spg_get_spacegroup_type(1);
    u->ops = (sh_symops){.n = 1, .rot = {{1, 0, 0, 0, 1, 0, 0, 0, 1}}};
    memcpy(u->lattice, s->lattice, sizeof u->lattice);
    sh_free(u->site);
    u->site = SH_NEW(asym_site, s->n_atom);
    u->n_site = u->n_atom = s->n_atom;
    for (int64_t i = 0; i < s->n_atom; i++) {
        u->site[i] = (asym_site){.z = s->z[i], .mult = 1, .wyckoff = 'a'};
        for (int k = 0; k < 3; k++)
            u->site[i].frac[k] = sh_wrap01(det < 0 ? -s->frac[3 * i + k] : s->frac[3 * i + k]);
    }
}

static void write_value(FILE *f, const char *tag, const char *value)
{
    bool plain = value[0] && !strchr("_#$'\"[];", value[0]) && strcmp(value, "?") && strcmp(value, ".");
    for (const char *p = value; *p && plain; p++)
        plain = isgraph((unsigned char)*p);
    for (size_t i = 0; i < 5 && plain; i++)
        plain = !sh_span_starts_nocase(sh_span_of(value), (const char *const[]){"data_", "loop_", "save_", "stop_",
                                                                              "global_"}[i]);
    char quote = strchr(value, '\'') ? '"' : '\'';
    fprintf(f, "%-36s ", tag);
    if (plain) {
        fprintf(f, "%s\n", value);
        return;
    }
    fputc(quote, f);
    for (const char *p = value; *p; p++)
        fputc(*p == '\n' || *p == '\r' || *p == quote ? ' ' : *p, f);
    fprintf(f, "%c\n", quote);
}

static void write_name(FILE *f, const char *name)
{
    fputs("data_", f);
    for (int i = 0; name[i] && i < 70; i++)
        fputc(isgraph((unsigned char)name[i]) ? name[i] : '_', f);
    fputc('\n', f);
}

/* 0.9999999999999 would be printed as 1. */
static double printable(double x)
{
    return x > 1 - 5e-13 ? 0 : x;
}

static void write_formula(FILE *f, const sh_structure *s)
{
    char formula[1024];
    int64_t units;
    int32_t z[118];
    int64_t count[118];
    sh_structure_formula(s, formula, sizeof formula, &units);
    write_value(f, "_chemical_formula_structural", formula);
    int n = sh_structure_composition(s, z, count);
    size_t used = 0;
    for (int i = 0; i < n; i++)
        used += (size_t)snprintf(formula + used, sizeof formula - used, "%s%s%lld", i ? " " : "", sh_element_symbol(z[i]),
                                 (long long)(count[i] / units));
    write_value(f, "_chemical_formula_sum", formula);
}

void sh_cif_origin_of(const sh_structure *s, sh_cif_origin *out)
{
    out->n = 0;
    if (s->sampled_group) {
        snprintf(out->group, sizeof out->group, "%d", (int)s->sampled_group);
        out->item[out->n++] = (sh_cif_item){"_shaft_sampled_space_group_number", out->group};
    }
    if (s->reward > 0) {
        for (int digits = 8; digits <= 17; digits++) { /* as many as it takes to read the same number back */
            snprintf(out->reward, sizeof out->reward, "%.*g", digits, s->reward);
            if (strtod(out->reward, NULL) == s->reward) break;
        }
        out->item[out->n++] = (sh_cif_item){"_shaft_reward", out->reward};
    }
    if (s->reward_model) out->item[out->n++] = (sh_cif_item){"_shaft_reward_model", s->reward_model};
}

sh_status sh_cif_write(FILE *f, const sh_structure *s, const sh_cif_opts *opts, int *sg_number)
{
    sh_cif_origin origin;
    sh_cif_origin_of(s, &origin);
    asym_unit u = {0};
    if (opts->p1 || !symmetric_unit(s, &u)) {
        u.n_site = 0;
        plain_unit(s, &u);
    }
    char text[1024];
    int64_t units;
    sh_structure_formula(s, text, sizeof text, &units);
    write_name(f, opts->name ? opts->name : text);
    write_value(f, "_audit_creation_method", "shaft " SHAFT_VERSION);
    write_formula(f, s);
    double p[6];
    sh_lattice_parameters(u.lattice, p);
    static const char *const cell_tag[6] = {"_cell_length_a",    "_cell_length_b",   "_cell_length_c",
                                            "_cell_angle_alpha", "_cell_angle_beta", "_cell_angle_gamma"};
    for (int i = 0; i < 6; i++)
        fprintf(f, "%-36s %.10f\n", cell_tag[i], p[i]);
    double volume = sh_lattice_volume(u.lattice);
    fprintf(f, "%-36s %.8f\n", "_cell_volume", volume);
    fprintf(f, "%-36s %lld\n", "_cell_formula_units_Z", (long long)(units * u.n_atom / s->n_atom));

    snprintf(text, sizeof text, "%d", u.type.number);
    write_value(f, "_space_group_IT_number", text);
    bool choice = u.type.choice[0] == '2' || u.type.choice[0] == 'H';
    bool monoclinic = u.type.number >= 3 && u.type.number <= 15; /* the full symbol names the unique axis */
    char packed[sizeof u.type.international] = "";
    size_t used = 0;
    for (const char *c = monoclinic ? u.type.international_full : u.type.international; *c; c++)
        if (*c != '_') packed[used++] = *c;
    packed[used] = '\0';
    snprintf(text, sizeof text, choice ? "%s:%c" : "%s", packed, u.type.choice[0]);
    write_value(f, "_space_group_name_H-M_alt", text);
    write_value(f, "_space_group_name_Hall", u.type.hall_symbol);
    for (int i = 0; i < origin.n; i++)
        write_value(f, origin.item[i].key, origin.item[i].value);
    for (int i = 0; i < opts->n_item; i++)
        write_value(f, opts->item[i].key, opts->item[i].value);

    fputs("loop_\n_space_group_symop_id\n_space_group_symop_operation_xyz\n", f);
    for (int i = 0; i < u.ops.n; i++) {
        sh_symop_format(u.ops.rot[i], u.ops.trans[i], text);
        fprintf(f, "%d '%s'\n", i + 1, text);
    }
    fputs("loop_\n_atom_site_label\n_atom_site_type_symbol\n_atom_site_site_symmetry_multiplicity\n"
          "_atom_site_Wyckoff_symbol\n_atom_site_fract_x\n_atom_site_fract_y\n_atom_site_fract_z\n_atom_site_occupancy\n",
          f);
    int64_t number_of[SH_MAX_Z + 1] = {0};
    for (int64_t i = 0; i < u.n_site; i++) {
        const asym_site *site = &u.site[i];
        const char *symbol = sh_element_symbol(site->z);
        snprintf(text, sizeof text, "%s%lld", symbol, (long long)++number_of[site->z]);
        fprintf(f, "%-5s %-2s %3d %c %.12f %.12f %.12f 1\n", text, symbol, site->mult, site->wyckoff,
                printable(site->frac[0]), printable(site->frac[1]), printable(site->frac[2]));
    }
    if (sg_number) *sg_number = u.type.number;
    sh_free(u.site);
    return ferror(f) ? SH_FAIL(SH_EIO, "cannot write a CIF") : SH_OK;
}
