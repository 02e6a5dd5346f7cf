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

/* Filled by Type.open; executor frees `values` and `outputs`. The items are values × tasks (tasks only without values). */
typedef struct FlowablePlan {
    const TaskList *tasks;   /* NULL: no branch matched and there is no default → FAILED (Switch) */
    json_t *values;          /* list of texts, or NULL: one pass without value */
    FlowableOrder order;
    unsigned concurrency;
    json_t *outputs;         /* of the flowable itself ({"evaluationResult": true}); or NULL */
    bool failure_is_warning; /* AllowFailure: FAILED children make it WARNING */
} FlowablePlan;

typedef struct FlowableContext {
    const Task *task;
    const TaskRun *task_run;   /* its stored outputs and internal.values keep an earlier decision */
    const ExprContext *render; /* variables of this task run */
    Diag *diag;                /* why it failed */
} FlowableContext;
/* Type.open returns 0 or FLOWABLE_E_FAILED (with diag). */
enum {
    FLOWABLE_E_FAILED = 1,
};
