/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Executions of triggers. A slot of a schedule makes its execution here and now. A slot of a polling trigger gives a
 * job for a worker, which has secrets, storage and the outside world; its result comes back later, and makes the
 * execution if the trigger fires. The execution's id is chosen when the job is given: files of the evaluation lie under
 * it, and a job that is done twice (its worker died) starts one execution.
 */
#include "plugin/schedule_private.h"

#include "model/context.h"
#include "model/input.h"
#include "plugin/condition.h"

/* {date, next, previous} as zoned text in the trigger's time zone. */
static json_t *slot_variables(const Schedule *schedule, usec_t slot, usec_t following)
{
    json_t *variables = json_object();
    const char *zone = schedule_slots_zone(schedule->slots);
    schedule_row_set_date(variables, "date", slot, zone);
    schedule_row_set_date(variables, "next", following, zone);
    schedule_row_set_date(variables, "previous", schedule_slots_previous(schedule->slots, slot), zone);
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
        json_array_foreach (list, at, label) {
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
    int defaults = input_defaults_render(inputs, context, false, diag);
    if (defaults != 0)
        return defaults < 0 ? trace(defaults) : SCHEDULE_E_INVALID;
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

/* The execution is in the trigger's way until it has ended, unless it has failed before it began. */
static void lock(Schedule *schedule, const Execution *execution, usec_t now)
{
    if (state_current(&execution->state) == STATE_FAILED)
        return;
    free(schedule->execution_id);
    schedule->execution_id = xstrdup(execution->id);
    schedule->updated = now;
}

static json_t *render_variables(const Schedule *schedule, const Execution *execution, const json_t *trigger)
{
    ContextSource source = {.flow = schedule->flow,
                            .execution = execution,
                            .trigger = trigger,
                            .globals = schedule->world.globals,
                            .envs = schedule->world.envs};
    return context_build(&source);
}

/* --- at dates --- */

static int fire_slot(Schedule *schedule, const ScheduleFire *fire, Execution **ret, Diag *diag)
{
    usec_t slot = schedule->next, following = schedule_slots_next(schedule->slots, slot);
    _cleanup_json_ json_t *variables = slot_variables(schedule, slot, following);
    _cleanup_(execution_freep) Execution *execution = slot_execution(schedule, fire, slot, variables);
    _cleanup_json_ json_t *context_variables = render_variables(schedule, execution, variables);
    ExprContext context = {.variables = context_variables, .services = schedule->world.services};
    bool holds;
    int failed = slot_holds(schedule, &context, &holds, diag);
    if (failed < 0)
        return trace(failed);
    if (failed == 0 && !holds) {
        schedule_move_on(schedule, following, fire->now);
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
    schedule_move_on(schedule, following, fire->now);
    lock(schedule, execution, fire->now);
    *ret = TAKE_PTR(execution);
    return 0;
}

/* --- by polling --- */

static Execution *polled_execution(const Schedule *schedule, const char *id, const json_t *outputs, usec_t now)
{
    Execution *execution =
        execution_new(id, schedule->flow->namespace, schedule->flow->id, schedule->flow->revision, now);
    execution->trigger = json_pack("{s:s, s:s}", "id", schedule->trigger->id, "type", schedule->trigger->type_name);
    if (outputs)
        json_object_set(execution->trigger, "variables", (json_t *)outputs);
    _cleanup_json_ json_t *variables = render_variables(schedule, execution, outputs);
    const ExprContext context = {.variables = variables, .services = schedule->world.services};
    _cleanup_json_ json_t *labels = render_labels(schedule, &context, NULL);
    json_decref(execution->labels);
    execution->labels = labels_merge(schedule->flow->labels, labels);
    return execution;
}

/* `trigger` as its own expressions see it. */
static json_t *polling_variables(const Schedule *schedule)
{
    json_t *variables = json_pack("{s:s, s:s}", "id", schedule->trigger->id, "type", schedule->trigger->type_name);
    schedule_row_set_date(variables, "date", schedule->next, NULL);
    return variables;
}

static int fire_poll(Schedule *schedule, const ScheduleFire *fire, Execution **ret, Diag *diag)
{
    _cleanup_json_ json_t *trigger = polling_variables(schedule);
    _cleanup_json_ json_t *variables = render_variables(schedule, NULL, trigger);
    const ExprContext context = {.variables = variables, .services = schedule->world.services};
    bool holds;
    int r = slot_holds(schedule, &context, &holds, diag);
    if (r < 0)
        return trace(r);
    if (r == 0 && holds) {
        schedule->date = fire->now;
        schedule->evaluating = schedule->updated = fire->now / USEC_PER_MSEC * USEC_PER_MSEC;
        return SCHEDULE_E_EVALUATE;
    }
    schedule_move_on(schedule, schedule_slots_next(schedule->slots, fire->now), fire->now);
    if (r == 0)
        return SCHEDULE_E_NONE;
    *ret = polled_execution(schedule, fire->execution_id, NULL, fire->now);
    state_set(&(*ret)->state, STATE_FAILED, fire->now);
    return 0;
}

int schedule_fire(Schedule *schedule, const ScheduleFire *fire, Execution **ret, Diag *diag)
{
    return schedule_is_polling(schedule) ? fire_poll(schedule, fire, ret, diag) : fire_slot(schedule, fire, ret, diag);
}

json_t *schedule_job(const Schedule *schedule, const ScheduleFire *fire)
{
    const Flow *flow = schedule->flow;
    json_t *job = json_object();
    json_object_set_new(
        job, "flow",
        json_pack("{s:s, s:s, s:i}", "namespace", flow->namespace, "id", flow->id, "revision", flow->revision));
    json_set_text(job, "triggerId", schedule->trigger->id);
    json_set_text(job, "executionId", fire->execution_id);
    schedule_row_set_date(job, "evaluateRunningDate", schedule->evaluating, NULL);
    _cleanup_json_ json_t *trigger = polling_variables(schedule);
    ContextSource source = {.flow = flow, .trigger = trigger}; /* the worker adds what it knows itself */
    json_object_set_new(job, "variables", context_build(&source));
    return job;
}

const char *schedule_worker_group(const Schedule *schedule)
{
    return json_get_text(json_object_get(schedule->trigger->properties, "workerGroup"), "key", "");
}

int schedule_take_result(Schedule *schedule, const json_t *result, usec_t now, Execution **ret, Diag *diag)
{
    if (!schedule->evaluating || schedule_row_date(result, "evaluateRunningDate") != schedule->evaluating) {
        diag_error(diag, NULL, 0, 0, "the result of an evaluation that is not wanted any more");
        return SCHEDULE_E_STATE;
    }
    schedule_end_evaluation(schedule, now);
    schedule->next = schedule_slots_next(schedule->slots, now);
    if (!json_get_boolean(result, "fires", false))
        return SCHEDULE_E_NONE;
    *ret =
        polled_execution(schedule, json_get_text(result, "executionId", ""), json_object_get(result, "outputs"), now);
    json_set_text((*ret)->trigger, "logFile", json_get_text(result, "logFile", NULL)); /* nothing when NULL */
    lock(schedule, *ret, now);
    return 0;
}
