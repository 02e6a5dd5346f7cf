/* SPDX-License-Identifier: Apache-2.0 */
/* The interface of the engine: what is read, trees, limits, recursion, services, threads. */
#include <check.h>
#include <pthread.h>
#include <time.h>

#include "doc/json.h"
#include "expr/expr.h"

static Expr *compile(const char *source)
{
    Expr *expr;
    Diag diag = DIAG_INIT;
    ck_assert_msg(expr_compile(source, strlen(source), &expr, &diag) == 0, "%s: %s", source, diag_first(&diag));
    return expr;
}

static json_t *parse(const char *text)
{
    json_t *value;
    ck_assert_int_eq(json_parse(text, strlen(text), 0, &value, NULL), 0);
    return value;
}

static void check_reads(const char *source, const char *expected, bool expected_all)
{
    _cleanup_(expr_unrefp) Expr *expr = compile(source);
    const char *const *paths;
    size_t count;
    bool all;
    _cleanup_buffer_ Buffer text = {};
    expr_reads(expr, &paths, &count, &all);
    for (size_t i = 0; i < count; i++)
        buffer_printf(&text, "%s%s", i ? " " : "", paths[i]);
    ck_assert_str_eq(buffer_text(&text), expected);
    ck_assert_int_eq(all, expected_all);
}

START_TEST(test_reads)
{
    check_reads("no variable", "", false);
    check_reads("{{ outputs.fetch.uri }}", "outputs.fetch", false);
    check_reads("{{ outputs['a-b'].x ~ inputs }}", "outputs.a-b inputs", false);
    check_reads("{{ m[key] }}", "key m", false);
    check_reads("{% for x in items %}{{ x.y }}{{ loop.index }}{% endfor %}{{ x }}", "items x", false);
    check_reads("{% set a = b %}{{ a.c }}", "b", false);
    check_reads("{% if t %}{% set a = 1 %}{% endif %}{{ a }}", "t a", false);
    check_reads("{{ render(vars.x) }}", "vars.x", true);
    check_reads("{{ secret('X') }}", "flow", false);
}
END_TEST

START_TEST(test_literal_is_returned_as_it_is)
{
    _cleanup_(expr_unrefp) Expr *expr = compile("plain }} text");
    _cleanup_free_ char *text = NULL;
    ck_assert(expr_is_literal(expr));
    ck_assert_int_eq(expr_render(expr, &(ExprContext){}, &text, NULL), 0);
    ck_assert_str_eq(text, "plain }} text");
}
END_TEST

START_TEST(test_syntax_error_has_a_place)
{
    Expr *expr;
    _cleanup_diag_ Diag diag = DIAG_INIT;
    ck_assert_int_eq(expr_compile("a\n{{ 1 + }}", 11, &expr, &diag), EXPR_E_SYNTAX);
    ck_assert_uint_eq(diag.entries.items[0].line, 2);
    ck_assert_uint_gt(diag.entries.items[0].column, 0);
}
END_TEST

START_TEST(test_tree)
{
    _cleanup_json_ json_t *source =
        parse("{\"a\":\"{{ x }}\",\"{{ x }}\":[1,\"{{ x }}!\"],\"bad\":{\"in\":\"{{ 1 + }}\"},\"n\":null}");
    _cleanup_json_ json_t *variables = parse("{\"x\":7}");
    _cleanup_diag_ Diag diag = DIAG_INIT;
    _cleanup_(expr_tree_unrefp) ExprTree *tree = expr_tree_compile(source, &diag);
    ExprContext context = {.variables = variables};
    ck_assert_uint_eq(diag.errors, 1);
    ck_assert_str_eq(diag.entries.items[0].path, "bad.in");
    json_t *rendered;
    ck_assert_int_eq(expr_tree_render(tree, &context, &rendered, NULL), EXPR_E_RENDER);
    ck_assert_int_eq(expr_tree_render(expr_tree_get(tree, "{{ x }}"), &context, &rendered, NULL), 0);
    _cleanup_free_ char *text = json_text(rendered);
    ck_assert_str_eq(text, "[1,\"7!\"]");
    json_decref(rendered);
    ck_assert_int_eq(expr_tree_render_typed(expr_tree_get(tree, "a"), &context, &rendered, NULL), 0);
    ck_assert_int_eq(json_integer_value(rendered), 7);
    json_decref(rendered);
    char *none = text;
    ck_assert_int_eq(expr_tree_render_text(expr_tree_get(tree, "n"), &context, &none, NULL), 0);
    ck_assert_ptr_null(none);
    _cleanup_json_ json_t *paths = json_array();
    ck_assert(!expr_tree_reads(tree, paths));
    ck_assert_uint_eq(json_array_size(paths), 1);
}
END_TEST

