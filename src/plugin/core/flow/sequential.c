/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/core/flow/flow.h"

static int sequential_open(struct FlowableContext *context, struct FlowablePlan *ret)
{
    flow_plan_sequential(context, ret);
    return 0;
}

static const Field fields[] = {
    FLOW_FIELD_TASKS(0),
    FLOW_FIELD_ERRORS,
    FLOW_FIELD_FINALLY,
    {},
};

const Type task_core_sequential = {
    .name = "io.kestra.plugin.core.flow.Sequential",
    .aliases = (const char *const[]){"io.kestra.core.tasks.flows.Sequential", NULL},
    .kind = TYPE_TASK,
    .where = RUN_FLOWABLE,
    .title = "Run tasks one after another",
    .doc = "Groups tasks. They run in the order in which they are written; the first that fails ends the group.",
    .examples = (const char *const[]){"id: group\n"
                                      "type: io.kestra.plugin.core.flow.Sequential\n"
                                      "tasks:\n"
                                      "  - id: first\n"
                                      "    type: io.kestra.plugin.core.log.Log\n"
                                      "    message: one\n"
                                      "  - id: second\n"
                                      "    type: io.kestra.plugin.core.log.Log\n"
                                      "    message: two\n",
                                      NULL},
    .fields = fields,
    .open = sequential_open,
};
