/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/core/flow/flow.h"

/* The decision made when the task began is kept in its outputs: a condition is evaluated once. */
static int if_open(struct FlowableContext *context, struct FlowablePlan *ret)
{
    const json_t *decided = json_object_get(context->task_run->outputs, "evaluationResult");
    bool result = json_is_true(decided);
    if (!decided) {
        _cleanup_free_ char *text = NULL;
        const ExprTree *condition = expr_tree_get(context->task->templates, "condition");
        if (expr_tree_render_text(condition, context->render, &text, context->diag) != 0)
            return FLOWABLE_E_FAILED;
        result = expr_is_truthy(text);
    }
    ret->tasks = result ? &context->task->tasks : &context->task->otherwise;
    ret->order = ORDER_SEQUENTIAL;
    ret->outputs = json_pack("{s:b}", "evaluationResult", result);
    return 0;
}

static const Field fields[] = {
    {.name = "condition",
     .kind = FIELD_STRING,
     .flags = FIELD_DYNAMIC,
     .doc = "An expression; false when it renders to nothing, false, 0 or -0."},
    {.name = "then",
     .kind = FIELD_TASKS,
     .flags = FIELD_NOT_EMPTY,
     .doc = "Tasks that run when the condition is true."},
    {.name = "else", .kind = FIELD_TASKS, .doc = "Tasks that run when it is not."},
    FLOW_FIELD_ERRORS,
    FLOW_FIELD_FINALLY,
    {},
};

static const Field outputs[] = {
    {.name = "evaluationResult", .kind = FIELD_BOOLEAN, .doc = "Whether the condition was true."},
    {},
};

const Type task_core_if = {
    .name = "io.kestra.plugin.core.flow.If",
    .aliases = (const char *const[]){"io.kestra.core.tasks.flows.If", NULL},
    .kind = TYPE_TASK,
    .where = RUN_FLOWABLE,
    .shape = SHAPE_CHOICE,
    .title = "Run tasks on a condition",
    .doc = "Evaluates `condition` once and runs the tasks of `then` or of `else`, one after another.",
    .fields = fields,
    .outputs = outputs,
    .open = if_open,
};
