/* SPDX-License-Identifier: Apache-2.0 */
/* Adds labels to the execution. Labels may be a map, a list, or a text that renders to the JSON of one of them. */
#include "plugin/core/flow/flow.h"

static int render(const FlowableContext *context, json_t **ret)
{
    const ExprTree *tree = expr_tree_get(context->task->templates, "labels");
    if (!json_is_string(expr_tree_source(tree)))
        return expr_tree_render(tree, context->render, ret, context->diag) == 0 ? 0 : FLOWABLE_E_FAILED;
    _cleanup_free_ char *text = NULL;
    int r = flow_text(context, "labels", &text);
    if (r == 0 && (!text || json_parse(text, strlen(text), 0, ret, context->diag) != 0))
        r = FLOWABLE_E_FAILED;
    return r;
}

static int labels_carry_out(struct FlowableContext *context, struct ExecutorAction *ret)
{
    _cleanup_json_ json_t *rendered = NULL;
    ret->kind = ACTION_LABELS;
    int r = render(context, &rendered);
    if (r != 0)
        return r;
    if (labels_decode(rendered, &ret->labels) != 0) {
        diag_error(context->diag, "labels", 0, 0, "unknown value type: labels are a map or a list of {key, value}");
        return FLOWABLE_E_FAILED;
    }
    size_t index;
    json_t *label;
    json_array_foreach (ret->labels, index, label) {
        const char *key = json_get_text(label, "key", "");
        if (!starts_with(key, "system."))
            continue;
        diag_error(context->diag, "labels", 0, 0,
                   "System labels can only be set by Kestra itself, offending label: %s=%s", key,
                   json_get_text(label, "value", ""));
        return FLOWABLE_E_FAILED;
    }
    return 0;
}

static const Field fields[] = {
    {.name = "labels",
     .kind = FIELD_ANY,
     .flags = FIELD_REQUIRED | FIELD_DYNAMIC,
     .doc = "A map, a list of {key, value}, or a text that renders to JSON of one of them."},
    {},
};

const Type task_core_labels = {
    .name = "io.kestra.plugin.core.execution.Labels",
    .aliases = (const char *const[]){"io.kestra.core.tasks.executions.Labels", NULL},
    .kind = TYPE_TASK,
    .where = RUN_EXECUTOR,
    .title = "Add labels to the execution",
    .doc = "Labels with the same key are replaced.",
    .fields = fields,
    .carry_out = labels_carry_out,
};
