/* records.h -- how far trajectories and gradients of one back-end are from those of another. */
#ifndef SH_TEST_RECORDS_H
#define SH_TEST_RECORDS_H

#include "test.h"

#include <math.h>

#include "gflownet/record.h"

/* Whether two records differ by more than rounding: by a choice, or by a number that rounding has carried to another component or
 * another crystal. */
static inline bool is_moved(const sh_record *a, const sh_record *b)
{
    const double limit = sizeof(sh_real) == 4 ? 1e-3 : 1e-9;
    bool moved = a->n_step != b->n_step || fabs(a->log_pf - b->log_pf) > limit * fmax(1, fabs(a->log_pf));
    for (int32_t t = 0; t < a->n_step && !moved; t++) {
        const sh_step *x = &a->step[t], *y = &b->step[t];
        moved = x->sg_number != y->sg_number || x->elem_index != y->elem_index || x->wyckoff != y->wyckoff;
        for (int d = 0; d < 6; d++)
            moved = moved || fabs(x->y[d] - y->y[d]) > limit * fmax(1, fabs(x->y[d]));
        for (int j = 0; j < 3; j++)
            moved = moved || fabs(remainder(x->frac[j] - y->frac[j], 1)) > limit;
    }
    return moved;
}

static inline int count_moved(const sh_records *a, const sh_records *b)
{
    int n_moved = 0;
    for (int64_t i = 0; i < a->n; i++) {
        assert_int_equal(sh_record_at(a, i)->traj, sh_record_at(b, i)->traj);
        n_moved += is_moved(sh_record_at(a, i), sh_record_at(b, i));
    }
    return n_moved;
}

/* ||b - a|| / ||a|| of n numbers; a is not zero. */
static inline double apart(const sh_real *a, const sh_real *b, int64_t n)
{
    double difference = 0, square = 0;
    for (int64_t i = 0; i < n; i++) {
        difference += pow((double)b[i] - (double)a[i], 2);
        square += pow((double)a[i], 2);
    }
    assert_true(square > 0);
    return sqrt(difference / square);
}

#endif
