/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"
#include "doc/json.h"
#include "model/encryption.h"
#include "model/input.h"

#include <check.h>

static const char key[] = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

static json_t *read_json(const char *text)
{
    json_t *value = NULL;
    _cleanup_diag_ Diag diag = DIAG_INIT;
    int r = json_parse(text, strlen(text), 0, &value, &diag);
    ck_assert_msg(r == 0, "%s: %s", text, diag_first(&diag));
    return value;
}

/* Resolves; expected is the JSON of the inputs, or the first error's text. */
static void expect(const char *declarations, const char *given, const char *expected)
{
    _cleanup_json_ json_t *inputs = read_json(declarations), *values = read_json(given), *variables = json_object();
    const ExprContext context = {.variables = variables};
    const InputResolve resolve = {inputs, values, &context, key};
    _cleanup_diag_ Diag diag = DIAG_INIT;
    _cleanup_json_ json_t *result = NULL;
    int r = input_resolve(&resolve, &result, &diag);
    _cleanup_free_ char *text = r == 0 ? json_text(result) : xstrdup(diag_first(&diag));
    ck_assert_str_eq(text, expected);
}

/* One required input `v` of a type (with more properties), and the text given for it. */
static void expect_value(const char *type, const char *given, const char *expected)
{
    _cleanup_free_ char *declarations = xasprintf("[{\"id\":\"v\",\"type\":%s}]", type);
    _cleanup_json_ json_t *text = json_string(given);
    _cleanup_free_ char *quoted = json_text(text);
    _cleanup_free_ char *values = xasprintf("{\"v\":%s}", quoted);
    bool is_json = *expected == '=';
    _cleanup_free_ char *wanted = is_json ? xasprintf("{\"v\":%s}", expected + 1)
                                          : xasprintf("Invalid input for `v`, %s, but received `%s`", expected, given);
    expect(declarations, values, wanted);
}

START_TEST(test_values)
{
    static const struct {
        const char *type, *given, *expected;
    } rows[] = {
        {"\"STRING\"", " x ", "=\" x \""},
        {"\"STRING\",\"validator\":\"[a-z]+\"", "abc", "=\"abc\""},
        {"\"STRING\",\"validator\":\"[a-z]+\"", "abc1", "it must match the pattern `[a-z]+`"},
        {"\"INT\"", "+5", "=5"},
        {"\"INT\"", "１２", "=12"},
        {"\"INT\"", "-٣", "=-3"},
        {"\"INT\"", "000000000007", "=7"},
        {"\"FLOAT\",\"max\":5", "6", "it must be less than `5.0`"},
        {"\"FLOAT\",\"max\":5", "NaN", "it must be less than `5.0`"},
        {"\"FLOAT\",\"min\":0", "NaN", "=\"NaN\""},
        {"\"FLOAT\",\"min\":0", "-0.0", "it must be more than `0.0`"},
        {"\"FLOAT\"", "0x10", "For input string: \"0x10\""},
        {"\"TIME\"", "10:30:15.50", "=\"10:30:15.5\""},
        {"\"TIME\"", "10:30:15.", "=\"10:30:15\""},
        {"\"DATE\"", "+12024-01-15", "=\"+12024-01-15\""},
        {"\"DATETIME\"", "+12024-01-15T10:00:00+02:00:30", "=\"+12024-01-15T07:59:30.000Z\""},
        {"\"JSON\"", "1 2", "=1"},
        {"\"INT\"", "-2147483648", "=-2147483648"},
        {"\"INT\"", "2147483648", "For input string: \"2147483648\""},
        {"\"INT\"", "1.0", "For input string: \"1.0\""},
        {"\"INT\",\"max\":5", "6", "it must be less than `5`"},
        {"\"INT\",\"min\":5", "4", "it must be more than `5`"},
        {"\"FLOAT\"", "0.1", "=0.1"},
        {"\"FLOAT\"", "123456789.123", "=123456790"},
        {"\"FLOAT\"", "NaN", "=\"NaN\""},
        {"\"FLOAT\"", "1,5", "For input string: \"1,5\""},
        {"\"BOOLEAN\"", "TRUE", "=true"},
        {"\"BOOLEAN\"", "on", "=false"},
        {"\"BOOL\"", "true", "=true"},
        {"\"DATETIME\"", "2024-02-29T23:30:00-01:00", "=\"2024-03-01T00:30:00.000Z\""},
        {"\"DATETIME\"", "1800-01-01T00:00:00Z", "=\"1800-01-01T00:00:00.000Z\""},
        {"\"DATETIME\",\"after\":\"2024-01-01T00:00:00Z\"", "2023-12-31T23:59:59Z",
         "it must be after `2024-01-01T00:00:00Z`"},
        {"\"DATE\"", "2024-02-29", "=\"2024-02-29\""},
        {"\"TIME\"", "10:30", "=\"10:30:00\""},
        {"\"TIME\",\"before\":\"17:00:00\"", "17:00:01", "it must be before `17:00`"},
        {"\"DURATION\"", "P1DT2H", "=93600.0"},
        {"\"DURATION\"", "-PT5S", "=-5.0"},
        {"\"DURATION\",\"max\":\"PT1M\"", "PT61S", "It must be less than `PT1M`"},
        {"\"JSON\"", "{\"a\":1,\"a\":2} x", "={\"a\":2}"},
        {"\"YAML\"", "a: [1, yes]", "={\"a\":[1,true]}"},
        {"\"URI\"", "https://example.com/a?b=c", "=\"https://example.com/a?b=c\""},
        {"\"URI\"", "http://localhost", "Expected `URI` but received `http://localhost`"},
        {"\"EMAIL\"", "a@b.co", "=\"a@b.co\""},
        {"\"EMAIL\"", "a@", "The input must be a valid email"},
        {"\"ENUM\",\"values\":[\"A\",\"B\"]", "C", "it must match the values `[A, B]`"},
        {"\"SELECT\",\"values\":[\"A\"],\"allowCustomValue\":true", "C", "=\"C\""},
        {"\"SELECT\",\"expression\":\"{{ ['x', 3] }}\"", "3", "=\"3\""},
        {"\"MULTISELECT\",\"values\":[\"a\",\"b\"]", "[\"a\",\"b\"]", "=[\"a\",\"b\"]"},
        {"\"MULTISELECT\",\"options\":[\"a\"]", "[\"z\"]", "it must match the values `[a]`"},
        {"\"ARRAY\",\"itemType\":\"INT\"", "[1,\"2\"]", "=[1,2]"},
        {"\"ARRAY\",\"itemType\":\"INT\"", "[\"x\"]", "Unable to parse array element as `INT` on `x`"},
        {"\"ARRAY\",\"itemType\":\"JSON\"", "[{\"a\":1}]", "Unable to parse array element as `JSON` on `{a=1}`"},
        {"\"FILE\"", "kestra:///a/b.txt", "=\"kestra:///a/b.txt\""},
    };
    for (size_t i = 0; i < ELEMENTS(rows); i++)
        expect_value(rows[i].type, rows[i].given, rows[i].expected);
}
END_TEST

