/* SPDX-License-Identifier: Apache-2.0 */
/* Tasks that ask for executions and logs: what they ask, and what they make of the answer. */
#include <check.h>
#include <unistd.h>

#include "blob/blob.h"
#include "doc/json.h"
#include "model/log_entry.h"
#include "plugin/job_context.h"
#include "plugin/registry.h"

static Buffer said, asked;
static const char *const *next_answer;
static char directory[] = "/tmp/kestra-check-ask-XXXXXX";
static Blob *storage;

static json_t *parse(const char *text)
{
    json_t *value;
    ck_assert_msg(json_parse(text, strlen(text), 0, &value, NULL) == 0, "%s", text);
    return value;
}

static void note_log(void *userdata, int level, const char *message)
{
    if (level >= LOG_LEVEL_INFO)
        buffer_printf(&said, "%s\n", message);
}

static void note_metric(void *userdata, const char *name, bool is_timer, double value, const json_t *tags)
{
}

static int answer(void *userdata, const json_t *question, json_t **ret)
{
    json_append(&asked, question);
    buffer_append_char(&asked, '\n');
    if (!*next_answer)
        return outage(-ECONNRESET);
    *ret = parse(*next_answer++);
    return 0;
}

static const RunOps ops = {.log = note_log, .metric = note_metric, .ask = answer},
                    silent = {.log = note_log, .metric = note_metric};

static int run_task(const RunOps *sink, const char *type, const char *properties, json_t **ret_outputs)
{
    const JobSettings settings = {.storage = storage};
    _cleanup_json_ json_t *job =
        parse("{\"flow\":{\"namespace\":\"n.s\",\"id\":\"f\",\"revision\":1},\"executionId\":\"e1\","
              "\"taskRunId\":\"r1\",\"variables\":{}}");
    _cleanup_json_ json_t *object = parse(properties);
    _cleanup_(job_task_freep) Task *task = job_task_new(&plugin_registry, "t", type, object);
    ck_assert_ptr_nonnull(task);
    JobContext context;
    job_context_init(&context, &settings, task, job, NULL, sink, NULL);
    job_context_set_directory(&context, directory);
    int r = task->type->run(&context.run);
    *ret_outputs = json_incref(context.run.outputs);
    job_context_done(&context);
    return r;
}

static void setup(void)
{
    memcpy(directory + sizeof directory - 7, "XXXXXX", 6);
    ck_assert_ptr_nonnull(mkdtemp(directory));
    ck_assert_int_eq(blob_local_new(directory, &storage), 0);
    buffer_clear(&said);
    buffer_clear(&asked);
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
    buffer_done(&asked);
}

#define CORE "io.kestra.plugin.core."
static const struct {
    const char *type, *properties, *answers[4];
    int outcome;
    const char *asked, *said, *outputs;
} cases[] = {
    {CORE "execution.Count",
     "{\"namespaces\":[\"a\",\"b\"],\"startDate\":\"2026-01-01T00:00:00Z\",\"expression\":\"{{ count >= 2 }}\"}",
     {"{\"counts\":[{\"namespace\":\"a\",\"count\":2},{\"namespace\":\"b\",\"count\":1}]}"},
     0,
     "{\"namespaces\":[\"a\",\"b\"],\"startDate\":\"2026-01-01T00:00:00.000000Z\",\"what\":\"count-executions\"}\n",
     "",
     "{\"results\":[{\"namespace\":\"a\",\"count\":2}],\"total\":2}"},
    {CORE "execution.Count",
     "{\"startDate\":\"soon\",\"expression\":\"true\"}",
     {},
     RUN_E_FAILED,
     "",
     "Property 'startDate' is not a date: 'soon'\n",
     "{}"},
    {CORE "execution.Resume",
     "{\"inputs\":{\"a\":1}}",
     {"{}"},
     0,
     "{\"executionId\":\"e1\",\"inputs\":{\"a\":1},\"what\":\"resume-execution\"}\n",
     "",
     "{}"},
    {CORE "execution.Resume",
     "{\"executionId\":\"x\"}",
     {"{\"error\":\"not paused\"}"},
     RUN_E_FAILED,
     "{\"executionId\":\"x\",\"what\":\"resume-execution\"}\n",
     "not paused\n",
     "{}"},
    {CORE "execution.Resume",
     "{\"executionId\":\"x\"}",
     {},
     RUN_E_FAILED,
     "{\"executionId\":\"x\",\"what\":\"resume-execution\"}\n",
     "Executions and logs cannot be read now: Connection reset by peer\n",
     "{}"},
    {CORE "log.PurgeLogs",
     "{\"namespace\":\"n\",\"logLevels\":[\"WARN\"],\"endDate\":\"2026-01-01T00:00:00Z\"}",
     {"{\"count\":7}", "{\"count\":0}"},
     0,
     "{\"namespace\":\"n\",\"endDate\":\"2026-01-01T00:00:00.000000Z\",\"level\":\"WARN\",\"what\":\"delete-logs\"}\n"
     "{\"namespace\":\"n\",\"endDate\":\"2026-01-01T00:00:00.000000Z\",\"level\":\"WARN\",\"what\":\"delete-logs\"}\n",
     "",
     "{\"count\":7}"},
    {CORE "execution.PurgeExecutions",
     "{\"endDate\":\"2026-01-01T00:00:00Z\",\"purgeMetric\":false}",
     {"{\"executions\":[{\"id\":\"e9\",\"namespace\":\"n.s\",\"flowId\":\"f\"}]}",
      "{\"executions\":1,\"logs\":2,\"metrics\":0}"},
     0,
     "{\"endDate\":\"2026-01-01T00:00:00.000000Z\",\"what\":\"find-executions\"}\n"
     "{\"executions\":[\"e9\"],\"execution\":true,\"logs\":true,\"metrics\":false,\"what\":\"purge-executions\"}\n",
     "",
     "{\"executionsCount\":1,\"logsCount\":2,\"metricsCount\":0,\"storagesCount\":1}"},
    {CORE "log.Fetch",
     "{\"flowId\":\"f\"}",
     {},
     RUN_E_FAILED,
     "",
     "Both namespace and flowId are needed, or executionId\n",
     "{}"},
};

