/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * How far the children of one flowable (or of the flow itself) have come: what its plan says, which items have begun,
 * how many run, how they ended. Pure bookkeeping: it creates nothing, it only says what may begin next. Every operation
 * costs the same for three items and for ten thousand. Never stored: it can be made again from the task runs
 * (scope_adopt).
 */
#include "plugin/flowable.h"

/* The lists of a scope follow each other: `tasks`; `errors` when one of those failed; `finally`; the flow's
 * `afterExecution`, whose tasks know how it ended. */
typedef enum ScopePhase { PHASE_TASKS, PHASE_ERRORS, PHASE_FINALLY, PHASE_AFTER, _PHASE_MAX } ScopePhase;

/* values × tasks: index = value index * task_count + task index. */
typedef struct ScopeItem {
    const Task *task;
    const char *value; /* borrowed from the plan; NULL: none */
    size_t index;
} ScopeItem;

typedef struct Scope {
    TaskRun *run;     /* whose children these are; NULL: the flow's */
    const Task *task; /* its task; NULL: the flow's */
    const TaskList *lists[_PHASE_MAX];
    FlowablePlan plan; /* owned */
    bool pending;      /* stands in line to be advanced (step.c) */

    /* the current phase */
    ScopePhase phase;
    const Task **tasks; /* without the disabled ones */
    size_t task_count;
    json_t *values; /* borrowed; NULL: one pass without value */
    FlowableOrder order;
    unsigned concurrency;
    size_t next;   /* first item (lanes: value) that has not begun */
    size_t active; /* begun and not terminated */
    bool stopped;  /* a run failed or was killed: nothing more begins in this phase */

    VEC(size_t) ready; /* lanes, graph: items that may begin, first in first out */
    size_t ready_first;
    size_t *lanes; /* lanes: next task of each value */
    size_t lanes_open;
    size_t *waiting;                /* graph: how many dependencies of each task have not ended */
    struct ScopeEdges *edges;       /* graph: who waits for each task */
    struct ScopeAdoption *adoption; /* only while adopting */

    /* how the runs of PHASE_TASKS ended */
    size_t killed, failed, warnings;
} Scope;

/* plan's values and outputs move into the scope. task_run and task NULL: the flow's own list. */
Scope *scope_new(const Flow *flow, TaskRun *task_run, const Task *task, FlowablePlan *plan);
Scope *scope_free(Scope *scope);
DEFINE_CLEANUP(Scope *, scope_free);
/* Takes the next item that may begin now; it counts as active from here on. False: none. */
bool scope_next(Scope *scope, ScopeItem *ret);
/* The run of this item terminated. */
void scope_ended(Scope *scope, ScopePhase phase, size_t item, State state);
/* Nothing runs and nothing more will begin in this phase. killing: what has not begun does not begin. */
bool scope_phase_is_done(const Scope *scope, bool killing);
/* On to the next list that has something to do; false: the scope is over. */
bool scope_enter_next_phase(Scope *scope);
/* guessFinalState of semantics.md 1.4, with the allow flags of its task. */
State scope_state(const Scope *scope);
/* FAILED → WARNING → SUCCESS by the task's allow flags. task NULL: unchanged. */
State scope_allowed_state(const Task *task, State state);

/* After a takeover or an operation: each existing child in order of position, then once scope_adopted(). `state` is
 * what it counts as (one that FAILED and waits for its retry has not ended). False: the run's task is in none of the
 * lists; it is left alone. */
bool scope_adopt(Scope *scope, const TaskRun *child, State state, ScopePhase *ret_phase, size_t *ret_item);
void scope_adopted(Scope *scope);
