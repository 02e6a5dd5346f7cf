/* SPDX-License-Identifier: Apache-2.0 */
/* Every task that needs no process and no network, and the meaning of script lines, against a RunOps that notes all. */
#include <check.h>
#include <unistd.h>

#include "blob/blob.h"
#include "doc/json.h"
#include "model/encryption.h"
#include "model/log_entry.h"
#include "plugin/job_context.h"
#include "plugin/registry.h"
#include "plugin/script.h"
#include "plugin/service/service.h"

static Buffer said;
static char directory[] = "/tmp/kestra-check-tasks-XXXXXX";
static Blob *storage;

static void note_log(void *userdata, int level, const char *message)
{
    buffer_printf(&said, "%s %s\n", log_level_to_string(level), message);
}

static void note_metric(void *userdata, const char *name, bool is_timer, double value, const json_t *tags)
{
    if (!is_timer) /* times differ */
        buffer_printf(&said, "metric %s %g\n", name, value);
}

static const RunOps ops = {.log = note_log, .metric = note_metric};
static JobSettings settings;

static void setup(void)
{
    memcpy(directory + sizeof directory - 7, "XXXXXX", 6);
    ck_assert_ptr_nonnull(mkdtemp(directory));
    ck_assert_int_eq(blob_local_new(directory, &storage), 0);
    settings = (JobSettings){.storage = storage, .encryption_key = "I6EGNzRESu3X3pKZidrqCGOHQFUFC0yK"};
    buffer_clear(&said);
    setenv("SECRET_PASSWORD", "cGFzc3dvcmQ=", 1);
}

static void teardown(void)
{
    _cleanup_free_ char *command = xasprintf("%s/.upload", directory);
    storage = blob_free(storage);
    (void)rmdir(command);
    (void)rmdir(directory);
    buffer_done(&said);
}

static json_t *parse(const char *text)
{
    json_t *value;
    _cleanup_diag_ Diag diag = DIAG_INIT;
    ck_assert_msg(json_parse(text, strlen(text), 0, &value, &diag) == 0, "%s: %s", diag_first(&diag), text);
    return value;
}

/* Runs one task as the worker does; its outcome. *ret_outputs: JSON text, caller frees. */
static int run_task(const char *type, const char *properties, const char *variables, const char *inputs,
                    char **ret_outputs)
{
    _cleanup_json_ json_t *object = parse(properties), *job = json_object(),
                          *declarations = inputs ? parse(inputs) : NULL;
    json_object_set_new(job, "flow", parse("{\"namespace\":\"check.plugin\",\"id\":\"flow\",\"revision\":1}"));
    json_set_text(job, "executionId", "execution1");
    json_set_text(job, "taskRunId", "run1");
    json_object_set_new(job, "variables", parse(variables ? variables : "{}"));
    _cleanup_(job_task_freep) Task *task = job_task_new(&plugin_registry, "t", type, object);
    ck_assert_ptr_nonnull(task);
    JobContext context;
    job_context_init(&context, &settings, task, job, declarations, &ops, NULL);
    job_context_set_directory(&context, directory);
    int r = task->type->run(&context.run);
    *ret_outputs = json_text(context.run.outputs);
    job_context_done(&context);
    return r;
}

static const struct {
    const char *type, *properties, *variables;
    int outcome;
    const char *said, *outputs;
} tasks[] = {
    {"io.kestra.plugin.core.log.Log", "{\"message\":\"hello {{ name }}\"}", "{\"name\":\"Bob\"}", 0, "INFO hello Bob\n",
     "{}"},
    {"io.kestra.core.tasks.log.Log", "{\"message\":[\"a\",\"{{ 1 + 1 }}\"],\"level\":\"WARN\"}", NULL, 0,
     "WARN a\nWARN 2\n", "{}"},
    {"io.kestra.plugin.core.log.Log", "{\"message\":\"{{ missing }}\"}", NULL, RUN_E_FAILED,
     "ERROR Unable to find `missing` used in the expression `{{ missing }}` at line 1\n", "{}"},
    {"io.kestra.plugin.core.log.Log", "{\"message\":\"pw is {{ secret('PASSWORD') }}\"}", NULL, 0,
     "INFO pw is ********\n", "{}"},
    {"io.kestra.plugin.core.log.Log", "{\"message\":\"quiet\",\"logLevel\":\"ERROR\"}", NULL, 0, "", "{}"},
    {"io.kestra.plugin.core.debug.Return", "{\"format\":\"{{ n }}\"}", "{\"n\":42}", 0, "DEBUG 42\nmetric length 2\n",
     "{\"value\":\"42\"}"},
    {"io.kestra.plugin.core.debug.Return", "{}", NULL, 0, "DEBUG null\nmetric length 0\n", "{}"},
    {"io.kestra.plugin.core.debug.Echo", "{\"format\":\"{{ n }}\",\"level\":\"ERROR\"}", "{\"n\":1}", 0, "ERROR 1\n",
     "{}"},
    {"io.kestra.plugin.core.execution.Fail", "{}", NULL, RUN_E_FAILED, "ERROR Task failure\n", "{}"},
    {"io.kestra.plugin.core.execution.Fail", "{\"condition\":\"{{ 1 > 2 }}\"}", NULL, 0, "", "{}"},
    {"io.kestra.plugin.core.execution.Fail", "{\"condition\":\"{{ 2 > 1 }}\",\"errorMessage\":\"n\"}", NULL,
     RUN_E_FAILED, "ERROR n\nERROR Fail on a condition\n", "{}"},
    {"io.kestra.plugin.core.output.OutputValues", "{\"values\":{\"a\":\"{{ n }}\",\"l\":[\"{{ n }}\",2],\"b\":true}}",
     "{\"n\":1}", 0, "", "{\"values\":{\"a\":\"1\",\"l\":[\"1\",2],\"b\":true}}"},
};

