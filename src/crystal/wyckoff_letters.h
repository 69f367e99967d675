/* wyckoff_letters.h -- the letters of International Tables A for each group's positions in the order in which wyckoff.c finds
 * them, which no rule gives. Computed with spglib 2.0.2 from random points of each position; tests/unit/wyckoff.c does it again. */
#ifndef SH_CRYSTAL_WYCKOFF_LETTERS_H
#define SH_CRYSTAL_WYCKOFF_LETTERS_H

static const char *const sh_wyckoff_letters[230] = {
    "a", "abcgdfehi", "abcde", "a", "abc", "abc", "a", "ab", "a", "acbfdgehikjlmno", "acbdef", "acbdefghij",
    "acdbefg", "acbde", "abcdef", "adcgbfehqsrtmnopijklu", "cdabe", "abc", "a", "bac", "adbcijkghefl", "abcdghfiejk",
    "acdbijghefk", "cbad", "abcdefghi", "abc", "abcde", "abcd", "a", "abc", "ab", "abc", "a", "abc", "abcdef", "ab",
    "abcd", "abcdef", "abcd", "abc", "ab", "abdce", "ab", "abcde", "abc", "abc", "acegbdfhqrstmnopijklyzwxuvA",
    "acdbfeklijghm", "aecgdfbhmopnklijqr", "adbcefklijghm", "acbdefghijkl", "abcde", "abdcgefhi", "abdecf",
    "abcdefghi", "abcde", "abcde", "abcdefgh", "abcdfeg", "abcd", "abc", "abcd", "abcdegfh", "abcedfg",
    "adbcefklijghmpqonr", "cadbefijkhglm", "cdabefgljkhinmo", "abdcghfei", "abcdefihgjklonmp", "abcdgfeh",
    "acdbijghefknmlo", "cadbehigfjk", "abedcf", "abcdegfihj", "abcd", "a", "acbd", "a", "abc", "ab", "abcdegfh",
    "abcdefg", "abcdefghijkl", "aecdbfgihjk", "abcdefg", "abcdfeg", "abcdefghi", "abcdef", "abcdefghilnomjkp",
    "abcdefg", "abcd", "ab", "aecdbfgihljkmonp", "abcdfeg", "abcd", "ab", "abcdefhigjk", "abcfedg", "abcefdg", "abcd",
    "abcde", "abcd", "abcd", "abc", "acbdef", "abc", "abdce", "abcd", "abc", "ab", "acdbefghmikljno",
    "eadbfckmljghin", "abcdef", "abcde", "adbcegfhijkl", "cadbgihfej", "abcdefghi", "abcdehfgi", "abcdefghij",
    "badcfgehi", "abcdehfgij", "abcde", "abcdfeghilmnojkpqstru", "badcefghikljmn", "abcdefghklijmn", "abdcefgijhk",
    "abdcefghijkl", "abcdefghi", "abcdefghijk", "bacdefg", "aecdbfgihljkmnqopr", "abcdfeghjiklmnop", "acbdefgihjk",
    "abfedcghijlkmn", "abcdefghi", "abcdegfhijk", "abdcefgh", "dcabefhgij", "abcdefgijhklnmo", "cadbefghjiklm",
    "bacdefghi", "bacdefg", "abcd", "a", "a", "ab", "abcdefg", "abcedf", "abcdefghijkl", "abcdefg", "abc", "bac",
    "bac", "abc", "abcdef", "abcde", "abcd", "abcd", "abc", "abc", "ab", "abcdefghijkl", "bacdefghi", "abcdefghij",
    "bacdefg", "abcedfghi", "bacdef", "abcd", "a", "a", "abc", "abc", "abc", "abcdefghijkl", "abcdefghijkl",
    "bacdefghi", "abcdefghijklmn", "abc", "abc", "abdcefhgijk", "abcdefghjik", "abcdefghi", "abcdef", "abcd", "abcd",
    "abcd", "abcdefghijklmno", "abcdefghijkl", "abcdefghjkil", "abcdefghi", "abcdefghijklmpqnor", "badcegfhijklm",
    "badcefghijkl", "abcdefghijkl", "abdcefghij", "abcdefgh", "abcdef", "ab", "abc", "abdcefghijkl", "abcdefgh",
    "abcdefghi", "abcdefg", "abcdefgh", "abcd", "abcde", "abdcefghijk", "abcdfeghijklm", "abcdefighj", "abcdefgh",
    "abcdefghij", "abcde", "bacde", "abcdefhgi", "abdcefghij", "abcdefghi", "abcdefgh", "abcdefhgi", "abdcefgh",
    "abcde", "abdcefghijklmn", "abcdefghi", "abdcefghijkl", "abcdefghijkl", "abcdefghijkl", "bacdefghij", "abcdefhgi",
    "acbdefgh", "abcdefghijkl", "abcdefgh",
};

#endif