static void check_limit(const char *source, const ExprLimits *limits, const char *message)
{
    _cleanup_(expr_unrefp) Expr *expr = compile(source);
    _cleanup_diag_ Diag diag = DIAG_INIT;
    _cleanup_free_ char *text = NULL;
    ExprContext context = {.limits = limits};
    ck_assert_int_eq(expr_render(expr, &context, &text, &diag), EXPR_E_RENDER);
    ck_assert_msg(strstr(diag_first(&diag), message) != NULL, "%s: %s", source, diag_first(&diag));
}

START_TEST(test_limits)
{
    ExprLimits limits = {.depth_max = 8, .output_bytes_max = 1000, .steps_max = 200, .memory_bytes_max = 1 << 20};
    check_limit("{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}", &limits, "nested calls");
    check_limit("{% for i in 1..300 %}x{% endfor %}", &limits, "steps");
    check_limit("{% for i in 1..45 %}a text of some good length{% endfor %}", &limits, "bytes of text");
    check_limit("{% set a = 'xxxxxxxxxx' %}{% for i in 1..20 %}{% set a = a ~ a %}{% endfor %}", &limits,
                "bytes of text");
    check_limit("{{ 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!'.matches('(a+)+[bc]') }}", &limits, "steps");
    limits.steps_max = expr_limits_default.steps_max;
    check_limit("{% set a = [1] %}{% for i in 1..40 %}{% set a = a + a %}{% endfor %}", &limits, "addition");
}
END_TEST

/* What is quadratic or worse ends in the budget: one place after the other, all matches, values that hold one another.
 */
START_TEST(test_costly_expressions_are_stopped)
{
    _cleanup_free_ char *blanks = xmalloc(80001);
    memset(blanks, ' ', 80000);
    blanks[80000] = 0;
    _cleanup_free_ char *trailing = xasprintf("{{ '%sx' | replace({'\\s+$': ''}, regexp=true) }}", blanks);
    _cleanup_free_ char *possessive = xasprintf("{{ '%sx' | replace({' ++[bc]': ''}, regexp=true) }}", blanks);
    check_limit(trailing, NULL, "steps");
    check_limit(possessive, NULL, "steps");
    check_limit("{% for i in 1..30000000 %}{% endfor %}", NULL, "expression takes more than");
    check_limit("{% set a = [1] %}{% for i in 1..60 %}{% set a = [a, a] %}{% endfor %}{{ a }}", NULL, "bytes of text");
    _cleanup_(expr_unrefp) Expr *expr = compile("{% set a = [1] %}{% set b = [1] %}{% for i in 1..60 %}"
                                                "{% set a = [a, a] %}{% set b = [b, b] %}{% endfor %}{{ a == b }}");
    _cleanup_free_ char *text = NULL;
    ck_assert_int_eq(expr_render(expr, &(ExprContext){}, &text, NULL), 0);
    ck_assert_str_eq(text, "false");
}
END_TEST

/* Each program must not see what it asks for. */
START_TEST(test_jq_reaches_nothing_outside)
{
    static const char *const programs[] = {"env",
                                           "env.PATH",
                                           "input",
                                           "[inputs]",
                                           "halt",
                                           "modulemeta",
                                           "import \\\"a\\\" as a; 1",
                                           "include \\\"a\\\" {search: \\\"/tmp\\\"}; 1"};
    for (size_t i = 0; i < ELEMENTS(programs); i++) {
        _cleanup_free_ char *source = xasprintf("{{ 1 | jq(\"%s\") }}", programs[i]);
        check_limit(source, NULL, "not available");
    }
    _cleanup_(expr_unrefp) Expr *expr = compile("{{ 1 | jq('$ENV') }}{{ 1 | jq('def f: $ENV.PATH; f, debug') }}");
    _cleanup_free_ char *text = NULL;
    ck_assert_int_eq(expr_render(expr, &(ExprContext){}, &text, NULL), 0);
    ck_assert_str_eq(text, "[{}][null,1]");
}
END_TEST

