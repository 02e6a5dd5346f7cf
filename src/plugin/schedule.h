/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * One trigger that starts executions by itself, at dates (Schedule, ScheduleOnDates) or by asking at intervals whether
 * there is something to do (polling triggers): when it is due next, the execution of each slot, and what people change
 * about it. Pure: time and randomness are passed in. The scheduler that holds the trigger's shard applies changes; the
 * webserver applies them to a copy, to refuse what cannot be and to answer with what will be. Sources:
 * io.kestra.plugin.core.trigger.Schedule, .ScheduleOnDates; io.kestra.core.models.triggers.Trigger,
 * .PollingTriggerInterface; io.kestra.core.schedulers.AbstractScheduler.
 *
 * While an execution of it runs, or a worker evaluates it, it is locked: the slots to come wait, and are not lost.
 *
 * Differences on purpose: a list of dates that has ended has no next date (Kestra shows a date in a year).
 */
#include "model/execution.h"
#include "plugin/schedule_slots.h"

enum {
    SCHEDULE_E_INVALID = 1,  /* cron, dates, time zone or duration cannot be used; the Diag says why */
    SCHEDULE_E_NONE = 2,     /* the slot makes no execution (conditions do not hold) */
    SCHEDULE_E_REFUSED = 3,  /* the change cannot be made with these arguments (HTTP 400); the Diag says why */
    SCHEDULE_E_STATE = 4,    /* the change does not fit the trigger's state (HTTP 409); the Diag says why */
    SCHEDULE_E_EVALUATE = 5, /* a worker has to evaluate it: schedule_job */
};

/* What happens to slots that passed while nobody looked: kestra's recoverMissedSchedules. */
typedef enum ScheduleRecovery {
    RECOVER_ALL,
    RECOVER_LAST,
    RECOVER_NONE,
} ScheduleRecovery;

typedef struct Schedule Schedule;

/*
 * trigger must be one of flow for which schedule_slots_has; a reference to flow is taken. row: the stored trigger state
 * (spec/api.md 6.8), whose missed slots are recovered by the trigger's rule; NULL for a trigger never seen.
 */
int schedule_new(Flow *flow, const Trigger *trigger, const json_t *row, usec_t now, const ScheduleWorld *world,
                 Schedule **ret, Diag *diag) _must_check_;
Schedule *schedule_free(Schedule *schedule);
DEFINE_CLEANUP(Schedule *, schedule_free);
/* When it is to be fired: the next slot; USEC_INFINITY when disabled, paused, locked, or when there is none. */
usec_t schedule_next(const Schedule *schedule);
/* The next slot as the row shows it, also of a backfill that is paused; 0: none. */
usec_t schedule_next_date(const Schedule *schedule);
/* Disabled by its flow's source. */
bool schedule_is_off(const Schedule *schedule);
/* Evaluated by workers, at intervals. */
bool schedule_is_polling(const Schedule *schedule);
/* A job for it is out. */
bool schedule_is_evaluating(const Schedule *schedule);
const Flow *schedule_flow(const Schedule *schedule);
const Trigger *schedule_trigger(const Schedule *schedule);
/* The row to store. New. */
json_t *schedule_encode(const Schedule *schedule);

typedef struct ScheduleFire {
    usec_t now;
    char execution_id[ID_BYTES];
} ScheduleFire;

/*
 * Consumes the slot schedule_next(): moves on to the following one and gives its execution. An input or a condition
 * that cannot be rendered gives an execution in state FAILED, with the reason in diag. SCHEDULE_E_NONE: conditions did
 * not hold. SCHEDULE_E_EVALUATE: the job of the same `fire` has to go out in the commit that saves the row.
 */
int schedule_fire(Schedule *schedule, const ScheduleFire *fire, Execution **ret, Diag *diag) _must_check_;
/* The message for the worker: {flow, triggerId, executionId, evaluateRunningDate, variables}. New. */
json_t *schedule_job(const Schedule *schedule, const ScheduleFire *fire);
/* Whose workers may evaluate it; "": the default group. Borrowed. */
const char *schedule_worker_group(const Schedule *schedule);

/* Kinds of trigger commands that are not asked for by people. From the worker that evaluates: it has begun
 * {evaluateRunningDate, workerId}, and its result {evaluateRunningDate, executionId, fires, outputs?}:
 * schedule_take_result. From the executor: {executionId, state}. */
#define SCHEDULE_EVALUATION_RUNS  "evaluationRuns"
#define SCHEDULE_EVALUATION_ENDED "evaluationEnded"
#define SCHEDULE_EXECUTION_ENDED  "executionEnded"
/* The evaluation that runs, if any, is not wanted any more. */
void schedule_end_evaluation(Schedule *schedule, usec_t now);
/* The execution that the evaluation starts. SCHEDULE_E_NONE: it starts none. SCHEDULE_E_STATE: the result is late. */
int schedule_take_result(Schedule *schedule, const json_t *result, usec_t now, Execution **ret,
                         Diag *diag) _must_check_;

/*
 * A change that people ask for, with the row of the API as arguments:
 *   update           {disabled?, backfill?}: enables or disables, starts a backfill
 *   setDisabled      {disabled}
 *   backfillPause, backfillUnpause, backfillDelete
 *   unlock, restart
 * or that follows from what happened (kinds above).
 * What was missed while it was disabled is recovered by the trigger's rule. SCHEDULE_E_REFUSED or SCHEDULE_E_STATE
 * leave the schedule as it was. arguments may be NULL.
 */
int schedule_change(Schedule *schedule, const char *kind, const json_t *arguments, usec_t now, Diag *diag) _must_check_;
