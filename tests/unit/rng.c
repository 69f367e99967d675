/* The random numbers: published vectors of Philox4x32-10, range, independence of order. */
#include "test.h"

#include "base/rng.h"

/* Known answers of Random123's kat_vectors (philox4x32, 10 rounds). */
static void test_known_answers(void **state)
{
    (void)state;
    const uint32_t c[3][4] = {{0, 0, 0, 0},
                              {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
                              {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}};
    const uint32_t k[3][2] = {{0, 0}, {0xffffffff, 0xffffffff}, {0xa4093822, 0x299f31d0}};
    const uint32_t want[3][4] = {{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
                                 {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
                                 {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}};
    for (int i = 0; i < 3; i++) {
        philox4x32_ctr_t counter = {{c[i][0], c[i][1], c[i][2], c[i][3]}};
        philox4x32_key_t key = {{k[i][0], k[i][1]}};
        philox4x32_ctr_t got = philox4x32(counter, key);
        for (int j = 0; j < 4; j++)
            assert_int_equal(got.v[j], want[i][j]);
    }
}

static void test_moments(void **state)
{
    (void)state;
    double sum = 0, square = 0, normal = 0, normal2 = 0;
    enum { N = 200000 };
    for (uint64_t i = 0; i < N; i++) {
        sh_rng r = {.seed = 7, .traj = i, .step = 3};
        double u = sh_rng_u01(&r, 1), z[2];
        assert_true(u > 0 && u < 1);
        sum += u;
        square += u * u;
        sh_rng_normalx2(&r, 2, z);
        normal += z[0] + z[1];
        normal2 += z[0] * z[0] + z[1] * z[1];
    }
    assert_near(sum / N, 0.5, 4 * sqrt(1.0 / 12 / N));
    assert_near(square / N, 1.0 / 3, 4 * sqrt(4.0 / 45 / N));
    assert_near(normal / (2 * N), 0, 4 / sqrt(2.0 * N));
    assert_near(normal2 / (2 * N), 1, 4 * sqrt(2.0 / (2.0 * N)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_known_answers), cmocka_unit_test(test_moments)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
