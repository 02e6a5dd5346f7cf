/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io.kestra.plugin.core.flow.WorkingDirectory: its tasks run one after another in one directory of one host. The
 * directory is made by the worker for the first of them that needs it and removed after the last (worker/workspace.c).
 */
#include "plugin/core/flow/flow.h"
#include "plugin/fields.h"
#include "plugin/registry.h"

static int working_directory_open(struct FlowableContext *context, struct FlowablePlan *ret)
{
    flow_plan_sequential(context, ret);
    return 0;
}

static void working_directory_check(const FieldCheck *check, const json_t *properties, const char *path)
{
    const json_t *tasks = json_object_get(properties, "tasks");
    unsigned line = 0, column = 0;
    if (check->document)
        document_position(check->document, properties, "tasks", 0, &line, &column);
    if (json_array_size(tasks) == 0) {
        diag_error(check->diag, path, line, column, "The 'tasks' property cannot be empty");
        return;
    }
    size_t i;
    const json_t *task;
    json_array_foreach (tasks, i, task) {
        const Type *type = type_find(&plugin_registry, TYPE_TASK, json_get_text(task, "type", ""), NULL);
        if (type && (type->where == RUN_FLOWABLE || type->where == RUN_EXECUTOR)) {
            diag_error(check->diag, path, line, column,
                       "Only runnable tasks are allowed as children of a WorkingDirectory task");
            return;
        }
    }
}

static const Field cache_fields[] = {
    {"patterns", FIELD_LIST, FIELD_DYNAMIC, .item = FIELD_STRING, .doc = "Globs of the files to keep."},
    {"ttl", FIELD_DURATION, FIELD_DYNAMIC, .doc = "How long they are good for; for ever when it is not given."},
    {},
};

static const Field fields[] = {
    FLOW_FIELD_TASKS(0),
    FLOW_FIELD_ERRORS,
    FLOW_FIELD_FINALLY,
    {"inputFiles", FIELD_ANY, FIELD_DYNAMIC, .doc = "Files written first: path to text or kestra:// URI."},
    {"outputFiles", FIELD_LIST, FIELD_DYNAMIC, .item = FIELD_STRING,
     .doc = "Globs of files kept in internal storage when the last task has ended."},
    {"namespaceFiles", FIELD_OBJECT, 0, .fields = fields_namespace_files,
     .doc = "The namespace's files are put there first."},
    {"cache", FIELD_OBJECT, 0, .fields = cache_fields,
     .doc = "Files that the next execution finds in its working directory."},
    {},
};

static const Field outputs[] = {
    {"outputFiles", FIELD_MAP, .item = FIELD_STRING, .doc = "Path of each kept file to its kestra:// URI."},
    {},
};

const Type task_core_working_directory = {
    .name = "io.kestra.plugin.core.flow.WorkingDirectory",
    .aliases =
        (const char *const[]){"io.kestra.core.tasks.flows.WorkingDirectory", "io.kestra.core.tasks.flows.Worker", NULL},
    .kind = TYPE_TASK,
    .where = RUN_FLOWABLE,
    .title = "Run tasks one after another in the same working directory.",
    .examples = (const char *const[]){"id: build\n"
                                      "type: io.kestra.plugin.core.flow.WorkingDirectory\n"
                                      "tasks:\n"
                                      "  - id: get\n"
                                      "    type: io.kestra.plugin.scripts.shell.Commands\n"
                                      "    commands:\n"
                                      "      - git clone /srv/repository .\n"
                                      "  - id: make\n"
                                      "    type: io.kestra.plugin.scripts.shell.Commands\n"
                                      "    commands:\n"
                                      "      - make\n",
                                      NULL},
    .fields = fields,
    .outputs = outputs,
    .check = working_directory_check,
    .open = working_directory_open,
    .shares_directory = true,
};
