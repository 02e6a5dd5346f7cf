/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stored row is Kestra's trigger state: `date` is the last evaluation, `nextExecutionDate` the slot to come. What a
 * slot needs beyond the row (cron, zone, dates) is parsed once, when the flow is loaded.
 *
 * Two locks hold the next slot back, and both are let go by a message that was committed together with what it tells
 * of: `executionId` by the end (or the deletion) of that execution, `evaluateRunningDate` by the result of that
 * evaluation. A message about another execution or evaluation than the row names is late, and changes nothing.
 */
#include "plugin/schedule_private.h"

#include "when/duration.h"

static usec_t next_after(const Schedule *schedule, usec_t after)
{
    return schedule_slots_next(schedule->slots, after);
}

static ScheduleRecovery recovery_of(const Schedule *schedule)
{
    const char *text = json_get_text(schedule->trigger->properties, "recoverMissedSchedules", "ALL");
    return streq(text, "LAST") ? RECOVER_LAST : streq(text, "NONE") ? RECOVER_NONE : RECOVER_ALL;
}

static int parse_trigger(Schedule *schedule, Diag *diag)
{
    const json_t *properties = schedule->trigger->properties;
    int r = schedule_slots_new(schedule->flow, schedule->trigger, &schedule->world, &schedule->slots, diag);
    if (r != 0)
        return r < 0 ? trace(r) : SCHEDULE_E_INVALID;
    const char *late = json_get_text(properties, "lateMaximumDelay", NULL);
    if (late && duration_parse(late, &schedule->late_maximum) != 0) {
        diag_error(diag, "lateMaximumDelay", 0, 0, "not an ISO-8601 duration: %s", late);
        return SCHEDULE_E_INVALID;
    }
    return 0;
}

usec_t schedule_row_date(const json_t *row, const char *key)
{
    const char *text = json_get_text(row, key, NULL);
    usec_t date = 0;
    if (!text || instant_parse(text, &date) != 0)
        return 0;
    return date;
}

/* Missed slots of a stored row: ALL keeps its next date, LAST takes the latest missed one, NONE the next to come. */
static usec_t recovered(const Schedule *schedule, usec_t stored, usec_t now)
{
    if (stored >= now)
        return stored;
    ScheduleRecovery recovery = recovery_of(schedule);
    if (recovery == RECOVER_LAST)
        return MAX(schedule_slots_previous(schedule->slots, now + 1), stored);
    return recovery == RECOVER_NONE ? next_after(schedule, now) : stored;
}

/* A slot later than lateMaximumDelay is passed over; not during a backfill. */
static usec_t not_too_late(const Schedule *schedule, usec_t next, usec_t now)
{
    if (!schedule->late_maximum || schedule->backfill || next >= now || now - next <= schedule->late_maximum)
        return next;
    return next_after(schedule, now - schedule->late_maximum - 1);
}

/* What is asked at intervals is asked at once for the first time. */
static usec_t first_slot(const Schedule *schedule, usec_t after, usec_t now)
{
    return schedule_is_polling(schedule) ? now : next_after(schedule, after);
}

static void apply_row(Schedule *schedule, const json_t *row, usec_t now)
{
    schedule->date = schedule_row_date(row, "date");
    schedule->disabled = json_get_boolean(row, "disabled", false);
    json_t *backfill = json_object_get(row, "backfill");
    schedule->backfill = json_is_object(backfill) ? json_deep_copy(backfill) : NULL;
    schedule->execution_id = xstrdup_null(json_get_text(row, "executionId", NULL));
    schedule->evaluating = schedule_row_date(row, "evaluateRunningDate");
    schedule->worker_id = xstrdup_null(json_get_text(row, "workerId", NULL));
    schedule->updated = schedule_row_date(row, "updatedDate");
    usec_t stored = schedule_row_date(row, "nextExecutionDate");
    if (stored)
        schedule->next = schedule->backfill ? stored : recovered(schedule, stored, now);
    else
        schedule->next = first_slot(schedule, schedule->date ? schedule->date : now, now);
}

