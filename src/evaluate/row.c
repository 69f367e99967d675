#include "evaluate/row.h"

#include <math.h>
#include <stddef.h>
#include <string.h>

#include "base/memory.h"
#include "crystal/dataset.h"
#include "io/fields.h"
#include "io/h5.h"
#include "relax/relax.h"

typedef enum { I32, I64, F64 } number_type;

typedef struct {
    const char *name;
    number_type type;
    size_t offset;
} column;

#define AT(field) offsetof(sh_evaluation_row, field)
static const column columns[] = {
    {"n_atoms", I64, AT(n_atom)},
    {"n_elements", I32, AT(n_kind)},
    {"reward", F64, AT(reward)},
    {"structure_valid", I32, AT(structure_valid)},
    {"composition_valid", I32, AT(composition_valid)},
    {"valid", I32, AT(valid)},
    {"own_images_valid", I32, AT(own_images)},
    {"bonds_valid", I32, AT(bonds)},
    {"far_bond_valid", I32, AT(near)},
    {"nearest_pair", F64, AT(nearest_pair)},
    {"bond_score", F64, AT(bond_score)},
    {"bond_score_text", F64, AT(bond_score_text)},
    {"bond_missing", I32, AT(bond_missing)},
    {"volume", F64, AT(volume)},
    {"density", F64, AT(density)},
    {"space_group", I32, AT(group)},
    {"sampled_group", I32, AT(sampled_group)},
    {"e_total_raw", F64, AT(e_total)},
    {"e_form_raw", F64, AT(e_form)},
    {"e_above_hull_raw", F64, AT(e_above_hull)},
    {"phase_separation_raw", F64, AT(separation)},
    {"band_gap", F64, AT(band_gap)},
    {"relaxed", I32, AT(relaxed)},
    {"e_total_relaxed", F64, AT(e_total_relaxed)},
    {"e_form_relaxed", F64, AT(e_form_relaxed)},
    {"e_above_hull_relaxed", F64, AT(e_above_hull_relaxed)},
    {"phase_separation_relaxed", F64, AT(separation_relaxed)},
    {"composition_kept", I32, AT(composition_kept)},
    {"space_group_relaxed", I32, AT(group_relaxed)},
    {"group_kept", I32, AT(group_kept)},
    {"match_authors", I32, AT(match_authors)},
    {"rms_authors", F64, AT(rms_authors)},
    {"match_cdvae", I32, AT(match_cdvae)},
    {"rms_cdvae", F64, AT(rms_cdvae)},
    {"match_default", I32, AT(match_default)},
    {"rms_default", F64, AT(rms_default)},
    {"match_mattergen", I32, AT(rmsd_matched)},
    {"rmsd_mattergen", F64, AT(rmsd)},
    {"mode", I32, AT(mode)},
    {"new_mode", I32, AT(new_mode)},
    {"new_formula", I32, AT(new_formula)},
    {"unique", I32, AT(unique)},
    {"same_as", I64, AT(same_as)},
    {"novel", I32, AT(novel)},
    {"stable", I32, AT(stable)},
    {"stable_unique_novel", I32, AT(sun)},
    {"nearest_structure", F64, AT(nearest_structure)},
    {"nearest_composition", F64, AT(nearest_composition)},
    {"map_1", F64, AT(map[0])},
    {"map_2", F64, AT(map[1])},
};
enum { N_COLUMN = sizeof columns / sizeof *columns };

sh_evaluation_row sh_evaluation_row_empty(void)
{
    sh_evaluation_row row;
    memset(&row, 0, sizeof row);
    for (int c = 0; c < N_COLUMN; c++) {
        void *at = (char *)&row + columns[c].offset;
        if (columns[c].type == F64)
            *(double *)at = NAN;
        else if (columns[c].type == I64)
            *(int64_t *)at = -1;
        else
            *(int32_t *)at = -1;
    }
    row.n_atom = row.structure_valid = row.composition_valid = row.valid = row.relaxed = 0;
    row.magpie_missing = -1;
    row.relaxation = SH_NOT_RELAXED;
    row.known_as = row.nearest_reference = -1;
    return row;
}

static double value_of(const sh_evaluation_row *row, const column *c)
{
    const void *at = (const char *)row + c->offset;
    if (c->type == F64) return *(const double *)at;
    int64_t i = c->type == I64 ? *(const int64_t *)at : *(const int32_t *)at;
    return i < 0 ? NAN : (double)i;
}

static const char *relaxation_key(const sh_evaluation_row *row)
{
    if (row->relaxation < 0) return "";
    return row->relaxation == SH_RELAX_N_VERDICT ? "given" : sh_relax_verdict_key((sh_relax_verdict)row->relaxation);
}

