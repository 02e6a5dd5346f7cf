/* SPDX-License-Identifier: Apache-2.0 */
/* Starts an execution of another flow. The executor creates the child and, with `wait`, takes in how it ended. */
#include "plugin/core/flow/subflow.h"

static int render_object(const FlowableContext *context, const char *property, json_t **ret)
{
    const ExprTree *tree = expr_tree_get(context->task->templates, property);
    *ret = NULL;
    if (!tree || json_is_null(expr_tree_source(tree)))
        return 0;
    return expr_tree_render(tree, context->render, ret, context->diag) == 0 ? 0 : FLOWABLE_E_FAILED;
}

static int render_labels(const FlowableContext *context, json_t **ret)
{
    _cleanup_json_ json_t *rendered = NULL;
    int r = render_object(context, "labels", &rendered);
    if (r != 0)
        return r;
    if (labels_decode(rendered, ret) == 0)
        return 0;
    diag_error(context->diag, "labels", 0, 0, "are neither a list nor a map of texts");
    return FLOWABLE_E_FAILED;
}

static int render_date(const FlowableContext *context, usec_t *ret)
{
    _cleanup_free_ char *text = NULL;
    int r = flow_text(context, "scheduleDate", &text);
    if (r != 0 || !text || !*text || instant_parse(text, ret) == 0)
        return r;
    diag_error(context->diag, "scheduleDate", 0, 0, "'%s' is not a date", text);
    return FLOWABLE_E_FAILED;
}

int subflow_action(struct FlowableContext *context, struct ExecutorAction *ret)
{
    const json_t *properties = context->task->properties;
    ret->kind = ACTION_SUBFLOW;
    ret->revision = (int)json_get_integer(properties, "revision", 0);
    ret->wait = json_get_boolean(properties, "wait", true);
    ret->transmit_failed = json_get_boolean(properties, "transmitFailed", true);
    if (ret->wait && json_object_size(json_object_get(properties, "outputs")))
        ret->outputs = json_incref(json_object_get(properties, "outputs"));
    ret->inherit_labels = json_get_boolean(properties, "inheritLabels", false);
    int r = flow_text(context, "namespace", &ret->namespace);
    if (r == 0)
        r = flow_text(context, "flowId", &ret->flow_id);
    if (r == 0)
        r = render_object(context, "inputs", &ret->inputs);
    if (r == 0)
        r = render_labels(context, &ret->labels);
    if (r == 0)
        r = render_date(context, &ret->schedule_date);
    return r;
}

static const Field fields[] = {
    {.name = "namespace",
     .kind = FIELD_STRING,
     .flags = FIELD_DYNAMIC | FIELD_NOT_EMPTY,
     .doc = "Namespace of the flow to start."},
    {.name = "flowId",
     .kind = FIELD_STRING,
     .flags = FIELD_REQUIRED | FIELD_DYNAMIC,
     .doc = "Id of the flow to start."},
    SUBFLOW_FIELDS_OF_CHILD,
    {.name = "outputs",
     .kind = FIELD_MAP,
     .flags = FIELD_DYNAMIC | FIELD_DEPRECATED,
     .item = FIELD_ANY,
     .doc = "Outputs taken from the child; a child flow declares its own outputs instead."},
    {},
};

static const Field outputs[] = {
    {.name = "executionId", .kind = FIELD_STRING, .doc = "Id of the child."},
    {.name = "outputs", .kind = FIELD_MAP, .item = FIELD_ANY, .doc = "Outputs of the child's flow (needs wait)."},
    {.name = "state", .kind = FIELD_STRING, .doc = "State in which the child ended (needs wait)."},
    {},
};

const Type task_core_subflow = {
    .name = "io.kestra.plugin.core.flow.Subflow",
    .aliases = (const char *const[]){"io.kestra.plugin.core.flow.Flow", "io.kestra.core.tasks.flows.Subflow",
                                     "io.kestra.core.tasks.flows.Flow", NULL},
    .kind = TYPE_TASK,
    .where = RUN_EXECUTOR,
    .starts_flow = true,
    .title = "Start an execution of another flow",
    .doc = "Creates an execution of the flow and, unless `wait` is false, waits until it has ended. Outputs of the "
           "child's flow "
           "are then under `outputs.<task id>.outputs`.",
    .fields = fields,
    .outputs = outputs,
    .carry_out = subflow_action,
};