START_TEST(test_refused_forms)
{
    static const struct {
        const char *type, *given;
    } rows[] = {
        {"DATETIME", "2024-01-15"}, {"DATETIME", "2023-02-29T00:00:00Z"},
        {"DATE", "2024-1-5"},       {"DATE", "2024-13-01"},
        {"TIME", "24:00"},          {"TIME", "10:30Z"},
        {"DURATION", "P1W"},        {"DURATION", "60"},
        {"JSON", "{\"a\":1,}"},     {"YAML", "a: 1\na: 2"},
        {"ARRAY", "null"},          {"FILE", "/etc/passwd"},
    };
    for (size_t i = 0; i < ELEMENTS(rows); i++) {
        _cleanup_json_ json_t *value = json_string(rows[i].given), *parsed = NULL;
        _cleanup_diag_ Diag diag = DIAG_INIT;
        ck_assert_int_eq(input_parse_value(rows[i].type, NULL, value, NULL, &parsed, &diag), INPUT_E_INVALID);
        _cleanup_free_ char *wanted =
            xasprintf("Expected `%s` but received `%s` with errors:", rows[i].type, rows[i].given);
        ck_assert_msg(starts_with(diag_first(&diag), wanted), "%s", diag_first(&diag));
    }
}
END_TEST

START_TEST(test_resolution)
{
    expect("[]", "{\"x\":1}", "{}");
    expect("[{\"id\":\"v\",\"type\":\"STRING\"}]", "{}",
           "Invalid input for `v`, missing required input, but received `null`");
    expect("[{\"id\":\"v\",\"type\":\"STRING\",\"required\":false}]", "{}", "{\"v\":null}");
    expect("[{\"id\":\"v\",\"type\":\"STRING\",\"defaults\":\"{{ 1 }}\"}]", "{}", "{\"v\":\"1\"}");
    expect("[{\"id\":\"a.b.c\",\"type\":\"INT\"},{\"id\":\"a.d\",\"type\":\"STRING\"}]",
           "{\"a.b.c\":\"5\",\"a.d\":\"x\"}", "{\"a\":{\"b\":{\"c\":5},\"d\":\"x\"}}");
    expect("[{\"id\":\"a\",\"type\":\"STRING\"},{\"id\":\"a.b\",\"type\":\"STRING\"}]", "{\"a\":\"x\",\"a.b\":\"y\"}",
           "Invalid input for `a.b`, it conflicts with another input");
}
END_TEST

#define NEEDS_V(more) "{\"id\":\"w\",\"type\":\"STRING\",\"dependsOn\":{\"inputs\":[\"v\"]" more "}}"

