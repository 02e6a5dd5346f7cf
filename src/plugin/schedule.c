/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stored row is Kestra's trigger state: `date` is the last evaluation, `nextExecutionDate` the slot to come. What a
 * slot needs beyond the row (cron, zone, dates) is parsed once, when the flow is loaded.
 */
#include "plugin/schedule.h"

#include "model/context.h"
#include "model/input.h"
#include "plugin/condition.h"
#include "when/duration.h"

struct Schedule {
    Flow *flow;
    const Trigger *trigger;
    ScheduleSlots *slots;
    ScheduleWorld world;
    usec_t late_maximum;   /* 0: none */
    usec_t date;           /* last evaluation; 0: never */
    usec_t next;
    bool disabled;         /* by the API; the flow's own flag is in trigger */
    json_t *backfill;      /* object or NULL */
    json_t *stop_after;    /* list or NULL */
    bool locked;           /* the row came with a lock; we set none */
};

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

static usec_t row_date(const json_t *row, const char *key)
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

static void apply_row(Schedule *schedule, const json_t *row, usec_t now)
{
    schedule->date = row_date(row, "date");
    schedule->disabled = json_get_boolean(row, "disabled", false);
    json_t *backfill = json_object_get(row, "backfill");
    schedule->backfill = json_is_object(backfill) ? json_deep_copy(backfill) : NULL;
    schedule->stop_after = json_incref(json_object_get(row, "stopAfter"));
    schedule->locked = json_object_get(row, "executionId") || json_object_get(row, "evaluateRunningDate");
    usec_t stored = row_date(row, "nextExecutionDate");
    if (stored)
        schedule->next = schedule->backfill ? stored : recovered(schedule, stored, now);
    else
        schedule->next = next_after(schedule, schedule->date ? schedule->date : now);
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
        schedule->next = next_after(schedule, now);
        schedule->stop_after = json_incref(json_object_get(trigger->properties, "stopAfter"));
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
    json_decref(schedule->stop_after);
    flow_unref(schedule->flow);
    free(schedule);
    return NULL;
}

usec_t schedule_next(const Schedule *schedule)
{
    bool paused = schedule->backfill && json_get_boolean(schedule->backfill, "paused", false);
    if (schedule->disabled || schedule->trigger->disabled || schedule->flow->disabled || paused)
        return USEC_INFINITY;
    return schedule->next;
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

static void set_date(json_t *row, const char *key, usec_t date, const char *zone)
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
    set_date(row, "date", schedule->date, NULL);
    set_date(row, "nextExecutionDate", schedule_next_date(schedule), NULL);
    if (schedule->backfill)
        json_object_set(row, "backfill", schedule->backfill);
    if (schedule->stop_after)
        json_object_set(row, "stopAfter", schedule->stop_after);
    json_object_set_new(row, "disabled", json_boolean(schedule->disabled));
    return row;
}

/* {date, next, previous} as zoned text in the trigger's time zone. */
static json_t *slot_variables(const Schedule *schedule, usec_t slot, usec_t following)
{
    json_t *variables = json_object();
    const char *zone = schedule_slots_zone(schedule->slots);
    set_date(variables, "date", slot, zone);
    set_date(variables, "next", following, zone);
    set_date(variables, "previous", schedule_slots_previous(schedule->slots, slot), zone);
    return variables;
}

/* Labels of the trigger are rendered one by one; one that fails is left out (Kestra: LabelService.fromTrigger). */
static json_t *render_labels(const Schedule *schedule, const ExprContext *context, const json_t *backfill_labels)
{
    json_t *labels = json_array();
    const json_t *sources[] = {json_object_get(schedule->trigger->properties, "labels"), backfill_labels};
    for (size_t i = 0; i < ELEMENTS(sources); i++) {
        _cleanup_json_ json_t *list = NULL;
        if (!sources[i] || labels_decode(sources[i], &list) != 0)
            continue;
        size_t at;
        json_t *label;
        json_array_foreach(list, at, label) {
            ExprTree *tree = expr_tree_compile(label, NULL);
            json_t *rendered;
            if (expr_tree_render(tree, context, &rendered, NULL) == 0)
                json_array_append_new(labels, rendered);
            expr_tree_unref(tree);
        }
    }
    return labels;
}

