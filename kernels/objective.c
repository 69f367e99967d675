/* objective.c -- which row of which head every transition of a batch of records is about. */
#include "args.h"
#include "kernel.h"
#include "mask.h"
#include "step_cell.h"

SH_BODY void transitions_body(int64_t i, const sh_transitions_args *a)
{
    a->count[i] = sh_listed(&a->records, i)->n_step + 1;
}
SH_KERNEL(transitions, sh_transitions_args)

SH_BODY void objective_rows_body(int64_t i, const sh_objective_rows_args *a)
{
    const sh_record *r = sh_listed(&a->records, i);
    const sh_constraints *c = a->rules.constraints;
    int32_t wyckoff = a->rules.sites == SH_SITES_WYCKOFF;
    int64_t first = a->start[i];
    sh_partial partial = sh_partial_empty(&a->rules);
    for (int32_t t = 0; t <= r->n_step; t++) {
        int64_t k = first + t, q = k - i, b = q - i - 2; /* b: the backward step that takes s_t to s_(t-1) */
        int32_t last = t == r->n_step, back = a->learns_backward && t >= 2;
        a->trunk_row[k] = t ? (int32_t)q : 0;
        a->log_pb[k] = last ? 0 : -log(t + 1.0);
        a->decision_row[k] = t ? (int32_t)(q - 1) : -1;
        a->step_row[k] = last ? -1 : (int32_t)q;
        a->group_row[k] = last ? -1 : a->group_each_step ? (int32_t)q : t == 0 ? (int32_t)i : -1;
        a->end_row[k] = last && a->lattice_last ? (int32_t)i : -1;
        a->back_row[k] = a->learns_backward && t >= 1 && !last ? (int32_t)(b + 1) : -1;
        if (t > 0) {
            a->state_record[q - 1] = i;
            a->state_t[q - 1] = t;
        }
        if (back) {
            a->back_record[b] = i;
            a->back_t[b] = t - 2;
            a->back_trunk[b] = (int32_t)q;
            a->back_removed[b] = c->element[r->step[t - 1].elem_index];
        }
        if (wyckoff && !last) partial.sg_number = r->step[t].sg_number; /* known when the element is chosen */
        if (t > 0) {
            int32_t both = sh_mask_stop(&a->rules, &partial) && sh_mask_elements(&a->rules, &partial, NULL) > 0;
            a->decision[q - 1] = both ? last : -1;
        }
        if (last) {
            a->end_record[i] = i;
            a->end_t[i] = t - 1;
            a->end_trunk[i] = (int32_t)q;
            break;
        }
        const sh_step *step = &r->step[t];
        a->step_record[q] = i;
        a->step_t[q] = t;
        a->step_trunk[q] = a->trunk_row[k];
        sh_mask_elements(&a->rules, &partial, a->element_mask + q * c->n_element);
        if (wyckoff) sh_mask_positions(&a->rules, &partial, step->elem_index, a->position_mask + q * SH_MAX_WYCKOFF);
        partial = sh_partial_add(&a->rules, &partial, step);
    }
}
SH_KERNEL_ROWS(objective_rows, sh_objective_rows_args)

SH_BODY void chosen_body(int64_t r, const sh_chosen_args *a)
{
    const sh_step *step = &sh_listed(&a->records, a->record[r])->step[a->t[r]];
    int32_t wyckoff = a->rules.sites == SH_SITES_WYCKOFF;
    int32_t position = wyckoff ? a->rules.wyckoff_start[step->sg_number - 1] + step->wyckoff : 0;
    if (a->group) a->group[r] = step->sg_number - 1;
    if (a->element) a->element[r] = step->elem_index;
    if (a->z) a->z[r] = a->rules.constraints->element[step->elem_index];
    if (a->wyckoff) a->wyckoff[r] = step->wyckoff;
    if (a->position) a->position[r] = position;
    if (a->dim) a->dim[r] = wyckoff ? (uint8_t)a->rules.wyckoff[position].dim : 3;
    if (a->x)
        for (int j = 0; j < 3; j++)
            a->x[3 * r + j] = step->frac[j];
    if (!a->code) return;
    for (int d = 0; d <= 6; d++) {
        sh_lattice_code(step, d, a->code + (d * a->n + r) * 6 * SH_LATTICE_CODE);
        if (d == 6) break;
        a->y[d * a->n + r] = step->y[d];
        a->is_free[d * a->n + r] = sh_step_is_free(step, d);
    }
}
SH_KERNEL_ROWS(chosen, sh_chosen_args)
