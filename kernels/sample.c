/* sample.c -- what a step of sampling does between its draws: choices go into the records, and say what may be chosen next. */
#include "args.h"
#include "kernel.h"
#include "mask.h"

SH_BODY void sample_begin_body(int64_t i, const sh_sample_begin_args *a)
{
    if (i == a->records.n) {
        sh_record *blank = sh_listed(&a->records, i);
        for (int32_t t = 0; t < a->max_sites; t++)
            blank->step[t].sg_number = 1;
        return;
    }
    sh_listed(&a->records, i)->traj = a->first_traj + (uint64_t)i;
    a->record[i] = i;
    a->row[i] = 0;
    a->n_site[i] = 1;
}
SH_KERNEL_ROWS(sample_begin, sh_sample_begin_args)

SH_BODY void sample_order_body(int64_t i, const sh_sample_order_args *a)
{
    int64_t from = a->list ? a->list[i] : i;
    bool blank = a->list && i >= *a->n_go;
    a->record[i] = blank ? a->rows.records.n : a->rows.record[from];
    a->row[i] = blank ? 0 : (int32_t)(1 + from);
    a->n_site[i] = a->rows.t + 1;
    a->group_index[i] = 0;
    if (blank) return;
    a->group_index[i] = sh_row_record(&a->rows, from)->step[a->rows.t - 1].sg_number - 1;
}
SH_KERNEL_ROWS(sample_order, sh_sample_order_args)

SH_BODY void sample_keep_body(int64_t r, int64_t c, const sh_sample_keep_args *a)
{
    if (sh_row_is_blank(&a->rows, r)) return;
    a->y[a->rows.record[r] * a->cols + c] = a->x[r * a->cols + c];
}
SH_KERNEL_CELLS(sample_keep, sh_sample_keep_args, cols)

SH_BODY void sample_end_body(int64_t i, const sh_sample_end_args *a)
{
    const sh_record *record = sh_listed(&a->records, i);
    a->record[i] = i;
    a->group_index[i] = record->step[record->n_step - 1].sg_number - 1;
}
SH_KERNEL_ROWS(sample_end, sh_sample_end_args)

SH_BODY void mask_stop_body(int64_t r, const sh_mask_stop_args *a)
{
    if (sh_row_is_blank(&a->rows, r)) return;
    sh_partial state = sh_partial_of(&a->rules, sh_row_record(&a->rows, r), a->rows.t);
    a->mask[2 * r] = sh_mask_elements(&a->rules, &state, NULL) > 0;
    a->mask[2 * r + 1] = sh_mask_stop(&a->rules, &state);
}
SH_KERNEL_ROWS(mask_stop, sh_mask_stop_args)

SH_BODY void sample_group_body(int64_t r, const sh_sample_group_args *a)
{
    int32_t t = a->rows.t;
    sh_record *record = sh_row_record(&a->rows, r);
    a->group_index[r] = 0;
    if (sh_row_is_blank(&a->rows, r)) return;
    int32_t sg_number = a->choice ? 1 + a->choice[r] : record->step[t - 1].sg_number;
    record->step[t].sg_number = sg_number;
    a->group_index[r] = sg_number - 1;
    sh_partial state = sh_partial_of(&a->rules, record, t);
    state.sg_number = sg_number;
    sh_mask_elements(&a->rules, &state, a->mask + r * a->rules.constraints->n_element);
}
SH_KERNEL_ROWS(sample_group, sh_sample_group_args)

SH_BODY void sample_element_body(int64_t r, const sh_sample_element_args *a)
{
    int32_t t = a->rows.t, chosen = a->choice[r];
    sh_record *record = sh_row_record(&a->rows, r);
    a->z[r] = a->rules.constraints->element[chosen];
    a->dim[r] = 0;
    if (sh_row_is_blank(&a->rows, r)) return;
    record->step[t].elem_index = chosen;
    record->n_step = t + 1;
    if (a->rules.sites == SH_SITES_GENERAL) {
        record->step[t].wyckoff = -1;
        a->dim[r] = 3;
        return;
    }
    sh_partial state = sh_partial_of(&a->rules, record, t);
    state.sg_number = record->step[t].sg_number;
    sh_mask_positions(&a->rules, &state, chosen, a->mask + r * SH_MAX_WYCKOFF);
}
SH_KERNEL_ROWS(sample_element, sh_sample_element_args)

SH_BODY void sample_wyckoff_body(int64_t r, const sh_sample_wyckoff_args *a)
{
    sh_step *step = &sh_row_record(&a->rows, r)->step[a->rows.t];
    a->position[r] = 0;
    if (sh_row_is_blank(&a->rows, r)) return;
    step->wyckoff = a->choice[r];
    a->position[r] = a->rules.wyckoff_start[step->sg_number - 1] + step->wyckoff;
    a->dim[r] = (uint8_t)a->rules.wyckoff[a->position[r]].dim;
}
SH_KERNEL_ROWS(sample_wyckoff, sh_sample_wyckoff_args)
