/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * An execution and its task runs: everything about a running flow that changes. Owned by one executor at a time; other
 * roles read snapshots. Encodings are those of the API (spec/api.md 6.1–6.3); what only the owner needs is in
 * `internal`.
 */
#include "base/id.h"
#include "base/map.h"
#include "doc/json.h"
#include "model/flow.h"

typedef struct TaskRunAttempt {
    StateTrail state;
    char *log_file; /* or NULL */
} TaskRunAttempt;

typedef struct TaskRun TaskRun;
struct TaskRun {
    char id[ID_BYTES];
    char *task_id;
    const Task *task;  /* borrowed from the execution's flow; NULL when the flow has no such task */
    TaskRun *parent;   /* NULL at flow level */
    char *value;       /* of the enclosing ForEach…; or NULL */
    int iteration;     /* -1: none */
    unsigned position; /* order in taskRunList, from 0 */
    bool dynamic;
    StateTrail state;
    VEC(TaskRunAttempt) attempts;
    json_t *outputs;  /* object or NULL; owned */
    json_t *internal; /* what the owner needs to go on (ForEach values, retry date …); not shown by the API; or NULL */
    bool dirty;       /* changed since the last commit */
    struct Flowable *flowable; /* executor's private working state; rebuilt from rows, never stored */
};

typedef struct Execution {
    char id[ID_BYTES];
    char *namespace, *flow_id;
    int flow_revision;
    Flow *flow; /* a reference, or NULL until the owner loaded it */
    StateTrail state;
    json_t *inputs, *outputs, *variables, *trigger; /* objects or NULL */
    json_t *labels;                                 /* [{key,value}] */
    char *parent_id;                                /* or NULL */
    char *original_id;
    int attempt_number; /* metadata.attemptNumber */
    usec_t original_created_date;
    usec_t schedule_date; /* 0: none */
    bool deleted;
    VEC(TaskRun *) task_runs; /* by position */
    Map *task_runs_by_id;
    json_t *internal; /* owner's notes; or NULL */
    bool dirty;
    size_t bytes; /* of the rows it was read from */
} Execution;

/* State CREATED; ids and times are passed in. labels: [{key,value}] (a reference is taken), may be NULL. */
Execution *execution_new(const char *id, const char *namespace, const char *flow_id, int flow_revision, usec_t now);
Execution *execution_free(Execution *execution);
DEFINE_CLEANUP(Execution *, execution_free);
/* Appends a task run in state CREATED and marks it dirty. task_id is copied. Borrowed result. */
TaskRun *execution_add_task_run(Execution *execution, const char *id, const char *task_id, const Task *task,
                                TaskRun *parent, const char *value, usec_t now);
TaskRun *execution_task_run(const Execution *execution, const char *id);
/* Removes a run (and nothing else: callers remove children first). */
void execution_remove_task_run(Execution *execution, TaskRun *task_run);

/* The row's body: the API's Execution without taskRunList; `now` is for the duration of a single-entry history. New. */
json_t *execution_encode(const Execution *execution, usec_t now);
json_t *task_run_encode(const Execution *execution, const TaskRun *task_run, usec_t now);
/* From bodies. Positive: not an execution (diag says why). Task runs are decoded one by one, in order of position,
 * parents before children; the caller then sets (*ret)->position to that of the row, and execution->internal. `flow` on
 * the execution, when set, resolves ->task. */
int execution_decode(const json_t *body, Execution **ret, Diag *diag) _must_check_;
int task_run_decode(Execution *execution, const json_t *body, const json_t *internal, TaskRun **ret,
                    Diag *diag) _must_check_;
/* Sets ->flow (a reference is taken) and every task run's ->task. */
void execution_bind_flow(Execution *execution, Flow *flow);

/* Label helpers on [{key,value}] lists. */
const char *label_get(const json_t *labels, const char *key);
/* New list: `base` with the entries of `over` replacing same keys. Either may be NULL. */
json_t *labels_merge(const json_t *base, const json_t *over);
/* [{key,value}] (empty for NULL and JSON null) from a map or a list, values to text. Positive when it is neither. New.
 */
int labels_decode(const json_t *value, json_t **ret) _must_check_;