START_TEST(test_task)
{
    _cleanup_free_ char *outputs = NULL;
    int r = run_task(tasks[_i].type, tasks[_i].properties, tasks[_i].variables, NULL, &outputs);
    ck_assert_str_eq(buffer_text(&said), tasks[_i].said);
    ck_assert_str_eq(outputs, tasks[_i].outputs);
    ck_assert_int_eq(r, tasks[_i].outcome);
}
END_TEST

START_TEST(test_secret_input)
{
    _cleanup_free_ char *sealed = NULL, *outputs = NULL;
    ck_assert_int_eq(encryption_seal(settings.encryption_key, "password", &sealed), 0);
    _cleanup_free_ char *variables = xasprintf("{\"inputs\":{\"a\":{\"key\":\"%s\"}}}", sealed);
    ck_assert_int_eq(run_task("io.kestra.plugin.core.log.Log", "{\"message\":\"it is {{ inputs.a.key }}\"}", variables,
                              "[{\"id\":\"a.key\",\"type\":\"SECRET\"}]", &outputs),
                     0);
    ck_assert_str_eq(buffer_text(&said), "INFO it is ********\n");
}
END_TEST

START_TEST(test_sealed_output)
{
    _cleanup_free_ char *sealed = NULL, *outputs = NULL;
    ck_assert_int_eq(encryption_seal(settings.encryption_key, "the body", &sealed), 0);
    _cleanup_free_ char *variables = xasprintf(
        "{\"outputs\":{\"a\":{\"l\":[{\"type\":\"io.kestra.datatype:aes_encrypted\",\"value\":\"%s\"},1],\"x\":"
        "{\"type\":\"io.kestra.datatype:aes_encrypted\",\"value\":\"no\"}}}}",
        sealed);
    ck_assert_int_eq(run_task("io.kestra.plugin.core.debug.Return",
                              "{\"format\":\"{{ outputs.a.l[0] }} {{ outputs.a.x.value }}\"}", variables, NULL,
                              &outputs),
                     0);
    ck_assert_str_eq(outputs, "{\"value\":\"the body no\"}");
    ck_assert(!strstr(buffer_text(&said), "the body"));
}
END_TEST

START_TEST(test_read_only_own_files)
{
    const char *own = "kestra:///check/plugin/flow/executions/execution1/tasks/x/y/f.txt";
    const char *other = "kestra:///check/plugin/flow/executions/execution2/f.txt";
    ck_assert_int_eq(blob_write(storage, own, "mine", 4), 0);
    ck_assert_int_eq(blob_write(storage, other, "theirs", 6), 0);
    ck_assert_int_eq(blob_write(storage, "kestra:///check/plugin/_files/n.txt", "namespace", 9), 0);
    _cleanup_free_ char *a = NULL, *b = NULL, *c = NULL;
    _cleanup_free_ char *mine =
        xasprintf("{\"format\":\"{{ read('%s') }} {{ read('n.txt') }} {{ fileSize('%s') }}\"}", own, own);
    ck_assert_msg(
        run_task("io.kestra.plugin.core.debug.Return", mine,
                 "{\"flow\":{\"namespace\":\"check.plugin\",\"id\":\"flow\"},\"execution\":{\"id\":\"execution1\"}}",
                 NULL, &a) == 0,
        "%s", buffer_text(&said));
    ck_assert_str_eq(a, "{\"value\":\"mine namespace 4\"}");
    _cleanup_free_ char *theirs = xasprintf("{\"format\":\"{{ read('%s') }}\"}", other);
    ck_assert_int_eq(
        run_task("io.kestra.plugin.core.debug.Return", theirs,
                 "{\"flow\":{\"namespace\":\"check.plugin\",\"id\":\"flow\"},\"execution\":{\"id\":\"execution1\"}}",
                 NULL, &b),
        RUN_E_FAILED);
    _cleanup_free_ char *trigger =
        xstrdup("{\"flow\":{\"namespace\":\"check.plugin\",\"id\":\"flow\"},\"execution\":{\"id\":\"execution1\"},"
                "\"trigger\":{\"namespace\":\"check.plugin\",\"flowId\":\"flow\",\"executionId\":\"execution2\"}}");
    ck_assert_int_eq(run_task("io.kestra.plugin.core.debug.Return", theirs, trigger, NULL, &c), 0);
    ck_assert_str_eq(c, "{\"value\":\"theirs\"}");
    BlobEntries gone = {};
    ck_assert_int_eq(blob_delete_prefix(storage, "kestra:///check", &gone), 0);
    blob_entries_done(&gone);
}
END_TEST

