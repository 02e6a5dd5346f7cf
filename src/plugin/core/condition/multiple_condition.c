/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io.kestra.plugin.core.condition.MultipleCondition: conditions that must come true over several executions;
 * deprecated. plugin/flow_trigger.h looks at it; outside the conditions of a Flow trigger there is no window to keep
 * what came true.
 */
#include "plugin/condition.h"
#include "plugin/core/trigger/trigger.h"

static int holds(const ConditionContext *context, const json_t *condition, bool *ret, Diag *diag)
{
    return condition_refuse(diag, "MultipleCondition only works among the conditions of a Flow trigger");
}

static const Field fields[] = {
    {"id", FIELD_STRING, FIELD_REQUIRED | FIELD_NOT_EMPTY, .pattern = "^[a-zA-Z0-9][a-zA-Z0-9_-]*",
     .doc = "Name under which what has come true is kept."},
    {"timeWindow", FIELD_OBJECT, .fields = trigger_time_window, .doc = "Time in which all must come true."},
    {"window", FIELD_DURATION, FIELD_DEPRECATED, .doc = "Length of the window; a day when absent."},
    {"windowAdvance", FIELD_DURATION, FIELD_DEPRECATED, .doc = "What the start of the window is moved by."},
    {"resetOnSuccess", FIELD_BOOLEAN, .fallback = "true", .doc = "Whether it begins anew after the flow was started."},
    {"conditions", FIELD_MAP, FIELD_REQUIRED | FIELD_NOT_EMPTY, .item = FIELD_ANY, .doc = "The conditions by name."},
    {},
};

const Type condition_core_multiple_condition = {
    .name = "io.kestra.plugin.core.condition.MultipleCondition",
    .aliases = (const char *const[]){"io.kestra.core.models.conditions.types.MultipleCondition", NULL},
    .kind = TYPE_CONDITION,
    .where = RUN_NOWHERE,
    .title = "Several conditions have come true within a time window.",
    .deprecated = true,
    .fields = fields,
    .holds = holds,
};
