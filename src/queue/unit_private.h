/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What a unit holds: one vector a record kind, in the order of the calls. Read by queue_pg and queue_mem only. */
#include "queue/unit.h"

typedef enum UnitAsideOf { ASIDE_EVENT, ASIDE_JOB, ASIDE_TIMER } UnitAsideOf;
typedef struct UnitAside {
    UnitAsideOf of;
    const char *id;
    int64_t sequence;
    const char *key, *name; /* of a timer */
    const char *reason;
} UnitAside;
typedef struct UnitResult {
    int64_t job_sequence;
    unsigned shard;
    const char *key, *kind, *body;
    const char *namespace, *flow_id,
        *trigger_id; /* of a trigger's job: no event but a command; NULL: a task run's job */
} UnitResult;
typedef struct UnitExecution {
    const char *id, *namespace, *flow_id, *parent_execution_id;
    const char *labels; /* {key: value}, for searches */
    const char *body, *internal;
    int flow_revision;
    unsigned shard;
    State state;
    usec_t start_date, end_date, duration;
    bool created;       /* with its event */
    bool has_task_runs; /* when created: the owner has to load it (task runs, notes) */
} UnitExecution;
typedef struct UnitTaskRun {
    const char *execution_id, *id;
    unsigned position;
    const char *body, *internal;
    bool removed;
} UnitTaskRun;
typedef struct UnitDelete {
    const char *execution_id;
    bool logs, metrics;
} UnitDelete;
typedef struct UnitTimer {
    const char *key, *name;
    unsigned shard;
    usec_t date;
    const char *body; /* or NULL */
    bool cleared;
} UnitTimer;
typedef struct UnitTrigger {
    const char *namespace, *flow_id, *trigger_id;
    unsigned shard;
    const char *body, *execution_id, *worker_id;
    usec_t next_date;
    uint64_t declaration;
    bool removed;
} UnitTrigger;
typedef struct UnitTriggerCommand {
    const char *namespace, *flow_id, *trigger_id, *kind, *arguments;
} UnitTriggerCommand;
typedef struct UnitEvent {
    unsigned shard;
    const char *key, *kind, *body;
} UnitEvent;
typedef struct UnitJob {
    const char *worker_group, *execution_id, *task_run_id, *body;
    int attempt;
    unsigned ahead; /* unit_job_stands_behind() */
    bool killed;
} UnitJob;

struct Unit {
    Arena *arena; /* every text below */
    Buffer scratch;
    Map *index; /* "<kind><id>" → 1 + position in its vector, for kinds where a later call replaces */
    VEC(int64_t) acks;
    VEC(UnitAside) asides;
    VEC(UnitResult) results;
    VEC(UnitExecution) executions;
    VEC(UnitTaskRun) task_runs;
    VEC(UnitDelete) deletes;
    VEC(UnitTimer) timers;
    VEC(UnitTrigger) triggers;
    VEC(UnitTriggerCommand) trigger_commands;
    VEC(int64_t) finished_commands; /* sequences */
    VEC(UnitEvent) events;
    VEC(UnitJob) jobs;
    VEC(const char *) cancels;
    VEC(const char *) kills;
    VEC(LogEntry) logs;
    VEC(MetricEntry) metrics; /* tags as text in metric_tags at the same index */
    VEC(const char *) metric_tags;
    VEC(const char *) followers;
    uint64_t event_shards; /* whose owners get events */
    uint64_t owned_shards; /* whose state is written: this instance must own them */
    uint64_t changes;      /* grows with every call */
    /* Set by queue_commit: the number under which `tried_changes` were tried; a retry of the same uses the same number.
     */
    int64_t number;
    char tried_by[ID_BYTES]; /* the instance */
    uint64_t tried_changes;
};
