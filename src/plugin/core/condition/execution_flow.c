/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.condition.ExecutionFlow: the flow of the other execution. */
#include "doc/json.h"
#include "plugin/condition.h"

static int holds(const ConditionContext *context, const json_t *condition, bool *ret, Diag *diag)
{
    *ret = context->execution && streq(context->execution->namespace, json_get_text(condition, "namespace", "")) &&
           streq(context->execution->flow_id, json_get_text(condition, "flowId", ""));
    return 0;
}

static const Field fields[] = {
    {"namespace", FIELD_STRING, FIELD_REQUIRED, .doc = "Namespace of the flow."},
    {"flowId", FIELD_STRING, FIELD_REQUIRED, .doc = "Id of the flow."},
    {},
};

const Type condition_core_execution_flow = {
    .name = "io.kestra.plugin.core.condition.ExecutionFlow",
    .aliases = (const char *const[]){"io.kestra.core.models.conditions.types.ExecutionFlowCondition",
                                     "io.kestra.plugin.core.condition.ExecutionFlowCondition", NULL},
    .kind = TYPE_CONDITION,
    .where = RUN_NOWHERE,
    .by_flow = true,
    .title = "An execution is one of a certain flow.",
    .fields = fields,
    .holds = holds,
};
