/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/core/flow/flow.h"

/* `delay` goes on, `timeout` fails; when both are given the delay counts, as in Kestra. */
static int pause_open(struct FlowableContext *context, struct FlowablePlan *ret)
{
    flow_plan_sequential(context, ret);
    ret->pauses = true;
    int r = flow_duration(context, expr_tree_get(context->task->templates, "delay"), &ret->resume_after_usec);
    if (r == 0 && !ret->resume_after_usec)
        r = flow_duration(context, expr_tree_get(context->task->templates, "timeout"), &ret->fail_after_usec);
    return r;
}

static const Field fields[] = {
    {.name = "delay",
     .kind = FIELD_DURATION,
     .flags = FIELD_DYNAMIC,
     .doc = "Goes on by itself after this time. Without it somebody has to resume the execution."},
    {.name = "timeout", .kind = FIELD_DURATION, .flags = FIELD_DYNAMIC, .doc = "Fails after this time."},
    {.name = "onResume", .kind = FIELD_INPUTS, .doc = "Inputs that are asked for when the execution is resumed."},
    {.name = "tasks",
     .kind = FIELD_TASKS,
     .flags = FIELD_DEPRECATED,
     .doc = "Tasks that run, one after another, when the execution was resumed."},
    FLOW_FIELD_ERRORS,
    FLOW_FIELD_FINALLY,
    {},
};

static const Field outputs[] = {
    {.name = "onResume", .kind = FIELD_MAP, .item = FIELD_ANY, .doc = "The inputs given when it was resumed."},
    {},
};

const Type task_core_pause = {
    .name = "io.kestra.plugin.core.flow.Pause",
    .aliases = (const char *const[]){"io.kestra.core.tasks.flows.Pause", NULL},
    .kind = TYPE_TASK,
    .where = RUN_FLOWABLE,
    .title = "Hold the execution",
    .doc = "The execution is PAUSED until somebody resumes it, or until `delay` has passed. Tasks that run beside it may end; "
           "nothing new begins.",
    .examples = (const char *const[]){"id: approval\n"
                                      "type: io.kestra.plugin.core.flow.Pause\n"
                                      "onResume:\n"
                                      "  - id: reason\n"
                                      "    type: STRING\n",
                                      NULL},
    .fields = fields,
    .outputs = outputs,
    .open = pause_open,
};
