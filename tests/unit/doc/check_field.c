/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"
#include "doc/field.h"
#include "doc/json.h"

#include <check.h>

static const char *const colours[] = {"RED", "GREEN", NULL};
static const char *const old_names[] = {"oldName", NULL};
static const Field inner[] = {
    {"key", FIELD_STRING, FIELD_REQUIRED | FIELD_NOT_EMPTY, .doc = "Key."},
    {},
};
static const Field table[] = {
    {"id", FIELD_STRING, FIELD_REQUIRED | FIELD_NOT_EMPTY | FIELD_HAS_MINIMUM, .pattern = "[a-z]+", .minimum = 1,
     .length_max = 5, .doc = "Id."},
    {"count", FIELD_INTEGER, FIELD_HAS_MINIMUM | FIELD_HAS_MAXIMUM, .minimum = 1, .maximum = 9, .doc = "Count."},
    {"share", FIELD_NUMBER, FIELD_POSITIVE, .doc = "Share."},
    {"on", FIELD_BOOLEAN, .fallback = "true", .doc = "On."},
    {"wait", FIELD_DURATION, .doc = "Wait."},
    {"when", FIELD_DATE_TIME, .doc = "When."},
    {"colour", FIELD_ENUM, .values = colours, .doc = "Colour."},
    {"names", FIELD_LIST, FIELD_NOT_NULL_ITEMS, .doc = "Names."},
    {"paints", FIELD_LIST, .item = FIELD_ENUM, .values = colours, .doc = "Paints."},
    {"map", FIELD_MAP, .item = FIELD_INTEGER, .doc = "Map."},
    {"inner", FIELD_OBJECT, .fields = inner, .doc = "Inner."},
    {"inners", FIELD_LIST, .item = FIELD_OBJECT, .fields = inner, .doc = "Inners."},
    {"late", FIELD_INTEGER, FIELD_DYNAMIC, .doc = "Late."},
    {"text", FIELD_TEXT_OR_LIST, .doc = "Text."},
    {"labels", FIELD_MAP_OR_LIST, .doc = "Labels."},
    {"newName", FIELD_STRING, .aliases = old_names, .doc = "Renamed."},
    {},
};

/* Checks yaml; expected are all errors as `line:column: path: message`, one a line. */
static void expect(const char *yaml, const char *expected)
{
    _cleanup_(document_freep) Document *document = NULL;
    _cleanup_diag_ Diag diag = DIAG_INIT;
    ck_assert_int_eq(document_parse(yaml, strlen(yaml), NULL, &document, &diag), 0);
    FieldPatterns patterns = {};
    const FieldCheck check = {.document = document, .diag = &diag, .class_name = "x.Thing", .patterns = &patterns};
    field_check(&check, table, NULL, document_root(document), "thing");
    field_patterns_done(&patterns);
    _cleanup_free_ char *found = diag_format(&diag, NULL);
    ck_assert_str_eq(found, expected);
}

START_TEST(test_good)
{
    expect("id: a\ncount: '5'\nshare: 0.5\non: 'false'\nwait: PT1H30M\nwhen: 2024-01-01T00:00:00Z\ncolour: RED\nnames: "
           "[a, 1]\n"
           "paints: [GREEN]\nmap: {a: 1}\ninner: {key: k}\ninners: [{key: k}]\nlate: '{{ x }}'\ntext: [a]\nlabels: {a: "
           "b}\n"
           "oldName: z\n",
           "");
    expect("id: abc\nwait: 30\ncount:\ntext: a\nlabels: [{key: a, value: b}]\n", "");
}
END_TEST

