/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.kv.GetKeys */
#include "base/clock.h"
#include "plugin/core/kv/kv_task.h"

static int run_get_keys(RunContext *run)
{
    _cleanup_free_ char *namespace = NULL, *prefix = NULL;
    _cleanup_(kv_entries_done) KvEntries entries = {};
    int r = kv_task_namespace(run, &namespace);
    if (r == 0)
        r = run_text(run, "prefix", &prefix);
    if (r != 0)
        return r;
    r = kv_list(run->storage, namespace, prefix, clock_realtime(), &entries);
    if (r != 0)
        return kv_task_fail(run, r);
    json_t *keys = json_array();
    for (size_t i = 0; i < entries.count; i++)
        json_array_append_new(keys, json_string(entries.items[i].key));
    run_output(run, "keys", keys);
    return 0;
}

static const Field fields[] = {
    {"prefix", FIELD_STRING, FIELD_DYNAMIC, .doc = "Only keys that begin with it."},
    KV_NAMESPACE_FIELD,
    {},
};

static const Field outputs[] = {
    {"keys", FIELD_LIST, .item = FIELD_STRING, .doc = "The keys, in order."},
    {},
};

const Type task_core_kv_get_keys = {
    .name = "io.kestra.plugin.core.kv.GetKeys",
    .kind = TYPE_TASK,
    .where = RUN_CHILD,
    .title = "List the keys of the key-value store.",
    .examples = (const char *const[]){"id: keys\n"
                                      "type: io.kestra.plugin.core.kv.GetKeys\n"
                                      "prefix: last-\n",
                                      NULL},
    .fields = fields,
    .outputs = outputs,
    .run = run_get_keys,
};
