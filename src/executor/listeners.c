/* SPDX-License-Identifier: Apache-2.0 */
#include "executor/listeners.h"

#include "base/log.h"
#include "plugin/flow_trigger.h"

struct Listeners {
    int64_t stamp; /* that `flows` were read at; -1: not yet */
    VEC(Flow *) flows;
};

Listeners *listeners_new(void)
{
    Listeners *listeners = xnew(Listeners);
    listeners->stamp = -1;
    return listeners;
}

static void drop_flows(Listeners *listeners)
{
    for (size_t i = 0; i < listeners->flows.count; i++)
        flow_unref(listeners->flows.items[i]);
    listeners->flows.count = 0;
}

Listeners *listeners_free(Listeners *listeners)
{
    if (!listeners)
        return NULL;
    drop_flows(listeners);
    vec_free(&listeners->flows);
    free(listeners);
    return NULL;
}

void listeners_forget(Listeners *listeners)
{
    listeners->stamp = -1;
}

static int read_flows(Listeners *listeners, Pg *pg, FlowCache *cache)
{
    size_t types = 0;
    while (flow_trigger_types[types])
        types++;
    _cleanup_flow_records_ FlowRecords records = {};
    int r = store_flow_with_trigger(pg, flow_trigger_types, types, &records);
    if (r < 0)
        return r;
    drop_flows(listeners);
    for (size_t i = 0; i < records.count; i++) {
        const FlowRecord *record = &records.items[i];
        Flow *flow;
        r = flow_cache_get(cache, pg, record->namespace, record->id, record->revision, &flow);
        if (r < 0)
            return r;
        if (r == 0)
            vec_push(&listeners->flows, flow);
        else
            log_warning("Flow %s.%s has a Flow trigger but can not be read", record->namespace, record->id);
    }
    return 0;
}

int listeners_get(Listeners *listeners, Pg *pg, FlowCache *cache, Flow *const **ret, size_t *ret_count)
{
    int64_t stamp;
    int r = flow_cache_stamp(cache, pg, &stamp);
    if (r == 0 && stamp != listeners->stamp)
        r = read_flows(listeners, pg, cache);
    if (r < 0)
        return r;
    listeners->stamp = stamp;
    *ret = listeners->flows.items;
    *ret_count = listeners->flows.count;
    return 0;
}
