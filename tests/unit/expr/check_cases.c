/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tests/data/expr/cases.jsonl: a case a line: {"expression", "variables"?, "result" | "typed" | "error"}. Adding a case
 * touches no code. An error is the beginning of the message.
 */
#include <check.h>

#include "doc/json.h"
#include "expr/expr.h"

static int render(const json_t *test, char **ret, Diag *diag)
{
    const char *source = json_string_value(json_object_get(test, "expression"));
    const json_t *variables = json_object_get(test, "variables");
    _cleanup_json_ json_t *none = json_object();
    _cleanup_(expr_unrefp) Expr *expr = NULL;
    ExprContext context = {.variables = variables ? variables : none};
    int r = expr_compile(source, strlen(source), &expr, diag);
    if (r)
        return r;
    if (!json_object_get(test, "typed"))
        return expr_render(expr, &context, ret, diag);
    _cleanup_json_ json_t *value = NULL;
    r = expr_render_typed(expr, &context, &value, diag);
    if (!r)
        *ret = json_text(value);
    return r;
}

static void check_case(const json_t *test)
{
    const char *source = json_string_value(json_object_get(test, "expression"));
    const char *error = json_string_value(json_object_get(test, "error"));
    const json_t *typed = json_object_get(test, "typed");
    _cleanup_free_ char *expected =
        typed ? json_text(typed) : xstrdup_null(json_string_value(json_object_get(test, "result")));
    _cleanup_free_ char *got = NULL;
    _cleanup_diag_ Diag diag = DIAG_INIT;
    int r = render(test, &got, &diag);
    if (error)
        ck_assert_msg(r > 0 && starts_with(diag_first(&diag), error), "%s: expected error \"%s\", got \"%s\"", source,
                      error, r ? diag_first(&diag) : got);
    else
        ck_assert_msg(r == 0 && streq_null(got, expected), "%s: expected \"%s\", got \"%s\"", source, expected,
                      r ? diag_first(&diag) : got);
}

START_TEST(test_cases)
{
    const char *source_folder = getenv("srcdir");
    _cleanup_free_ char *path = xasprintf("%s/tests/data/expr/cases.jsonl", source_folder ? source_folder : ".");
    FILE *file = fopen(path, "re");
    ck_assert_msg(file != NULL, "%s: %m", path);
    char *line = NULL;
    size_t allocated = 0;
    unsigned count = 0;
    for (ssize_t length; (length = getline(&line, &allocated, file)) > 1; count++) {
        _cleanup_json_ json_t *test = NULL;
        ck_assert_msg(json_parse(line, (size_t)length, 0, &test, NULL) == 0, "not JSON: %s", line);
        check_case(test);
    }
    free(line);
    (void)fclose(file); /* only read */
    ck_assert_uint_gt(count, 50);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("expression cases");
    TCase *tests = tcase_create("cases");
    tcase_add_test(tests, test_cases);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
