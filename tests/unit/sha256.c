/* SHA-256 against the examples of FIPS 180-4. */
#include "test.h"

#include "base/sha256.h"

static void check(const char *text, int repeat, const char *want)
{
    sh_sha256 s;
    char hex[65];
    sh_sha256_begin(&s);
    for (int i = 0; i < repeat; i++)
        sh_sha256_add(&s, text, strlen(text));
    sh_sha256_end(&s, hex);
    assert_string_equal(hex, want);
}

static void test_examples(void **state)
{
    (void)state;
    check("", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    check("abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    check("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    check("aaaaaaaaaa", 100000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_examples)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
