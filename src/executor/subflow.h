/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Private to the executor's core: what Subflow (subflow.c) and the items of a ForEachItem (items.c) share. */
#include "executor/live.h"

enum {
    SUBFLOW_E_REFUSED = 1, /* no such flow, a disabled one, or wrong inputs; the Diag says why */
};

/* An attempt that the executor made itself, ended in this state. */
void subflow_add_attempt(Step *step, TaskRun *run, State state);
/* The execution that the action asks for, nowhere stored yet; caller frees. */
int subflow_new_child(Step *step, Live *live, TaskRun *run, const ExecutorAction *action, const char *id,
                      Execution **ret, Diag *diag) _must_check_;
/* So many others of its parent stand before what it begins with (unit_job_stands_behind). */
void subflow_line_up(Execution *child, unsigned ahead);
/* Stores it, with its first event and a line in the parent's log. */
void subflow_create(Step *step, Live *live, const TaskRun *run, const Execution *child);

/* items.c, beside what live.h says of it. */
void items_begin(Step *step, Live *live, TaskRun *run);
/* EVENT_CHILD_END of one of them. */
int items_child_end(Step *step, Live *live, TaskRun *run, const json_t *body) _must_check_;
void items_kill_children(Step *step, const TaskRun *run);
