/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Private to the executor's core: an execution in memory, and what the files of the core do for each other. */
#include "executor/scope.h"
#include "executor/step.h"
#include "model/operation.h"

/* TaskRun.flowable: where the run stands among its siblings, and its own children. */
struct Flowable {
    size_t item;
    ScopePhase phase;
    bool counted;    /* the parent's scope counts it */
    bool in_line;    /* Live.in_line counts it */
    Scope *children; /* NULL: none open */
};

struct Live {
    Execution *execution;
    OutputsTree *outputs;
    char *flow_problem;    /* why there is no flow; or NULL */
    char *outputs_problem; /* why the flow's outputs could not be made when it ended; or NULL */
    bool built;            /* the scopes are there */
    bool deleted;
    unsigned begun;    /* task runs, since the last step_save() */
    bool advanced;     /* at least one has begun to run since then */
    unsigned children; /* executions begun that nobody waits for, since then */
    unsigned behind;   /* how many executions stood before this one when it was begun with many; until then */
    unsigned in_line;  /* jobs that no worker has reported, and executions that are waited for */
    bool postponed;    /* a timer goes on with what is in line */
    Scope *root;       /* NULL: not begun, or ended */
    /* Scopes to advance, first in first out. While PAUSED or QUEUED they stay in line. */
    VEC(Scope *) line;
    size_t line_first;
    VEC(TaskRun *) retry_line; /* FAILED runs that wait until another's retry has begun */
    VEC(TaskRun *) unbegun;    /* CREATED or RESTARTED runs that did not fit into the unit, in order: they are next */
    VEC(TaskRun *) changed;    /* dirty task runs, in order */
    Map *reads;                /* task id → paths its templates read, or JSON true: all */
};

/* live.c: memory and rebuilding */
void live_forget_scopes(Live *live);
/* Opens the scopes anew from the task runs and puts them in line. Nothing is started. */
void live_rebuild(Step *step, Live *live);
Scope *live_scope_of(const Live *live, const TaskRun *run); /* among whose items the run is; NULL: none */
void live_line_up(Live *live, Scope *scope);
Scope *live_next_in_line(Live *live); /* there is one */
void live_remove_run(Step *step, Live *live, TaskRun *run);

/* change.c: the verbs by which everything changes */
State live_state(const Live *live);
void change_execution(Step *step, Live *live, State state);
/* The same, but flow triggers do not see it: the caller publishes when the rest is there too. */
void change_execution_silently(Step *step, Live *live, State state);
void change_run(Step *step, Live *live, TaskRun *run, State state, usec_t date);
void change_mark(Live *live, TaskRun *run);
/* Replaces the outputs (stolen, may be NULL). */
void change_outputs(Live *live, TaskRun *run, json_t *outputs);
void change_internal(Live *live, TaskRun *run, const char *key, json_t *value);
/* The run has a job in line, or an execution under way, until its state changes. */
void change_line_up(Live *live, TaskRun *run);
/* How many of its own stand before what this execution would begin now. */
unsigned change_ahead(const Live *live);
/* A new task run; its id comes from the step's random bits. */
TaskRun *change_add_run(Step *step, Live *live, const Task *task, TaskRun *parent, const char *value);
void change_new_id(Step *step, char ret_id[static ID_BYTES]);
void change_set_timer(Step *step, Live *live, const char *name, const TaskRun *run, usec_t date);
void change_clear_timer(Step *step, Live *live, const char *name, const TaskRun *run);
/* limits.message, in bytes. */
size_t change_message_max(const Step *step);
/* False when the message is longer than that; the log says so then, of `what` ("what the task is given"). run may be
 * NULL. */
bool change_fits(Step *step, Live *live, const TaskRun *run, const json_t *message, const char *what);
/* A line in the execution's log; run may be NULL. */
void change_log(Step *step, Live *live, const TaskRun *run, int level, const char *format, ...) _printf_(5, 6);

/* render.c: expressions as the executor sees them */
typedef struct Render {
    json_t *variables; /* owned */
    ExprContext context;
} Render;
/* run and task may be NULL. */
Render render_begin(const Step *step, const Live *live, const TaskRun *run, const Task *task);
void render_done(Render *render);
#define _cleanup_render_ _cleanup_(render_done)
/* What a job of this task run needs of the variables. New. */
json_t *render_job_variables(const Step *step, Live *live, const TaskRun *run);

/* begin.c: a task run begins */
/* The item's run, in state CREATED; begin_run() follows. */
void begin_item(Step *step, Live *live, Scope *scope, const ScopeItem *item);
/* CREATED or RESTARTED. */
void begin_run(Step *step, Live *live, TaskRun *run);
/* The same, or it waits in live->unbegun while the unit is full. */
void begin_run_or_wait(Step *step, Live *live, TaskRun *run);
bool begin_waits(const TaskRun *run);
/* Those that wait, as long as the unit is not full. */
void begin_waiting_runs(Step *step, Live *live);
/* The plan of a flowable run, from what it decided earlier where it did. FLOWABLE_E_FAILED with the step's diag. */
int begin_plan(Step *step, Live *live, TaskRun *run, FlowablePlan *ret);

