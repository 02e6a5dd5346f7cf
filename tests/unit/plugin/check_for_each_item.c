/* SPDX-License-Identifier: Apache-2.0 */
/* The two tasks of ForEachItem that run on a worker: how a file is cut and noted, how outputs are joined. */
#include <check.h>
#include <unistd.h>

#include "blob/blob.h"
#include "doc/json.h"
#include "plugin/core/flow/for_each_item.h"
#include "plugin/job_context.h"
#include "plugin/registry.h"

#define PREFIX "kestra:///n/f/executions/e1/tasks/t-split/r1/"
#define FROM   "kestra:///n/f/executions/e1/in.csv"
#define PART   "io.kestra.plugin.core.flow.ForEachItem$ForEachItem"

static Buffer said;
static size_t questions;
static char directory[] = "/tmp/kestra-check-for-each-item-XXXXXX";
static Blob *storage;

static json_t *parse(const char *text)
{
    json_t *value;
    ck_assert_msg(json_parse(text, strlen(text), 0, &value, NULL) == 0, "%s", text);
    return value;
}

static void note_log(void *userdata, int level, const char *message)
{
    buffer_printf(&said, "%s\n", message);
}

static bool is_killed(void *userdata)
{
    return false;
}

/* Each child's output is its own id, but the second child has left nothing. */
static int answer(void *userdata, const json_t *question, json_t **ret)
{
    char second[ID_BYTES];
    for_each_item_child_id("items1", 0, 2, second);
    ck_assert_str_eq(json_get_text(question, "what", ""), "subflow-outputs");
    json_t *outputs = json_array();
    size_t i;
    const json_t *id;
    json_array_foreach (json_object_get(question, "executions"), i, id)
        json_array_append_new(outputs,
                              streq(json_string_value(id), second) ? json_null() : json_pack("{s:O}", "id", id));
    ck_assert_uint_le(json_array_size(outputs), 100);
    questions++;
    *ret = json_pack("{s:o}", "outputs", outputs);
    return 0;
}

static const RunOps ops = {.log = note_log, .is_killed = is_killed, .ask = answer};

static int run_part(const char *id, const char *type, const char *properties, json_t *notes, json_t **ret_outputs,
                    json_t **ret_notes)
{
    const JobSettings settings = {.storage = storage};
    _cleanup_json_ json_t *job =
        parse("{\"flow\":{\"namespace\":\"n\",\"id\":\"f\",\"revision\":1},\"executionId\":\"e1\","
              "\"taskRunId\":\"r1\",\"variables\":{}}");
    _cleanup_json_ json_t *object = parse(properties);
    _cleanup_(job_task_freep) Task *task = job_task_new(&plugin_registry, id, type, object);
    ck_assert_ptr_nonnull(task);
    json_set_present(job, "notes", notes);
    JobContext context;
    job_context_init(&context, &settings, task, job, NULL, &ops, NULL);
    job_context_set_directory(&context, directory);
    int r = task->type->run(&context.run);
    *ret_outputs = json_incref(context.run.outputs);
    *ret_notes = json_incref(context.run.notes);
    job_context_done(&context);
    return r;
}

static void setup(void)
{
    memcpy(directory + sizeof directory - 7, "XXXXXX", 6);
    ck_assert_ptr_nonnull(mkdtemp(directory));
    ck_assert_int_eq(blob_local_new(directory, &storage), 0);
    questions = 0;
}

static void teardown(void)
{
    BlobEntries gone = {};
    ck_assert_int_eq(blob_delete_prefix(storage, "kestra:///n", &gone), 0);
    blob_entries_done(&gone);
    _cleanup_free_ char *uploads = xasprintf("%s/.upload", directory);
    storage = blob_free(storage);
    (void)rmdir(uploads);
    (void)rmdir(directory);
    buffer_done(&said);
}

static const struct {
    const char *batch, *text;
    const char *pieces[4]; /* NULL: no more */
} cuts[] = {
    {"{}", "a\nb\n", {"a\n", "b\n"}},
    {"{\"rows\":2}", "a\nb\nc\n", {"a\nb\n", "c\n"}},
    {"{\"rows\":\"{{ 1 + 1 }}\"}", "a\nb\nc", {"a\nb\n", "c\n"}},
    {"{\"partitions\":2,\"rows\":1}", "a\nb\nc\n", {"a\nc\n", "b\n"}},
    {"{\"partitions\":5}", "a\nb\n", {"a\n", "b\n"}},
    {"{\"bytes\":\"3\",\"partitions\":1}", "a\nb\nc\n", {"a\nb\n", "c\n"}},
    {"{\"bytes\":4,\"separator\":\"\\\\n--\\n\"}", "a\nb\n", {"a\n--\n", "b\n--\n"}},
    {"{\"rows\":1}", "", {NULL}},
};

