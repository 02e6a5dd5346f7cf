/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * One Schedule trigger of one flow: when it is due next, and the execution of each slot. Pure: time and randomness are
 * passed in. Rules: spec of Kestra's Schedule trigger (io.kestra.plugin.core.trigger.Schedule).
 *
 * A difference on purpose: there is no lock on a running execution. Every slot makes its own execution, also while the
 * previous one runs; limits on that are the flow's `concurrency`.
 */
#include "model/execution.h"
#include "when/cron.h"

enum {
    SCHEDULE_E_INVALID = 1, /* cron, time zone or duration cannot be used; the Diag says why */
    SCHEDULE_E_NONE = 2,    /* the slot makes no execution (conditions do not hold) */
};

/* What happens to slots that passed while nobody looked: kestra's recoverMissedSchedules. */
typedef enum ScheduleRecovery {
    RECOVER_ALL,
    RECOVER_LAST,
    RECOVER_NONE,
} ScheduleRecovery;

typedef struct Schedule Schedule;

/*
 * trigger must be a Schedule of flow; a reference to flow is taken. row: the stored trigger state (spec/api.md 6.8), or
 * NULL for a trigger never seen. at_start: the scheduler has just taken the trigger over, so missed slots are recovered
 * by the trigger's rule.
 */
int schedule_new(Flow *flow, const Trigger *trigger, const json_t *row, usec_t now, Schedule **ret, Diag *diag)
    _must_check_;
Schedule *schedule_free(Schedule *schedule);
DEFINE_CLEANUP(Schedule *, schedule_free);
/* The next slot; USEC_INFINITY when disabled or when there is none. */
usec_t schedule_next(const Schedule *schedule);
const Flow *schedule_flow(const Schedule *schedule);
const Trigger *schedule_trigger(const Schedule *schedule);
/* The row to store. New. */
json_t *schedule_encode(const Schedule *schedule);

typedef struct ScheduleFire {
    usec_t now;
    char execution_id[ID_BYTES];
    const ExprServices *services; /* for trigger inputs and labels; may be NULL */
    const json_t *globals, *envs; /* may be NULL */
} ScheduleFire;

/*
 * Consumes the slot schedule_next(): moves on to the following one and gives its execution. An input that cannot be
 * rendered gives an execution in state FAILED, with the reason in diag. SCHEDULE_E_NONE: conditions did not hold.
 */
int schedule_fire(Schedule *schedule, const ScheduleFire *fire, Execution **ret, Diag *diag) _must_check_;
