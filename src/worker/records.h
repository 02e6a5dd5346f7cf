/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What tasks may ask of executions and logs (run_ask in plugin/run.h), answered over the worker's session between two
 * commits. Answers are bounded: a task with much to do asks several times.
 *
 *   logs: {executionId | namespace, flowId; taskId?, level, page} → {entries: [LogEntry], more}: page by page, oldest
 *     first
 *   delete-logs: {endDate, startDate?, namespace?, flowId?, level?} → {count}; until it is 0
 *   count-executions: {startDate, endDate?, states?, flows?: [{namespace, flowId}], namespaces?} → {counts:
 *     [{namespace, flowId?, count}]}
 *   find-executions: {endDate, startDate?, namespace?, flowId?, states?} → {executions: [{id, namespace, flowId}]}
 *   purge-executions: {executions: [id], execution, logs, metrics} → {executions, logs, metrics}: how many went
 *   subflow-outputs: {executions: [id]} → {outputs: [object or null]}: what children of a ForEachItem left for it
 *   resume-execution: {executionId, inputs?} → {}
 *   namespace-exists: {namespace} → {exists}: whether a flow is in it or below it
 *   describe-execution: {executionId} → {execution, lastTask?, link?}: its row without inputs and outputs, its last
 *     task run (the last that failed, of one that failed), its page
 *
 * A refusal is {error}.
 */
#include "queue/unit.h"
#include "store/flow_cache.h"

enum {
    RECORDS_LOGS_MAX = 500,
    RECORDS_DELETED_MAX = 100000,
};

typedef struct Records {
    Pg *pg;
    Unit *unit; /* orders to executions go here */
    FlowCache *flows;
    const char *encryption_key; /* for SECRET inputs; may be NULL */
    const char *server_url;     /* server.url; may be NULL */
} Records;

/* *ret is new. */
int records_answer(const Records *records, const json_t *question, json_t **ret) _must_check_;
