/* list.h -- every kernel, as X-macros: X(name) has the arguments sh_<name>_args. They make the prototypes and the back-end's table.
 * tests/kernel walks over the lists: networks one by one, the others by the functions that are made of them. */
#define SH_KERNELS_NETWORK(X)                                                                      \
    X(counts)                                                                                      \
    X(fit)                                                                                         \
    X(counted_keys)                                                                                \
    X(add)                                                                                         \
    X(adam)                                                                                        \
    X(square_sums)                                                                                 \
    X(clip)                                                                                        \
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
    X(graph_shares)                                                                                \
    X(adjacency_degree)                                                                            \
    X(adjacency)                                                                                   \
    X(gaussians)                                                                                   \
    X(put_cols)                                                                                    \
    X(take_cols)

/* Orbits and graphs: args_crystal.h */
#define SH_KERNELS_CRYSTAL(X)                                                                      \
    X(orbit_sites)                                                                                 \
    X(orbit_project)                                                                               \
    X(orbit_write)                                                                                 \
    X(select_count)                                                                                \
    X(select_write)                                                                                \
    X(select_blank)                                                                                \
    X(graph_prepare)                                                                               \
    X(graph_bound)                                                                                 \
    X(graph_find)                                                                                  \
    X(graph_min_dist)                                                                              \
    X(graph_write)

/* States, masks, trajectories: args_policy.h */
#define SH_KERNELS_POLICY(X)                                                                       \
    X(mask_stop)                                                                                   \
    X(sample_begin)                                                                                \
    X(sample_keep)                                                                                 \
    X(sample_end)                                                                                  \
    X(sample_order)                                                                                \
    X(sample_group)                                                                                \
    X(sample_element)                                                                              \
    X(sample_wyckoff)                                                                              \
    X(finished_states)                                                                             \
    X(describe_states)                                                                             \
    X(state_features)                                                                              \
    X(site_features)                                                                               \
    X(transitions)                                                                                 \
    X(objective_rows)                                                                              \
    X(chosen)                                                                                      \
    X(balance_sums)                                                                                \
    X(balance_mean)                                                                                \
    X(balance_terms)                                                                               \
    X(balance_total)                                                                               \
    X(balance_slopes)

/* Pretrained models: args_potential.h */
#define SH_KERNELS_POTENTIAL(X)                                                                    \
    X(mark)                                                                                        \
    X(to_real)                                                                                     \
    X(edges_count)                                                                                 \
    X(edges_copy)                                                                                  \
    X(end_shares)                                                                                  \
    X(element_rows)                                                                                \
    X(m3gnet_edges)                                                                                \
    X(m3gnet_first)                                                                                \
    X(m3gnet_atom_gate)                                                                            \
    X(m3gnet_angle_sums)                                                                           \
    X(m3gnet_angles)                                                                               \
    X(m3gnet_three_body)                                                                           \
    X(gated_first)                                                                                 \
    X(m3gnet_to_edges)                                                                             \
    X(m3gnet_to_sites)                                                                             \
    X(m3gnet_readout)                                                                              \
    X(sum_sites)                                                                                   \
    X(crystal_value)                                                                               \
    X(formation)                                                                                   \
    X(m3gnet_radial_grad)                                                                          \
    X(m3gnet_first_grad)                                                                           \
    X(m3gnet_message_grad)                                                                         \
    X(m3gnet_three_body_grad)                                                                      \
    X(m3gnet_angle_sums_grad)                                                                      \
    X(m3gnet_angles_grad)                                                                          \
    X(m3gnet_atom_gate_grad)                                                                       \
    X(m3gnet_readout_grad)                                                                         \
    X(m3gnet_edges_grad)                                                                           \
    X(crystal_value_grad)                                                                          \
    X(cell_value)                                                                                  \
    X(gaussians_grad)                                                                              \
    X(edge_gradient)                                                                               \
    X(site_forces)                                                                                 \
    X(crystal_stress)                                                                              \
    X(atom_forces)

/* Terms of the reward: args_reward.h */
#define SH_KERNELS_REWARD(X)                                                                       \
    X(reward_look)                                                                                 \
    X(reward_list)                                                                                 \
    X(reward_judge)                                                                                \
    X(reward_sum)                                                                                  \
    X(reward_record)

#define SH_KERNEL_LIST(X)                                                                          \
    SH_KERNELS_NETWORK(X)                                                                          \
    SH_KERNELS_CRYSTAL(X)                                                                          \
    SH_KERNELS_POLICY(X)                                                                           \
    SH_KERNELS_POTENTIAL(X)                                                                        \
    SH_KERNELS_REWARD(X)
