/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.kv.Set */
#include "base/clock.h"
#include "plugin/core/kv/kv_task.h"

static int explain(RunContext *run, int r, const KvPut *put)
{
    if (r == KV_E_EXISTS)
        return run_fail(run, "Cannot set value for key '%s'. Key already exists and `overwrite` is set to `false`.",
                        put->key);
    if (r == KV_E_VALUE)
        return run_fail(run, "The value of key '%s' is no %s", put->key, put->type ? put->type : "value");
    return r == 0 ? 0 : kv_task_fail(run, r);
}

static int run_set(RunContext *run)
{
    _cleanup_free_ char *namespace = NULL, *key = NULL, *type = NULL;
    _cleanup_json_ json_t *value = NULL;
    KvPut put = {};
    int r = kv_task_names(run, &namespace, &key);
    if (r == 0)
        r = run_typed(run, "value", &value);
    if (r == 0)
        r = run_text(run, "kvType", &type);
    if (r == 0)
        r = run_boolean(run, "overwrite", true, &put.overwrite);
    if (r == 0)
        r = run_duration(run, "ttl", 0, &put.ttl_usec);
    if (r != 0)
        return r;
    put.namespace = namespace;
    put.key = key;
    put.type = type;
    put.value = value ? value : json_null();
    return explain(run, kv_put(run->storage, &put, clock_realtime()), &put);
}

static const Field fields[] = {
    {"key", FIELD_STRING, FIELD_DYNAMIC | FIELD_REQUIRED, .doc = "The key."},
    {"value", FIELD_ANY, FIELD_DYNAMIC | FIELD_REQUIRED, .doc = "The value; a lone expression keeps its type."},
    KV_NAMESPACE_FIELD,
    {"overwrite", FIELD_BOOLEAN, FIELD_EXPRESSION | FIELD_REQUIRED, .fallback = "true",
     .doc = "Replace a value that is there."},
    {"ttl", FIELD_DURATION, FIELD_EXPRESSION, .doc = "How long the value lives; default: for ever."},
    {"kvType", FIELD_ENUM, FIELD_EXPRESSION, .values = kv_types, .doc = "Type to store the value as."},
    {},
};

const Type task_core_kv_set = {
    .name = "io.kestra.plugin.core.kv.Set",
    .kind = TYPE_TASK,
    .where = RUN_CHILD,
    .title = "Write a value into the key-value store.",
    .examples = (const char *const[]){"id: remember\n"
                                      "type: io.kestra.plugin.core.kv.Set\n"
                                      "key: last-run\n"
                                      "value: \"{{ execution.startDate }}\"\n",
                                      NULL},
    .fields = fields,
    .run = run_set,
};