START_TEST(test_long_line_is_split)
{
    _cleanup_free_ char *outputs = NULL, *text = xmalloc(25001);
    memset(text, 'x', 25000);
    text[25000] = '\0';
    _cleanup_free_ char *properties = xasprintf("{\"message\":\"%s\"}", text);
    ck_assert_int_eq(run_task("io.kestra.plugin.core.log.Log", properties, NULL, NULL, &outputs), 0);
    ck_assert_uint_eq(said.length, 25000 + 3 * strlen("INFO \n"));
}
END_TEST

/* What a storage task made of a file, read back; its pieces joined by "|". */
static char *contents_of(const char *outputs)
{
    Buffer text = {};
    _cleanup_json_ json_t *object = parse(outputs);
    json_t *uris = json_object_get(object, "uris");
    _cleanup_json_ json_t *list = uris ? json_incref(uris) : json_pack("[O]", json_object_get(object, "uri"));
    size_t i;
    const json_t *uri;
    json_array_foreach (list, i, uri) {
        char *bytes;
        size_t length;
        ck_assert_int_eq(blob_read(storage, json_string_value(uri), 100000, &bytes, &length), 0);
        buffer_printf(&text, "%s%s", i ? "|" : "", bytes);
        free(bytes);
    }
    return buffer_take(&text);
}

static const struct {
    const char *type, *properties, *made;
} storage_tasks[] = {
    {"Concat", "{\"files\":[\"kestra:///check/l.txt\",\"kestra:///check/m.txt\"],\"separator\":\"-\\\\n\"}",
     "1\n2\n3\n4\n5\n-\nm-\n"},
    {"Concat", "{\"files\":\"[\\\"kestra:///check/m.txt\\\"]\"}", "m"},
    {"Reverse", "{\"from\":\"kestra:///check/l.txt\"}", "5\n4\n3\n2\n1\n"},
    {"Reverse", "{\"from\":\"kestra:///check/m.txt\"}", "m\n"},
    {"Split", "{\"from\":\"kestra:///check/l.txt\",\"rows\":2}", "1\n2\n|3\n4\n|5\n"},
    {"Split", "{\"from\":\"kestra:///check/l.txt\",\"partitions\":2}", "1\n3\n5\n|2\n4\n"},
    {"Split", "{\"from\":\"kestra:///check/l.txt\",\"bytes\":\"3B\"}", "1\n2\n|3\n4\n|5\n"},
    {"Split", "{\"from\":\"kestra:///check/l.txt\"}", NULL},
    {"Split", "{\"from\":\"kestra:///check/l.txt\",\"bytes\":\"x\"}", NULL},
    {"Reverse", "{\"from\":\"kestra:///check/none\"}", NULL},
    {"Delete", "{\"uri\":\"kestra:///check/none\",\"errorOnMissing\":true}", NULL},
    {"Size", "{\"uri\":\"/etc/passwd\"}", NULL},
};

START_TEST(test_storage_task)
{
    ck_assert_int_eq(blob_write(storage, "kestra:///check/l.txt", "1\n2\n3\n4\n5\n", 10), 0);
    ck_assert_int_eq(blob_write(storage, "kestra:///check/m.txt", "m", 1), 0);
    _cleanup_free_ char *type = xasprintf("io.kestra.plugin.core.storage.%s", storage_tasks[_i].type), *outputs = NULL;
    int r = run_task(type, storage_tasks[_i].properties, NULL, NULL, &outputs);
    ck_assert_msg(r == (storage_tasks[_i].made ? 0 : RUN_E_FAILED), "%s", buffer_text(&said));
    if (storage_tasks[_i].made) {
        _cleanup_free_ char *made = contents_of(outputs);
        ck_assert_str_eq(made, storage_tasks[_i].made);
    }
    BlobEntries gone = {};
    ck_assert_int_eq(blob_delete_prefix(storage, "kestra:///check", &gone), 0);
    blob_entries_done(&gone);
}
END_TEST

