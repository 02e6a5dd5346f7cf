/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/kv_access.h"

#include "base/clock.h"
#include "doc/json.h"
#include "plugin/kv.h"

static int has_keys(const RunContext *run, const char *namespace, bool *ret)
{
    _cleanup_(kv_entries_done) KvEntries entries = {};
    int r = kv_list(run->storage, namespace, NULL, clock_realtime(), &entries);
    *ret = entries.count > 0;
    return r;
}

static int has_flows(const RunContext *run, const char *namespace, bool *ret)
{
    _cleanup_json_ json_t *question = json_pack("{s:s,s:s}", "what", "namespace-exists", "namespace", namespace),
                          *answer = NULL;
    int r = run->ops->ask(run->userdata, question, &answer);
    *ret = json_get_boolean(answer, "exists", false);
    return r;
}

int kv_access(RunContext *run, const char *namespace, char **ret)
{
    const char *own = json_get_text(json_object_get(run->job, "flow"), "namespace", "");
    bool exists = false;
    *ret = NULL;
    if (starts_with(own, namespace) || !run->ops->ask) /* nobody to ask: a test */
        return 0;
    int r = has_keys(run, namespace, &exists);
    if (r == 0 && !exists)
        r = has_flows(run, namespace, &exists);
    if (r == 0 && !exists)
        *ret = xasprintf("Cannot access the KV store. The namespace '%s' does not exist.", namespace);
    return r;
}