int schedule_new(Flow *flow, const Trigger *trigger, const json_t *row, usec_t now, const ScheduleWorld *world,
                 Schedule **ret, Diag *diag)
{
    _cleanup_(schedule_freep) Schedule *schedule = xnew(Schedule);
    schedule->flow = flow_ref(flow);
    schedule->trigger = trigger;
    schedule->world = *world;
    int r = parse_trigger(schedule, diag);
    if (r != 0)
        return r;
    if (row) {
        apply_row(schedule, row, now);
    } else {
        schedule->date = now;
        schedule->next = first_slot(schedule, now, now);
    }
    schedule->next = not_too_late(schedule, schedule->next, now);
    *ret = TAKE_PTR(schedule);
    return 0;
}

Schedule *schedule_free(Schedule *schedule)
{
    if (!schedule)
        return NULL;
    schedule_slots_free(schedule->slots);
    json_decref(schedule->backfill);
    free(schedule->execution_id);
    free(schedule->worker_id);
    flow_unref(schedule->flow);
    free(schedule);
    return NULL;
}

usec_t schedule_next(const Schedule *schedule)
{
    bool paused = schedule->backfill && json_get_boolean(schedule->backfill, "paused", false);
    bool locked = schedule->execution_id || schedule->evaluating;
    return schedule->disabled || schedule_is_off(schedule) || paused || locked ? USEC_INFINITY : schedule->next;
}

bool schedule_is_off(const Schedule *schedule)
{
    return schedule->trigger->disabled || schedule->flow->disabled;
}

bool schedule_is_polling(const Schedule *schedule)
{
    return type_is_polling(schedule->trigger->type);
}

bool schedule_is_evaluating(const Schedule *schedule)
{
    return schedule->evaluating != 0;
}

usec_t schedule_next_date(const Schedule *schedule)
{
    return schedule->disabled || schedule->next == USEC_INFINITY ? 0 : schedule->next;
}

const Flow *schedule_flow(const Schedule *schedule)
{
    return schedule->flow;
}

const Trigger *schedule_trigger(const Schedule *schedule)
{
    return schedule->trigger;
}

void schedule_row_set_date(json_t *row, const char *key, usec_t date, const char *zone)
{
    if (date == 0 || date == USEC_INFINITY)
        return;
    char *text = zoned_format(date, zone);
    json_set_text(row, key, text);
    free(text);
}

json_t *schedule_encode(const Schedule *schedule)
{
    json_t *row = json_pack("{s:s, s:s, s:s}", "namespace", schedule->flow->namespace, "flowId", schedule->flow->id,
                            "triggerId", schedule->trigger->id);
    schedule_row_set_date(row, "date", schedule->date, NULL);
    schedule_row_set_date(row, "nextExecutionDate", schedule_next_date(schedule), NULL);
    if (schedule->backfill)
        json_object_set(row, "backfill", schedule->backfill);
    json_set_present(row, "stopAfter", json_incref(json_object_get(schedule->trigger->properties, "stopAfter")));
    json_set_text(row, "executionId", schedule->execution_id);
    schedule_row_set_date(row, "evaluateRunningDate", schedule->evaluating, NULL);
    json_set_text(row, "workerId", schedule->worker_id);
    schedule_row_set_date(row, "updatedDate", schedule->updated, NULL);
    json_object_set_new(row, "disabled", json_boolean(schedule->disabled));
    return row;
}

/* A backfill walks on to its end and then gives the place back to the regular slots. */
static void check_backfill(Schedule *schedule, usec_t now)
{
    if (schedule->backfill) {
        usec_t end = schedule_row_date(schedule->backfill, "end");
        if (schedule->next > (end ? end : now)) {
            usec_t before = schedule_row_date(schedule->backfill, "previousNextExecutionDate");
            json_decref(schedule->backfill);
            schedule->backfill = NULL;
            schedule->next = before ? before : next_after(schedule, now);
        } else {
            schedule_row_set_date(schedule->backfill, "currentDate", schedule->next, NULL);
        }
    }
    schedule->next = not_too_late(schedule, schedule->next, now);
}

