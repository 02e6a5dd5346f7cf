/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.log.Fetch: log lines of an execution or a flow as a file of Ion structs. */
#include "doc/json.h"
#include "expr/ion.h"
#include "plugin/core/storage/storage_task.h"
#include "plugin/fields.h"

typedef struct Fetch {
    RunContext *run;
    json_t *question;
    StorageWriter writer;
    int64_t size;
} Fetch;

/* In Kestra's order of members; the timestamp is one of Ion. */
static void write_entry(FILE *file, const json_t *entry)
{
    static const char *const members[] = {"tenantId",  "namespace",     "flowId",    "taskId",    "executionId",
                                          "taskRunId", "attemptNumber", "triggerId", "timestamp", "level",
                                          "thread",    "message",       "deleted"};
    _cleanup_buffer_ Buffer line = {};
    for (size_t i = 0; i < ELEMENTS(members); i++) {
        const json_t *member = json_object_get(entry, members[i]);
        buffer_printf(&line, "%c%s:", i == 0 ? '{' : ',', members[i]);
        if (streq(members[i], "timestamp") && json_is_string(member)) {
            buffer_append(&line, json_string_value(member));
        } else {
            const Value value = value_from_json(member ? member : json_null());
            ion_write(&line, &value);
        }
    }
    buffer_append(&line, "}\n");
    (void)fwrite(line.text, 1, line.length, file); /* storage_task_keep() looks */
}

/* All pages of one question; a page that is not full is the last. */
static int fetch(Fetch *fetch, const json_t *task_id)
{
    if (task_id)
        json_object_set(fetch->question, "taskId", (json_t *)task_id);
    for (int64_t page = 1;; page++) {
        _cleanup_json_ json_t *answer = NULL;
        json_object_set_new(fetch->question, "page", json_integer(page));
        int r = run_ask(fetch->run, "logs", json_copy(fetch->question), &answer);
        if (r != 0)
            return r;
        const json_t *entries = json_object_get(answer, "entries");
        size_t i;
        const json_t *entry;
        json_array_foreach (entries, i, entry)
            write_entry(fetch->writer.file, entry);
        fetch->size += (int64_t)json_array_size(entries);
        if (!json_get_boolean(answer, "more", false))
            return 0;
    }
}

/* Whose lines: of the execution given, of all of a flow, or of the own execution. */
static int read_question(RunContext *run, json_t *question)
{
    _cleanup_free_ char *execution = NULL, *namespace = NULL, *flow = NULL, *level = NULL;
    int r = run_text(run, "executionId", &execution);
    if (r == 0)
        r = run_text(run, "namespace", &namespace);
    if (r == 0)
        r = run_text(run, "flowId", &flow);
    if (r == 0)
        r = run_text(run, "level", &level);
    if (r != 0)
        return r;
    if ((namespace == NULL) != (flow == NULL) && !execution)
        return run_fail(run, "Both namespace and flowId are needed, or executionId");
    json_set_text(question, "level", level ? level : "INFO");
    if (execution || !flow) {
        json_set_text(question, "executionId", execution ? execution : json_get_text(run->job, "executionId", ""));
        return 0;
    }
    json_set_text(question, "namespace", namespace);
    json_set_text(question, "flowId", flow);
    return 0;
}

static int fetch_all(Fetch *all)
{
    _cleanup_json_ json_t *tasks = NULL;
    size_t i;
    const json_t *task;
    int r = run_texts(all->run, "tasksId", &tasks);
    if (r != 0 || json_array_size(tasks) == 0)
        return r != 0 ? r : fetch(all, NULL);
    json_array_foreach (tasks, i, task)
        if (r == 0)
            r = fetch(all, task);
    return r;
}

static int run_fetch(RunContext *run)
{
    Fetch all = {.run = run, .question = json_object()};
    _cleanup_free_ char *uri = NULL;
    int r = run->storage ? read_question(run, all.question) : run_fail(run, "Internal storage is not available here");
    if (r == 0)
        r = storage_task_create(run, &all.writer);
    if (r == 0)
        r = fetch_all(&all);
    if (r == 0)
        r = storage_task_keep(run, &all.writer, ".ion", &uri);
    if (r == 0) {
        run_output(run, "uri", json_string(uri));
        run_output(run, "size", json_integer(all.size));
    }
    storage_writer_done(&all.writer);
    json_decref(all.question);
    return r;
}

static const Field fields[] = {
    {"executionId", FIELD_STRING, FIELD_DYNAMIC, .doc = "Whose lines; its own execution when nothing else is given."},
    {"namespace", FIELD_STRING, FIELD_DYNAMIC, .doc = "Namespace of the flow."},
    {"flowId", FIELD_STRING, FIELD_DYNAMIC, .doc = "All executions of this flow."},
    {"tasksId", FIELD_LIST, 0, .item = FIELD_STRING, .doc = "Only lines of these tasks."},
    {"level", FIELD_ENUM, 0, .values = fields_log_levels, .fallback = "\"INFO\"", .doc = "The lowest level."},
    {},
};

static const Field outputs[] = {
    {"uri", FIELD_STRING, .doc = "The file: one Ion struct a line."},
    {"size", FIELD_INTEGER, .doc = "How many lines."},
    {},
};

const Type task_core_log_fetch = {
    .name = "io.kestra.plugin.core.log.Fetch",
    .aliases = (const char *const[]){"io.kestra.core.tasks.log.Fetch", NULL},
    .kind = TYPE_TASK,
    .where = RUN_CHILD,
    .title = "Put log lines into a file.",
    .examples = (const char *const[]){"id: log\n"
                                      "type: io.kestra.plugin.core.log.Fetch\n"
                                      "executionId: \"{{ trigger.executionId }}\"\n"
                                      "level: WARN\n",
                                      NULL},
    .fields = fields,
    .outputs = outputs,
    .run = run_fetch,
};
