/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.execution.Fail: fails always, or when a condition holds. */
#include "model/log_entry.h"
#include "plugin/run.h"

static int run_fail_task(RunContext *run)
{
    bool has_condition = json_object_get(run->task->properties, "condition") != NULL;
    _cleanup_free_ char *condition = NULL, *message = NULL;
    int r = run_text(run, "condition", &condition);
    if (r != 0)
        return r;
    if (has_condition && !expr_is_truthy(condition))
        return 0;
    r = run_text(run, "errorMessage", &message);
    if (r != 0)
        return r;
    const char *text = message ? message : "Task failure";
    if (!has_condition)
        return run_fail(run, "%s", text);
    run_log(run, LOG_LEVEL_ERROR, "%s", text); /* two lines: the reason first */
    return run_fail(run, "Fail on a condition");
}

static const Field fields[] = {
    {"condition", FIELD_STRING, FIELD_DYNAMIC, .doc = "The task fails only when this renders to something true."},
    {"errorMessage", FIELD_STRING, FIELD_DYNAMIC, .fallback = "\"Task failure\"", .doc = "The reason to log."},
    {},
};

const Type task_core_fail = {
    .name = "io.kestra.plugin.core.execution.Fail",
    .aliases = (const char *const[]){"io.kestra.core.tasks.executions.Fail", NULL},
    .kind = TYPE_TASK,
    .where = RUN_INLINE,
    .title = "Fail, always or under a condition.",
    .examples = (const char *const[]){"id: check\n"
                                      "type: io.kestra.plugin.core.execution.Fail\n"
                                      "condition: \"{{ outputs.count.value > 100 }}\"\n"
                                      "errorMessage: \"too many rows\"\n",
                                      NULL},
    .fields = fields,
    .run = run_fail_task,
};
