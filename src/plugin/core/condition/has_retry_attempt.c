/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.condition.HasRetryAttempt: attempts of task runs that were tried more than once. */
#include "doc/json.h"
#include "plugin/condition.h"
#include "plugin/core/trigger/trigger.h"

/* Whether an attempt of a repeated run has a state that the lists allow. */
static bool run_fits(const TaskRun *run, const json_t *in, const json_t *not_in)
{
    for (size_t i = 0; run->attempts.count > 1 && i < run->attempts.count; i++) {
        const char *state = state_to_string(state_current(&run->attempts.items[i].state));
        if ((!json_is_array(in) || condition_list_has(in, state)) &&
            (!json_is_array(not_in) || !condition_list_has(not_in, state)))
            return true;
    }
    return false;
}

static int holds(const ConditionContext *context, const json_t *condition, bool *ret, Diag *diag)
{
    *ret = false;
    for (size_t i = 0; context->execution && !*ret && i < context->execution->task_runs.count; i++)
        *ret = run_fits(context->execution->task_runs.items[i], json_object_get(condition, "in"),
                        json_object_get(condition, "notIn"));
    return 0;
}

static const Field fields[] = {
    {"in", FIELD_LIST, .item = FIELD_ENUM, .values = trigger_states, .doc = "States that it may have."},
    {"notIn", FIELD_LIST, .item = FIELD_ENUM, .values = trigger_states, .doc = "States that it may not have."},
    {},
};

const Type condition_core_has_retry_attempt = {
    .name = "io.kestra.plugin.core.condition.HasRetryAttempt",
    .aliases = (const char *const[]){"io.kestra.core.models.conditions.types.HasRetryAttemptCondition",
                                     "io.kestra.plugin.core.condition.HasRetryAttemptCondition", NULL},
    .kind = TYPE_CONDITION,
    .where = RUN_NOWHERE,
    .title = "A task of an execution was tried more than once.",
    .fields = fields,
    .holds = holds,
};
