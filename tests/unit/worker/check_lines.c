/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "worker/lines.h"

static Buffer seen;
static size_t count, longest;

static void take(void *userdata, const char *line, size_t length, LinePart part)
{
    count++;
    longest = MAX(longest, length);
    if (length < 1000)
        buffer_printf(&seen, "[%s]", line);
}

enum { BYTES_MAX = 1024 * 1024 };
static const LineTaker taker = {.take = take, .bytes_max = BYTES_MAX};

static void setup(void)
{
    buffer_clear(&seen);
    count = longest = 0;
}

START_TEST(test_lines)
{
    Lines lines = {};
    lines_feed(&lines, "one\ntw", 6, &taker);
    ck_assert_str_eq(buffer_text(&seen), "[one]");
    lines_feed(&lines, "o\r\n\nlast", 8, &taker);
    ck_assert_str_eq(buffer_text(&seen), "[one][two][]");
    lines_end(&lines, &taker);
    lines_end(&lines, &taker);
    ck_assert_str_eq(buffer_text(&seen), "[one][two][][last]");
    lines_done(&lines);
}
END_TEST

/* "\r" alone ends a line too: a progress bar is many lines. Also where a chunk ends between "\r" and "\n". */
START_TEST(test_returns)
{
    Lines lines = {};
    static const char *const chunks[] = {"10%\r20", "%\r", "\nnext\r", "", "\r\n", "\n", "last\r"};
    for (size_t i = 0; i < ELEMENTS(chunks); i++)
        lines_feed(&lines, chunks[i], strlen(chunks[i]), &taker);
    lines_end(&lines, &taker);
    ck_assert_str_eq(buffer_text(&seen), "[10%][20%][next][][][last]");
    lines_done(&lines);
}
END_TEST

START_TEST(test_nul)
{
    Lines lines = {};
    lines_feed(&lines, "a\0b\n", 4, &taker);
    ck_assert_str_eq(buffer_text(&seen), "[a\xEF\xBF\xBD"
                                         "b]");
    lines_done(&lines);
}
END_TEST

START_TEST(test_endless_line)
{
    Lines lines = {};
    static char chunk[65536];
    memset(chunk, 'x', sizeof chunk);
    for (unsigned i = 0; i < 200; i++)
        lines_feed(&lines, chunk, sizeof chunk, &taker);
    lines_end(&lines, &taker);
    ck_assert_uint_eq(count, 200 * sizeof chunk / taker.bytes_max + 1);
    ck_assert_uint_eq(longest, taker.bytes_max);
    lines_done(&lines);
}
END_TEST

static size_t keep_x(void *userdata, const char *text, size_t length)
{
    size_t kept = 0;
    while (kept < length && text[length - 1 - kept] == 'x')
        kept++;
    return kept;
}

/* Whatever a cut would tear apart stays together: a character, and what the taker asks for. */
START_TEST(test_cut)
{
    static const struct {
        const char *end, *kept;
    } cuts[] = {
        {"\xC3", "\xC3"}, {"\xE2\x82", "\xE2\x82"}, {"\xF0\x9F\x98", "\xF0\x9F\x98"}, {"\xC3\xA4", ""}, {"xx", "xx"},
        {"xxy", ""}};
    const LineTaker keeper = {.take = take, .keep = keep_x, .bytes_max = BYTES_MAX};
    static char text[BYTES_MAX];
    memset(text, 'a', sizeof text);
    for (size_t i = 0; i < ELEMENTS(cuts); i++) {
        Lines lines = {};
        setup();
        memcpy(text + sizeof text - strlen(cuts[i].end), cuts[i].end, strlen(cuts[i].end));
        lines_feed(&lines, text, sizeof text, &keeper);
        lines_feed(&lines, "z\n", 2, &keeper);
        _cleanup_free_ char *rest = xasprintf("[%sz]", cuts[i].kept);
        ck_assert_str_eq(buffer_text(&seen), rest);
        ck_assert_uint_eq(longest, sizeof text - strlen(cuts[i].kept));
        memset(text, 'a', sizeof text);
        lines_done(&lines);
    }
}
END_TEST

/* However the bytes arrive, the lines are the same. */
START_TEST(test_chunks)
{
    static const char text[] = "one\r\n\ntwo \xC3\xA4\nth\0ree\r\n\rfour";
    for (size_t size = 1; size < sizeof text; size++) {
        Lines lines = {};
        setup();
        for (size_t at = 0; at < sizeof text - 1; at += size)
            lines_feed(&lines, text + at, MIN(size, sizeof text - 1 - at), &taker);
        lines_end(&lines, &taker);
        ck_assert_str_eq(buffer_text(&seen), "[one][][two \xC3\xA4][th\xEF\xBF\xBDree][][four]");
        lines_done(&lines);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("lines");
    TCase *tests = tcase_create("lines");
    tcase_add_checked_fixture(tests, setup, NULL);
    tcase_add_test(tests, test_lines);
    tcase_add_test(tests, test_returns);
    tcase_add_test(tests, test_nul);
    tcase_add_test(tests, test_endless_line);
    tcase_add_test(tests, test_cut);
    tcase_add_test(tests, test_chunks);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