/* Defaults of the flow's inputs, then the trigger's inputs, then the backfill's. NULL object stays absent. */
static int render_inputs(const Schedule *schedule, const ExprContext *context, json_t **ret, Diag *diag)
{
    json_t *inputs = schedule->flow->inputs ? input_defaults(schedule->flow->inputs, NULL) : json_object();
    json_t *sources[] = {json_object_get(schedule->trigger->properties, "inputs"),
                         json_object_get(schedule->backfill, "inputs")};
    *ret = inputs;
    for (size_t i = 0; i < ELEMENTS(sources); i++) {
        if (!json_is_object(sources[i]))
            continue;
        ExprTree *tree = expr_tree_compile(sources[i], NULL);
        json_t *rendered;
        int r = expr_tree_render(tree, context, &rendered, diag);
        expr_tree_unref(tree);
        if (r < 0)
            return trace(r);
        if (r > 0)
            return SCHEDULE_E_INVALID;
        json_object_update(inputs, rendered);
        json_decref(rendered);
    }
    return 0;
}

static Execution *slot_execution(const Schedule *schedule, const ScheduleFire *fire, usec_t slot, json_t *variables)
{
    Execution *execution = execution_new(fire->execution_id, schedule->flow->namespace, schedule->flow->id,
                                         schedule->flow->revision, fire->now);
    execution->trigger = json_pack("{s:s, s:s, s:O}", "id", schedule->trigger->id, "type", schedule->trigger->type_name,
                                   "variables", variables);
    execution->variables = json_pack("{s:O}", "schedule", variables);
    if (schedule_slots_dated(schedule->slots))
        execution->schedule_date = slot;
    return execution;
}

/* A backfill walks on to its end and then gives the place back to the regular slots. */
static void check_backfill(Schedule *schedule, usec_t now)
{
    if (schedule->backfill) {
        usec_t end = row_date(schedule->backfill, "end");
        if (schedule->next > (end ? end : now)) {
            usec_t before = row_date(schedule->backfill, "previousNextExecutionDate");
            json_decref(schedule->backfill);
            schedule->backfill = NULL;
            schedule->next = before ? before : next_after(schedule, now);
        } else {
            set_date(schedule->backfill, "currentDate", schedule->next, NULL);
        }
    }
    schedule->next = not_too_late(schedule, schedule->next, now);
}

static void move_on(Schedule *schedule, usec_t following, usec_t now)
{
    schedule->date = now;
    schedule->next = following;
    check_backfill(schedule, now);
}

/* Whether all conditions of the trigger, under both their names, hold for the slot. */
static int slot_holds(const Schedule *schedule, const ExprContext *context, bool *ret, Diag *diag)
{
    static const char *const names[] = {"conditions", "scheduleConditions"};
    const ConditionContext conditions = {.render = context, .flow = schedule->flow};
    *ret = true;
    int r = 0;
    for (size_t i = 0; r == 0 && *ret && i < ELEMENTS(names); i++)
        r = conditions_hold(json_object_get(schedule->trigger->properties, names[i]), &conditions, ret, diag);
    return r > 0 ? SCHEDULE_E_INVALID : r;
}

