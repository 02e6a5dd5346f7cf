/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The stored row is Kestra's trigger state: `date` is the last evaluation, `nextExecutionDate` the slot to come. What a
 * slot needs beyond the row (cron, zone) is parsed once, when the flow is loaded.
 */
#include "scheduler/schedule.h"

#include "model/context.h"
#include "model/input.h"
#include "plugin/condition.h"
#include "when/duration.h"

struct Schedule {
    Flow *flow;
    const Trigger *trigger;
    Cron *cron;
    const char *zone;      /* NULL: UTC */
    usec_t late_maximum;   /* 0: none */
    usec_t date;           /* last evaluation; 0: never */
    usec_t next;
    bool disabled;         /* by the API; the flow's own flag is in trigger */
    json_t *backfill;      /* object or NULL */
    json_t *stop_after;    /* list or NULL */
};

static usec_t next_after(const Schedule *schedule, usec_t after)
{
    usec_t next;
    return cron_next(schedule->cron, after, &next) == 0 ? next : USEC_INFINITY;
}

/* The last slot at or before now, or 0. */
static usec_t last_before(const Schedule *schedule, usec_t now)
{
    usec_t previous;
    return cron_previous(schedule->cron, now + 1, &previous) == 0 ? previous : 0;
}

static ScheduleRecovery recovery_of(const Schedule *schedule)
{
    const char *text = json_get_text(schedule->trigger->properties, "recoverMissedSchedules", "ALL");
    return streq(text, "LAST") ? RECOVER_LAST : streq(text, "NONE") ? RECOVER_NONE : RECOVER_ALL;
}

static int parse_trigger(Schedule *schedule, Diag *diag)
{
    const json_t *properties = schedule->trigger->properties;
    const char *cron = json_get_text(properties, "cron", "");
    schedule->zone = json_get_text(properties, "timezone", NULL);
    if (cron_parse(cron, json_get_boolean(properties, "withSeconds", false), schedule->zone, &schedule->cron, diag) != 0)
        return SCHEDULE_E_INVALID;
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
    usec_t last = last_before(schedule, now);
    if (recovery == RECOVER_LAST && last > stored)
        return last;
    return recovery == RECOVER_NONE ? next_after(schedule, now) : stored;
}

/* A slot later than lateMaximumDelay is passed over; not during a backfill. */
static usec_t not_too_late(const Schedule *schedule, usec_t next, usec_t now)
{
    while (schedule->late_maximum && !schedule->backfill && next != USEC_INFINITY && next + schedule->late_maximum < now)
        next = next_after(schedule, next);
    return next;
}

static void apply_row(Schedule *schedule, const json_t *row, usec_t now)
{
    schedule->date = row_date(row, "date");
    schedule->disabled = json_get_boolean(row, "disabled", false);
    json_t *backfill = json_object_get(row, "backfill");
    schedule->backfill = json_is_object(backfill) ? json_deep_copy(backfill) : NULL;
    schedule->stop_after = json_incref(json_object_get(row, "stopAfter"));
    usec_t stored = row_date(row, "nextExecutionDate");
    if (stored)
        schedule->next = schedule->backfill ? stored : recovered(schedule, stored, now);
    else
        schedule->next = next_after(schedule, schedule->date ? schedule->date : now);
}

int schedule_new(Flow *flow, const Trigger *trigger, const json_t *row, usec_t now, Schedule **ret, Diag *diag)
{
    _cleanup_(schedule_freep) Schedule *schedule = xnew(Schedule);
    schedule->flow = flow_ref(flow);
    schedule->trigger = trigger;
    int r = parse_trigger(schedule, diag);
    if (r != 0)
        return r;
    if (row) {
        apply_row(schedule, row, now);
    } else {
        schedule->date = now;
        schedule->next = next_after(schedule, now);
    }
    schedule->next = not_too_late(schedule, schedule->next, now);
    *ret = TAKE_PTR(schedule);
    return 0;
}

Schedule *schedule_free(Schedule *schedule)
{
    if (!schedule)
        return NULL;
    cron_free(schedule->cron);
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
    if (!schedule->disabled)
        set_date(row, "nextExecutionDate", schedule->next, NULL);
    if (schedule->backfill)
        json_object_set(row, "backfill", schedule->backfill);
    if (schedule->stop_after)
        json_object_set(row, "stopAfter", schedule->stop_after);
    json_object_set_new(row, "disabled", json_boolean(schedule->disabled));
    return row;
}

/* {date, next, previous} as zoned text in the trigger's time zone. */
static json_t *slot_variables(const Schedule *schedule, usec_t slot)
{
    json_t *variables = json_object();
    usec_t previous;
    set_date(variables, "date", slot, schedule->zone);
    set_date(variables, "next", next_after(schedule, slot), schedule->zone);
    if (cron_previous(schedule->cron, slot, &previous) == 0)
        set_date(variables, "previous", previous, schedule->zone);
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

static Execution *slot_execution(const Schedule *schedule, const ScheduleFire *fire, json_t *variables)
{
    Execution *execution = execution_new(fire->execution_id, schedule->flow->namespace, schedule->flow->id,
                                         schedule->flow->revision, fire->now);
    execution->trigger = json_pack("{s:s, s:s, s:O}", "id", schedule->trigger->id, "type", schedule->trigger->type_name,
                                   "variables", variables);
    execution->variables = json_pack("{s:O}", "schedule", variables);
    return execution;
}

/* After a slot: the backfill walks on to its end and then gives the place back to the regular slots. */
static void move_on(Schedule *schedule, usec_t slot, usec_t now)
{
    schedule->date = now;
    schedule->next = next_after(schedule, slot);
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
    usec_t slot = schedule->next;
    _cleanup_json_ json_t *variables = slot_variables(schedule, slot);
    _cleanup_(execution_freep) Execution *execution = slot_execution(schedule, fire, variables);
    ContextSource source = {.flow = schedule->flow, .execution = execution, .trigger = variables,
                            .globals = fire->globals, .envs = fire->envs};
    _cleanup_json_ json_t *context_variables = context_build(&source);
    ExprContext context = {.variables = context_variables, .services = fire->services};
    bool holds;
    int failed = slot_holds(schedule, &context, &holds, diag);
    if (failed < 0)
        return trace(failed);
    if (failed == 0 && !holds) {
        move_on(schedule, slot, fire->now);
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
    move_on(schedule, slot, fire->now);
    *ret = TAKE_PTR(execution);
    return 0;
}