START_TEST(test_rules)
{
    expect("count: 1\n", "1:8: thing.id: must not be null\n1:8: thing.id: must not be blank");
    expect("id: ''\n", "1:5: thing.id: size must be between 1 and 5\n1:5: thing.id: must match \"[a-z]+\"\n"
                       "1:5: thing.id: must not be blank");
    expect("id: abcdef\n", "1:5: thing.id: size must be between 1 and 5");
    expect("id: a\ncount: 0\nshare: 0\n",
           "2:8: thing.count: must be greater than or equal to 1\n3:8: thing.share: must be greater than 0");
    expect("id: a\ncount: 10\n", "2:8: thing.count: must be less than or equal to 9");
    expect("id: a\ninner: {}\n", "thing.inner.key: must not be null\nthing.inner.key: must not be blank");
    expect("id: a\ninners: [{key: ' '}]\n", "2:16: thing.inners[0].key: must not be blank");
    expect("id: a\nnames: [a, ~]\n", "thing.names[1]: must not be null");
}
END_TEST

START_TEST(test_forms)
{
    expect("id: [a]\n", "1:5: thing.id: expected a text but found a list");
    expect("id: a\ncount: x\non: maybe\nwait: 5m\nwhen: today\n",
           "2:8: thing.count: expected an integer but found the text 'x'\n"
           "3:5: thing.on: expected true or false but found the text 'maybe'\n"
           "4:7: thing.wait: expected an ISO-8601 duration such as PT30S but found the text '5m'\n"
           "5:7: thing.when: expected an ISO-8601 date and time but found the text 'today'");
    expect("id: a\ncolour: BLUE\n", "2:9: thing.colour: expected one of RED, GREEN but found the text 'BLUE'");
    expect("id: a\npaints: [RED, BLUE]\n",
           "2:15: thing.paints[1]: expected one of RED, GREEN but found the text 'BLUE'");
    expect("id: a\nmap: {k: [1]}\n", "2:10: thing.map.k: expected an integer but found a list");
    expect("id: a\ninner: x\nnames: x\n", "3:8: thing.names: expected a list but found the text 'x'\n"
                                          "2:8: thing.inner: expected a map but found the text 'x'");
    expect(
        "id: a\nother: 1\ninner: {key: k, more: 1}\n",
        "2:8: thing.other: Unrecognized field \"other\" (class x.Thing), not marked as ignorable (16 known properties: "
        "\"id\", \"count\", \"share\", \"on\", \"wait\", \"when\", \"colour\", \"names\", \"paints\", \"map\", "
        "\"inner\", "
        "\"inners\", \"late\", \"text\", \"labels\", \"newName\")\n"
        "3:23: thing.inner.more: Unrecognized field \"more\" (class x.Thing$Inner), not marked as ignorable (1 known "
        "properties: \"key\")");
}
END_TEST

START_TEST(test_schema)
{
    _cleanup_json_ json_t *schema = field_schema(table, NULL);
    ck_assert_str_eq(json_string_value(json_at(schema, "properties.wait.format")), "duration");
    ck_assert_str_eq(json_string_value(json_at(schema, "properties.colour.enum[1]")), "GREEN");
    ck_assert_str_eq(json_string_value(json_at(schema, "properties.inners.items.type")), "object");
    ck_assert(json_is_true(json_at(schema, "properties.late.$dynamic")));
    ck_assert(json_is_true(json_at(schema, "properties.on.default")));
    ck_assert_int_eq(json_integer_value(json_at(schema, "properties.id.maxLength")), 5);
    ck_assert_uint_eq(json_array_size(json_object_get(schema, "required")), 1);
    ck_assert_str_eq(json_object_iter_key(json_object_iter(json_object_get(schema, "properties"))), "colour");
}
END_TEST

START_TEST(test_find)
{
    ck_assert_ptr_eq(field_find(table, "count"), &table[1]);
    ck_assert_str_eq(field_find(table, "oldName")->name, "newName");
    ck_assert_ptr_null(field_find(table, "none"));
    ck_assert_ptr_null(field_find(NULL, "none"));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("field");
    TCase *tests = tcase_create("field");
    tcase_add_test(tests, test_good);
    tcase_add_test(tests, test_rules);
    tcase_add_test(tests, test_forms);
    tcase_add_test(tests, test_schema);
    tcase_add_test(tests, test_find);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
