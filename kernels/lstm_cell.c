/* lstm_cell.c -- one step of an LSTM cell, forward and backward. */
#include "activation.h"

SH_BODY void lstm_cell_body(int64_t i, int64_t k, const sh_lstm_cell_args *a)
{
    const sh_real *z = a->z + i * 4 * a->d;
    sh_real before = a->c_before ? a->c_before[i * a->d + k] : (sh_real)0;
    sh_real c = sh_sigmoid(z[a->d + k]) * before + sh_sigmoid(z[k]) * sh_activate(z[2 * a->d + k], SH_TANH);
    a->c[i * a->d + k] = c;
    a->h[i * a->d + k] = sh_sigmoid(z[3 * a->d + k]) * sh_activate(c, SH_TANH);
}
SH_KERNEL_CELLS(lstm_cell, sh_lstm_cell_args, d)

SH_BODY void lstm_cell_grad_body(int64_t i, int64_t k, const sh_lstm_cell_grad_args *a)
{
    const sh_real *z = a->z + i * 4 * a->d;
    sh_real *grad_z = a->grad_z + i * 4 * a->d;
    int64_t at = i * a->d + k;
    sh_real in = sh_sigmoid(z[k]), forget = sh_sigmoid(z[a->d + k]), out = sh_sigmoid(z[3 * a->d + k]);
    sh_real g = sh_activate(z[2 * a->d + k], SH_TANH), t = sh_activate(a->c[at], SH_TANH);
    sh_real before = a->c_before ? a->c_before[at] : (sh_real)0;
    sh_real grad_c = a->grad_c[at] + a->grad_h[at] * out * (1 - t * t);
    grad_z[k] += grad_c * g * in * (1 - in);
    grad_z[a->d + k] += grad_c * before * forget * (1 - forget);
    grad_z[2 * a->d + k] += grad_c * in * (1 - g * g);
    grad_z[3 * a->d + k] += a->grad_h[at] * t * out * (1 - out);
    if (a->grad_c_before) a->grad_c_before[at] += grad_c * forget;
}
SH_KERNEL_CELLS(lstm_cell_grad, sh_lstm_cell_grad_args, d)
