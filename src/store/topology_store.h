/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What flows say of other flows; kept by store_flow_save and store_flow_delete (schema/0006-flow-reference.sql). */
#include "model/flow.h"
#include "store/store.h"

typedef struct FlowReference {
    char *namespace, *flow_id;          /* the flow that says it */
    char *target_namespace, *target_id; /* whose executions it starts; the target need not be there … */
    json_t *conditions;                 /* … or NULL, and {conditions, preconditions} of a Flow trigger */
} FlowReference;
typedef VEC(FlowReference) FlowReferences;
void flow_references_done(FlowReferences *references);
#define _cleanup_flow_references_ _cleanup_(flow_references_done)

/* Within the caller's transaction: replaces all of this flow; NULL: the flow has gone. */
int store_topology_replace(Pg *pg, const char *namespace, const char *id, const Flow *flow) _must_check_;
/* Those of the flow, to the flow (id NULL: of and to all flows of the namespace), and every Flow trigger. */
int store_topology_read(Pg *pg, const char *namespace, const char *id, FlowReferences *ret) _must_check_;

typedef struct FlowKey {
    char *namespace, *id;
} FlowKey;
typedef VEC(FlowKey) FlowKeys;
void flow_keys_done(FlowKeys *keys);
#define _cleanup_flow_keys_ _cleanup_(flow_keys_done)
/* Of all current flows, by namespace and id. */
int store_topology_flows(Pg *pg, FlowKeys *ret) _must_check_;
