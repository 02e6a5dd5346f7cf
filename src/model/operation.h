/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What people do to an execution from outside: restart, replay, resume, kill, … as pure changes of the model. The owner
 * applies them and goes on from the result; the webserver applies them to a copy, to answer at once with what will be.
 * The execution must be bound to its flow (execution_bind_flow) where task kinds matter. Semantics: semantics.md
 * section 9.
 */
#include "model/execution.h"

enum {
    OPERATION_E_STATE = 1,   /* not in this state of the execution (HTTP 409); the Diag says why */
    OPERATION_E_INVALID = 2, /* not with these arguments (422); the Diag says why */
    OPERATION_E_NONE = 3,    /* no such task run (404) */
};

typedef struct Operation {
    usec_t now;
    /* List: {id, open, child} of each task run that went is appended: `open` when it had not ended, `child` the execution
     * that it had started. May be NULL. */
    json_t *removed;
    void (*new_id)(void *userdata, char ret_id[static ID_BYTES]); /* for replays; NULL: id_new */
    void *userdata;
    Diag *diag;
} Operation;

/* Runs again what FAILED or is PAUSED, with its ancestors; error handlers go. Execution RESTARTED. */
int operation_restart(const Operation *operation, Execution *execution) _must_check_;
/* A new execution from an ended one: from scratch (task_run_id NULL), or from a task run on, keeping what came before
 * it. revision 0: the same. `flow` is the one of the new execution. The new execution is CREATED or RESTARTED. */
int operation_replay(const Operation *operation, const Execution *from, Flow *flow, const char *task_run_id,
                     int revision, Execution **ret) _must_check_;
/* Restart with another revision: a new execution with new task-run ids. */
int operation_restart_as(const Operation *operation, const Execution *from, Flow *flow, int revision,
                         Execution **ret) _must_check_;
/* The task run gets this state, its ancestors RUNNING, the execution RESTARTED unless something is still PAUSED. */
int operation_mark_as(const Operation *operation, Execution *execution, const char *task_run_id,
                      State state) _must_check_;
int operation_pause(const Operation *operation, Execution *execution) _must_check_;
/* The first PAUSED task run goes on (`inputs`: its onResume values, may be NULL); without one, the execution. */
int operation_resume(const Operation *operation, Execution *execution, const json_t *inputs) _must_check_;
/* Terminated → another terminated state; nothing runs again. */
int operation_change_status(const Operation *operation, Execution *execution, State state) _must_check_;
/* CREATED, RESTARTED, QUEUED → RUNNING; PAUSED → resumed. */
int operation_force_run(const Operation *operation, Execution *execution) _must_check_;
/* QUEUED → RUNNING. */
int operation_unqueue(const Operation *operation, Execution *execution) _must_check_;
/* Replaces those with the same key. */
void operation_set_labels(Execution *execution, const json_t *labels);
/* A flowable with this state carries on with its children. */
bool task_run_is_flowable(const TaskRun *task_run);
