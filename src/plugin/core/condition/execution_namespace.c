/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.condition.ExecutionNamespace: the namespace of the other execution. */
#include "doc/json.h"
#include "plugin/condition.h"

static const char *const comparisons[] = {"EQUALS", "PREFIX", "SUFFIX", NULL};

static int holds(const ConditionContext *context, const json_t *condition, bool *ret, Diag *diag)
{
    const char *fallback = json_get_boolean(condition, "prefix", false) ? "PREFIX" : "EQUALS";
    *ret = context->execution &&
           condition_namespace_fits(context->execution->namespace, json_get_text(condition, "namespace", ""),
                                    json_get_text(condition, "comparison", fallback));
    return 0;
}

static const Field fields[] = {
    {"namespace", FIELD_STRING, FIELD_REQUIRED, .doc = "The namespace, or a part of it."},
    {"comparison", FIELD_ENUM, .values = comparisons, .doc = "How it is compared; EQUALS when absent."},
    {"prefix", FIELD_BOOLEAN, FIELD_DEPRECATED, .fallback = "false", .doc = "Deprecated: use comparison."},
    {},
};

const Type condition_core_execution_namespace = {
    .name = "io.kestra.plugin.core.condition.ExecutionNamespace",
    .aliases = (const char *const[]){"io.kestra.core.models.conditions.types.ExecutionNamespaceCondition",
                                     "io.kestra.plugin.core.condition.ExecutionNamespaceCondition", NULL},
    .kind = TYPE_CONDITION,
    .where = RUN_NOWHERE,
    .by_flow = true,
    .title = "An execution is one of a certain namespace.",
    .fields = fields,
    .holds = holds,
};
