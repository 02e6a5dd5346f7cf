/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/core/flow/flow.h"

static int for_each_open(struct FlowableContext *context, struct FlowablePlan *ret)
{
    int r = flow_values(context, "values", &ret->values);
    if (r != 0)
        return r;
    ret->tasks = &context->task->tasks;
    ret->concurrency = flow_limit(context, "concurrencyLimit", 1);
    ret->order = ret->concurrency == 1 ? ORDER_SEQUENTIAL : ORDER_LANES;
    return 0;
}

static const Field fields[] = {
    {.name = "values",
     .kind = FIELD_ANY,
     .flags = FIELD_REQUIRED | FIELD_DYNAMIC,
     .doc = "A list, or a text that renders to a JSON array or object. Each value is taken once."},
    {.name = "concurrencyLimit",
     .kind = FIELD_INTEGER,
     .flags = FIELD_HAS_MINIMUM,
     .minimum = 0,
     .fallback = "1",
     .doc = "How many values are worked on at the same time; 0 is no limit."},
    FLOW_FIELD_TASKS(0),
    FLOW_FIELD_ERRORS,
    FLOW_FIELD_FINALLY,
    {},
};

const Type task_core_for_each = {
    .name = "io.kestra.plugin.core.flow.ForEach",
    .aliases = (const char *const[]){"io.kestra.core.tasks.flows.ForEach", NULL},
    .kind = TYPE_TASK,
    .where = RUN_FLOWABLE,
    .shape = SHAPE_LOOP,
    .title = "Run tasks for each value of a list",
    .doc = "Runs its tasks, one after another, for each value; `taskrun.value` is the value (`parent.taskrun.value` "
           "deeper "
           "down). With `concurrencyLimit` several values are worked on at the same time.",
    .examples = (const char *const[]){"id: each\n"
                                      "type: io.kestra.plugin.core.flow.ForEach\n"
                                      "values: [\"a\", \"b\"]\n"
                                      "tasks:\n"
                                      "  - id: show\n"
                                      "    type: io.kestra.plugin.core.log.Log\n"
                                      "    message: \"{{ taskrun.value }}\"\n",
                                      NULL},
    .fields = fields,
    .open = for_each_open,
};
