/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "web/range.h"

static const struct {
    const char *header;
    int64_t size;
    int expected;
    int64_t offset, length;
} cases[] = {
    {"bytes=0-0", 10, 0, 0, 1},
    {"bytes=2-5", 10, 0, 2, 4},
    {"bytes=2-", 10, 0, 2, 8},
    {"bytes=0-", 10, 0, 0, 10},
    {"bytes=8-99", 10, 0, 8, 2},
    {"bytes=-3", 10, 0, 7, 3},
    {"bytes=-30", 10, 0, 0, 10},
    {"Bytes=9-9", 10, 0, 9, 1},
    {"bytes=10-", 10, RANGE_E_OUTSIDE, 0, 0},
    {"bytes=10-12", 10, RANGE_E_OUTSIDE, 0, 0},
    {"bytes=-0", 10, RANGE_E_OUTSIDE, 0, 0},
    {"bytes=0-", 0, RANGE_E_OUTSIDE, 0, 0},
    {"bytes=-5", 0, RANGE_E_OUTSIDE, 0, 0},
    {"bytes=5-2", 10, RANGE_E_NONE, 0, 0},
    {"bytes=-", 10, RANGE_E_NONE, 0, 0},
    {"bytes=", 10, RANGE_E_NONE, 0, 0},
    {"bytes=a-b", 10, RANGE_E_NONE, 0, 0},
    {"bytes=1-2x", 10, RANGE_E_NONE, 0, 0},
    {"bytes=1-2,4-5", 10, RANGE_E_NONE, 0, 0},
    {"lines=1-2", 10, RANGE_E_NONE, 0, 0},
    {"bytes=99999999999999999999-", 10, RANGE_E_NONE, 0, 0},
    {NULL, 10, RANGE_E_NONE, 0, 0},
};

static HttpRequest *request_with(const char *name, const char *value)
{
    HttpRequest *request = http_request_new("GET", "/file");
    if (value)
        http_request_header(request, name, strlen(name), value, strlen(value));
    return request;
}

START_TEST(test_range)
{
    HttpRequest *request = request_with("Range", cases[_i].header);
    int64_t offset = 0, length = 0;
    ck_assert_int_eq(range_of(request, cases[_i].size, &offset, &length), cases[_i].expected);
    ck_assert_int_eq(offset, cases[_i].offset);
    ck_assert_int_eq(length, cases[_i].length);
    http_request_free(request);
}
END_TEST

START_TEST(test_if_range)
{
    HttpRequest *request = request_with("Range", "bytes=0-0");
    ck_assert(range_is_asked(request));
    http_request_header(request, "If-Range", 8, "\"x\"", 3);
    ck_assert(!range_is_asked(request));
    http_request_free(request);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("range");
    TCase *tests = tcase_create("range");
    tcase_add_loop_test(tests, test_range, 0, ELEMENTS(cases));
    tcase_add_test(tests, test_if_range);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
