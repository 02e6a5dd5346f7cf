/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"
#include "doc/document.h"
#include "doc/json.h"

#include <check.h>

static void expect(const char *yaml, const char *json)
{
    _cleanup_diag_ Diag diag = DIAG_INIT;
    Document *document = NULL;
    int r = document_parse(yaml, strlen(yaml), NULL, &document, &diag);
    ck_assert_msg(r == 0, "%s: %s", yaml, diag_first(&diag));
    _cleanup_free_ char *text = json_text(document_root(document));
    ck_assert_str_eq(text, json);
    document_free(document);
}

static void refuse(const char *yaml, size_t length, const DocumentLimits *limits, const char *fragment, unsigned line,
                   unsigned column)
{
    _cleanup_diag_ Diag diag = DIAG_INIT;
    Document *document = NULL;
    int r = document_parse(yaml, length, limits, &document, &diag);
    ck_assert_int_eq(r, DOCUMENT_E_INVALID);
    ck_assert_msg(strstr(diag_first(&diag), fragment), "%s", diag_first(&diag));
    ck_assert_uint_eq(diag.entries.items[0].line, line);
    ck_assert_uint_eq(diag.entries.items[0].column, column);
}

START_TEST(test_scalars)
{
    expect("[1, -2, +3, 010, 0x1f, 0b11, 1_000, 0o10, 12:30:45, 08]",
           "[1,-2,3,8,31,3,1000,\"0o10\",\"12:30:45\",\"08\"]");
    expect("[1.5, .5, 1., 1e3, -1.25e-3, +2.0, 1.2.3, '1.5', .inf, e3, 1e]",
           "[1.5,0.5,1.0,1000.0,-0.00125,2.0,\"1.2.3\",\"1.5\",\".inf\",\"e3\",\"1e\"]");
    expect("[yes, No, on, OFF, true, False, y, n, 'yes', tRUE]",
           "[true,false,true,false,true,false,\"y\",\"n\",\"yes\",\"tRUE\"]");
    expect("[~, null, NULL, '', \"\", 2001-12-14]", "[null,null,null,\"\",\"\",\"2001-12-14\"]");
    expect("[!!str 12, !!int '7', !!float '2', !x y, !!null '']", "[\"12\",7,2.0,\"y\",null]");
    expect("[9223372036854775807, -9223372036854775808, 9223372036854775808]",
           "[9223372036854775807,-9223372036854775808,9.223372036854776E18]");
    expect("{yes: 1, ~: 2, 3: x, a: }", "{\"yes\":1,\"~\":2,\"3\":\"x\",\"a\":null}");
    expect("", "null");
    expect("# only a comment\n", "null");
    expect("--- {a: 1}\n...\n", "{\"a\":1}");
}
END_TEST

START_TEST(test_anchors)
{
    expect("a: &x {p: 1}\nb: *x\n", "{\"a\":{\"p\":1},\"b\":{\"p\":1}}");
    expect("a: &x {p: 1, q: 2}\nb:\n  <<: *x\n  p: 3\n", "{\"a\":{\"p\":1,\"q\":2},\"b\":{\"p\":3,\"q\":2}}");
    expect("- &x {p: 1}\n- &y {p: 2, q: 2}\n- <<: [*x, *y]\n", "[{\"p\":1},{\"p\":2,\"q\":2},{\"p\":1,\"q\":2}]");
    expect("&k key: 1\nb: *k\n", "{\"key\":1,\"b\":\"key\"}");
    refuse("a: *b\n", 6, NULL, "undefined alias 'b'", 1, 4);
    refuse("a: &b [1, *b]\n", 14, NULL, "contains itself", 1, 11);
    refuse("a:\n  <<: 1\n", 11, NULL, "merge key", 2, 7);
    const char *laughs = "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
                         "c: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\n"
                         "e: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\n"
                         "f: [*e,*e,*e,*e,*e,*e,*e,*e,*e,*e]\n";
    refuse(laughs, strlen(laughs), NULL, "more than 200000 values", 6, 5);
}
END_TEST

START_TEST(test_refused)
{
    refuse("a: 1\nb: 2\na: 3\n", 15, NULL, "Duplicate field 'a'", 3, 1);
    refuse("a:\n\t- b\n", 8, NULL, "tab character", 2, 1);
    refuse("a: \"x\n", 6, NULL, "unexpected end of stream", 2, 1);
    refuse("a: b: c\n", 8, NULL, "mapping values are not allowed", 1, 5);
    refuse("a: x\0y\n", 7, NULL, "NUL", 1, 5);
    refuse("a: \"x\\0y\"\n", 10, NULL, "NUL", 1, 4);
    refuse("a: \xc3\x28\n", 6, NULL, "UTF-8", 1, 4);
    refuse("a: \xed\xa0\x80\n", 7, NULL, "UTF-8", 1, 4);
    refuse("a: \x01\n", 5, NULL, "special characters", 1, 4);
    refuse("a: {{ x }}\n", 11, NULL, "a key must be a text", 1, 5);
    refuse("a: 1\n---\nb: 2\n", 14, NULL, "second document", 2, 1);
    const DocumentLimits small = {.bytes_max = 20, .depth_max = 3, .nodes_max = 5};
    refuse("aaaaaaaaaaaaaaaaaaaaa", 21, &small, "at most 20", 0, 0);
    refuse("[[[[1]]]]", 9, &small, "deeper than 3", 1, 4);
    refuse("[1,2,3,4,5]", 11, &small, "more than 5 values", 1, 10);
}
END_TEST

