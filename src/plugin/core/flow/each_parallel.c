/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/core/flow/flow.h"

static int each_parallel_open(struct FlowableContext *context, struct FlowablePlan *ret)
{
    ret->tasks = &context->task->tasks;
    ret->order = ORDER_CONCURRENT;
    ret->concurrency = flow_limit(context, "concurrent", 0);
    return flow_values(context, "value", &ret->values);
}

static const Field fields[] = {
    {.name = "value",
     .kind = FIELD_ANY,
     .flags = FIELD_REQUIRED | FIELD_DYNAMIC,
     .doc = "A list, or a text that renders to a JSON array."},
    FLOW_FIELD_CONCURRENT,
    FLOW_FIELD_TASKS(FIELD_REQUIRED | FIELD_NOT_EMPTY),
    FLOW_FIELD_ERRORS,
    FLOW_FIELD_FINALLY,
    {},
};

const Type task_core_each_parallel = {
    .name = "io.kestra.plugin.core.flow.EachParallel",
    .aliases = (const char *const[]){"io.kestra.core.tasks.flows.EachParallel", NULL},
    .kind = TYPE_TASK,
    .where = RUN_FLOWABLE,
    .shape = SHAPE_LOOP_PARALLEL,
    .title = "Run tasks for each value, all at the same time",
    .doc = "The older form of ForEach with a concurrencyLimit; here the tasks of one value run at the same time, too.",
    .deprecated = true,
    .fields = fields,
    .open = each_parallel_open,
};
