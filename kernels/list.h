/* list.h -- every kernel, as an X-macro: X(name) has the arguments sh_<name>_args of args.h. It makes the
 * prototypes and the back-end's table, and the kernel tests walk over it. */
#define SH_KERNEL_LIST(X)                                                                          \
    X(add)                                                                                         \
    X(adam)                                                                                        \
    X(square_sums)                                                                                 \
    X(column_sum)                                                                                  \
    X(activation)                                                                                  \
    X(activation_grad)                                                                             \
    X(dist_categorical)                                                                            \
    X(dist_categorical_grad)                                                                       \
    X(dist_logit_normal)                                                                           \
    X(dist_logit_normal_grad)                                                                      \
    X(dist_wrapped)                                                                                \
    X(dist_wrapped_grad)                                                                           \
    X(draw_categorical)                                                                            \
    X(draw_logit_normal)                                                                           \
    X(draw_wrapped)                                                                                \
    X(gather)                                                                                      \
    X(list_sum)                                                                                    \
    X(combine)                                                                                     \
    X(combine_grad)                                                                                \
    X(attend)                                                                                      \
    X(attend_grad)                                                                                 \
    X(lstm_cell)                                                                                   \
    X(lstm_cell_grad)                                                                              \
    X(gaussians)                                                                                   \
    X(put_cols)                                                                                    \
    X(take_cols)
