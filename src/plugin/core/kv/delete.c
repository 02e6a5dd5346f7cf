/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.kv.Delete */
#include "plugin/core/kv/kv_task.h"

static int run_delete(RunContext *run)
{
    _cleanup_free_ char *namespace = NULL, *key = NULL;
    bool error_on_missing, existed;
    int r = kv_task_names(run, &namespace, &key);
    if (r == 0)
        r = run_boolean(run, "errorOnMissing", false, &error_on_missing);
    if (r != 0)
        return r;
    r = kv_delete(run->storage, namespace, key, &existed);
    if (r != 0)
        return kv_task_fail(run, r);
    if (!existed && error_on_missing)
        return run_fail(run, "No value found for key '%s' in namespace '%s' and `errorOnMissing` is set to true", key,
                        namespace);
    run_output(run, "deleted", json_boolean(existed));
    return 0;
}

static const Field fields[] = {
    {"key", FIELD_STRING, FIELD_DYNAMIC, .doc = "The key."},
    {"namespace", FIELD_STRING, FIELD_DYNAMIC, .doc = "Namespace of the key; the flow's when it is not given."},
    {"errorOnMissing", FIELD_BOOLEAN, FIELD_EXPRESSION, .doc = "Fail when there is no such key."},
    {},
};

static const Field outputs[] = {
    {"deleted", FIELD_BOOLEAN, .doc = "Whether there was one."},
    {},
};

const Type task_core_kv_delete = {
    .name = "io.kestra.plugin.core.kv.Delete",
    .kind = TYPE_TASK,
    .where = RUN_CHILD,
    .title = "Remove a value from the key-value store.",
    .examples = (const char *const[]){"id: forget\n"
                                      "type: io.kestra.plugin.core.kv.Delete\n"
                                      "key: last-run\n",
                                      NULL},
    .fields = fields,
    .outputs = outputs,
    .run = run_delete,
};