/* What decides about executions renders in its loop: jq must not have it for longer than a regular expression could. */
START_TEST(test_jq_has_the_time_of_other_steps)
{
    struct timespec before, after;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &before);
    check_limit("{{ 1 | jq('def f: f; f') }}", NULL, "more time or memory");
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &after);
    ck_assert_int_lt((after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000, 1000);
}
END_TEST

START_TEST(test_endless_jq_program_is_stopped)
{
    ExprLimits limits = expr_limits_default;
    limits.steps_max = 200000;
    check_limit("{{ 1 | jq('def f: f; f') }}", &limits, "more time or memory");
    limits.memory_bytes_max = (size_t)16 << 20;
    limits.steps_max = expr_limits_default.steps_max;
    check_limit("{{ 1 | jq('[range(100000000)]') }}", &limits, "more time or memory");
    check_limit("{{ 1 | jq('\"x\" * 400000000') }}", NULL, "too long");
    check_limit("{{ 1 | jq('def f: .+.|f; [1]|f') }}", NULL, "");
    _cleanup_(expr_unrefp) Expr *expr = compile("{{ 1 | jq('. + 1') }}");
    _cleanup_free_ char *text = NULL;
    ck_assert_int_eq(expr_render(expr, &(ExprContext){}, &text, NULL), 0);
    ck_assert_str_eq(text, "[2]");
}
END_TEST

START_TEST(test_recursive_rendering)
{
    _cleanup_json_ json_t *variables = parse("{\"a\":\"{{ b }}\",\"b\":\"end\",\"loop\":\"{{ loop }}\"}");
    _cleanup_(expr_unrefp) Expr *expr = compile("{{ a }}"), *endless = compile("{{ loop }}");
    ExprContext once = {.variables = variables}, again = {.variables = variables, .recursive = true};
    _cleanup_free_ char *first = NULL, *second = NULL, *third = NULL;
    ck_assert_int_eq(expr_render(expr, &once, &first, NULL), 0);
    ck_assert_str_eq(first, "{{ b }}");
    ck_assert_int_eq(expr_render(expr, &again, &second, NULL), 0);
    ck_assert_str_eq(second, "end");
    ck_assert_int_eq(expr_render(endless, &again, &third, NULL), 0);
    ck_assert_str_eq(third, "{{ loop }}");
}
END_TEST

START_TEST(test_missing_service_says_so)
{
    check_limit("{{ secret('X') }}", NULL, "not available here");
    check_limit("{{ kv('X') }}", NULL, "not available here");
    check_limit("{{ read('a') }}", NULL, "not available here");
    check_limit("{{ errorLogs() }}", NULL, "can only be used in the Worker");
}
END_TEST

static int read_anything(void *userdata, const char *path, char **ret_bytes, size_t *ret_length, Diag *diag)
{
    *ret_bytes = xstrdup("read");
    *ret_length = strlen(*ret_bytes);
    return 0;
}

static int size_of_anything(void *userdata, const char *path, int64_t *ret_bytes, Diag *diag)
{
    *ret_bytes = 4;
    return 0;
}

/* Internal storage has the slug of a flow's id in its names (blob_execution_uri), variables have the id itself. */
static const struct {
    const char *uri;
    bool own;
} uris[] = {
    {"kestra:///company/team/my-flow-2/executions/e1/tasks/t/r/x.txt", true},
    {"kestra:///company/team/the-parent/executions/e0/tasks/t/r/x.txt", true},
    {"kestra:///company/team/My_Flow-2/executions/e1/tasks/t/r/x.txt", false},
    {"kestra:///company/team/my-flow-2/executions/e2/tasks/t/r/x.txt", false},
    {"kestra:///company/team/my-flow-2/executions/e11/tasks/t/r/x.txt", false},
    {"kestra:///company/team/the-parent/executions/e1/tasks/t/r/x.txt", false},
    {"kestra:///company/my-flow-2/executions/e1/tasks/t/r/x.txt", false},
};

