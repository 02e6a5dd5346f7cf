/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/core/flow/flow.h"

static int each_sequential_open(struct FlowableContext *context, struct FlowablePlan *ret)
{
    ret->tasks = &context->task->tasks;
    ret->order = ORDER_SEQUENTIAL;
    return flow_values(context, "value", &ret->values);
}

static const Field fields[] = {
    {.name = "value",
     .kind = FIELD_ANY,
     .flags = FIELD_REQUIRED | FIELD_DYNAMIC,
     .doc = "A list, or a text that renders to a JSON array."},
    FLOW_FIELD_TASKS(0),
    FLOW_FIELD_ERRORS,
    FLOW_FIELD_FINALLY,
    {},
};

const Type task_core_each_sequential = {
    .name = "io.kestra.plugin.core.flow.EachSequential",
    .aliases = (const char *const[]){"io.kestra.core.tasks.flows.EachSequential", NULL},
    .kind = TYPE_TASK,
    .where = RUN_FLOWABLE,
    .shape = SHAPE_LOOP,
    .title = "Run tasks for each value, one value after another",
    .doc = "The older form of ForEach.",
    .deprecated = true,
    .fields = fields,
    .open = each_sequential_open,
};
