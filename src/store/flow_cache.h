/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Compiled flows in memory, by namespace, id and revision. An explicit revision never changes; "latest" is checked
 * against the store's change stamp. Not thread safe: one cache a thread (web's handler threads each have one).
 */
#include "store/flow_store.h"

typedef struct FlowCache FlowCache;
typedef struct FlowCacheSettings {
    const TypeRegistry *registry;
    const json_t *plugin_defaults; /* of kestra.yaml; a reference is taken; may be NULL */
    size_t flows_max;              /* least recently used go; 0: 1000 */
    size_t bytes_max;              /* of their sources together; 0: 2 MiB */
    usec_t stamp_usec; /* how long an answer of the change stamp is believed; 0: asked at every "latest"; USEC_INFINITY:
                          until flow_cache_expire() */
} FlowCacheSettings;
FlowCache *flow_cache_new(const FlowCacheSettings *settings);
FlowCache *flow_cache_free(FlowCache *cache);
DEFINE_CLEANUP(FlowCache *, flow_cache_free);
/*
 * A reference for the caller (flow_unref). revision 0: the latest that is not deleted. Parsed leniently (a task of an
 * unknown type fails when it runs). STORE_E_NONE: no such flow; FLOW_CACHE_E_BROKEN: its source does not parse.
 */
enum {
    FLOW_CACHE_E_BROKEN = 10,
};
int flow_cache_get(FlowCache *cache, Pg *pg, const char *namespace, const char *id, int revision,
                   Flow **ret) _must_check_;
/* Takes what was just stored, so that the next get does not read it. A reference is taken. Revision must be set. */
void flow_cache_put(FlowCache *cache, Flow *flow);
/* The change stamp is not believed any more: the next "latest" asks for it. */
void flow_cache_expire(FlowCache *cache);
/* The same with what the store said: spares the question. */
void flow_cache_told(FlowCache *cache, int64_t stamp);
/* The change stamp of flows, as far as it is believed; for what else is made of the current flows. */
int flow_cache_stamp(FlowCache *cache, Pg *pg, int64_t *ret) _must_check_;