/* end.c: a task run, a scope, the execution ends */
void end_run(Step *step, Live *live, TaskRun *run, State state, usec_t date);
void end_scope(Step *step, Live *live, Scope *scope);
void end_execution(Step *step, Live *live, State state);
/* The run waits for no retry and no pause any more. */
void end_waiting(Step *step, Live *live, TaskRun *run);
/* The execution is not in the way of its trigger any more. */
void end_tell_trigger(Step *step, const Live *live);
/* Whatever runs is taken away from its worker; the execution has this state now. */
void end_at_once(Step *step, Live *live, State state);
/* The same for one that another will follow: who waits for its end waits for that one's. */
void end_as_retried(Step *step, Live *live);

/* retry.c */
/* Whether the FAILED attempt is to be made again; if so everything for it has been done. */
bool retry_take(Step *step, Live *live, TaskRun *run);
void retry_due(Step *step, Live *live, TaskRun *run);
void retry_flow_due(Step *step, Live *live);
/* The policy that applies to the run; NULL: none. */
const Retry *retry_policy(const Live *live, const TaskRun *run);

/* result.c */
/* Those of its attempts that ended with the worker that made them. */
size_t result_attempts_lost(const TaskRun *run);
int result_apply(Step *step, Live *live, const json_t *body);

/* pause.c */
void pause_begin(Step *step, Live *live, TaskRun *run, const FlowablePlan *plan);
void pause_clear_timers(Step *step, Live *live, TaskRun *run);
/* All children of `run` ended with *state: true when they are to run again (the run is PAUSED then); otherwise *state
 * may have become FAILED. */
bool pause_before_next_round(Step *step, Live *live, TaskRun *run, State *state);
void pause_resume_due(Step *step, Live *live, TaskRun *run);
void pause_expire_due(Step *step, Live *live, TaskRun *run);
void pause_round_due(Step *step, Live *live, TaskRun *run);
/* An execution that only waits for pauses goes on and is killed at once, as Kestra shows it. False: it is not such a
 * one. */
bool pause_kill(Step *step, Live *live);

/* subflow.c: RUN_EXECUTOR tasks */
void subflow_carry_out(Step *step, Live *live, TaskRun *run);
/* The execution ended so: who waits for it is told. */
void subflow_tell_parent(Step *step, Live *live, State state);
void subflow_kill_children(Step *step, Live *live);

/* items.c: the executions of a ForEachItem; whether the run has started any */
bool items_has(const TaskRun *run);
void items_continue(Step *step, Live *live, TaskRun *run);
/* Whether the run waits for any of them. */
bool items_are_open(const TaskRun *run);

/* limit.c: concurrency limits */
/* True: the execution has to wait for the answer. */
bool limit_ask(Step *step, Live *live);
void limit_force(Step *step, Live *live);
void limit_release(Step *step, Live *live);

/* listen.c: the state of the execution changed; flows that listen are started */
void listen_publish(Step *step, Live *live);

/* sla.c */
void sla_begin(Step *step, Live *live);
void sla_check(Step *step, Live *live);
void sla_due(Step *step, Live *live, const char *id);
void sla_end(Step *step, Live *live);

/* act.c: one function for each kind of event, used by transitions.c */
typedef int (*Action)(Step *step, Live *live, const json_t *body);
typedef struct Transition {
    EventKind event;
    uint32_t from; /* bits of the execution's states */
    Action action;
    const char *doc; /* what follows */
} Transition;
extern const Transition transitions[];
extern const size_t transition_count;
int act_begin(Step *step, Live *live, const json_t *body);
int act_kill(Step *step, Live *live, const json_t *body);
int act_kill_ended(Step *step, Live *live, const json_t *body);
int act_kill_retried(Step *step, Live *live, const json_t *body);
int act_restart(Step *step, Live *live, const json_t *body);
int act_resume(Step *step, Live *live, const json_t *body);
int act_pause(Step *step, Live *live, const json_t *body);
int act_change_status(Step *step, Live *live, const json_t *body);
int act_mark_as(Step *step, Live *live, const json_t *body);
int act_force_run(Step *step, Live *live, const json_t *body);
int act_unqueue(Step *step, Live *live, const json_t *body);
int act_labels(Step *step, Live *live, const json_t *body);
int act_follow(Step *step, Live *live, const json_t *body);
int act_delete(Step *step, Live *live, const json_t *body);
int act_timer(Step *step, Live *live, const json_t *body);
int act_slot_answer(Step *step, Live *live, const json_t *body);
/* RUNNING: nothing is left to wait for. */
void act_start(Step *step, Live *live);
int act_child_end(Step *step, Live *live, const json_t *body);
/* Around an operation of model/operation.h; r is its answer. */
Operation act_operation_begin(Step *step, Live *live);
int act_operation_end(Step *step, Live *live, Operation *operation, int r);
/* Goes on from what an operation left: opens the scopes anew, starts RESTARTED runs. */
void act_resync(Step *step, Live *live);
/* How much an execution begins in a batch. */
size_t step_begun_max(const Step *step);
/* The unit holds what a batch may, and this execution has gone on in it: the rest follows in the next. */
bool step_is_full(const Step *step, const Live *live);
/* Advances every scope in line until nothing more can begin. */
void step_advance(Step *step, Live *live);
