/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks over files of items and over namespace files, against a storage in a directory. */
#include <check.h>
#include <sys/stat.h>
#include <unistd.h>

#include "blob/blob.h"
#include "doc/json.h"
#include "model/log_entry.h"
#include "plugin/job_context.h"
#include "plugin/registry.h"

#define CORE  "io.kestra.plugin.core."
#define DATA  "kestra:///n/s/f/executions/e1/tasks/t/r/data.ion"
#define FILES "kestra:///o/_files/"

static Buffer said;
static char directory[] = "/tmp/kestra-check-items-XXXXXX";
static char *working_directory;
static Blob *storage;

static void note_log(void *userdata, int level, const char *message)
{
    buffer_printf(&said, "%s\n", message);
}

static void note_metric(void *userdata, const char *name, bool is_timer, double value, const json_t *tags)
{
}

static const RunOps ops = {.log = note_log, .metric = note_metric};

static json_t *parse(const char *text)
{
    json_t *value;
    ck_assert_msg(json_parse(text, strlen(text), 0, &value, NULL) == 0, "%s", text);
    return value;
}

static int run_task(const char *type, const char *properties, json_t **ret_outputs)
{
    const JobSettings settings = {.storage = storage};
    _cleanup_json_ json_t *job =
        parse("{\"flow\":{\"namespace\":\"n.s\",\"id\":\"f\",\"revision\":1},\"executionId\":\"e1\","
              "\"taskRunId\":\"r1\",\"variables\":{\"limit\":2}}");
    _cleanup_json_ json_t *object = parse(properties);
    _cleanup_(job_task_freep) Task *task = job_task_new(&plugin_registry, "t", type, object);
    ck_assert_ptr_nonnull(task);
    JobContext context;
    job_context_init(&context, &settings, task, job, NULL, &ops, NULL);
    job_context_set_directory(&context, working_directory);
    int r = task->type->run(&context.run);
    *ret_outputs = json_incref(context.run.outputs);
    job_context_done(&context);
    return r;
}

static void put(const char *uri, const char *text)
{
    ck_assert_int_eq(blob_write(storage, uri, text, strlen(text)), 0);
}

static void ck_assert_object(const char *uri, const char *expected)
{
    _cleanup_free_ char *bytes = NULL;
    size_t length;
    ck_assert_msg(blob_read(storage, uri, 10000, &bytes, &length) == 0, "%s", uri);
    ck_assert_str_eq(bytes, expected);
}

static void setup(void)
{
    memcpy(directory + sizeof directory - 7, "XXXXXX", 6);
    ck_assert_ptr_nonnull(mkdtemp(directory));
    _cleanup_free_ char *path = xasprintf("%s/storage", directory);
    working_directory = xasprintf("%s/work", directory);
    ck_assert_int_eq(blob_local_new(path, &storage), 0);
    ck_assert_int_eq(mkdir(working_directory, 0700), 0);
    put(DATA, "{id:1,name:\"a\",value:5}\n{id:2,name:\"b\",value:null}\r\n\n{id:1,name:\"c\",value:1}\n");
    put(FILES "a.txt", "A");
    put(FILES "d/b.csv", "B");
    buffer_clear(&said);
}

static void teardown(void)
{
    storage = blob_free(storage);
    _cleanup_free_ char *command = xasprintf("rm -rf '%s'", directory);
    ck_assert_int_eq(system(command), 0);
    free(working_directory);
    buffer_done(&said);
}

static const struct {
    const char *type, *properties;
    int outcome;
    const char *said, *content, *counts;
} cases[] = {
    {CORE "storage.FilterItems", "{\"from\":\"" DATA "\",\"filterCondition\":\"{{ value is null }}\"}", 0, "",
     "{id:2,name:\"b\",value:null}\n", "{\"processedItemsTotal\":3,\"droppedItemsTotal\":2}"},
    {CORE "storage.FilterItems",
     "{\"from\":\"" DATA "\",\"filterCondition\":\"{{ id >= limit }}\",\"filterType\":\"EXCLUDE\"}", 0, "",
     "{id:1,name:\"a\",value:5}\n{id:1,name:\"c\",value:1}\n", "{\"processedItemsTotal\":3,\"droppedItemsTotal\":1}"},
    {CORE "storage.FilterItems", "{\"from\":\"" DATA "\",\"filterCondition\":\"{{ nothing }}\"}", RUN_E_FAILED,
     "Item 1 cannot be filtered: Unable to find `nothing` used in the expression `{{ nothing }}` at line 1\n", NULL,
     "{}"},
    {CORE "storage.FilterItems",
     "{\"from\":\"" DATA "\",\"filterCondition\":\"{{ nothing }}\",\"errorOrNullBehavior\":\"EXCLUDE\"}", 0, "", "",
     "{\"processedItemsTotal\":3,\"droppedItemsTotal\":3}"},
    {CORE "storage.FilterItems", "{\"from\":\"kestra:///n/none\",\"filterCondition\":\"true\"}", RUN_E_FAILED,
     "File not found in internal storage: kestra:///n/none\n", NULL, "{}"},
    {CORE "storage.DeduplicateItems", "{\"from\":\"" DATA "\",\"expr\":\"{{ id }}\"}", 0, "",
     "{id:2,name:\"b\",value:null}\n{id:1,name:\"c\",value:1}\n",
     "{\"numKeys\":2,\"processedItemsTotal\":3,\"droppedItemsTotal\":1}"},
    {CORE "storage.DeduplicateItems", "{\"from\":\"" FILES "a.txt\",\"expr\":\"{{ id }}\"}", RUN_E_FAILED,
     "Item 1 has no key: A line of the file is not an Ion struct\n", NULL, "{}"},
};

