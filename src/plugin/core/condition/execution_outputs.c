/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.condition.ExecutionOutputs: an expression over the outputs of the other execution. */
#include "doc/json.h"
#include "plugin/condition.h"

static int holds(const ConditionContext *context, const json_t *condition, bool *ret, Diag *diag)
{
    *ret = false;
    if (!context->execution || !json_object_size(context->execution->outputs))
        return 0;
    _cleanup_json_ json_t *variables = json_copy((json_t *)(uintptr_t)context->render->variables);
    json_t *before = json_object_get(variables, "trigger");
    json_t *trigger = before ? json_copy(before) : json_object();
    json_set_present(trigger, "outputs", json_incref(context->execution->outputs));
    json_set_present(variables, "trigger", trigger);
    ExprContext render = *context->render;
    render.variables = variables;
    ConditionContext inner = *context;
    inner.render = &render;
    _cleanup_free_ char *text = NULL;
    int r = condition_text(&inner, condition, "expression", "", &text, diag);
    if (r != 0)
        return r;
    *ret = text[strspn(text, " \t\r\n")] && !streq(text, "false");
    return 0;
}

static const Field fields[] = {
    {"expression", FIELD_STRING, FIELD_NOT_EMPTY, .doc = "Sees the outputs as trigger.outputs."},
    {},
};

const Type condition_core_execution_outputs = {
    .name = "io.kestra.plugin.core.condition.ExecutionOutputs",
    .aliases = (const char *const[]){"io.kestra.core.models.conditions.types.ExecutionOutputsCondition",
                                     "io.kestra.plugin.core.condition.ExecutionOutputsCondition", NULL},
    .kind = TYPE_CONDITION,
    .where = RUN_NOWHERE,
    .title = "An expression over the outputs of an execution is true.",
    .fields = fields,
    .holds = holds,
};
