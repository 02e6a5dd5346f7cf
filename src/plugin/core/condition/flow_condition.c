/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.condition.FlowCondition: the identity of a flow; deprecated. */
#include "doc/json.h"
#include "plugin/condition.h"

static int holds(const ConditionContext *context, const json_t *condition, bool *ret, Diag *diag)
{
    *ret = context->flow && streq(context->flow->namespace, json_get_text(condition, "namespace", "")) &&
           streq(context->flow->id, json_get_text(condition, "flowId", ""));
    return 0;
}

static const Field fields[] = {
    {"namespace", FIELD_STRING, FIELD_REQUIRED, .doc = "Namespace of the flow."},
    {"flowId", FIELD_STRING, FIELD_REQUIRED, .doc = "Id of the flow."},
    {},
};

const Type condition_core_flow_condition = {
    .name = "io.kestra.plugin.core.condition.FlowCondition",
    .aliases = (const char *const[]){"io.kestra.core.models.conditions.types.FlowCondition", NULL},
    .kind = TYPE_CONDITION,
    .where = RUN_NOWHERE,
    .title = "A flow is a certain one.",
    .deprecated = true,
    .fields = fields,
    .holds = holds,
};