void schedule_end_evaluation(Schedule *schedule, usec_t now)
{
    if (!schedule->evaluating)
        return;
    schedule->evaluating = 0;
    schedule->updated = now;
    free(schedule->worker_id);
    schedule->worker_id = NULL;
}

void schedule_move_on(Schedule *schedule, usec_t following, usec_t now)
{
    schedule->date = now;
    schedule->next = following;
    check_backfill(schedule, now);
}

/* --- changes --- */

static int refuse(Diag *diag, int outcome, const char *reason)
{
    diag_error(diag, NULL, 0, 0, "%s", reason);
    return outcome;
}

/* Slots that passed while it was disabled: ALL from the last evaluation on, LAST the latest of them, NONE none. */
static void enable(Schedule *schedule, usec_t now)
{
    schedule->disabled = false;
    if (schedule->backfill)
        return; /* it goes on where it was */
    usec_t base = schedule->date ? schedule->date : now;
    schedule->next = not_too_late(schedule, recovered(schedule, first_slot(schedule, base, now), now), now);
}

static int change_disabled(Schedule *schedule, const json_t *arguments, usec_t now, Diag *diag)
{
    (void)diag;
    bool disabled = json_get_boolean(arguments, "disabled", false);
    if (schedule->disabled && !disabled)
        enable(schedule, now);
    schedule->disabled = disabled;
    if (disabled)
        schedule_end_evaluation(schedule, now);
    return 0;
}

/* Clients send the row back with the backfill that runs: that is no new one. */
static bool is_running_backfill(const Schedule *schedule, const json_t *backfill)
{
    return schedule->backfill &&
           schedule_row_date(schedule->backfill, "start") == schedule_row_date(backfill, "start") &&
           schedule_row_date(schedule->backfill, "end") == schedule_row_date(backfill, "end");
}

/* `arguments` has its form checked already. A backfill in place of another gives the place back to the regular slots
 * too. */
static void start_backfill(Schedule *schedule, const json_t *given, usec_t now)
{
    json_t *backfill = json_object();
    usec_t start = schedule_row_date(given, "start"), end = schedule_row_date(given, "end");
    usec_t before =
        schedule->backfill ? schedule_row_date(schedule->backfill, "previousNextExecutionDate") : schedule->next;
    schedule_row_set_date(backfill, "start", start, NULL);
    schedule_row_set_date(backfill, "end", end ? end : now, NULL);
    schedule_row_set_date(backfill, "currentDate", start, NULL);
    json_object_set_new(backfill, "paused", json_boolean(json_get_boolean(given, "paused", false)));
    if (json_is_object(json_object_get(given, "inputs")))
        json_object_set(backfill, "inputs", json_object_get(given, "inputs"));
    if (json_is_array(json_object_get(given, "labels")))
        json_object_set(backfill, "labels", json_object_get(given, "labels"));
    schedule_row_set_date(backfill, "previousNextExecutionDate", before, NULL);
    json_decref(schedule->backfill);
    schedule->backfill = backfill;
    schedule->next = next_after(schedule, start - 1);
    check_backfill(schedule, now);
}

static int change_update(Schedule *schedule, const json_t *arguments, usec_t now, Diag *diag)
{
    const json_t *backfill = json_object_get(arguments, "backfill");
    bool starts = json_is_object(backfill) && !is_running_backfill(schedule, backfill);
    if (starts && schedule_is_polling(schedule))
        return refuse(diag, SCHEDULE_E_REFUSED, "Only schedules can be filled back");
    if (starts && !schedule_row_date(backfill, "start"))
        return refuse(diag, SCHEDULE_E_REFUSED, "A backfill needs a start date");
    if (starts && schedule_row_date(backfill, "end") &&
        schedule_row_date(backfill, "end") < schedule_row_date(backfill, "start"))
        return refuse(diag, SCHEDULE_E_REFUSED, "A backfill cannot end before it starts");
    if (json_object_get(arguments, "disabled")) {
        int r = change_disabled(schedule, arguments, now, diag);
        if (r != 0)
            return r;
    }
    if (starts)
        start_backfill(schedule, backfill, now);
    return 0;
}

