/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Trigger states (spec/api.md 6.8). Written by the scheduler's units of work (unit_save_trigger), removed with their
 * flow. */
#include "store/store.h"

typedef struct TriggerRecord {
    char *namespace, *flow_id, *trigger_id;
    json_t *body;         /* the API's Trigger */
    usec_t next_date;     /* 0: none */
    bool is_declared;     /* `declaration` is known */
    uint64_t declaration; /* of which declaration the body speaks */
    bool orphaned;        /* it is locked by an execution that has ended or is gone */
} TriggerRecord;
void trigger_record_done(TriggerRecord *record);
#define _cleanup_trigger_record_ _cleanup_(trigger_record_done)
typedef VEC(TriggerRecord) TriggerRecords;
void trigger_records_done(TriggerRecords *records);
#define _cleanup_trigger_records_ _cleanup_(trigger_records_done)

/* The key whose shard owns a trigger: "namespace_flowId_triggerId". Caller frees. */
char *trigger_key(const char *namespace, const char *flow_id, const char *trigger_id);
/* All of the given shards (bit s: shard s), for the scheduler after it gained them. */
int store_trigger_load(Pg *pg, uint64_t shards, TriggerRecords *ret) _must_check_;
/* What people asked of triggers and no scheduler has done yet. */
typedef struct TriggerCommand {
    int64_t sequence;
    char *key; /* trigger_key */
    char *kind;
    json_t *arguments;
} TriggerCommand;
typedef VEC(TriggerCommand) TriggerCommands;
void trigger_commands_done(TriggerCommands *commands);
#define _cleanup_trigger_commands_ _cleanup_(trigger_commands_done)
/* Of the given shards, in the order in which they were sent. */
int store_trigger_commands(Pg *pg, uint64_t shards, TriggerCommands *ret) _must_check_;
/* Whether a command of this trigger waits. */
int store_trigger_command_waits(Pg *pg, const char *namespace, const char *flow_id, const char *trigger_id,
                                bool *ret) _must_check_;
/* STORE_E_NONE */
int store_trigger_get(Pg *pg, const char *namespace, const char *flow_id, const char *trigger_id,
                      TriggerRecord *ret) _must_check_;
typedef struct TriggerQuery {
    const char *q, *namespace; /* namespace: equal or prefix + "." */
    bool namespace_exact;
    const char *flow_id, *worker_id;
    const StoreFilter *filters; /* fields: q namespace flowId triggerId workerId */
    size_t filter_count;
    StorePaging paging; /* sorts: flowId triggerId executionId nextExecutionDate namespace */
} TriggerQuery;
/* Bodies are the API's Trigger. */
int store_trigger_search(Pg *pg, const TriggerQuery *query, StorePage *ret, Diag *diag) _must_check_;
