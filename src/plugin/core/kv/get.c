/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.kv.Get */
#include "base/clock.h"
#include "plugin/core/kv/kv_task.h"

static int run_get(RunContext *run)
{
    _cleanup_free_ char *namespace = NULL, *key = NULL;
    bool error_on_missing;
    json_t *value;
    int r = kv_task_names(run, &namespace, &key);
    if (r == 0)
        r = run_boolean(run, "errorOnMissing", false, &error_on_missing);
    if (r != 0)
        return r;
    r = kv_get(run->storage, namespace, key, clock_realtime(), &value);
    if (r == KV_E_NONE || r == KV_E_EXPIRED) {
        if (error_on_missing)
            return run_fail(run, "No value found for key '%s' in namespace '%s' and `errorOnMissing` is set to true",
                            key, namespace);
        return 0;
    }
    if (r != 0)
        return kv_task_fail(run, r);
    run_output(run, "value", value);
    return 0;
}

static const Field fields[] = {
    {"key", FIELD_STRING, FIELD_DYNAMIC | FIELD_REQUIRED, .doc = "The key."},
    KV_NAMESPACE_FIELD,
    {"errorOnMissing", FIELD_BOOLEAN, FIELD_EXPRESSION | FIELD_REQUIRED, .fallback = "false",
     .doc = "Fail when there is no such key."},
    {},
};

static const Field outputs[] = {
    {"value", FIELD_ANY, .doc = "The value, with its type; absent when there is none."},
    {},
};

const Type task_core_kv_get = {
    .name = "io.kestra.plugin.core.kv.Get",
    .kind = TYPE_TASK,
    .where = RUN_CHILD,
    .title = "Read a value of the key-value store.",
    .examples = (const char *const[]){"id: last\n"
                                      "type: io.kestra.plugin.core.kv.Get\n"
                                      "key: last-run\n",
                                      NULL},
    .fields = fields,
    .outputs = outputs,
    .run = run_get,
};