int schedule_fire(Schedule *schedule, const ScheduleFire *fire, Execution **ret, Diag *diag)
{
    usec_t slot = schedule->next, following = next_after(schedule, slot);
    _cleanup_json_ json_t *variables = slot_variables(schedule, slot, following);
    _cleanup_(execution_freep) Execution *execution = slot_execution(schedule, fire, slot, variables);
    ContextSource source = {.flow = schedule->flow, .execution = execution, .trigger = variables,
                            .globals = schedule->world.globals, .envs = schedule->world.envs};
    _cleanup_json_ json_t *context_variables = context_build(&source);
    ExprContext context = {.variables = context_variables, .services = schedule->world.services};
    bool holds;
    int failed = slot_holds(schedule, &context, &holds, diag);
    if (failed < 0)
        return trace(failed);
    if (failed == 0 && !holds) {
        move_on(schedule, following, fire->now);
        return SCHEDULE_E_NONE;
    }
    int r = render_inputs(schedule, &context, &execution->inputs, diag);
    if (r < 0)
        return trace(r);
    if (r > 0 || failed > 0)
        state_set(&execution->state, STATE_FAILED, fire->now);
    _cleanup_json_ json_t *labels = render_labels(schedule, &context, json_object_get(schedule->backfill, "labels"));
    json_decref(execution->labels);
    execution->labels = labels_merge(schedule->flow->labels, labels);
    move_on(schedule, following, fire->now);
    *ret = TAKE_PTR(execution);
    return 0;
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
    schedule->next = not_too_late(schedule, recovered(schedule, next_after(schedule, base), now), now);
}

static int change_disabled(Schedule *schedule, const json_t *arguments, usec_t now, Diag *diag)
{
    (void)diag;
    bool disabled = json_get_boolean(arguments, "disabled", false);
    if (schedule->disabled && !disabled)
        enable(schedule, now);
    schedule->disabled = disabled;
    return 0;
}

/* Clients send the row back with the backfill that runs: that is no new one. */
static bool is_running_backfill(const Schedule *schedule, const json_t *backfill)
{
    return schedule->backfill && row_date(schedule->backfill, "start") == row_date(backfill, "start") &&
           row_date(schedule->backfill, "end") == row_date(backfill, "end");
}

/* `arguments` has its form checked already. A backfill in place of another gives the place back to the regular slots too. */
static void start_backfill(Schedule *schedule, const json_t *given, usec_t now)
{
    json_t *backfill = json_object();
    usec_t start = row_date(given, "start"), end = row_date(given, "end");
    usec_t before = schedule->backfill ? row_date(schedule->backfill, "previousNextExecutionDate") : schedule->next;
    set_date(backfill, "start", start, NULL);
    set_date(backfill, "end", end ? end : now, NULL);
    set_date(backfill, "currentDate", start, NULL);
    json_object_set_new(backfill, "paused", json_boolean(json_get_boolean(given, "paused", false)));
    if (json_is_object(json_object_get(given, "inputs")))
        json_object_set(backfill, "inputs", json_object_get(given, "inputs"));
    if (json_is_array(json_object_get(given, "labels")))
        json_object_set(backfill, "labels", json_object_get(given, "labels"));
    set_date(backfill, "previousNextExecutionDate", before, NULL);
    json_decref(schedule->backfill);
    schedule->backfill = backfill;
    schedule->next = next_after(schedule, start - 1);
    check_backfill(schedule, now);
}

static int change_update(Schedule *schedule, const json_t *arguments, usec_t now, Diag *diag)
{
    const json_t *backfill = json_object_get(arguments, "backfill");
    bool starts = json_is_object(backfill) && !is_running_backfill(schedule, backfill);
    if (starts && !row_date(backfill, "start"))
        return refuse(diag, SCHEDULE_E_REFUSED, "A backfill needs a start date");
    if (starts && row_date(backfill, "end") && row_date(backfill, "end") < row_date(backfill, "start"))
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

static int unlock(Schedule *schedule, const json_t *arguments, usec_t now, Diag *diag)
{
    (void)arguments, (void)now;
    if (!schedule->locked)
        return refuse(diag, SCHEDULE_E_STATE, "Trigger is not locked");
    schedule->locked = false;
    return 0;
}

static int restart(Schedule *schedule, const json_t *arguments, usec_t now, Diag *diag)
{
    (void)arguments, (void)now, (void)diag;
    schedule->date = 0;
    schedule->locked = false;
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
};

int schedule_change(Schedule *schedule, const char *kind, const json_t *arguments, usec_t now, Diag *diag)
{
    for (size_t i = 0; i < ELEMENTS(changes); i++)
        if (streq(kind, changes[i].kind))
            return changes[i].apply(schedule, arguments, now, diag);
    diag_error(diag, "kind", 0, 0, "no such change: %s", kind);
    return SCHEDULE_E_REFUSED;
}
