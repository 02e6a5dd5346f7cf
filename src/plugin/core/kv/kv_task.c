/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/core/kv/kv_task.h"

#include "plugin/kv_access.h"

int kv_task_namespace(RunContext *run, char **ret_namespace)
{
    if (!run->storage)
        return run_fail(run, "Internal storage is not available here");
    _cleanup_free_ char *namespace = NULL, *refusal = NULL;
    int r = run_text(run, "namespace", &namespace);
    if (r != 0)
        return r;
    if (!namespace)
    namespace = xstrdup(json_get_text(json_object_get(run->job, "flow"), "namespace", ""));
    r = kv_access(run, namespace, &refusal);
    if (r != 0)
        return kv_task_fail(run, r);
    if (refusal)
        return run_fail(run, "%s", refusal);
    *ret_namespace = TAKE_PTR(namespace);
    return 0;
}

int kv_task_names(RunContext *run, char **ret_namespace, char **ret_key)
{
    _cleanup_free_ char *namespace = NULL, *key = NULL;
    int r = kv_task_namespace(run, &namespace);
    if (r == 0)
        r = run_text(run, "key", &key);
    if (r != 0)
        return r;
    if (!key || !kv_key_is_valid(key))
        return run_fail(run, "'%s' cannot be a key: it needs letters, digits and . _ - only", key ? key : "");
    *ret_namespace = TAKE_PTR(namespace);
    *ret_key = TAKE_PTR(key);
    return 0;
}

int kv_task_fail(RunContext *run, int r)
{
    if (r == KV_E_NAME)
        return run_fail(run, "A key has %d bytes at most, and a namespace %d between two dots", KV_KEY_BYTES_MAX,
                        BLOB_NAME_BYTES_MAX);
    if (r == KV_E_LARGE)
        return run_fail(run, "The value has more than %d bytes", KV_VALUE_BYTES_MAX);
    _cleanup_free_ char *reason = blob_explain(r);
    return run_fail(run, "The key-value store failed: %s", reason);
}
