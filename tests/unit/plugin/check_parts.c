/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the plugin room that need no expressions: globs, masks, secrets, messages. */
#include <check.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "plugin/glob.h"
#include "plugin/mask.h"
#include "plugin/secrets.h"
#include "plugin/wire.h"

static const struct {
    const char *pattern, *path;
    bool matches;
} globs[] = {
    {"*.txt", "a.txt", true},
    {"*.txt", "d/a.txt", false},
    {"**.txt", "d/a.txt", true},
    {"**/*.txt", "d/e/a.txt", true},
    {"dir/**", "dir/x/y", true},
    {"dir/**", "dir", false},
    {"?.c", "a.c", true},
    {"?.c", "ab.c", false},
    {"[a-c].c", "b.c", true},
    {"[!a-c].c", "b.c", false},
    {"{a,b}.c", "b.c", true},
    {"{a,b}.c", "c.c", false},
    {"a.txt", "a.txt", true},
    {"./a.txt", "a.txt", true},
    {"\\*", "*", true},
    {"\\*", "a", false},
    {"*", "", true},
    {"[", "[", false},
    {"a{b", "a{b", false},
    {"**", "any/thing/at/all", true},
    {"*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaa", false},
};

START_TEST(test_glob)
{
    ck_assert_int_eq(glob_match(globs[_i].pattern, globs[_i].path), globs[_i].matches);
}
END_TEST

START_TEST(test_hostile_glob_ends)
{
    char path[2001];
    memset(path, 'a', 2000);
    path[2000] = '\0';
    ck_assert(!glob_match("**a**a**a**a**a**a**a**a**b", path));
}
END_TEST

START_TEST(test_mask)
{
    Mask mask = {};
    ck_assert_ptr_null(mask_apply(&mask, "nothing"));
    mask_add(&mask, "password");
    mask_add(&mask, "password123");
    mask_add(&mask, "x");
    _cleanup_free_ char *a = mask_apply(&mask, "x pw is password.");
    ck_assert_str_eq(a, "x pw is ********.");
    _cleanup_free_ char *b = mask_apply(&mask, "password123password123");
    ck_assert_str_eq(b, "**masked***"
                        "**masked***");
    ck_assert_ptr_null(mask_apply(&mask, "nothing"));
    mask_done(&mask);
}
END_TEST

/* What may be logged of a secret, and what is left of it. */
static const struct {
    const char *secret, *text, *masked; /* masked NULL: as it is */
} masks[] = {
    {"-----BEGIN\nabcdefgh\n-----END..", "got abcdefgh here", "got ******** here"},
    {"-----BEGIN\nabcdefgh\n-----END..", "{\"key\":\"-----BEGIN\\nabcdefgh\\n-----END..\"}",
     "{\"key\":\"**masked************************\"}"},
    {"  user:\n    word\n", "a word", "a ****"},
    {"ab\ncd", "ab and cd", NULL},
    {"say \"hi\"", "{\"a\":\"say \\\"hi\\\"\"}", "{\"a\":\"**masked**\"}"},
    {"correct horse", "?p=correct%20horse&q=correct+horse", "?p=**masked*******&q=**masked*****"},
    {"a/b:c", "a%2Fb%3Ac a%2fb%3ac", "**masked* **masked*"},
    {"correct horse", "Y29ycmVjdCBob3JzZQ==", "**masked**********=="},
    {"pass word", "Authorization: Basic dXNlcjpwYXNzIHdvcmQ=", "Authorization: Basic dXNlcjp**masked***Q="},
    {"pass word!", "Basic dXNlcjE6cGFzcyB3b3JkIQ==", "Basic dXNlcjE6**masked******=="},
    {"<~~>>>", "PH5-Pj4-", "********"},
    {"abcdefghijklmnop", "it is abcdefgh", "it is ********"},
    {"abcdefghijklmnop", "ijklmnop is the end", "******** is the end"},
    {"abcdefghijklmnop", "cdefghijkl", "**masked**"},
    {"abcdefghijklmnop", "it is abcdefg", NULL},
    {"abcdefghijklmnop", "cdefghi", NULL},
    {"abcdefghijklmnop", "the abcdefghij of it", NULL},
    {"\xC3\xA4\xC3\xB6\xC3\xBC\xC3\x9F!", "\xC3\xA4\xC3\xB6\xC3\xBC\xC3\x9F!", "*****"},
    {"x", "x", NULL},
};

START_TEST(test_mask_forms)
{
    Mask mask = {};
    mask_add(&mask, masks[_i].secret);
    _cleanup_free_ char *found = mask_apply(&mask, masks[_i].text);
    if (masks[_i].masked)
        ck_assert_str_eq(found, masks[_i].masked);
    else
        ck_assert_msg(!found, "%s", found);
    mask_done(&mask);
}
END_TEST

