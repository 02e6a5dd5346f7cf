/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"
#include "doc/json.h"

#include <check.h>

START_TEST(a_value_exceeds_a_size)
{
    static const struct {
        const char *text;
        size_t bytes;
        bool exceeds;
    } rows[] = {
        {"\"12345678\"", 10, false},
        {"\"12345678\"", 9, true},
        {"[]", 4, false},
        {"[\"1234\",\"1234\"]", 16, false},
        {"[\"1234\",\"1234\"]", 15, true},
        {"{\"abcd\":\"1234\"}", 18, false},
        {"{\"abcd\":\"1234\"}", 17, true},
        {"[[[[\"1234567890\"]]]]", 20, true},
        {"{\"a\":[1,2,3]}", 1000, false},
    };
    for (size_t i = 0; i < ELEMENTS(rows); i++) {
        _cleanup_json_ json_t *value = json_loads(rows[i].text, JSON_DECODE_ANY, NULL);
        ck_assert_msg(json_exceeds(value, rows[i].bytes) == rows[i].exceeds, "%s %zu", rows[i].text, rows[i].bytes);
    }
    ck_assert(!json_exceeds(NULL, 10));
}
END_TEST

START_TEST(test_reals)
{
    static const struct {
        double value;
        const char *text;
    } rows[] = {
        {0, "0.0"},
        {-0.0, "-0.0"},
        {1, "1.0"},
        {0.1, "0.1"},
        {1e10, "1.0E10"},
        {1e7, "1.0E7"},
        {9999999, "9999999.0"},
        {0.001, "0.001"},
        {0.00099, "9.9E-4"},
        {-123.456, "-123.456"},
        {1.0 / 3, "0.3333333333333333"},
        {1e300, "1.0E300"},
        {5e-324, "4.9E-324"},
        {1.7976931348623157e308, "1.7976931348623157E308"},
        {100, "100.0"},
        {2.5e-7, "2.5E-7"},
    };
    for (size_t i = 0; i < ELEMENTS(rows); i++) {
        _cleanup_json_ json_t *value = json_real(rows[i].value);
        _cleanup_free_ char *text = json_text(value);
        ck_assert_str_eq(text, rows[i].text);
    }
}
END_TEST

static json_t *read_json(const char *text)
{
    json_t *value = NULL;
    ck_assert_int_eq(json_parse(text, strlen(text), 0, &value, NULL), 0);
    return value;
}

START_TEST(test_parse)
{
    _cleanup_json_ json_t *value = read_json("{\"b\": [1, 2.50, \"\\u00e9\\n\", null, true], \"a\": {}}");
    _cleanup_free_ char *text = json_text(value);
    ck_assert_str_eq(text, "{\"b\":[1,2.5,\"é\\n\",null,true],\"a\":{}}");
    _cleanup_diag_ Diag diag = DIAG_INIT;
    json_t *none = NULL;
    ck_assert_int_eq(json_parse("{\"a\":1,\"a\":2}", 13, 0, &none, &diag), JSON_E_INVALID);
    ck_assert_int_eq(json_parse("[1,2,3]", 7, 3, &none, &diag), JSON_E_INVALID);
    ck_assert_uint_eq(diag.errors, 2);
}
END_TEST

START_TEST(test_at)
{
    _cleanup_json_ json_t *value = read_json("{\"a\":{\"b\":[[1,2],{\"c\":\"x\"}]}}");
    ck_assert_str_eq(json_string_value(json_at(value, "a.b[1].c")), "x");
    ck_assert_int_eq(json_integer_value(json_at(value, "a.b[0][1]")), 2);
    ck_assert_ptr_null(json_at(value, "a.b[7]"));
    ck_assert_ptr_null(json_at(value, "a.x.y"));
    ck_assert_ptr_null(json_at(value, "a.b[x]"));
}
END_TEST

START_TEST(test_merged)
{
    _cleanup_json_ json_t *base = read_json("{\"a\":{\"x\":1,\"y\":[1]},\"b\":2,\"c\":3}");
    _cleanup_json_ json_t *over = read_json("{\"a\":{\"y\":[2],\"z\":4},\"b\":null,\"c\":[5]}");
    _cleanup_json_ json_t *merged = json_merged(base, over);
    _cleanup_free_ char *text = json_text(merged);
    ck_assert_str_eq(text, "{\"a\":{\"x\":1,\"y\":[1,2],\"z\":4},\"b\":2,\"c\":[5]}");
}
END_TEST

START_TEST(test_members)
{
    _cleanup_json_ json_t *object = read_json("{\"t\":\"x\",\"i\":5,\"b\":true,\"n\":null}");
    ck_assert_str_eq(json_get_text(object, "t", "-"), "x");
    ck_assert_str_eq(json_get_text(object, "i", "-"), "-");
    ck_assert_int_eq(json_get_integer(object, "i", 0), 5);
    ck_assert_int_eq(json_get_integer(object, "none", 7), 7);
    ck_assert(json_get_boolean(object, "b", false));
    json_set_text(object, "t", NULL);
    json_set_present(object, "i", json_null());
    json_set_present(object, "new", json_integer(1));
    _cleanup_free_ char *text = json_text(object);
    ck_assert_str_eq(text, "{\"b\":true,\"n\":null,\"new\":1}");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("json");
    TCase *tests = tcase_create("json");
    tcase_add_test(tests, a_value_exceeds_a_size);
    tcase_add_test(tests, test_reals);
    tcase_add_test(tests, test_parse);
    tcase_add_test(tests, test_at);
    tcase_add_test(tests, test_merged);
    tcase_add_test(tests, test_members);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
