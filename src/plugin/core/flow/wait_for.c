/* SPDX-License-Identifier: Apache-2.0 */
/*
 * WaitFor (LoopUntil in later versions of Kestra): its tasks run again and again until the condition is true. The
 * number of rounds is kept in its outputs, which are stored with the task run.
 */
#include "plugin/core/flow/flow.h"
#include "when/duration.h"

enum { ROUNDS_MAX = 100 };

static int64_t rounds_so_far(const TaskRun *run)
{
    return json_get_integer(run->outputs, "iterationCount", 1);
}

static int wait_for_open(struct FlowableContext *context, struct FlowablePlan *ret)
{
    flow_plan_sequential(context, ret);
    ret->outputs = json_pack("{s:I}", "iterationCount", (json_int_t)rounds_so_far(context->task_run));
    return 0;
}

typedef struct CheckFrequency {
    int64_t rounds_max;
    usec_t duration_max, interval;
} CheckFrequency;

static int read_frequency(const FlowableContext *context, CheckFrequency *ret)
{
    const ExprTree *tree = expr_tree_get(context->task->templates, "checkFrequency");
    const json_t *source = json_object_get(context->task->properties, "checkFrequency");
    *ret = (CheckFrequency){.rounds_max = json_get_integer(source, "maxIterations", ROUNDS_MAX)};
    int r = flow_duration(context, tree ? expr_tree_get(tree, "maxDuration") : NULL, &ret->duration_max);
    if (r == 0)
        r = flow_duration(context, tree ? expr_tree_get(tree, "interval") : NULL, &ret->interval);
    if (!json_object_get(source, "maxDuration"))
        ret->duration_max = 3600 * USEC_PER_SEC;
    if (!json_object_get(source, "interval"))
        ret->interval = USEC_PER_SEC;
    return r;
}

static int wait_for_repeat(struct FlowableContext *context, struct FlowableRepeat *ret)
{
    _cleanup_free_ char *text = NULL;
    if (flow_text(context, "condition", &text) != 0)
        return FLOWABLE_E_FAILED;
    if (expr_is_truthy(text))
        return 0;
    CheckFrequency frequency;
    if (read_frequency(context, &frequency) != 0)
        return FLOWABLE_E_FAILED;
    int64_t rounds = rounds_so_far(context->task_run) + 1;
    bool too_long = context->now > state_start_date(&context->task_run->state) + frequency.duration_max;
    ret->outputs = json_pack("{s:I}", "iterationCount", (json_int_t)rounds);
    if (rounds > frequency.rounds_max || too_long) {
        ret->warning = too_long ? "Max duration reached" : "Max iterations reached";
        ret->failed = json_get_boolean(context->task->properties, "failOnMaxReached", false);
        return 0;
    }
    ret->again = true;
    ret->after_usec = frequency.interval;
    return 0;
}

static void wait_for_check(const FieldCheck *check, const json_t *object, const char *path)
{
    const json_t *tasks = json_object_get(object, "tasks");
    if ((tasks && !json_is_null(tasks)) || (check->has_default && check->has_default(check->userdata, object, "tasks")))
        return;
    field_report_form(check, object, NULL, path, TYPE_CHECK_THROWS "(class %s has no tasks)", check->class_name);
}

static const Field frequency_fields[] = {
    {.name = "maxIterations", .kind = FIELD_INTEGER, .fallback = "100", .doc = "At most so many rounds."},
    {.name = "maxDuration",
     .kind = FIELD_DURATION,
     .fallback = "\"PT1H\"",
     .doc = "No further round after this time since the task was created."},
    {.name = "interval", .kind = FIELD_DURATION, .fallback = "\"PT1S\"", .doc = "Time between two rounds."},
    {},
};

static const Field fields[] = {
    {.name = "condition",
     .kind = FIELD_STRING,
     .flags = FIELD_REQUIRED | FIELD_DYNAMIC,
     .doc = "The expression that ends the loop when it is true."},
    {.name = "checkFrequency", .kind = FIELD_OBJECT, .fields = frequency_fields, .doc = "How often, and how long."},
    {.name = "failOnMaxReached",
     .kind = FIELD_BOOLEAN,
     .fallback = "false",
     .doc = "Fails when the condition never became true."},
    FLOW_FIELD_TASKS(FIELD_REQUIRED),
    FLOW_FIELD_ERRORS,
    FLOW_FIELD_FINALLY,
    {},
};

static const Field outputs[] = {
    {.name = "iterationCount", .kind = FIELD_INTEGER, .doc = "Number of the last round."},
    {},
};

const Type task_core_wait_for = {
    .name = "io.kestra.plugin.core.flow.WaitFor",
    .aliases =
        (const char *const[]){"io.kestra.plugin.core.flow.LoopUntil", "io.kestra.core.tasks.flows.WaitFor", NULL},
    .kind = TYPE_TASK,
    .where = RUN_FLOWABLE,
    .title = "Run tasks until a condition is true",
    .doc =
        "Runs its tasks, one after another; when all succeeded and `condition` is not true, waits and runs them again.",
    .fields = fields,
    .outputs = outputs,
    .check = wait_for_check,
    .open = wait_for_open,
    .repeat = wait_for_repeat,
};
