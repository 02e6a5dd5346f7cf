/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.state.Delete */
#include "plugin/core/state/state_task.h"

static int run_delete(RunContext *run)
{
    _cleanup_free_ char *key = NULL;
    bool error_on_missing, existed;
    int r = state_task_key(run, &key);
    if (r == 0)
        r = run_boolean(run, "errorOnMissing", false, &error_on_missing);
    if (r != 0)
        return r;
    if (kv_delete(run->storage, state_task_namespace(run), key, &existed) != 0)
        return run_fail(run, "State '%s' cannot be removed", key);
    run_output(run, "deleted", json_boolean(existed));
    if (!existed && error_on_missing)
        return run_fail(run, "Unable to find the state file '%s'", key);
    return 0;
}

static const Field fields[] = {
    STATE_FIELDS,
    {"errorOnMissing", FIELD_BOOLEAN, FIELD_EXPRESSION, .fallback = "false",
     .doc = "Fail when there is no such state."},
    {},
};

static const Field outputs[] = {
    {"deleted", FIELD_BOOLEAN, .doc = "Whether there was one."},
    {},
};

const Type task_core_state_delete = {
    .name = "io.kestra.plugin.core.state.Delete",
    .aliases = (const char *const[]){"io.kestra.core.tasks.states.Delete", NULL},
    .kind = TYPE_TASK,
    .where = RUN_CHILD,
    .title = "Remove a state.",
    .examples = (const char *const[]){"id: state\n"
                                      "type: io.kestra.plugin.core.state.Delete\n"
                                      "name: progress\n",
                                      NULL},
    .fields = fields,
    .outputs = outputs,
    .run = run_delete,
};
