/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/core/flow/flow.h"

static int allow_failure_open(struct FlowableContext *context, struct FlowablePlan *ret)
{
    flow_plan_sequential(context, ret);
    ret->failure_is_warning = true;
    return 0;
}

static const Field fields[] = {
    FLOW_FIELD_TASKS(0),
    FLOW_FIELD_ERRORS,
    FLOW_FIELD_FINALLY,
    {},
};

const Type task_core_allow_failure = {
    .name = "io.kestra.plugin.core.flow.AllowFailure",
    .aliases = (const char *const[]){"io.kestra.core.tasks.flows.AllowFailure", NULL},
    .kind = TYPE_TASK,
    .where = RUN_FLOWABLE,
    .title = "Run tasks whose failure is only a warning",
    .doc = "Runs its tasks one after another. When one fails the group ends in state WARNING, and the flow goes on.",
    .fields = fields,
    .open = allow_failure_open,
};