START_TEST(test_dependencies)
{
    const char *both = "[" NEEDS_V(",\"condition\":\"{{ inputs.v }}\"") ",{\"id\":\"v\",\"type\":\"BOOLEAN\"}]";
    expect(both, "{\"v\":\"true\",\"w\":\"x\"}", "{\"w\":\"x\",\"v\":true}");
    expect(both, "{\"v\":\"false\",\"w\":\"x\"}", "{\"v\":false}");
    const char *text = "[{\"id\":\"v\",\"type\":\"STRING\"}," NEEDS_V(",\"condition\":\"{{ 'true' }}\"") "]";
    expect(text, "{\"v\":\"a\",\"w\":\"b\"}", "{\"v\":\"a\"}");
    const char *broken = "[{\"id\":\"v\",\"type\":\"STRING\"}," NEEDS_V(",\"condition\":\"{{ nope }}\"") "]";
    expect(broken, "{\"v\":\"a\"}", "{\"v\":\"a\"}");
    /* A cycle, which only an unchecked flow can have, ends. */
    const char *cycle = "[{\"id\":\"v\",\"type\":\"STRING\",\"dependsOn\":{\"inputs\":[\"w\"]}}," NEEDS_V("") "]";
    expect(cycle, "{\"v\":\"a\",\"w\":\"b\"}", "{\"v\":\"a\",\"w\":\"b\"}");
}
END_TEST

START_TEST(test_validate)
{
    _cleanup_json_ json_t *inputs = read_json("[{\"id\":\"v\",\"type\":\"INT\"},{\"id\":\"d\",\"type\":\"DURATION\"},"
                                              "{\"id\":\"s\",\"type\":\"SELECT\",\"expression\":\"{{ ['a'] }}\"}]");
    _cleanup_json_ json_t *given = read_json("{\"v\":\"x\",\"d\":\"PT60S\"}");
    const InputResolve resolve = {inputs, given, NULL, NULL};
    _cleanup_json_ json_t *list = input_validate(&resolve);
    ck_assert_str_eq(json_string_value(json_at(list, "[0].errors[0].message")),
                     "Invalid input for `v`, For input string: \"x\", but received `x`");
    ck_assert_str_eq(json_string_value(json_at(list, "[0].value")), "x");
    ck_assert_str_eq(json_string_value(json_at(list, "[1].value")), "PT1M");
    ck_assert_str_eq(json_string_value(json_at(list, "[2].input.values[0]")), "a");
    ck_assert_ptr_null(json_at(list, "[2].value"));
}
END_TEST

START_TEST(test_secret)
{
    _cleanup_json_ json_t *inputs = read_json("[{\"id\":\"v\",\"type\":\"SECRET\"}]"),
                          *given = read_json("{\"v\":\"pass\"}");
    InputResolve resolve = {inputs, given, NULL, key};
    _cleanup_json_ json_t *result = NULL;
    ck_assert_int_eq(input_resolve(&resolve, &result, NULL), 0);
    const char *sealed = json_get_text(result, "v", "");
    ck_assert_ptr_null(strstr(sealed, "pass"));
    _cleanup_free_ char *plain = NULL;
    ck_assert_int_eq(encryption_open(key, sealed, &plain), 0);
    ck_assert_str_eq(plain, "pass");
    char *none = NULL;
    ck_assert_int_eq(encryption_open("MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWc=", sealed, &none),
                     ENCRYPTION_E_VALUE);
    ck_assert_int_eq(encryption_open(key, "AAAA", &none), ENCRYPTION_E_VALUE);
    ck_assert_int_eq(encryption_open(key, "not base64!", &none), ENCRYPTION_E_VALUE);
    ck_assert_int_eq(encryption_seal("c2hvcnQ=", "x", &none), ENCRYPTION_E_KEY);
    _cleanup_free_ char *first = NULL, *second = NULL;
    ck_assert_int_eq(encryption_seal(key, "same", &first) | encryption_seal(key, "same", &second), 0);
    ck_assert_str_ne(first, second);
    resolve.encryption_key = NULL;
    _cleanup_diag_ Diag diag = DIAG_INIT;
    json_t *nothing = NULL;
    ck_assert_int_eq(input_resolve(&resolve, &nothing, &diag), INPUT_E_INVALID);
    ck_assert_ptr_nonnull(strstr(diag_first(&diag), "kestra.encryption.secret-key"));
}
END_TEST

START_TEST(test_defaults)
{
    _cleanup_json_ json_t *inputs =
        read_json("[{\"id\":\"a\",\"type\":\"INT\",\"defaults\":3},{\"id\":\"b\",\"type\":\"INT\"},"
                  "{\"id\":\"c\",\"type\":\"STRING\",\"defaults\":\"x\"}]");
    _cleanup_json_ json_t *given = read_json("{\"a\":1}");
    _cleanup_json_ json_t *defaults = input_defaults(inputs, given);
    _cleanup_free_ char *text = json_text(defaults);
    ck_assert_str_eq(text, "{\"c\":\"x\"}");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("input");
    TCase *tests = tcase_create("input");
    tcase_add_test(tests, test_values);
    tcase_add_test(tests, test_refused_forms);
    tcase_add_test(tests, test_resolution);
    tcase_add_test(tests, test_dependencies);
    tcase_add_test(tests, test_validate);
    tcase_add_test(tests, test_secret);
    tcase_add_test(tests, test_defaults);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
