/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entries by "namespace/id/revision"; "latest" is a second map from "namespace/id" to a revision, believed as long as
 * the store's stamp stays what it was. The least recently used entries go when there are too many or they are too
 * large, measured by their sources (a compiled flow takes 30 to 80 times as much); a flow in use lives on by its
 * references.
 */
#include "store/flow_cache.h"

#include "base/clock.h"
#include "base/map.h"

#define FLOWS_MAX 1000
#define BYTES_MAX ((size_t)2 * 1024 * 1024)

typedef struct Entry Entry;
struct Entry {
    Entry *newer, *older;
    char *key;
    size_t bytes; /* of its source */
    Flow *flow;
};

struct FlowCache {
    FlowCacheSettings settings;
    Map *entries;
    Map *latest; /* → revision as a pointer-sized number */
    Entry *newest, *oldest;
    size_t bytes;       /* of all */
    int64_t stamp;      /* that `latest` was read at; -1: none */
    usec_t stamp_until; /* monotonic */
};

FlowCache *flow_cache_new(const FlowCacheSettings *settings)
{
    FlowCache *cache = xnew(FlowCache);
    cache->settings = *settings;
    if (settings->plugin_defaults)
        json_incref((json_t *)(uintptr_t)settings->plugin_defaults);
    if (!cache->settings.flows_max)
        cache->settings.flows_max = FLOWS_MAX;
    if (!cache->settings.bytes_max)
        cache->settings.bytes_max = BYTES_MAX;
    cache->entries = map_new();
    cache->latest = map_new();
    cache->stamp = -1;
    return cache;
}

static void unlink_entry(FlowCache *cache, Entry *entry)
{
    *(entry->newer ? &entry->newer->older : &cache->newest) = entry->older;
    *(entry->older ? &entry->older->newer : &cache->oldest) = entry->newer;
    entry->newer = entry->older = NULL;
}

static void link_newest(FlowCache *cache, Entry *entry)
{
    entry->older = cache->newest;
    *(cache->newest ? &cache->newest->newer : &cache->oldest) = entry;
    cache->newest = entry;
}

static void drop_entry(FlowCache *cache, Entry *entry)
{
    unlink_entry(cache, entry);
    cache->bytes -= entry->bytes;
    (void)map_remove(cache->entries, entry->key); /* it is the entry itself */
    flow_unref(entry->flow);
    free(entry->key);
    free(entry);
}

FlowCache *flow_cache_free(FlowCache *cache)
{
    if (!cache)
        return NULL;
    while (cache->oldest)
        drop_entry(cache, cache->oldest);
    map_destroy(cache->entries, NULL);
    map_destroy(cache->latest, NULL);
    json_decref((json_t *)(uintptr_t)cache->settings.plugin_defaults);
    free(cache);
    return NULL;
}

void flow_cache_expire(FlowCache *cache)
{
    cache->stamp_until = 0;
}

/* Forgets what "latest" meant when the store has changed since. */
void flow_cache_told(FlowCache *cache, int64_t stamp)
{
    usec_t now = clock_monotonic(), believed = cache->settings.stamp_usec;
    if (stamp != cache->stamp) {
        map_destroy(cache->latest, NULL);
        cache->latest = map_new();
        cache->stamp = stamp;
    }
    cache->stamp_until = believed < USEC_INFINITY - now ? now + believed : USEC_INFINITY;
}

static Entry *put_entry(FlowCache *cache, char *key, Flow *flow)
{
    Entry *known = map_get(cache->entries, key);
    if (known)
        drop_entry(cache, known);
    size_t bytes = flow->source ? strlen(flow->source) : 0;
    while (cache->oldest &&
           (map_count(cache->entries) >= cache->settings.flows_max || /* at least the new one is kept */
            cache->bytes + bytes > cache->settings.bytes_max))
        drop_entry(cache, cache->oldest);
    Entry *entry = xnew(Entry);
    entry->key = key;
    entry->bytes = bytes;
    cache->bytes += bytes;
    entry->flow = flow;
    (void)map_put(cache->entries, key, entry); /* there was none */
    link_newest(cache, entry);
    return entry;
}

static char *entry_key(const char *namespace, const char *id, int revision)
{
    return xasprintf("%s/%s/%d", namespace, id, revision);
}

void flow_cache_put(FlowCache *cache, Flow *flow)
{
    (void)put_entry(cache, entry_key(flow->namespace, flow->id, flow->revision), flow_ref(flow));
}

static int check_stamp(FlowCache *cache, Pg *pg)
{
    if (cache->stamp >= 0 && clock_monotonic() < cache->stamp_until)
        return 0;
    int64_t stamp;
    int r = store_flow_stamp(pg, &stamp);
    if (r < 0)
        return r;
    flow_cache_told(cache, stamp);
    return 0;
}

int flow_cache_stamp(FlowCache *cache, Pg *pg, int64_t *ret)
{
    int r = check_stamp(cache, pg);
    if (r == 0)
        *ret = cache->stamp;
    return r;
}

static int compile(FlowCache *cache, const FlowRecord *record, Flow **ret)
{
    FlowParse options = {.registry = cache->settings.registry,
                         .plugin_defaults = cache->settings.plugin_defaults,
                         .revision = record->revision,
                         .lenient = true};
    int r = flow_parse(record->source, strlen(record->source), &options, ret, NULL);
    if (r > 0)
        return FLOW_CACHE_E_BROKEN;
    if (r == 0)
        (*ret)->deleted = record->deleted;
    return r;
}

static int read_flow(FlowCache *cache, Pg *pg, const char *namespace, const char *id, int revision, Flow **ret)
{
    _cleanup_flow_record_ FlowRecord record = {};
    int r = store_flow_get(pg, namespace, id, revision, false, &record);
    if (r != 0)
        return r;
    if (!revision) {
        _cleanup_free_ char *key = xasprintf("%s/%s", namespace, id);
        (void)map_put(cache->latest, key, (void *)(uintptr_t)record.revision);
    }
    char *key = entry_key(namespace, id, record.revision);
    Entry *known = map_get(cache->entries, key);
    if (known) {
        free(key);
        *ret = flow_ref(known->flow);
        return 0;
    }
    Flow *flow;
    r = compile(cache, &record, &flow);
    if (r != 0) {
        free(key);
        return r;
    }
    *ret = flow_ref(put_entry(cache, key, flow)->flow);
    return 0;
}

int flow_cache_get(FlowCache *cache, Pg *pg, const char *namespace, const char *id, int revision, Flow **ret)
{
    int wanted = revision;
    if (!wanted) {
        int r = check_stamp(cache, pg);
        if (r < 0)
            return r;
        _cleanup_free_ char *name = xasprintf("%s/%s", namespace, id);
        wanted = (int)(uintptr_t)map_get(cache->latest, name);
    }
    if (wanted) {
        _cleanup_free_ char *key = entry_key(namespace, id, wanted);
        Entry *entry = map_get(cache->entries, key);
        if (entry) {
            unlink_entry(cache, entry);
            link_newest(cache, entry);
            *ret = flow_ref(entry->flow);
            return 0;
        }
    }
    return read_flow(cache, pg, namespace, id, revision, ret);
}
