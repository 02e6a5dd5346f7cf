/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "worker/lines.h"

static Buffer seen;
static size_t count, longest;

static void take(void *userdata, const char *line, size_t length)
{
    count++;
    longest = MAX(longest, length);
    if (length < 1000)
        buffer_printf(&seen, "[%s]", line);
}

static void setup(void)
{
    buffer_clear(&seen);
    count = longest = 0;
}

START_TEST(test_lines)
{
    Lines lines = {};
    lines_feed(&lines, "one\ntw", 6, take, NULL);
    ck_assert_str_eq(buffer_text(&seen), "[one]");
    lines_feed(&lines, "o\r\n\nlast", 8, take, NULL);
    ck_assert_str_eq(buffer_text(&seen), "[one][two][]");
    lines_end(&lines, take, NULL);
    lines_end(&lines, take, NULL);
    ck_assert_str_eq(buffer_text(&seen), "[one][two][][last]");
    lines_done(&lines);
}
END_TEST

START_TEST(test_nul)
{
    Lines lines = {};
    lines_feed(&lines, "a\0b\n", 4, take, NULL);
    ck_assert_str_eq(buffer_text(&seen), "[a\xEF\xBF\xBD" "b]");
    lines_done(&lines);
}
END_TEST

START_TEST(test_endless_line)
{
    Lines lines = {};
    static char chunk[65536];
    memset(chunk, 'x', sizeof chunk);
    for (unsigned i = 0; i < 200; i++)
        lines_feed(&lines, chunk, sizeof chunk, take, NULL);
    lines_end(&lines, take, NULL);
    ck_assert_uint_eq(count, 200 * sizeof chunk / LINE_BYTES_MAX + 1);
    ck_assert_uint_eq(longest, LINE_BYTES_MAX);
    lines_done(&lines);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("lines");
    TCase *tests = tcase_create("lines");
    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, test_lines);
    tcase_add_test(tests, test_nul);
    tcase_add_test(tests, test_endless_line);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
