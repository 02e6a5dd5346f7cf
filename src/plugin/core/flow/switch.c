/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/core/flow/flow.h"

static const TaskList *find_case(const Task *task, const char *value)
{
    for (size_t i = 0; i < task->case_count; i++)
        if (streq(task->cases[i].name, value))
            return &task->cases[i].tasks;
    return NULL;
}

static int switch_open(struct FlowableContext *context, struct FlowablePlan *ret)
{
    _cleanup_free_ char *text = xstrdup_null(json_get_text(context->task_run->outputs, "value", NULL));
    const ExprTree *value = expr_tree_get(context->task->templates, "value");
    if (!text && expr_tree_render_text(value, context->render, &text, context->diag) != 0)
        return FLOWABLE_E_FAILED;
    const TaskList *tasks = find_case(context->task, text ? text : "");
    bool defaults = !tasks;
    if (defaults && context->task->otherwise.count)
        tasks = &context->task->otherwise;
    ret->tasks = tasks;
    ret->order = ORDER_SEQUENTIAL;
    ret->outputs = json_pack("{s:s,s:b}", "value", text ? text : "", "defaults", defaults);
    return 0;
}

static void switch_check(const FieldCheck *check, const json_t *properties, const char *path)
{
    if (json_object_size(json_object_get(properties, "cases")) ||
        json_array_size(json_object_get(properties, "defaults")))
        return;
    unsigned line = 0, column = 0;
    if (check->document)
        document_position(check->document, properties, "id", 0, &line, &column);
    diag_error(check->diag, path, line, column, "No task defined, neither cases or default have any tasks");
}

static const Field fields[] = {
    {.name = "value",
     .kind = FIELD_STRING,
     .flags = FIELD_REQUIRED | FIELD_DYNAMIC | FIELD_NOT_EMPTY,
     .doc = "The expression whose text is compared with the names of the cases."},
    {.name = "cases", .kind = FIELD_TASK_CASES, .doc = "Tasks by value; the names are compared as they are written."},
    {.name = "defaults", .kind = FIELD_TASKS, .doc = "Tasks that run when no case fits. Without them the task fails."},
    FLOW_FIELD_ERRORS,
    FLOW_FIELD_FINALLY,
    {},
};

static const Field outputs[] = {
    {.name = "value", .kind = FIELD_STRING, .doc = "The rendered value."},
    {.name = "defaults", .kind = FIELD_BOOLEAN, .doc = "Whether no case fitted."},
    {},
};

const Type task_core_switch = {
    .name = "io.kestra.plugin.core.flow.Switch",
    .aliases = (const char *const[]){"io.kestra.core.tasks.flows.Switch", NULL},
    .kind = TYPE_TASK,
    .where = RUN_FLOWABLE,
    .shape = SHAPE_CHOICE,
    .title = "Run tasks chosen by a value",
    .doc = "Evaluates `value` once and runs the tasks of the case of that name, or `defaults`, one after another.",
    .fields = fields,
    .outputs = outputs,
    .check = switch_check,
    .open = switch_open,
};
