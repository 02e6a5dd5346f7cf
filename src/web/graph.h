/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The FlowGraph of a flow or of an execution (spec/api.md 6.9): nodes, edges and clusters as Kestra's GraphUtils makes
 * them. Pure but for the flows of expanded subflows, which are asked for.
 */
#include "model/execution.h"

typedef struct GraphSource {
    const Flow *flow;
    const Execution *execution;   /* draw this execution of the flow ("for execution" form); NULL: the flow itself */
    usec_t now;                   /* for the durations of what has not begun */
    const json_t *trigger_states; /* trigger id → the API's Trigger; or NULL */
    const json_t *subflows;       /* list of uids of subflow nodes that are to be expanded; or NULL */
    /* The latest (0) or the given revision of a flow, borrowed until the graph is made. Positive: there is none. */
    int (*find_flow)(void *userdata, const char *namespace, const char *id, int revision, const Flow **ret);
    void *userdata;
} GraphSource;

enum {
    GRAPH_E_SUBFLOW = 1, /* a subflow that is to be expanded cannot be: the Diag says why */
};
/* New. */
int graph_make(const GraphSource *source, json_t **ret, Diag *diag) _must_check_;