START_TEST(test_positions)
{
    const char *yaml = "id: a\ntasks:\n  - id: t\n    message: |\n      hi\n  - {x: 1,\n     y: 2}\n";
    Document *document = NULL;
    ck_assert_int_eq(document_parse(yaml, strlen(yaml), NULL, &document, NULL), 0);
    const json_t *root = document_root(document);
    const json_t *tasks = json_object_get(root, "tasks");
    unsigned line, column;
    document_position(document, NULL, NULL, 0, &line, &column);
    ck_assert(line == 1 && column == 1);
    document_position(document, root, "tasks", 0, &line, &column);
    ck_assert(line == 3 && column == 3);
    document_position(document, tasks, NULL, 0, &line, &column);
    ck_assert(line == 3 && column == 5);
    document_position(document, json_array_get(tasks, 0), "message", 0, &line, &column);
    ck_assert(line == 4 && column == 14);
    document_position(document, json_array_get(tasks, 1), "y", 0, &line, &column);
    ck_assert(line == 7 && column == 9);
    document_position(document, json_array_get(tasks, 1), "none", 0, &line, &column);
    ck_assert(line == 0 && column == 0);
    document_free(document);
}
END_TEST

START_TEST(test_split)
{
    const char *text = "---\na: 1\n---\n# nothing\n---\nb: |\n  --- x\n--- {c: 3}\n";
    DocumentParts parts = {};
    document_split(text, strlen(text), &parts);
    ck_assert_uint_eq(parts.count, 3);
    ck_assert_uint_eq(parts.items[0].first_line, 2);
    ck_assert_uint_eq(parts.items[0].length, 5);
    ck_assert_uint_eq(parts.items[1].first_line, 6);
    ck_assert_uint_eq(parts.items[2].first_line, 8);
    ck_assert(strncmp(parts.items[2].text, "--- {c", 6) == 0);
    vec_free(&parts);
}
END_TEST

START_TEST(test_split_directive)
{
    const char *text = "%YAML 1.2\n---\na: 1\n---\nb: 2\n";
    DocumentParts parts = {};
    document_split(text, strlen(text), &parts);
    ck_assert_uint_eq(parts.count, 2);
    ck_assert_uint_eq(parts.items[0].first_line, 1);
    ck_assert(strncmp(parts.items[0].text, "%YAML", 5) == 0);
    Document *document = NULL;
    ck_assert_int_eq(document_parse(parts.items[0].text, parts.items[0].length, NULL, &document, NULL), 0);
    ck_assert_int_eq(json_get_integer(document_root(document), "a", 0), 1);
    document_free(document);
    vec_free(&parts);
}
END_TEST

static void expect_parts(const char *text, size_t count, const char *const texts[])
{
    DocumentParts parts = {};
    document_split_literally(text, strlen(text), &parts);
    ck_assert_uint_eq(parts.count, count);
    for (size_t i = 0; i < count; i++) {
        ck_assert_uint_eq(parts.items[i].length, strlen(texts[i]));
        ck_assert(strncmp(parts.items[i].text, texts[i], parts.items[i].length) == 0);
    }
    vec_free(&parts);
}

START_TEST(test_split_literally)
{
    expect_parts("a: 1", 1, (const char *const[]){"a: 1"});
    expect_parts("---\na: 1\n", 1, (const char *const[]){"---\na: 1\n"});
    expect_parts("%YAML 1.2\n---\na: 1\n", 2, (const char *const[]){"%YAML 1.2", "\na: 1\n"});
    expect_parts("a: 1\n\n\n---\n", 2, (const char *const[]){"a: 1", "\n"});
    expect_parts("a: 1\n---", 1, (const char *const[]){"a: 1"});
    expect_parts("a: |\n  ---\n---b\n--", 2, (const char *const[]){"a: |\n  ---", "b\n--"});
    expect_parts("\n---\n---\n", 3, (const char *const[]){"", "", "\n"});
    expect_parts("\n---", 0, NULL);
    DocumentParts parts = {};
    document_split_literally("a\n\n---\nb", 8, &parts);
    ck_assert_uint_eq(parts.items[1].first_line, 3);
    vec_free(&parts);
}
END_TEST

static char *start_of(const char *text)
{
    Document *document = NULL;
    if (!document_parse_start(text, strlen(text), NULL, &document))
        return xstrdup("nothing");
    char *start = json_text(document_root(document));
    document_free(document);
    return start;
}

START_TEST(test_start)
{
    static const char *const cases[][2] = {
        {"a: 1\nb:\n- {c: 2}\n- d: 3\n- [\n", "{\"a\":1,\"b\":[{\"c\":2},{\"d\":3}]}"},
        {"a: 1\nb:\n- c: {\n", "{\"a\":1,\"b\":[]}"},
        {"a: 1\nb: {c: 2\n", "{\"a\":1}"},
        {"x: &x {k: v}\ny: *x\na: {b: c\n", "{\"x\":{\"k\":\"v\"},\"y\":{\"k\":\"v\"}}"},
        {"<<: [{k: v}\n", "{}"},
        {"- a\n- [\n", "nothing"},
        {"\"a", "nothing"},
    };
    for (size_t i = 0; i < ELEMENTS(cases); i++) {
        _cleanup_free_ char *start = start_of(cases[i][0]);
        ck_assert_str_eq(start, cases[i][1]);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("document");
    TCase *tests = tcase_create("document");
    tcase_add_test(tests, test_scalars);
    tcase_add_test(tests, test_anchors);
    tcase_add_test(tests, test_refused);
    tcase_add_test(tests, test_positions);
    tcase_add_test(tests, test_split);
    tcase_add_test(tests, test_split_literally);
    tcase_add_test(tests, test_start);
    tcase_add_test(tests, test_split_directive);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
