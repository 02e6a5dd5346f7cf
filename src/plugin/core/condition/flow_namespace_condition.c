/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.condition.FlowNamespaceCondition: the namespace of a flow; deprecated. */
#include "doc/json.h"
#include "plugin/condition.h"

static int holds(const ConditionContext *context, const json_t *condition, bool *ret, Diag *diag)
{
    *ret =
        context->flow && condition_namespace_fits(context->flow->namespace, json_get_text(condition, "namespace", ""),
                                                  json_get_boolean(condition, "prefix", false) ? "PREFIX" : "EQUALS");
    return 0;
}

static const Field fields[] = {
    {"namespace", FIELD_STRING, FIELD_REQUIRED, .doc = "The namespace, or its beginning."},
    {"prefix", FIELD_BOOLEAN, .fallback = "false", .doc = "Whether it is the beginning."},
    {},
};

const Type condition_core_flow_namespace_condition = {
    .name = "io.kestra.plugin.core.condition.FlowNamespaceCondition",
    .aliases = (const char *const[]){"io.kestra.core.models.conditions.types.FlowNamespaceCondition", NULL},
    .kind = TYPE_CONDITION,
    .where = RUN_NOWHERE,
    .title = "A flow is one of a certain namespace.",
    .deprecated = true,
    .fields = fields,
    .holds = holds,
};
