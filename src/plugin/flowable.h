/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What a flowable type tells the executor: which children there are and in which order they run. The plan is pure data;
 * one engine in executor/ carries all of them out, each step costing O(changed). A new flowable is one function.
 */
#include "model/context.h"

typedef enum FlowableOrder {
    ORDER_SEQUENTIAL, /* one item after another; the first failure ends it */
    ORDER_CONCURRENT, /* all items at once, at most `concurrency` running (0: no bound) */
    ORDER_LANES,      /* items of one value follow each other; at most `concurrency` values at once (ForEach) */
    ORDER_DAG,        /* an item starts when all that it depends on have terminated; bounded by `concurrency` */
} FlowableOrder;

/* Filled by Type.open; executor frees `values` and `outputs`. The items are values × tasks (tasks only without values).
 */
typedef struct FlowablePlan {
    const TaskList *tasks; /* NULL: no branch matched and there is no default → FAILED (Switch) */
    json_t *values;        /* list of texts, or NULL: one pass without value */
    FlowableOrder order;
    unsigned concurrency;
    json_t *outputs;          /* of the flowable itself ({"evaluationResult": true}); or NULL */
    bool failure_is_warning;  /* AllowFailure: FAILED children make it WARNING */
    bool pauses;              /* Pause: the run is PAUSED before its tasks begin */
    usec_t resume_after_usec; /* pauses: goes on by itself after this time; 0: never */
    usec_t end_after_usec;    /* pauses: ends after this time; 0: never */
    State end_state;          /* … so: FAILED, WARNING, or CANCELLED with the whole execution */
} FlowablePlan;

typedef struct FlowableContext {
    const Task *task;
    const TaskRun *task_run;   /* its stored outputs and internal.values keep an earlier decision */
    const ExprContext *render; /* variables of this task run */
    Diag *diag;                /* why it failed */
    usec_t now;
} FlowableContext;

/* Filled by Type.repeat, called when all children have ended well: whether they are to run again (WaitFor). */
typedef struct FlowableRepeat {
    bool again;
    usec_t after_usec;   /* again: when */
    bool failed;         /* not again: the flowable FAILED */
    const char *warning; /* for the log; static; or NULL */
    json_t *outputs;     /* new outputs of the flowable; or NULL: as they were */
} FlowableRepeat;

/* What a RUN_EXECUTOR task asks the executor for; filled by Type.carry_out, all members owned by it. */
typedef enum ExecutorActionKind { ACTION_LABELS, ACTION_SUBFLOW, ACTION_TOGGLE, ACTION_EXIT } ExecutorActionKind;
typedef struct ExecutorAction {
    ExecutorActionKind kind;
    json_t *labels;   /* list of {key, value}: the execution's own, or those of the child; or NULL */
    char *trigger_id; /* ACTION_TOGGLE, with namespace and flow_id (NULL: of this flow) */
    bool enabled;
    State state;               /* ACTION_EXIT: that of the execution */
    char *namespace, *flow_id; /* ACTION_SUBFLOW from here on */
    int revision;              /* 0: the latest */
    json_t *inputs;            /* object or NULL */
    json_t *outputs;           /* templates for the child's end, when its flow declares no outputs; or NULL */
    bool inherit_labels;       /* all labels of the parent, not only system.* */
    bool wait, transmit_failed;
    usec_t schedule_date; /* 0: at once */
} ExecutorAction;
void executor_action_done(ExecutorAction *action);

/* Type.open, repeat and carry_out return 0 or FLOWABLE_E_FAILED (with diag). */
enum {
    FLOWABLE_E_FAILED = 1,
};
