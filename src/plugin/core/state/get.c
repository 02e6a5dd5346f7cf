/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.state.Get */
#include "plugin/core/state/state_task.h"

static int run_get(RunContext *run)
{
    _cleanup_free_ char *key = NULL;
    bool error_on_missing, exists;
    json_t *data;
    int r = state_task_key(run, &key);
    if (r == 0)
        r = run_boolean(run, "errorOnMissing", false, &error_on_missing);
    if (r == 0)
        r = state_task_load(run, key, &exists, &data);
    if (r != 0)
        return r;
    run_output(run, "count", json_integer((json_int_t)json_object_size(data)));
    run_output(run, "data", data);
    if (!exists && error_on_missing)
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
    {"count", FIELD_INTEGER, .doc = "Entries of the state."},
    {"data", FIELD_MAP, .item = FIELD_ANY, .doc = "The state."},
    {},
};

const Type task_core_state_get = {
    .name = "io.kestra.plugin.core.state.Get",
    .aliases = (const char *const[]){"io.kestra.core.tasks.states.Get", NULL},
    .kind = TYPE_TASK,
    .where = RUN_CHILD,
    .title = "Read a state that outlives executions.",
    .examples = (const char *const[]){"id: state\n"
                                      "type: io.kestra.plugin.core.state.Get\n"
                                      "name: progress\n",
                                      NULL},
    .fields = fields,
    .outputs = outputs,
    .run = run_get,
};