START_TEST(test_own_files_are_read_by_slug)
{
    static const char *const functions[] = {"read", "fileSize"}, *const results[] = {"read", "4"};
    _cleanup_json_ json_t *variables =
        parse("{\"flow\":{\"namespace\":\"company.team\",\"id\":\"My_Flow-2\"},\"execution\":{\"id\":\"e1\"},"
              "\"trigger\":{\"namespace\":\"company.team\",\"flowId\":\"The__PARENT_\",\"executionId\":\"e0\"}}");
    const ExprServices services = {.read = read_anything, .file_size = size_of_anything};
    const ExprContext context = {.variables = variables, .services = &services};
    for (size_t i = 0; i < ELEMENTS(functions); i++) {
        _cleanup_free_ char *source = xasprintf("{{ %s('%s') }}", functions[i], uris[_i].uri), *text = NULL;
        _cleanup_(expr_unrefp) Expr *expr = compile(source);
        _cleanup_diag_ Diag diag = DIAG_INIT;
        ck_assert_msg((expr_render(expr, &context, &text, &diag) == 0) == uris[_i].own, "%s", source);
        if (uris[_i].own)
            ck_assert_str_eq(text, results[i]);
        else
            ck_assert(strstr(diag_first(&diag), "didn't belong to the current execution"));
    }
}
END_TEST

static unsigned lookups;
static const json_t *lookup(void *userdata, const char *name)
{
    lookups++;
    return streq(name, "late") ? userdata : NULL;
}

START_TEST(test_lookup_is_asked_once_a_render)
{
    _cleanup_json_ json_t *late = parse("{\"x\":1}");
    _cleanup_(expr_unrefp) Expr *expr = compile("{{ late.x }}{{ late.x }}{{ other ?? 'none' }}");
    ExprContext context = {.lookup = lookup, .lookup_userdata = late};
    _cleanup_free_ char *text = NULL;
    ck_assert_int_eq(expr_render(expr, &context, &text, NULL), 0);
    ck_assert_str_eq(text, "11none");
    ck_assert_uint_eq(lookups, 2);
}
END_TEST

static void *render_many(void *shared)
{
    _cleanup_json_ json_t *variables = parse("{\"items\":[3,1,2],\"d\":\"2024-03-05T08:15:30Z\"}");
    ExprContext context = {.variables = variables};
    for (unsigned i = 0; i < 500; i++) {
        _cleanup_free_ char *text = NULL;
        if (expr_render(shared, &context, &text, NULL) != 0 || !streq(text, "1-2-3 mardi [4]"))
            return shared;
    }
    return NULL;
}

START_TEST(test_threads_share_an_expression)
{
    _cleanup_(expr_unrefp) Expr *expr =
        compile("{{ items | sort | join('-') }} {{ d | date('EEEE', locale='fr') }} {{ items | jq('.[0]+1') }}");
    pthread_t threads[4];
    for (size_t i = 0; i < ELEMENTS(threads); i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, render_many, expr), 0);
    for (size_t i = 0; i < ELEMENTS(threads); i++) {
        void *failed;
        pthread_join(threads[i], &failed);
        ck_assert_ptr_null(failed);
    }
}
END_TEST

START_TEST(test_truth)
{
    static const char *const falsy[] = {"", "false", "0", "-0", " false\n"}, *const truthy[] = {"true", "1", "no",
                                                                                                "0.0", " "};
    ck_assert(!expr_is_truthy(NULL));
    for (size_t i = 0; i < ELEMENTS(falsy); i++)
        ck_assert_msg(!expr_is_truthy(falsy[i]), "%s", falsy[i]);
    for (size_t i = 0; i < ELEMENTS(truthy); i++)
        ck_assert_msg(expr_is_truthy(truthy[i]), "%s", truthy[i]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("expr");
    TCase *tests = tcase_create("interface");
    mem_use_for_jansson(json_set_alloc_funcs);
    tcase_add_test(tests, test_reads);
    tcase_add_test(tests, test_literal_is_returned_as_it_is);
    tcase_add_test(tests, test_syntax_error_has_a_place);
    tcase_add_test(tests, test_tree);
    tcase_add_test(tests, test_limits);
    tcase_add_test(tests, test_costly_expressions_are_stopped);
    tcase_add_test(tests, test_jq_reaches_nothing_outside);
    tcase_add_test(tests, test_jq_has_the_time_of_other_steps);
    tcase_add_test(tests, test_endless_jq_program_is_stopped);
    tcase_set_timeout(tests, 30);
    tcase_add_test(tests, test_recursive_rendering);
    tcase_add_test(tests, test_missing_service_says_so);
    tcase_add_loop_test(tests, test_own_files_are_read_by_slug, 0, ELEMENTS(uris));
    tcase_add_test(tests, test_lookup_is_asked_once_a_render);
    tcase_add_test(tests, test_threads_share_an_expression);
    tcase_add_test(tests, test_truth);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
