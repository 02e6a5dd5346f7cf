/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.state.Set: merged deeply into what is there. */
#include "base/clock.h"
#include "plugin/core/state/state_task.h"

static int run_set(RunContext *run)
{
    _cleanup_free_ char *key = NULL;
    _cleanup_json_ json_t *data = NULL, *before = NULL, *after = NULL;
    int r = state_task_key(run, &key);
    if (r == 0)
        r = run_value(run, "data", &data);
    if (r == 0)
        r = state_task_load(run, key, NULL, &before);
    if (r != 0)
        return r;
    if (data && !json_is_object(data))
        return run_fail(run, "data must be a map");
    after = data ? json_merged(before, data) : json_incref(before);
    const KvPut put = {.namespace = state_task_namespace(run), .key = key, .value = after, .overwrite = true};
    if (kv_put(run->storage, &put, clock_realtime()) != 0)
        return run_fail(run, "State '%s' cannot be written", key);
    run_output(run, "count", json_integer((json_int_t)json_object_size(after)));
    run_output(run, "key", json_string(key));
    return 0;
}

static const Field fields[] = {
    STATE_FIELDS,
    {"data", FIELD_MAP, FIELD_EXPRESSION, .item = FIELD_ANY, .doc = "What is merged into the state."},
    {},
};

static const Field outputs[] = {
    {"count", FIELD_INTEGER, .doc = "Entries of the state now."},
    {"key", FIELD_STRING, .doc = "The key it is kept under."},
    {},
};

const Type task_core_state_set = {
    .name = "io.kestra.plugin.core.state.Set",
    .aliases = (const char *const[]){"io.kestra.core.tasks.states.Set", NULL},
    .kind = TYPE_TASK,
    .where = RUN_CHILD,
    .title = "Write a state that outlives executions.",
    .examples = (const char *const[]){"id: state\n"
                                      "type: io.kestra.plugin.core.state.Set\n"
                                      "name: progress\n"
                                      "data:\n"
                                      "  last: \"{{ execution.id }}\"\n",
                                      NULL},
    .fields = fields,
    .outputs = outputs,
    .run = run_set,
};
