/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.condition.ExecutionStatus: the state of the other execution. */
#include "doc/json.h"
#include "plugin/condition.h"
#include "plugin/core/trigger/trigger.h"

static int holds(const ConditionContext *context, const json_t *condition, bool *ret, Diag *diag)
{
    *ret = false;
    if (!context->execution)
        return 0;
    const char *state = state_to_string(state_current(&context->execution->state));
    const json_t *in = json_object_get(condition, "in"), *not_in = json_object_get(condition, "notIn");
    *ret = (!json_is_array(in) || condition_list_has(in, state)) &&
           (!json_is_array(not_in) || !condition_list_has(not_in, state));
    return 0;
}

static const Field fields[] = {
    {"in", FIELD_LIST, .item = FIELD_ENUM, .values = trigger_states, .doc = "States that it may have."},
    {"notIn", FIELD_LIST, .item = FIELD_ENUM, .values = trigger_states, .doc = "States that it may not have."},
    {},
};

const Type condition_core_execution_status = {
    .name = "io.kestra.plugin.core.condition.ExecutionStatus",
    .aliases = (const char *const[]){"io.kestra.core.models.conditions.types.ExecutionStatusCondition",
                                     "io.kestra.plugin.core.condition.ExecutionStatusCondition", NULL},
    .kind = TYPE_CONDITION,
    .where = RUN_NOWHERE,
    .title = "An execution has a certain state.",
    .fields = fields,
    .holds = holds,
};