START_TEST(test_case)
{
    _cleanup_json_ json_t *outputs = NULL, *expected = parse(cases[_i].outputs);
    ck_assert_int_eq(blob_write(storage, "kestra:///n/s/f/executions/e9/x.txt", "x", 1), 0);
    next_answer = cases[_i].answers;
    int r = run_task(&ops, cases[_i].type, cases[_i].properties, &outputs);
    ck_assert_str_eq(buffer_text(&asked), cases[_i].asked);
    ck_assert_str_eq(buffer_text(&said), cases[_i].said);
    ck_assert_int_eq(r, cases[_i].outcome);
    _cleanup_free_ char *text = json_text(outputs);
    ck_assert_msg(json_equal(outputs, expected), "%s", text);
}
END_TEST

START_TEST(test_fetch)
{
    static const char *const answers[] = {
        "{\"entries\":[{\"namespace\":\"n\",\"flowId\":\"f\",\"attemptNumber\":0,\"timestamp\":\"2026-01-02T03:04:05."
        "006Z\","
        "\"level\":\"INFO\",\"message\":\"it's \\\"so\\\"\",\"deleted\":false}],\"more\":true}",
        "{\"entries\":[],\"more\":false}", NULL};
    _cleanup_json_ json_t *outputs = NULL;
    _cleanup_free_ char *bytes = NULL;
    size_t length;
    next_answer = answers;
    ck_assert_int_eq(run_task(&ops, CORE "log.Fetch", "{}", &outputs), 0);
    ck_assert_str_eq(buffer_text(&asked), "{\"level\":\"INFO\",\"executionId\":\"e1\",\"page\":1,\"what\":\"logs\"}\n"
                                          "{\"level\":\"INFO\",\"executionId\":\"e1\",\"page\":2,\"what\":\"logs\"}\n");
    ck_assert_int_eq(json_get_integer(outputs, "size", -1), 1);
    ck_assert_int_eq(blob_read(storage, json_get_text(outputs, "uri", ""), 10000, &bytes, &length), 0);
    ck_assert_str_eq(
        bytes,
        "{tenantId:null,namespace:\"n\",flowId:\"f\",taskId:null,executionId:null,taskRunId:null,attemptNumber:0,"
        "triggerId:null,timestamp:2026-01-02T03:04:05.006Z,level:\"INFO\",thread:null,"
        "message:\"it's \\\"so\\\"\",deleted:false}\n");
}
END_TEST

START_TEST(test_nobody_answers)
{
    _cleanup_json_ json_t *outputs = NULL;
    ck_assert_int_eq(run_task(&silent, CORE "execution.Resume", "{}", &outputs), RUN_E_FAILED);
    ck_assert_str_eq(buffer_text(&said), "Executions and logs are not available here\n");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("ask");
    TCase *tcase = tcase_create("ask");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, test_case, 0, ELEMENTS(cases));
    tcase_add_test(tcase, test_fetch);
    tcase_add_test(tcase, test_nobody_answers);
    suite_add_tcase(suite, tcase);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
