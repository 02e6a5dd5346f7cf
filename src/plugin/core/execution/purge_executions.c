/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.execution.PurgeExecutions: files here, records through the worker. */
#include "blob/blob.h"
#include "doc/json.h"
#include "plugin/run.h"

enum { BATCH = 100 }; /* executions of one question */

typedef struct Purge {
    RunContext *run;
    bool execution, logs, metrics, storage;
    int64_t executions_count, logs_count, metrics_count, storages_count;
} Purge;

static int find(RunContext *run, json_t **ret)
{
    static const char *const texts[] = {"namespace", "flowId"}, *const dates[] = {"startDate", "endDate"};
    json_t *question = json_object(), *states = NULL;
    int r = run_value(run, "states", &states);
    json_set_present(question, "states", states);
    for (size_t i = 0; r == 0 && i < ELEMENTS(texts); i++) {
        _cleanup_free_ char *text = NULL;
        r = run_text(run, texts[i], &text);
        json_set_text(question, texts[i], text);
    }
    for (size_t i = 0; r == 0 && i < ELEMENTS(dates); i++)
        r = run_date(run, dates[i], question);
    if (r == 0)
        return run_ask(run, "find-executions", question, ret);
    json_decref(question);
    return r;
}

static int delete_files(Purge *purge, const json_t *execution)
{
    _cleanup_(blob_entries_done) BlobEntries gone = {};
    if (!purge->run->storage)
        return run_fail(purge->run, "Internal storage is not available here");
    const char *id = json_get_text(execution, "id", "");
    _cleanup_free_ char *uri =
        blob_execution_uri(json_get_text(execution, "namespace", ""), json_get_text(execution, "flowId", ""), id);
    if (blob_delete_prefix(purge->run->storage, uri, &gone) != 0)
        return run_fail(purge->run, "The files of execution '%s' cannot be deleted", id);
    purge->storages_count += (int64_t)gone.count;
    return 0;
}

static int purge_batch(Purge *purge, const json_t *executions, size_t from)
{
    json_t *ids = json_array();
    int r = 0;
    for (size_t i = from; r == 0 && i < json_array_size(executions) && i < from + BATCH; i++) {
        const json_t *execution = json_array_get(executions, i);
        json_array_append(ids, json_object_get(execution, "id"));
        if (purge->storage)
            r = delete_files(purge, execution);
    }
    json_t *question = json_pack("{s:o,s:b,s:b,s:b}", "executions", ids, "execution", purge->execution, "logs",
                                 purge->logs, "metrics", purge->metrics);
    if (r != 0) {
        json_decref(question);
        return r;
    }
    _cleanup_json_ json_t *answer = NULL;
    r = run_ask(purge->run, "purge-executions", question, &answer);
    purge->executions_count += json_get_integer(answer, "executions", 0);
    purge->logs_count += json_get_integer(answer, "logs", 0);
    purge->metrics_count += json_get_integer(answer, "metrics", 0);
    return r;
}

static int read_switches(Purge *purge)
{
    int r = run_boolean(purge->run, "purgeExecution", true, &purge->execution);
    if (r == 0)
        r = run_boolean(purge->run, "purgeLog", true, &purge->logs);
    if (r == 0)
        r = run_boolean(purge->run, "purgeMetric", true, &purge->metrics);
    if (r == 0)
        r = run_boolean(purge->run, "purgeStorage", true, &purge->storage);
    return r;
}

static int run_purge(RunContext *run)
{
    Purge purge = {.run = run};
    _cleanup_json_ json_t *found = NULL;
    int r = read_switches(&purge);
    if (r == 0)
        r = find(run, &found);
    const json_t *executions = json_object_get(found, "executions");
    for (size_t i = 0; r == 0 && i < json_array_size(executions); i += BATCH)
        r = purge_batch(&purge, executions, i);
    if (r != 0)
        return r;
    run_output(run, "executionsCount", json_integer(purge.executions_count));
    run_output(run, "logsCount", json_integer(purge.logs_count));
    run_output(run, "metricsCount", json_integer(purge.metrics_count));
    run_output(run, "storagesCount", json_integer(purge.storages_count));
    return 0;
}

static const Field fields[] = {
    {"namespace", FIELD_STRING, FIELD_DYNAMIC,
     .doc = "Only of this namespace; with those below it when flowId is left out."},
    {"flowId", FIELD_STRING, FIELD_DYNAMIC, .doc = "Only of this flow; needs namespace."},
    {"startDate", FIELD_STRING, FIELD_DYNAMIC, .doc = "Only executions that started at this date or later."},
    {"endDate", FIELD_STRING, FIELD_DYNAMIC | FIELD_REQUIRED,
     .doc = "Only executions that ended at this date or before."},
    {"states", FIELD_LIST, 0, .item = FIELD_STRING, .doc = "Only executions in one of these states."},
    {"purgeExecution", FIELD_BOOLEAN, 0, .fallback = "true", .doc = "Delete the executions."},
    {"purgeLog", FIELD_BOOLEAN, 0, .fallback = "true", .doc = "Delete their logs."},
    {"purgeMetric", FIELD_BOOLEAN, 0, .fallback = "true", .doc = "Delete their metrics."},
    {"purgeStorage", FIELD_BOOLEAN, 0, .fallback = "true", .doc = "Delete their files."},
    {},
};

static const Field outputs[] = {
    {"executionsCount", FIELD_INTEGER, .doc = "Executions that were deleted."},
    {"logsCount", FIELD_INTEGER, .doc = "Log lines that were deleted."},
    {"metricsCount", FIELD_INTEGER, .doc = "Metrics that were deleted."},
    {"storagesCount", FIELD_INTEGER, .doc = "Files that were deleted."},
    {},
};

const Type task_core_execution_purge = {
    .name = "io.kestra.plugin.core.execution.PurgeExecutions",
    .aliases =
        (const char *const[]){"io.kestra.core.tasks.storages.Purge", "io.kestra.plugin.core.storage.Purge", NULL},
    .kind = TYPE_TASK,
    .where = RUN_CHILD,
    .title = "Delete old executions with their logs, metrics and files.",
    .examples = (const char *const[]){"id: purge\n"
                                      "type: io.kestra.plugin.core.execution.PurgeExecutions\n"
                                      "endDate: \"{{ now() | dateAdd(-1, 'MONTHS') }}\"\n"
                                      "states:\n"
                                      "  - SUCCESS\n",
                                      NULL},
    .fields = fields,
    .outputs = outputs,
    .run = run_purge,
};
