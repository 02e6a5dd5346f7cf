/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * A unit of work: all that one step (or a batch of steps) changes and says, collected in memory and committed at once
 * by queue_commit(). A crash anywhere means that it happened or that it did not.
 */
#include "model/execution.h"
#include "model/log_entry.h"

typedef struct Unit Unit;
Unit *unit_new(void);
void unit_reset(Unit *unit);
Unit *unit_free(Unit *unit);
DEFINE_CLEANUP(Unit *, unit_free);
bool unit_is_empty(const Unit *unit);
/* A commit stays small, in memory too: who fills a unit stops when it holds so much, and goes on with the next. One
 * message may take it beyond that. */
enum { UNIT_BYTES_MAX = 8 * 1024 * 1024 };
size_t unit_bytes(const Unit *unit);

/* --- what was consumed --- */
/* The event is done: its row goes. */
void unit_ack_event(Unit *unit, int64_t sequence);
/* A poison message is moved to table `poison` under an id of the caller's (one that id_new() could have made), with the
 * reason; there it is visible, and can be replayed (store/poison_store.h). An event; a job that this instance holds; a
 * timer that came due, which becomes an event of kind "timer". */
void unit_set_aside(Unit *unit, const char *id, int64_t sequence, const char *reason);
void unit_set_aside_job(Unit *unit, const char *id, int64_t sequence, const char *reason);
void unit_set_aside_timer(Unit *unit, const char *id, const char *key, const char *name, const char *reason);
/* Worker: the job is done; `body` (stolen) becomes an event of `kind` for the owner of `key`, but only if this instance
 * still holds the job: a late result of a job that was given to another worker is refused and counted. */
void unit_finish_job(Unit *unit, int64_t job_sequence, const char *key, const char *kind, json_t *body);
/* The jobs that were finished so, by position; false: there are no more. */
bool unit_finished_job(const Unit *unit, size_t position, int64_t *ret_sequence);
/* The same for a job of a trigger: the result becomes a trigger command. A trigger whose row is gone gets none. */
void unit_finish_trigger_job(Unit *unit, int64_t job_sequence, const char *namespace, const char *flow_id,
                             const char *trigger_id, const char *kind, json_t *arguments);

/* --- state: rows written by their owner only; a later call for the same id within the unit replaces the earlier --- */
void unit_save_execution(Unit *unit, const Execution *execution, usec_t now);
void unit_save_task_run(Unit *unit, const Execution *execution, const TaskRun *task_run, usec_t now);
void unit_remove_task_run(Unit *unit, const char *execution_id, const char *task_run_id);
/* The execution with its task runs, jobs, timers and events; logs and metrics too when asked. */
void unit_delete_execution(Unit *unit, const char *execution_id, bool logs, bool metrics);
/* Timers of the shard that owns key; the same (key, name) replaces. body is stolen, may be NULL. */
void unit_set_timer(Unit *unit, const char *key, const char *name, usec_t date, json_t *body);
void unit_clear_timer(Unit *unit, const char *key, const char *name);
/* The trigger's row. */
typedef struct TriggerState {
    const char *namespace, *flow_id, *trigger_id;
    const json_t *body;   /* spec/api.md 6.8 */
    usec_t next_date;     /* next slot; 0: none */
    uint64_t declaration; /* text_hash of what the flow says of the trigger */
} TriggerState;
void unit_save_trigger(Unit *unit, const TriggerState *state);
void unit_remove_trigger(Unit *unit, const char *namespace, const char *flow_id, const char *trigger_id);
/* Everybody else asks the scheduler that holds the trigger's shard, which writes the row: a change of plugin/schedule.h
 * with its arguments (stolen; NULL: none). Schedulers are rung after the commit. Nothing is sent to a trigger without a
 * row. (queue_mem has no scheduler beside it and forgets commands.) */
void unit_send_trigger_command(Unit *unit, const char *namespace, const char *flow_id, const char *trigger_id,
                               const char *kind, json_t *arguments);
/* The scheduler: the command is done by this unit. */
void unit_finish_trigger_command(Unit *unit, int64_t sequence);

/* --- messages --- */
/* To the executor that owns key (an execution id …); body is stolen. */
void unit_send_event(Unit *unit, const char *key, const char *kind, json_t *body);
/* A new execution: its row in state CREATED (or QUEUED …) and its first event "created" {execution}, in one commit.
 * Anyone who starts executions uses this. One that comes with task runs (replay) gets their rows too, and its event is
 * {}: the owner loads it. An id that exists already is left alone, without an event: creating twice is harmless. */
void unit_create_execution(Unit *unit, const Execution *execution, usec_t now);
/* A job for a worker of `worker_group` ("" = default). body is stolen. One that evaluates a trigger has the trigger's
 * key in place of a task run's id, and the id that its execution would get; a chore of an execution that is gone any
 * other key. */
void unit_dispatch_job(Unit *unit, const char *worker_group, const char *execution_id, const char *task_run_id,
                       int attempt, json_t *body);
/* The job that was dispatched last: so many others of its execution are in line already. A job's turn comes after as
 * many rounds, in each of which every execution gets one of its own. */
void unit_job_stands_behind(Unit *unit, unsigned ahead);
/* The job of this task run goes, claimed or not; its worker, told by the ring, ends what it had begun. */
void unit_cancel_job(Unit *unit, const char *task_run_id);
/* The worker that holds the job is told to kill it; it reports state KILLED as its result. */
void unit_kill_job(Unit *unit, const char *task_run_id);
void unit_log(Unit *unit, const LogEntry *entry);       /* copied */
void unit_metric(Unit *unit, const MetricEntry *entry); /* copied */
/* Webservers that follow this execution are rung after the commit. */
void unit_tell_followers(Unit *unit, const char *execution_id);