START_TEST(test_cut)
{
    _cleanup_json_ json_t *outputs = NULL, *notes = NULL;
    _cleanup_free_ char *properties = xasprintf("{\"items\":\"" FROM "\",\"batch\":%s}", cuts[_i].batch);
    ck_assert_int_eq(blob_write(storage, FROM, cuts[_i].text, strlen(cuts[_i].text)), 0);
    ck_assert_msg(run_part("t_split", PART "Split", properties, NULL, &outputs, &notes) == 0, "%s", buffer_text(&said));
    size_t count = 0;
    _cleanup_buffer_ Buffer list = {};
    for (; count < ELEMENTS(cuts[_i].pieces) && cuts[_i].pieces[count]; count++) {
        _cleanup_free_ char *uri = xasprintf(PREFIX "%zu.csv", count + 1), *bytes = NULL;
        size_t length;
        ck_assert_int_eq(blob_read(storage, uri, 1000, &bytes, &length), 0);
        ck_assert_str_eq(bytes, cuts[_i].pieces[count]);
        buffer_printf(&list, "%s%s", count ? "\n" : "", uri);
    }
    _cleanup_free_ char *bytes = NULL;
    size_t length;
    ck_assert_str_eq(json_get_text(outputs, "splits", ""), PREFIX "splits.txt");
    ck_assert_int_eq(blob_read(storage, PREFIX "splits.txt", 1000, &bytes, &length), 0);
    ck_assert_str_eq(bytes, buffer_text(&list));
    const json_t *splits = json_object_get(notes, "splits");
    ck_assert_int_eq(json_get_integer(splits, "count", -1), (int64_t)count);
    ck_assert_str_eq(json_get_text(splits, "prefix", ""), PREFIX);
    ck_assert_str_eq(json_get_text(splits, "suffix", ""), ".csv");
}
END_TEST

static const struct {
    const char *properties, *said;
} refusals[] = {
    {"{\"items\":\"/etc/passwd\"}",
     "Unable to split the items from /etc/passwd, this is not an internal storage URI!\n"},
    {"{\"items\":\"kestra:///n/none.csv\"}", "File not found in internal storage: kestra:///n/none.csv\n"},
    {"{\"items\":\"" FROM "\",\"batch\":{\"rows\":\"many\"}}",
     "Property 'batch': partitions and rows must be numbers of at least 1\n"},
    {"{\"items\":\"" FROM "\",\"batch\":{\"bytes\":\"much\"}}", "'much' is not a number of bytes\n"},
};

START_TEST(test_refused)
{
    _cleanup_json_ json_t *outputs = NULL, *notes = NULL;
    ck_assert_int_eq(run_part("t_split", PART "Split", refusals[_i].properties, NULL, &outputs, &notes), RUN_E_FAILED);
    ck_assert_str_eq(buffer_text(&said), refusals[_i].said);
    ck_assert_ptr_null(notes);
}
END_TEST

static json_t *notes_of(int64_t count, bool wait)
{
    return json_pack("{s:{s:I},s:{s:s,s:i,s:b,s:s}}", "splits", "count", (json_int_t)count, "items", "taskRunId",
                     "items1", "round", 0, "wait", wait, "prefix", "kestra:///n/items");
}

/* By name, the last first; the second left nothing. */
START_TEST(test_merge)
{
    static const int order[] = {9, 8, 7, 6, 5, 4, 3, 12, 11, 10, 1};
    _cleanup_json_ json_t *outputs = NULL, *notes = NULL;
    _cleanup_free_ char *bytes = NULL, *one = NULL;
    size_t length;
    ck_assert_int_eq(run_part("t_merge", PART "MergeOutputs", "{}", notes_of(12, true), &outputs, &notes), 0);
    _cleanup_buffer_ Buffer expected = {};
    for (size_t i = 0; i < ELEMENTS(order); i++) {
        char id[ID_BYTES];
        for_each_item_child_id("items1", 0, order[i], id);
        buffer_printf(&expected, "{id:\"%s\"}\n", id);
    }
    ck_assert_int_eq(blob_read(storage, json_get_text(outputs, "subflowOutputs", ""), 10000, &bytes, &length), 0);
    ck_assert_str_eq(bytes, buffer_text(&expected));
    ck_assert_int_eq(blob_read(storage, "kestra:///n/items/1/outputs.ion", 10000, &one, &length), 0);
    ck_assert(strstr(bytes, one) != NULL);
    ck_assert_int_eq(blob_read(storage, "kestra:///n/items/2/outputs.ion", 10000, &one, &length), BLOB_E_ABSENT);
}
END_TEST

START_TEST(test_merge_asks_in_portions)
{
    _cleanup_json_ json_t *outputs = NULL, *notes = NULL;
    ck_assert_int_eq(run_part("t_merge", PART "MergeOutputs", "{}", notes_of(250, true), &outputs, &notes), 0);
    ck_assert_uint_eq(questions, 3);
}
END_TEST

START_TEST(test_nothing_to_merge)
{
    _cleanup_json_ json_t *a = NULL, *b = NULL, *notes = NULL;
    ck_assert_int_eq(run_part("t_merge", PART "MergeOutputs", "{}", notes_of(3, false), &a, &notes), 0);
    ck_assert_int_eq(run_part("t_merge", PART "MergeOutputs", "{}", notes_of(0, true), &b, &notes), 0);
    ck_assert_uint_eq(json_object_size(a) + json_object_size(b) + questions, 0);
}
END_TEST

/* An id follows from all three, and from nothing else. */
START_TEST(test_ids)
{
    char a[ID_BYTES], b[ID_BYTES];
    json_t *seen = json_object();
    for (int64_t round = 0; round < 3; round++)
        for (int64_t number = 1; number <= 5000; number++) {
            for_each_item_child_id("run", round, number, a);
            json_object_set_new(seen, a, json_true());
        }
    ck_assert_uint_eq(json_object_size(seen), 15000);
    json_decref(seen);
    for_each_item_child_id("run", 2, 5000, b);
    ck_assert_str_eq(a, b);
    for_each_item_child_id("nur", 2, 5000, b);
    ck_assert_str_ne(a, b);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("for_each_item");
    TCase *tcase = tcase_create("for_each_item");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, test_cut, 0, ELEMENTS(cuts));
    tcase_add_loop_test(tcase, test_refused, 0, ELEMENTS(refusals));
    tcase_add_test(tcase, test_merge);
    tcase_add_test(tcase, test_merge_asks_in_portions);
    tcase_add_test(tcase, test_nothing_to_merge);
    tcase_add_test(tcase, test_ids);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