static const char *change_key(const sh_evaluation_row *row)
{
    return row->relaxed == 1 ? sh_symmetry_change_key((sh_symmetry_change)row->group_change) : "";
}

/* Columns of words. */
static const struct {
    const char *name;
    const char *(*of)(const sh_evaluation_row *row);
} words[] = {{"relaxation", relaxation_key}, {"group_change", change_key}};
enum { N_WORD = sizeof words / sizeof *words };

void sh_evaluation_rows_csv(const sh_evaluation_rows *r, FILE *out)
{
    fputs("row,file,index,name,formula", out);
    for (int c = 0; c < N_COLUMN; c++)
        fprintf(out, ",%s", columns[c].name);
    for (int k = 0; k < N_WORD; k++)
        fprintf(out, ",%s", words[k].name);
    fputs(",decomposition,known_as,nearest_reference,reason\n", out);
    for (int64_t i = 0; i < r->n; i++) {
        fprintf(out, "%lld,", (long long)i);
        sh_csv_text(out, r->file[i]);
        fprintf(out, ",%lld,", (long long)r->index[i]);
        sh_csv_text(out, r->name[i]);
        fprintf(out, ",%s", r->formula[i]);
        for (int c = 0; c < N_COLUMN; c++) {
            putc(',', out);
            sh_csv_value(out, value_of(&r->row[i], &columns[c]));
        }
        for (int k = 0; k < N_WORD; k++)
            fprintf(out, ",%s", words[k].of(&r->row[i]));
        putc(',', out);
        sh_csv_text(out, r->decomposition[i]);
        putc(',', out);
        sh_csv_text(out, r->known_as[i]);
        putc(',', out);
        sh_csv_text(out, r->nearest_reference[i]);
        putc(',', out);
        sh_csv_text(out, r->reason[i]);
        putc('\n', out);
    }
}

static sh_status write_column(const sh_evaluation_rows *r, hid_t file, const column *c)
{
    static const size_t sizes[] = {[I32] = sizeof(int32_t), [I64] = sizeof(int64_t), [F64] = sizeof(double)};
    hid_t type = c->type == I32 ? H5T_NATIVE_INT32 : c->type == I64 ? H5T_NATIVE_INT64 : H5T_NATIVE_DOUBLE;
    hsize_t dims[1] = {(hsize_t)r->n};
    size_t size = sizes[c->type];
    char name[64], *values = sh_calloc((size_t)r->n, size);
    for (int64_t i = 0; i < r->n; i++)
        memcpy(values + (size_t)i * size, (const char *)&r->row[i] + c->offset, size);
    snprintf(name, sizeof name, "rows/%s", c->name);
    sh_status status = sh_h5_write(file, name, type, 1, dims, values);
    sh_free(values);
    return status;
}

static sh_status write_words(const sh_evaluation_rows *r, hid_t file, const char *name, const char *(*of)(const sh_evaluation_row *row))
{
    char path[64], **text = SH_NEW(char *, r->n);
    for (int64_t i = 0; i < r->n; i++)
        text[i] = sh_strdup(of(&r->row[i]));
    snprintf(path, sizeof path, "rows/%s", name);
    sh_status status = sh_h5_write_texts(file, path, text, r->n);
    for (int64_t i = 0; i < r->n; i++)
        sh_free(text[i]);
    sh_free(text);
    return status;
}

sh_status sh_evaluation_rows_hdf5(const sh_evaluation_rows *r, hid_t file)
{
    const struct {
        const char *name;
        char *const *text;
    } texts[] = {{"rows/file", r->file},         {"rows/name", r->name},         {"rows/formula", r->formula},
                 {"rows/reason", r->reason},     {"rows/known_as", r->known_as}, {"rows/nearest_reference", r->nearest_reference},
                 {"rows/decomposition", r->decomposition}};
    hsize_t dims[1] = {(hsize_t)r->n};
    for (int c = 0; c < N_COLUMN; c++)
        SH_TRY(write_column(r, file, &columns[c]));
    SH_TRY(sh_h5_write(file, "rows/index", H5T_NATIVE_INT64, 1, dims, r->index));
    for (size_t k = 0; k < sizeof texts / sizeof *texts; k++)
        SH_TRY(sh_h5_write_texts(file, texts[k].name, texts[k].text, r->n));
    for (int k = 0; k < N_WORD; k++)
        SH_TRY(write_words(r, file, words[k].name, words[k].of));
    return SH_OK;
}
