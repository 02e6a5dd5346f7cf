/* SPDX-License-Identifier: Apache-2.0 */
/*
 * docs/expressions.md: every example gives the result printed below it, and every row of the tables has its heading.
 * The page is the test's data: "    variables: {…}" once, then pairs of lines "    TEMPLATE" and "    → RESULT".
 */
#include <check.h>

#include "doc/json.h"
#include "expr/engine.h"

#define CODE   "    "
#define RESULT "    → "

static char *page;

static char *read_page(void)
{
    const char *source_folder = getenv("srcdir");
    _cleanup_free_ char *path = xasprintf("%s/docs/expressions.md", source_folder ? source_folder : ".");
    FILE *file = fopen(path, "re");
    if (!file)
        return NULL;
    Buffer buffer = {};
    char block[4096];
    for (size_t length; (length = fread(block, 1, sizeof(block), file)) > 0;)
        buffer_append_n(&buffer, block, length);
    (void)fclose(file); /* only read */
    return buffer_take(&buffer);
}

static int secret(void *userdata, const char *key, char **ret_text, Diag *diag)
{
    *ret_text = xstrdup(streq(key, "PASSWORD") ? "password" : "other");
    return 0;
}
static int kv(void *userdata, const char *key, const char *namespace_, bool error_on_missing, json_t **ret, Diag *diag)
{
    *ret = json_string(streq(key, "city") && streq_null(namespace_, "company.team") ? "Paris" : "elsewhere");
    return 0;
}
static int read_file(void *userdata, const char *path, char **ret_bytes, size_t *ret_length, Diag *diag)
{
    *ret_bytes = xstrdup("hello");
    *ret_length = 5;
    return 0;
}
static int file_size(void *userdata, const char *path, int64_t *ret_bytes, Diag *diag)
{
    *ret_bytes = 5;
    return 0;
}
static int error_logs(void *userdata, json_t **ret, Diag *diag)
{
    *ret = json_pack("[{s:s}]", "message", "broken");
    return 0;
}
static const ExprServices services = {
    .secret = secret, .kv = kv, .read = read_file, .file_size = file_size, .error_logs = error_logs};

/* A line of the page without its indentation; \n and \\ are undone. */
static char *unescape(const char *line, size_t length)
{
    char *text = xmalloc(length + 1), *to = text;
    for (size_t i = 0; i < length; i++) {
        if (line[i] == '\\' && i + 1 < length && (line[i + 1] == 'n' || line[i + 1] == '\\'))
            *to++ = line[++i] == 'n' ? '\n' : '\\';
        else
            *to++ = line[i];
    }
    *to = 0;
    return text;
}

static void check_example(const json_t *variables, const char *template, const char *expected)
{
    _cleanup_diag_ Diag diag = DIAG_INIT;
    _cleanup_(expr_unrefp) Expr *expr = NULL;
    _cleanup_free_ char *text = NULL;
    ExprContext context = {.variables = variables, .services = &services};
    ck_assert_msg(expr_compile(template, strlen(template), &expr, &diag) == 0, "%s: %s", template, diag_first(&diag));
    ck_assert_msg(expr_render(expr, &context, &text, &diag) == 0, "%s: %s", template, diag_first(&diag));
    ck_assert_msg(streq(text, expected), "%s: expected \"%s\", got \"%s\"", template, expected, text);
}

START_TEST(test_examples_give_their_results)
{
    ck_assert_ptr_nonnull(page);
    static const char variables_line[] = CODE "variables: ";
    const char *start = strstr(page, variables_line) + sizeof(variables_line) - 1;
    _cleanup_json_ json_t *variables = NULL;
    unsigned examples = 0;
    ck_assert_int_eq(json_parse(start, strcspn(start, "\n"), 0, &variables, NULL), 0);
    for (char *line = page, *next; line && *line; line = next) {
        next = strchr(line, '\n');
        next = next ? next + 1 : NULL;
        if (!next || !starts_with(line, CODE) || !starts_with(next, RESULT))
            continue;
        _cleanup_free_ char *template = unescape(line + strlen(CODE), (size_t)(next - 1 - line) - strlen(CODE));
        const char *result = next + strlen(RESULT);
        _cleanup_free_ char *expected = unescape(result, strcspn(result, "\n"));
        check_example(variables, template, expected);
        examples++;
    }
    ck_assert_uint_gt(examples, 90);
}
END_TEST

static void check_headings(const char *kind, const CallRow *(*at)(size_t index))
{
    for (size_t i = 0; at(i); i++) {
        _cleanup_free_ char *heading = xasprintf("\n### %s `%s`\n", kind, at(i)->name);
        ck_assert_msg(strstr(page, heading) != NULL, "docs/expressions.md has no \"### %s `%s`\"", kind, at(i)->name);
    }
}

START_TEST(test_every_row_is_described)
{
    ck_assert_ptr_nonnull(page);
    check_headings("filter", filter_at);
    check_headings("function", function_at);
    check_headings("test", test_at);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("docs/expressions.md");
    TCase *tests = tcase_create("page");
    tcase_add_test(tests, test_examples_give_their_results);
    tcase_add_test(tests, test_every_row_is_described);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    page = read_page();
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    free(page);
    return failed != 0;
}