static int set_paused(Schedule *schedule, bool paused, Diag *diag)
{
    if (!schedule->backfill)
        return refuse(diag, SCHEDULE_E_REFUSED, "No backfill found");
    json_object_set_new(schedule->backfill, "paused", json_boolean(paused));
    return 0;
}

static int backfill_pause(Schedule *schedule, const json_t *arguments, usec_t now, Diag *diag)
{
    (void)arguments, (void)now;
    return set_paused(schedule, true, diag);
}

static int backfill_unpause(Schedule *schedule, const json_t *arguments, usec_t now, Diag *diag)
{
    (void)arguments, (void)now;
    return set_paused(schedule, false, diag);
}

static int backfill_delete(Schedule *schedule, const json_t *arguments, usec_t now, Diag *diag)
{
    (void)arguments;
    if (!schedule->backfill)
        return refuse(diag, SCHEDULE_E_REFUSED, "No backfill found");
    schedule->next = USEC_INFINITY; /* past its end */
    check_backfill(schedule, now);
    return 0;
}

static void release(Schedule *schedule, usec_t now)
{
    schedule->updated = now;
    free(schedule->execution_id);
    schedule->execution_id = NULL;
}

static int unlock(Schedule *schedule, const json_t *arguments, usec_t now, Diag *diag)
{
    (void)arguments;
    if (!schedule->execution_id && !schedule->evaluating)
        return refuse(diag, SCHEDULE_E_STATE, "Trigger is not locked");
    release(schedule, now);
    schedule_end_evaluation(schedule, now);
    return 0;
}

static int restart(Schedule *schedule, const json_t *arguments, usec_t now, Diag *diag)
{
    (void)arguments, (void)diag;
    schedule->date = 0;
    schedule_end_evaluation(schedule, now);
    return 0;
}

static bool stops_after(const Schedule *schedule, const char *state)
{
    size_t i;
    const json_t *after;
    json_array_foreach (json_object_get(schedule->trigger->properties, "stopAfter"), i, after)
        if (json_is_string(after) && streq(json_string_value(after), state))
            return true;
    return false;
}

static int execution_ended(Schedule *schedule, const json_t *arguments, usec_t now, Diag *diag)
{
    (void)diag;
    if (schedule->execution_id && streq(schedule->execution_id, json_get_text(arguments, "executionId", "")))
        release(schedule, now);
    if (stops_after(schedule, json_get_text(arguments, "state", ""))) {
        schedule->disabled = true;
        schedule_end_evaluation(schedule, now);
    }
    return 0;
}

static int evaluation_runs(Schedule *schedule, const json_t *arguments, usec_t now, Diag *diag)
{
    (void)now;
    if (!schedule->evaluating || schedule_row_date(arguments, "evaluateRunningDate") != schedule->evaluating)
        return refuse(diag, SCHEDULE_E_STATE, "That evaluation is not wanted any more");
    free(schedule->worker_id);
    schedule->worker_id = xstrdup_null(json_get_text(arguments, "workerId", NULL));
    return 0;
}

static const struct {
    const char *kind;
    int (*apply)(Schedule *schedule, const json_t *arguments, usec_t now, Diag *diag);
} changes[] = {
    {"update", change_update},
    {"setDisabled", change_disabled},
    {"backfillPause", backfill_pause},
    {"backfillUnpause", backfill_unpause},
    {"backfillDelete", backfill_delete},
    {"unlock", unlock},
    {"restart", restart},
    {SCHEDULE_EXECUTION_ENDED, execution_ended},
    {SCHEDULE_EVALUATION_RUNS, evaluation_runs},
};

int schedule_change(Schedule *schedule, const char *kind, const json_t *arguments, usec_t now, Diag *diag)
{
    for (size_t i = 0; i < ELEMENTS(changes); i++)
        if (streq(kind, changes[i].kind))
            return changes[i].apply(schedule, arguments, now, diag);
    diag_error(diag, "kind", 0, 0, "no such change: %s", kind);
    return SCHEDULE_E_REFUSED;
}