START_TEST(test_items)
{
    _cleanup_json_ json_t *outputs = NULL, *expected = parse(cases[_i].counts);
    int r = run_task(cases[_i].type, cases[_i].properties, &outputs);
    ck_assert_str_eq(buffer_text(&said), cases[_i].said);
    ck_assert_int_eq(r, cases[_i].outcome);
    if (cases[_i].content)
        ck_assert_object(json_get_text(outputs, "uri", ""), cases[_i].content);
    json_object_del(outputs, "uri");
    _cleanup_free_ char *text = json_text(outputs);
    ck_assert_msg(json_equal(outputs, expected), "%s", text);
}
END_TEST

START_TEST(test_purge_files)
{
    _cleanup_json_ json_t *outputs = NULL, *expected = parse("{\"uris\":[\"" DATA "\"]}");
    ck_assert_int_eq(run_task(CORE "storage.PurgeCurrentExecutionFiles", "{}", &outputs), 0);
    ck_assert(json_equal(outputs, expected));
    ck_assert_object(FILES "a.txt", "A");
}
END_TEST

START_TEST(test_download)
{
    _cleanup_json_ json_t *outputs = NULL;
    ck_assert_int_eq(run_task(CORE "namespace.DownloadFiles",
                              "{\"namespace\":\"o\",\"files\":\"**.csv\",\"destination\":\"in/\"}", &outputs),
                     0);
    const json_t *files = json_object_get(outputs, "files");
    ck_assert_uint_eq(json_object_size(files), 1);
    ck_assert_object(json_get_text(files, "/d/b.csv", ""), "B");
}
END_TEST

START_TEST(test_delete)
{
    BlobEntry entry;
    _cleanup_json_ json_t *outputs = NULL, *expected = parse("{\"files\":{\"d/b.csv\":\"" FILES "d/b.csv\"}}");
    ck_assert_int_eq(run_task(CORE "namespace.DeleteFiles", "{\"namespace\":\"o\",\"files\":[\"/d/*\"]}", &outputs), 0);
    ck_assert(json_equal(outputs, expected));
    ck_assert_int_eq(blob_stat(storage, FILES "d/b.csv", &entry), BLOB_E_ABSENT);
    ck_assert_object(FILES "a.txt", "A");
}
END_TEST

START_TEST(test_upload)
{
    _cleanup_json_ json_t *first = NULL, *second = NULL, *third = NULL, *bad = NULL;
    _cleanup_free_ char *path = xasprintf("%s/w.txt", working_directory);
    FILE *file = fopen(path, "we");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs("W", file), 0);
    ck_assert_int_eq(fclose(file), 0);
    ck_assert_int_eq(
        run_task(CORE "namespace.UploadFiles",
                 "{\"namespace\":\"o\",\"files\":[\"*.txt\"],\"filesMap\":{\"a.txt\":\"" FILES "d/b.csv\"}}", &first),
        0);
    ck_assert_object(FILES "w.txt", "W");
    ck_assert_object(FILES "a.txt", "B");
    ck_assert_uint_eq(json_object_size(json_object_get(first, "files")), 2);
    ck_assert_int_eq(run_task(CORE "namespace.UploadFiles",
                              "{\"namespace\":\"o\",\"conflict\":\"SKIP\",\"filesMap\":{\"a.txt\":\"" FILES "w.txt\"}}",
                              &second),
                     0);
    ck_assert_object(FILES "a.txt", "B");
    ck_assert_int_eq(
        run_task(CORE "namespace.UploadFiles",
                 "{\"namespace\":\"o\",\"conflict\":\"ERROR\",\"filesMap\":{\"a.txt\":\"" FILES "w.txt\"}}", &third),
        RUN_E_FAILED);
    ck_assert_int_eq(run_task(CORE "namespace.UploadFiles",
                              "{\"namespace\":\"o\",\"filesMap\":{\"../x\":\"" FILES "w.txt\"}}", &bad),
                     RUN_E_FAILED);
    ck_assert_str_eq(buffer_text(&said), "File already exists in the namespace: a.txt\n"
                                         "Not the URI of a file in internal storage: kestra:///o/_files/../x\n");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("items");
    TCase *tcase = tcase_create("items");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, test_items, 0, ELEMENTS(cases));
    tcase_add_test(tcase, test_purge_files);
    tcase_add_test(tcase, test_download);
    tcase_add_test(tcase, test_delete);
    tcase_add_test(tcase, test_upload);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
