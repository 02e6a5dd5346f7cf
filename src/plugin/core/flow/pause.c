/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/core/flow/flow.h"

/* What becomes of the pause after `pauseDuration`; RESUME is none of these. */
static const struct {
    const char *behavior;
    State state;
} endings[] = {{"FAIL", STATE_FAILED}, {"WARN", STATE_WARNING}, {"CANCEL", STATE_CANCELLED}};

static const char *const behaviors[] = {"RESUME", "WARN", "CANCEL", "FAIL", NULL};

/* The words of later versions for the same: a duration, and what follows it. */
static int open_by_behavior(struct FlowableContext *context, struct FlowablePlan *ret)
{
    const char *behavior = json_get_text(context->task->properties, "behavior", "RESUME");
    usec_t duration;
    int r = flow_duration(context, expr_tree_get(context->task->templates, "pauseDuration"), &duration);
    if (r != 0 || !duration)
        return r;
    for (size_t i = 0; i < ELEMENTS(endings); i++)
        if (streq(endings[i].behavior, behavior)) {
            ret->end_after_usec = duration;
            ret->end_state = endings[i].state;
            return 0;
        }
    ret->resume_after_usec = duration;
    return 0;
}

/* `delay` goes on, `timeout` fails; when both are given the delay counts, as in Kestra. */
static int pause_open(struct FlowableContext *context, struct FlowablePlan *ret)
{
    flow_plan_sequential(context, ret);
    ret->pauses = true;
    int r = flow_duration(context, expr_tree_get(context->task->templates, "delay"), &ret->resume_after_usec);
    if (r == 0 && !ret->resume_after_usec)
        r = flow_duration(context, expr_tree_get(context->task->templates, "timeout"), &ret->end_after_usec);
    ret->end_state = STATE_FAILED;
    if (r == 0 && !ret->resume_after_usec && !ret->end_after_usec)
        r = open_by_behavior(context, ret);
    return r;
}

static const Field fields[] = {
    {.name = "delay",
     .kind = FIELD_DURATION,
     .flags = FIELD_DYNAMIC,
     .doc = "Goes on by itself after this time. Without it somebody has to resume the execution."},
    {.name = "timeout", .kind = FIELD_DURATION, .flags = FIELD_DYNAMIC, .doc = "Fails after this time."},
    {.name = "pauseDuration",
     .kind = FIELD_DURATION,
     .flags = FIELD_DYNAMIC,
     .doc = "After this time `behavior` says what follows."},
    {.name = "behavior",
     .kind = FIELD_ENUM,
     .values = behaviors,
     .fallback = "\"RESUME\"",
     .doc = "After `pauseDuration`: go on, end with a warning, cancel the execution, or fail."},
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
    .doc = "The execution is PAUSED until somebody resumes it, or until `delay` has passed. Tasks that run beside it "
           "may end; "
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
