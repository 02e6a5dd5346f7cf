/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Reading executions. They are written by units of work only (queue/unit.h). */
#include "model/execution.h"
#include "store/store.h"

typedef enum ChildFilter {
    CHILD_FILTER_ANY,
    CHILD_FILTER_CHILD, /* has a parent execution (trigger.variables.executionId) */
    CHILD_FILTER_MAIN,
} ChildFilter;

/* XF of spec/api.md 1.5. */
typedef struct ExecutionQuery {
    const char *q;
    StoreScope scope;
    const char *system_namespace; /* NULL: "system" */
    const char *namespace;        /* equal or prefix + "."; exact when flow_id is given too, or namespace_exact */
    bool namespace_exact;
    const char *flow_id;
    const char *const *flows; /* "namespace/id", flow_count of them; 0: any */
    size_t flow_count;
    usec_t start_date,
        end_date;    /* start_date >= …, end_date <= …; 0: none (timeRange: the caller computes start_date) */
    uint32_t states; /* bit (1u << State); 0: any */
    const StoreLabel *labels;
    size_t label_count;
    const char *trigger_execution_id;
    ChildFilter child_filter;
    const StoreFilter *filters; /* fields: q namespace flowId state labels startDate endDate timeRange scope
                                   triggerExecutionId childFilter id */
    size_t filter_count;
    usec_t now;         /* for filters on timeRange */
    StorePaging paging; /* sorts: id state.startDate state.endDate state.duration namespace flowId state.current */
} ExecutionQuery;

/* The API's Execution as JSON text, taskRunList included; STORE_E_NONE. */
int store_execution_write(Pg *pg, const char *id, const StoreSink *sink) _must_check_;
/* The same as one text. Caller frees. */
int store_execution_get(Pg *pg, const char *id, char **ret_json) _must_check_;
/* Decoded, with all task runs; STORE_E_NONE. */
int store_execution_load(Pg *pg, const char *id, Execution **ret) _must_check_;
/* {"results":[…],"total":n} */
int store_execution_search(Pg *pg, const ExecutionQuery *query, const StoreSink *sink, Diag *diag) _must_check_;
/* Ids only, without limit unless paging has one: by-query operations. */
int store_execution_ids(Pg *pg, const ExecutionQuery *query, Texts *ret, Diag *diag) _must_check_;
int store_execution_count(Pg *pg, const ExecutionQuery *query, int64_t *ret, Diag *diag) _must_check_;

typedef struct ExecutionHead {
    char id[ID_BYTES];
    char *namespace, *flow_id;
    int flow_revision;
    State state;
} ExecutionHead;
typedef VEC(ExecutionHead) ExecutionHeads;
void execution_heads_done(ExecutionHeads *heads);
#define _cleanup_execution_heads_ _cleanup_(execution_heads_done)
/* What bulk operations check; unknown ids are left out; in the order of ids. */
int store_execution_heads(Pg *pg, const char *const *ids, size_t count, ExecutionHeads *ret) _must_check_;
/* Of each flow ("namespace/id") the execution that ended last: ids, in the order of the flows; none where there is
 * none. */
int store_execution_latest(Pg *pg, const char *const *flows, size_t count, Texts *ret) _must_check_;
/* What each of them, started by a ForEachItem, left for it (queue: internal.subflowOutputs): a JSON text, or NULL where
 * there is nothing; and which execution followed it as a retry, or NULL. In the order of ids. */
int store_execution_subflow_outputs(Pg *pg, const char *const *ids, size_t count, Texts *ret_outputs,
                                    Texts *ret_successors) _must_check_;
/* State, and a text that is another after every change of the execution or a task run of it; STORE_E_NONE. Caller
 * frees. */
int store_execution_version(Pg *pg, const char *id, State *ret_state, char **ret_version) _must_check_;
/* State of one; STORE_E_NONE. Cheap: followers and `wait` ask this first. */
int store_execution_state(Pg *pg, const char *id, State *ret) _must_check_;

typedef struct ExecutionCount {
    char *namespace, *flow_id; /* NULL when not grouped by it */
    usec_t date;               /* bucket, or 0 */
    State state;
    int64_t count;
    usec_t duration_min, duration_max, duration_sum;
} ExecutionCount;
typedef VEC(ExecutionCount) ExecutionCounts;
void execution_counts_done(ExecutionCounts *counts);
#define _cleanup_execution_counts_ _cleanup_(execution_counts_done)
typedef enum CountGroup {
    COUNT_BY_NAMESPACE = 1 << 0,
    COUNT_BY_FLOW = 1 << 1, /* namespace and flow */
} CountGroup;
/* Counts by state and group, in buckets of "month", "week", "day", "hour", "minute" (NULL: none) in the session's time
 * zone. */
int store_execution_counts(Pg *pg, const ExecutionQuery *query, unsigned group, const char *bucket,
                           ExecutionCounts *ret, Diag *diag) _must_check_;