static const struct {
    const char *line, *said, *vars;
} lines[] = {
    {"plain", "INFO plain\n", "{}"},
    {"::{\"outputs\":{\"a\":1}}::", "", "{\"a\":1}"},
    {"::{\"metrics\":[{\"name\":\"n\",\"type\":\"counter\",\"value\":2.5}]}::", "metric n 2.5\n", "{}"},
    {"::{\"logs\":[{\"level\":\"WARN\",\"message\":\"careful\"}]}::", "WARN careful\n", "{}"},
    {"::{not json}::", NULL, "{}"},
    {" ::{\"outputs\":{\"a\":1}}::", "INFO  ::{\"outputs\":{\"a\":1}}::\n", "{}"},
    {"::{\"metrics\":[{\"name\":\"n\",\"type\":\"timer\",\"value\":1e308}]}::",
     "WARN A metric needs name, type counter or timer, and value\n", "{}"},
    {"::{\"metrics\":[{\"name\":\"n\"}]}::", "WARN A metric needs name, type counter or timer, and value\n", "{}"},
};

START_TEST(test_script_line)
{
    const json_t *none = NULL;
    Task task = {.id = "t"};
    JobContext context;
    job_context_init(&context, &settings, &task, none, NULL, &ops, NULL);
    ScriptOutput output = {};
    script_line(&context.run, &output, false, lines[_i].line, strlen(lines[_i].line));
    if (lines[_i].said)
        ck_assert_str_eq(buffer_text(&said), lines[_i].said);
    else
        ck_assert(starts_with(buffer_text(&said), "WARN Invalid outputs"));
    _cleanup_free_ char *vars = json_text(output.vars);
    ck_assert_str_eq(vars, lines[_i].vars);
    script_output_done(&output);
    job_context_done(&context);
}
END_TEST

START_TEST(test_every_type_is_whole)
{
    for (size_t i = 0; i < plugin_registry.count; i++) {
        const Type *type = plugin_registry.types[i];
        ck_assert_msg(type->name && type->title && type->fields, "type %zu", i);
        bool runs = type->where == RUN_INLINE || type->where == RUN_CHILD;
        ck_assert_msg(runs == ((type->run != NULL) != (type->become != NULL)), "%s", type->name);
        ck_assert_msg((type->where == RUN_PROCESS) == (type->prepare != NULL), "%s", type->name);
        ck_assert_msg((type->where == RUN_WAIT) == (type->wait != NULL), "%s", type->name);
        for (size_t k = 0; k < i; k++)
            ck_assert_str_ne(type->name, plugin_registry.types[k]->name);
    }
}
END_TEST

static void check_row_json(const Type *type, const char *text)
{
    _cleanup_json_ json_t *value = NULL;
    _cleanup_diag_ Diag diag = DIAG_INIT;
    if (!text)
        return;
    ck_assert_msg(json_parse(text, strlen(text), 0, &value, &diag) == 0, "%s: %s", type->name, diag_first(&diag));
    expr_tree_unref(expr_tree_compile(value, &diag));
    ck_assert_msg(*diag_first(&diag) == 0, "%s: %s", type->name, diag_first(&diag));
}

/* Rows of web services: JSON whose every text is an expression. */
START_TEST(test_every_service_row)
{
    for (size_t i = 0; i < plugin_registry.count; i++) {
        const Type *type = plugin_registry.types[i];
        if (type->run != service_run)
            continue;
        const Service *row = type->row;
        check_row_json(type, row->headers);
        check_row_json(type, row->body);
        check_row_json(type, row->outputs);
        ck_assert_msg(row->uri && (row->raw || row->body || row->method), "%s", type->name);
        ck_assert_msg(row->of_execution == (field_find(type->fields, "executionId") != NULL) ||
                          streq(type->name, "io.kestra.plugin.sentry.SentryAlert"),
                      "%s", type->name);
    }
}
END_TEST

int main(void)
{
    mem_use_for_jansson(json_set_alloc_funcs);
    Suite *suite = suite_create("plugin tasks");
    TCase *cases = tcase_create("tasks");
    tcase_add_checked_fixture(cases, setup, teardown);
    tcase_add_loop_test(cases, test_task, 0, ELEMENTS(tasks));
    tcase_add_test(cases, test_secret_input);
    tcase_add_test(cases, test_sealed_output);
    tcase_add_test(cases, test_read_only_own_files);
    tcase_add_loop_test(cases, test_storage_task, 0, ELEMENTS(storage_tasks));
    tcase_add_test(cases, test_long_line_is_split);
    tcase_add_loop_test(cases, test_script_line, 0, ELEMENTS(lines));
    tcase_add_test(cases, test_every_type_is_whole);
    tcase_add_test(cases, test_every_service_row);
    suite_add_tcase(suite, cases);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
