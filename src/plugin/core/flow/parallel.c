/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/core/flow/flow.h"

static int parallel_open(struct FlowableContext *context, struct FlowablePlan *ret)
{
    ret->tasks = &context->task->tasks;
    ret->order = ORDER_CONCURRENT;
    ret->concurrency = flow_limit(context, "concurrent", 0);
    return 0;
}

static const Field fields[] = {
    FLOW_FIELD_TASKS(FIELD_REQUIRED | FIELD_NOT_EMPTY),
    FLOW_FIELD_CONCURRENT,
    FLOW_FIELD_ERRORS,
    FLOW_FIELD_FINALLY,
    {},
};

const Type task_core_parallel = {
    .name = "io.kestra.plugin.core.flow.Parallel",
    .aliases = (const char *const[]){"io.kestra.core.tasks.flows.Parallel", NULL},
    .kind = TYPE_TASK,
    .where = RUN_FLOWABLE,
    .shape = SHAPE_PARALLEL,
    .title = "Run tasks at the same time",
    .doc =
        "Starts all its tasks at once, or at most `concurrent` of them. After a failure nothing more is started; what "
        "runs already may finish, then `errors` run.",
    .fields = fields,
    .open = parallel_open,
};