START_TEST(test_mask_tail)
{
    Mask mask = {};
    ck_assert_uint_eq(mask_tail(&mask, "abc", 3), 0);
    mask_add(&mask, "abcabd");
    ck_assert_uint_eq(mask_tail(&mask, "xyabcab", 7), 5);
    ck_assert_uint_eq(mask_tail(&mask, "xyabcabd", 8), 0);
    ck_assert_uint_eq(mask_tail(&mask, "xya", 3), 1);
    ck_assert_uint_eq(mask_tail(&mask, "ab", 2), 2);
    mask_done(&mask);
}
END_TEST

static const struct {
    const char *base64, *text; /* NULL: broken */
} encoded[] = {
    {"cGFzc3dvcmQ=", "password"},
    {"cGFzc3dvcmQ", "password"},
    {"cGFz\nc3dv\r\ncmQ=", "password"},
    {"", ""},
    {"some secret value", NULL},
    {"A", NULL},
    {"cGFz=c3dvcmQ=", NULL},
    {"AAAA", NULL},
    {"YQ==", "a"},
    {"YWI=", "ab"},
    {"YWJj", "abc"},
    {"YWI==", NULL},
};

START_TEST(test_secret_encoding)
{
    _cleanup_free_ char *text = NULL;
    int r = secrets_decode(encoded[_i].base64, &text);
    ck_assert_int_eq(r, encoded[_i].text ? 0 : SECRETS_E_BROKEN);
    if (encoded[_i].text)
        ck_assert_str_eq(text, encoded[_i].text);
}
END_TEST

START_TEST(test_secret_sources)
{
    char directory[] = "/tmp/kestra-check-secrets-XXXXXX";
    ck_assert_ptr_nonnull(mkdtemp(directory));
    _cleanup_free_ char *path = xasprintf("%s/SECRET_FROM_FILE", directory);
    FILE *file = fopen(path, "w");
    ck_assert_ptr_nonnull(file);
    fputs("as it is\n", file);
    fclose(file);
    setenv("SECRET_MY_KEY", "cGFzc3dvcmQ=", 1);
    unsetenv("CREDENTIALS_DIRECTORY");
    _cleanup_free_ char *a = NULL, *b = NULL, *c = NULL;
    ck_assert_int_eq(secrets_get("my_key", &a), 0);
    ck_assert_str_eq(a, "password");
    ck_assert_int_eq(secrets_get("from_file", &b), SECRETS_E_NONE);
    setenv("CREDENTIALS_DIRECTORY", directory, 1);
    ck_assert_int_eq(secrets_get("from_file", &b), 0);
    ck_assert_str_eq(b, "as it is");
    ck_assert_int_eq(secrets_get("my_key", &c), 0);
    char *none;
    ck_assert_int_eq(secrets_get("../from_file", &none), SECRETS_E_NONE);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(rmdir(directory), 0);
}
END_TEST

START_TEST(test_wire)
{
    int fds[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    _cleanup_json_ json_t *one = json_pack("{s:i}", "n", 1), *two = json_pack("{s:s}", "text", "zwei");
    ck_assert_int_eq(wire_send(fds[0], one), 0);
    ck_assert_int_eq(wire_send(fds[0], two), 0);
    _cleanup_(wire_done) Wire wire = {};
    json_t *message;
    ck_assert_int_eq(wire_take(&wire, &message), WIRE_E_PARTIAL);
    ck_assert_int_eq(wire_read(&wire, fds[1]), 0);
    ck_assert_int_eq(wire_take(&wire, &message), 0);
    ck_assert(json_equal(message, one));
    json_decref(message);
    ck_assert_int_eq(wire_take(&wire, &message), 0);
    ck_assert(json_equal(message, two));
    json_decref(message);
    ck_assert_int_eq(wire_take(&wire, &message), WIRE_E_PARTIAL);
    const unsigned char huge[] = {0xFF, 0xFF, 0xFF, 0xFF};
    ck_assert_int_eq(send(fds[0], huge, sizeof huge, 0), (int)sizeof huge);
    close(fds[0]);
    ck_assert_int_eq(wire_read(&wire, fds[1]), 0);
    ck_assert_int_eq(wire_take(&wire, &message), WIRE_E_BROKEN);
    ck_assert_int_eq(wire_read(&wire, fds[1]), WIRE_E_END);
    ck_assert_int_eq(wire_send(fds[1], one), WIRE_E_END);
    close(fds[1]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("plugin parts");
    TCase *tests = tcase_create("parts");
    tcase_add_loop_test(tests, test_glob, 0, ELEMENTS(globs));
    tcase_add_test(tests, test_hostile_glob_ends);
    tcase_add_test(tests, test_mask);
    tcase_add_loop_test(tests, test_mask_forms, 0, ELEMENTS(masks));
    tcase_add_test(tests, test_mask_tail);
    tcase_add_loop_test(tests, test_secret_encoding, 0, ELEMENTS(encoded));
    tcase_add_test(tests, test_secret_sources);
    tcase_add_test(tests, test_wire);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
