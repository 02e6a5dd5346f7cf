/* SPDX-License-Identifier: Apache-2.0 */
/* Keys: [<flow>_]states_tasks-states_<name>[_<hash of the ForEach value>]. */
#include "plugin/core/state/state_task.h"

#include "base/clock.h"
#include "plugin/storage_hash.h"

const char *state_task_namespace(const RunContext *run)
{
    return json_get_text(json_object_get(run->job, "flow"), "namespace", "");
}

int state_task_key(RunContext *run, char **ret_key)
{
    _cleanup_free_ char *name = NULL, *hash = NULL;
    bool of_namespace, of_value;
    if (!run->storage)
        return run_fail(run, "Internal storage is not available here");
    int r = run_text(run, "name", &name);
    if (r == 0)
        r = run_boolean(run, "namespace", false, &of_namespace);
    if (r == 0)
        r = run_boolean(run, "taskrunValue", true, &of_value);
    if (r != 0)
        return r;
    const char *value = json_get_text(run->job, "value", NULL);
    _cleanup_free_ char *flow = blob_slug(json_get_text(json_object_get(run->job, "flow"), "id", ""));
    if (of_value && value)
        hash = storage_hash(value);
    _cleanup_free_ char *key =
        xasprintf("%s%sstates_tasks-states_%s%s%s", of_namespace ? "" : flow, of_namespace ? "" : "_",
                  name ? name : "default", hash ? "_" : "", hash ? hash : "");
    if (!kv_key_is_valid(key))
        return run_fail(run, "'%s' cannot be the name of a state", name ? name : "");
    *ret_key = TAKE_PTR(key);
    return 0;
}

int state_task_load(RunContext *run, const char *key, bool *ret_exists, json_t **ret)
{
    json_t *value = NULL;
    int r = kv_get(run->storage, state_task_namespace(run), key, clock_realtime(), &value);
    if (r != 0 && r != KV_E_NONE && r != KV_E_EXPIRED)
        return run_fail(run, "State '%s' cannot be read", key);
    if (ret_exists)
        *ret_exists = r == 0;
    if (!json_is_object(value)) {
        json_decref(value);
        value = json_object();
    }
    *ret = value;
    return 0;
}
